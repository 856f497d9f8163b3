//! Requests to the store on behalf of rooms, and the answers of the store.

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, RoomId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use crate::hub::event::ReplyTo;
use crate::hub::open_room::OpenRoom;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::post::{NotStored, Numbered, PendingPost, Post};
use crate::room::state::RoomRecord;
use crate::store::request::{Answer, Erase, Requester, StorePost};
use std::time::Duration;

/// Pause before a room is saved again that could not be saved. Hosts are told of each failure.
const SAVE_RETRY: Duration = Duration::from_secs(10);

impl<T: Transport> Hub<T> {
    /// Sends a post to the store. Rejects it if too many are under way.
    pub(super) fn store_post(
        &mut self,
        client: ClientId,
        room: RoomId,
        post: PendingPost,
        ack: Option<AckId>,
    ) {
        let Some(open) = self.rooms.touch(room) else { return };
        open.begin_request();
        let (name, after) = (open.name().clone(), open.view().last_n());
        let by = Requester { client, ack };
        if let Err(post) = self.store.store_post(StorePost { room, name, post, after, by }) {
            self.on_answered(room, post, by, Err(NotStored::Unavailable));
        }
    }

    /// Has the store erase a post. Rejects that if too much is under way.
    pub(super) fn erase_post(&mut self, client: ClientId, room: RoomId, n: u64, ack: Option<AckId>) {
        let Some(open) = self.rooms.touch(room) else { return };
        let by = Requester { client, ack };
        match self.store.erase(Erase { room, name: open.name().clone(), n, by }) {
            true => open.begin_request(),
            false => open.reject(client, EventError::NotRemoved(NotStored::Unavailable), ack),
        }
    }

    /// Sends a room's record to the store, if it has changed.
    pub(super) fn save_room(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.get_mut(id).filter(|_| self.store.is_some()) else { return };
        if let Some(record) = room.take_record()
            && !self.store.save(id, room.name().clone(), record, now.unix_millis)
        {
            room.on_saved(false); // the store has crashed, and the server is about to end
        }
    }

    /// The store answers.
    pub(super) fn on_store_reply(&mut self, answer: Answer, now: Now) {
        match answer {
            Answer::Loaded { room, record, posts } => {
                self.store.on_loaded();
                match record {
                    Some(record) => self.load_room(room, record, posts, now),
                    None => self.abandon_room(room, now),
                }
            }
            Answer::Saved { room, is_kept } => {
                self.store.on_saved();
                self.on_saved(room, is_kept, now);
            }
            Answer::Erased { room, n, by, outcome } => {
                self.store.on_erased();
                self.on_erased(room, n, by, outcome, now);
            }
            Answer::Trimmed { before } => {
                // No event tells clients. Only new snapshots lack the posts.
                let trimmed = |room: &mut OpenRoom| {
                    room.publish(Fact::HistoryTrimmed { before }, None, None);
                };
                self.rooms.iter_mut().for_each(trimmed);
            }
            Answer::PostStored { room, post, by, outcome } => {
                self.store.on_post_stored(&post);
                self.on_answered(room, post, by, outcome);
            }
        }
    }

    fn load_room(&mut self, id: RoomId, record: RoomRecord, posts: Vec<Post>, now: Now) {
        if let Some(room) = self.rooms.touch(id) {
            room.load(record, posts, now);
        }
        self.await_hosts(id);
        match self.stage.is_stopping() {
            true => self.release_events(id, now),
            false => self.await_turn(id),
        }
    }

    /// A room could not be loaded. It may be hidden or locked, so nobody is let in; pages try again.
    fn abandon_room(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.inbox.release_all();
        for client in room.clients() {
            self.close(client, &CloseReason::ServerBusy, now);
        }
        self.on_vacated(id);
    }

    /// A post has its number, or could not be stored.
    fn on_answered(
        &mut self,
        id: RoomId,
        post: PendingPost,
        by: Requester,
        outcome: Result<Numbered, NotStored>,
    ) {
        self.post_requests.on_stored(id, post.id, &outcome);
        let Some(room) = self.rooms.touch(id) else { return };
        room.request_answered();
        let (author, reference) = (room.client_of(post.id), post.reference());
        // Whoever has taken the author's seat meanwhile did not ask for an acknowledgement.
        let ack = by.ack.filter(|_| author == Some(by.client));
        let is_posted = outcome.is_ok();
        match (outcome, author) {
            (Ok(Numbered::New(post)), author) => {
                self.counters.posts += 1;
                room.publish(Fact::Posted { post }, author, reference);
            }
            (Ok(Numbered::Duplicate(post)), Some(author)) => room.confirm(author, &post, reference),
            (Err(why), Some(author)) => {
                let reference = reference.map(str::to_owned);
                room.reject(author, EventError::NotStored(why), ReplyTo { reference, ack });
            }
            (_, None) => {}
        }
        self.acknowledge(by.client, ack.filter(|_| is_posted));
        self.on_vacated(id);
    }

    /// The store has a room's record, or could not keep it.
    fn on_saved(&mut self, id: RoomId, is_kept: bool, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.on_saved(is_kept);
        if !is_kept {
            for host in room.host_clients() {
                room.reject(host, EventError::StateNotStored, ReplyTo::default());
            }
            self.deadlines.set(Deadline::Save(id), now.instant + SAVE_RETRY);
        }
        self.on_vacated(id);
    }

    /// Saves a room again that could not be saved.
    pub(super) fn retry_save(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.touch(id) {
            room.retry_save();
        }
    }

    /// The store has erased a post, or could not.
    fn on_erased(&mut self, id: RoomId, n: u64, by: Requester, outcome: Result<bool, NotStored>, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.request_answered();
        let Requester { client, ack } = by;
        match outcome {
            Ok(true) => {
                self.publish(id, Fact::PostRemoved { n }, None, None, now);
                self.acknowledge(client, ack);
            }
            Ok(false) => room.reject(client, RoomError::UnknownPost.into(), ack),
            Err(why) => room.reject(client, EventError::NotRemoved(why), ack),
        }
        self.on_vacated(id);
    }
}
