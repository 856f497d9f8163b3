//! Posts on their way to the store, and the answers of the store.

use crate::base::ids::RoomId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::open_room::OpenRoom;
use crate::protocol::error::EventError;
use crate::room::fact::Fact;
use crate::room::post::{NotStored, Numbered, PendingPost};
use crate::store::request::Answer;

impl<T: Transport> Hub<T> {
    /// Sends a post to the store, or rejects it if too many are under way.
    pub(super) fn store_post(&mut self, id: RoomId, post: PendingPost) {
        let Some(room) = self.rooms.touch(id) else { return };
        if !self.store.sent.fits(&post) {
            let (author, reference) = (post.id, post.reference().map(str::to_owned));
            if let Some(client) = room.client_of(author) {
                room.reject(client, EventError::NotStored(NotStored::Unavailable), reference);
            }
            return;
        }
        self.store.sent.add(&post);
        if let Some(post) = room.hold_or_send(post) {
            self.send_post(id, post);
        }
    }

    fn send_post(&mut self, id: RoomId, post: PendingPost) {
        let Some(room) = self.rooms.get(id) else { return };
        if let Err(post) = self.store.record(id, room.name().clone(), post, room.view().last_n()) {
            self.on_recorded(id, post, Err(NotStored::Unavailable));
        }
    }

    /// The store answers.
    pub(super) fn on_store_reply(&mut self, answer: Answer) {
        match answer {
            Answer::Loaded { room, posts } => {
                self.store.on_loaded();
                self.publish(room, Fact::HistoryLoaded { posts }, None, None);
                let held = self.rooms.touch(room).map(|room| room.release_posts());
                held.into_iter().flatten().for_each(|post| self.send_post(room, post));
            }
            Answer::Trimmed { before } => {
                // No event tells clients. Only new snapshots lack the posts.
                let trimmed = |room: &mut OpenRoom| {
                    room.publish(Fact::HistoryTrimmed { before }, None, None);
                };
                self.rooms.iter_mut().for_each(trimmed);
            }
            Answer::Recorded { room, post, outcome } => self.on_recorded(room, post, outcome),
        }
    }

    /// A post has its number, or could not be stored.
    fn on_recorded(&mut self, id: RoomId, post: PendingPost, outcome: Result<Numbered, NotStored>) {
        self.store.sent.remove(&post);
        let Some(room) = self.rooms.touch(id) else { return };
        room.post_answered();
        let (author, reference) = (room.client_of(post.id), post.reference());
        match (outcome, author) {
            (Ok(Numbered::New(post)), author) => {
                self.publish(id, Fact::Posted { post }, author, reference);
            }
            (Ok(Numbered::Duplicate(post)), Some(author)) => room.confirm(author, &post, reference),
            (Err(why), Some(author)) => {
                room.reject(author, EventError::NotStored(why), reference.map(str::to_owned));
            }
            (_, None) => {}
        }
        self.on_vacated(id);
    }
}
