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
    /// Sends a post to the store, once the history of its room is loaded. Rejects it if too many are under way.
    pub(super) fn store_post(&mut self, id: RoomId, post: PendingPost) {
        let Some(room) = self.rooms.touch(id) else { return };
        match room.begin_post() {
            None => self.send_post(id, post),
            Some(held) => {
                if let Err(post) = self.store.hold(held, post) {
                    self.on_answered(id, post, Err(NotStored::Unavailable));
                }
            }
        }
    }

    fn send_post(&mut self, id: RoomId, post: PendingPost) {
        let Some(room) = self.rooms.get(id) else { return };
        if let Err(post) = self.store.record(id, room.name().clone(), post, room.view().last_n()) {
            self.on_answered(id, post, Err(NotStored::Unavailable));
        }
    }

    /// The store answers.
    pub(super) fn on_store_reply(&mut self, answer: Answer) {
        match answer {
            Answer::Loaded { room, posts } => {
                self.store.on_loaded();
                self.publish(room, Fact::HistoryLoaded { posts }, None, None);
                let held = self.rooms.touch(room).and_then(OpenRoom::release_posts);
                let held = held.map(|held| self.store.release(held));
                held.into_iter().flatten().for_each(|post| self.send_post(room, post));
            }
            Answer::Trimmed { before } => {
                // No event tells clients. Only new snapshots lack the posts.
                let trimmed = |room: &mut OpenRoom| {
                    room.publish(Fact::HistoryTrimmed { before }, None, None);
                };
                self.rooms.iter_mut().for_each(trimmed);
            }
            Answer::Recorded { room, post, outcome } => {
                self.store.on_recorded(&post);
                self.on_answered(room, post, outcome);
            }
        }
    }

    /// A post has its number, or could not be stored.
    fn on_answered(&mut self, id: RoomId, post: PendingPost, outcome: Result<Numbered, NotStored>) {
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
