//! Requests to the store on behalf of rooms, and the answers of the store.

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, Epoch, RoomId};
use crate::cluster::message::Outcome;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::deadlines::Deadline;
use crate::hub::event::ReplyTo;
use crate::hub::open_room::OpenRoom;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::post::{NotStored, Numbered, PendingPost, Post};
use crate::room::state::RoomRecord;
use crate::store::request::{Answer, Erase, Requester, Save, StorePost};
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
        self.store_post_for(Requester { client, ack, request: None }, room, post);
    }

    /// The same for a client that may be another node's.
    pub(super) fn store_post_for(&mut self, by: Requester, room: RoomId, post: PendingPost) {
        let Some(open) = self.rooms.touch(room) else { return };
        if open.holds_posts() {
            return self.hold_post(room, by, post);
        }
        open.begin_request();
        let (name, after, epoch) = (open.name().clone(), open.view().last_n(), open.epoch());
        if let Err(post) = self.store.store_post(StorePost { room, name, post, after, epoch, by }) {
            self.on_answered(room, post, by, Err(NotStored::Unavailable));
        }
    }

    /// Keeps a post until it can be numbered. Rejects it if too many wait.
    pub(super) fn hold_post(&mut self, id: RoomId, by: Requester, post: PendingPost) {
        let Some(room) = self.rooms.touch(id) else { return };
        if let Err(post) = room.hold_post(by, post) {
            self.refuse_post(id, by, post, NotStored::Unavailable);
        }
    }

    /// A post is not sent to the store, or not numbered there.
    pub(super) fn refuse_post(&mut self, id: RoomId, by: Requester, post: PendingPost, why: NotStored) {
        self.post_requests.on_stored(id, post.id, &Err(why));
        self.on_numbered(id, post, by, Err(why));
    }

    /// Has the store erase a post. Rejects that if too much is under way.
    pub(super) fn erase_post(&mut self, client: ClientId, room: RoomId, n: u64, ack: Option<AckId>) {
        self.erase_post_for(Requester { client, ack, request: None }, room, n);
    }

    /// The same for a client that may be another node's.
    pub(super) fn erase_post_for(&mut self, by: Requester, room: RoomId, n: u64) {
        let Some(open) = self.rooms.touch(room) else { return };
        let (name, epoch) = (open.name().clone(), open.epoch());
        match self.store.erase(Erase { room, name, n, epoch, by }) {
            true => open.begin_request(),
            false => self.answer_requester(room, by, EventError::NotRemoved(NotStored::Unavailable)),
        }
    }

    /// Tells whoever has asked for something that it was not done.
    fn answer_requester(&mut self, room: RoomId, by: Requester, error: EventError) {
        match (by.request, error) {
            (Some(request), EventError::NotStored(why)) => {
                self.answer(room, request, Outcome::NotStored(why))
            }
            (Some(request), EventError::NotRemoved(why)) => {
                self.answer(room, request, Outcome::NotRemoved(why))
            }
            (Some(request), EventError::Room(error)) => self.answer(room, request, Outcome::Refused(error)),
            (Some(_), _) => {}
            (None, error) => {
                if let Some(open) = self.rooms.touch(room) {
                    open.reject(by.client, error, by.ack);
                }
            }
        }
    }

    /// Sends a room's record to the store, if it has changed.
    pub(super) fn save_room(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.get_mut(id).filter(|_| self.store.is_some()) else { return };
        if !room.is_in_charge() || room.is_alone() || !room.has_read_record() {
            return;
        }
        let Some(record) = room.take_record() else { return };
        room.note_record(&record);
        let (name, at, epoch) = (room.name().clone(), now.unix_millis, room.epoch());
        if !self.store.save(Save { room: id, name, record, at, epoch }) {
            room.on_saved(false); // the store has crashed, and the server is about to end
        }
    }

    /// The store answers.
    pub(super) fn on_store_reply(&mut self, answer: Answer, now: Now) {
        match answer {
            Answer::Loaded { room, epoch, record, posts } => {
                self.store.on_loaded();
                match record {
                    _ if !self.awaits_load(room, epoch) => {}
                    Some(record) if !self.is_out_of_reach(room) => self.load_room(room, record, posts, now),
                    _ => self.on_not_loaded(room, now),
                }
            }
            Answer::Keys { room, keys } => {
                if let Some(linked) = self.linked(room) {
                    linked.set_keys(keys);
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
                    room.publish(Fact::HistoryTrimmed { before }, Cause::default());
                };
                self.rooms.iter_mut().for_each(trimmed);
            }
            Answer::Restored { room, epoch, outcome } => {
                self.store.on_restored();
                self.on_restored(room, epoch, outcome, now);
            }
            Answer::PostReturned { room, post, by, why } => {
                self.store.on_post_stored(&post);
                self.on_returned(room, post, by, why, now);
            }
            Answer::PostStored { room, post, by, outcome } => {
                self.store.on_post_stored(&post);
                self.on_answered(room, post, by, outcome);
            }
        }
    }

    /// Whether a room still needs what the store has read for it in this epoch. Another node may own it by now, or this
    /// one has asked anew.
    fn awaits_load(&self, id: RoomId, epoch: Option<Epoch>) -> bool {
        self.rooms.get(id).is_some_and(|room| room.is_in_charge() && room.epoch() == epoch)
    }

    fn load_room(&mut self, id: RoomId, record: RoomRecord, posts: Vec<Post>, now: Now) {
        match self.rooms.touch(id) {
            Some(room) if room.is_loading() => {
                room.load(record, posts, now);
                self.on_log_read(id);
            }
            // It has just become this node's.
            Some(room) => {
                let (lacks_posts, facts) = (room.has_more_than(&posts), room.catch_up(record));
                facts.into_iter().for_each(|fact| self.publish(id, fact, Cause::default(), now));
                if lacks_posts {
                    self.restore_posts(id);
                }
                self.add_log(id, posts, now);
                self.on_log_read(id);
            }
            None => {}
        }
        self.answer_questions(id);
        self.await_hosts(id);
        match self.stage.is_stopping() {
            true => self.release_events(id, now),
            false => self.await_turn(id),
        }
    }

    /// A room could not be loaded. One that was another node's goes on, and is read again. Posts
    /// that have waited for that are rejected: nobody knows how long it takes.
    fn on_not_loaded(&mut self, id: RoomId, now: Now) {
        match self.rooms.get_mut(id).filter(|room| !room.is_loading()).map(|room| &mut room.linked) {
            Some(Some(linked)) => {
                linked.owned.log.is_due = true;
                self.refuse_waiting_posts(id, |_| true);
            }
            _ => self.abandon_room(id, now),
        }
    }

    /// A room could not be loaded. It may be hidden or locked, so nobody is let in; pages try again.
    pub(super) fn abandon_room(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.inbox.release_all();
        room.take_questions();
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
        if room.is_mirror() {
            // The owner has it in its log, or will number it. It answers for it.
            return room.forward_post(by, post);
        }
        match outcome {
            Ok(numbered) if room.lacks_posts_before(&numbered) => {
                self.catch_up_with_store(id, by, post, numbered);
            }
            outcome => self.on_numbered(id, post, by, outcome),
        }
    }

    /// A post has its number, and no post before it is missing; or it could not be stored.
    pub(super) fn on_numbered(
        &mut self,
        id: RoomId,
        post: PendingPost,
        by: Requester,
        outcome: Result<Numbered, NotStored>,
    ) {
        let Some(room) = self.rooms.touch(id) else { return };
        let outcome = outcome.map(|numbered| room.recognise(numbered));
        let author = room.client_of(post.id).filter(|_| by.request.is_none());
        let reference = post.reference();
        let key = post.reference.as_ref().map(|(_, key)| *key);
        // Whoever has taken the author's seat meanwhile did not ask for an acknowledgement.
        let ack = by.ack.filter(|_| author == Some(by.client));
        let is_posted = outcome.is_ok();
        match (outcome, author) {
            (Ok(Numbered::New(post)), author) => {
                self.counters.posts += 1;
                room.publish(
                    Fact::Posted { post },
                    Cause { client: author, reference, request: by.request, key },
                );
            }
            // Without a `ref`, it has come with the log.
            (Ok(Numbered::Duplicate(post)), Some(author)) if reference.is_some() => {
                room.confirm(author, &post, reference);
            }
            (Ok(Numbered::Duplicate(_)), Some(_)) => {}
            (Ok(Numbered::Duplicate(post)), None) => {
                if let Some(request) = by.request {
                    self.answer(id, request, Outcome::Duplicate(post));
                }
            }
            (Err(why), None) => self.answer_requester(id, by, EventError::NotStored(why)),
            (Err(why), Some(author)) => {
                let reference = reference.map(str::to_owned);
                room.reject(author, EventError::NotStored(why), ReplyTo { reference, ack });
            }
        }
        self.acknowledge(by.client, ack.filter(|_| is_posted));
        self.on_vacated(id);
    }

    /// The store has a room's record, or could not keep it.
    fn on_saved(&mut self, id: RoomId, is_kept: bool, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.on_saved(is_kept);
        if !is_kept {
            if let Some(linked) = &mut room.linked {
                linked.owned.is_unsaved = true;
            }
            self.tell_unsaved(id);
            self.deadlines.set(Deadline::Save(id), now.instant + SAVE_RETRY);
        }
        self.on_vacated(id);
    }

    /// Tells the hosts here that what they have set could not be kept.
    pub(super) fn tell_unsaved(&mut self, id: RoomId) {
        let Some(room) = self.rooms.touch(id) else { return };
        for host in room.host_clients() {
            room.reject(host, EventError::StateNotStored, ReplyTo::default());
        }
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
        if room.is_mirror() {
            // The owner has read that it is erased, or still shows the post. It answers for it.
            return room.forward_removal(by, n);
        }
        match outcome {
            Ok(true) => {
                let cause = Cause { request: by.request, ..Cause::default() };
                self.publish(id, Fact::PostRemoved { n }, cause, now);
                self.acknowledge(by.client, by.ack);
            }
            Ok(false) => self.answer_requester(id, by, RoomError::UnknownPost.into()),
            Err(why) => self.answer_requester(id, by, EventError::NotRemoved(why)),
        }
        self.on_vacated(id);
    }
}
