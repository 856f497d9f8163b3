//! What Redis may have lost of a room that this node owns: it gets the record again, and the posts that it lacks. Posts
//! that are removed by now are erased there.

use crate::base::clock::Now;
use crate::base::ids::{Epoch, RoomId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::linked::Restoring;
use crate::room::post::NotStored;
use crate::store::request::{Requester, Restored};
use std::mem;

impl<T: Transport> Hub<T> {
    /// Redis may have lost some of a room.
    pub(super) fn recover(&mut self, id: RoomId) {
        let Some(room) = self.rooms.touch(id).filter(|room| room.is_in_charge()) else { return };
        room.save_again();
        if let Some(linked) = &mut room.linked {
            linked.owned.restoring.is_due = true;
        }
        self.retry_restore(id);
    }

    /// Redis lacks posts of a room, unless that was noticed before.
    pub(super) fn restore_posts(&mut self, id: RoomId) {
        let Some(linked) = self.linked(id) else { return };
        if linked.owned.restoring == Restoring::default() {
            linked.owned.restoring.is_due = true;
            self.retry_restore(id);
        }
    }

    /// Begins to restore posts, if that is due: first, Redis is asked which it has.
    pub(super) fn retry_restore(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if !room.is_in_charge() || room.is_alone() {
            return;
        }
        let Some(linked) = &mut room.linked else { return };
        let restoring = &mut linked.owned.restoring;
        if restoring.is_due && !restoring.is_under_way {
            *restoring = Restoring { is_under_way: true, ..Restoring::default() };
            self.restore_more(id);
        }
    }

    /// Sends the next posts that Redis lacks. Once there are none, posts are numbered again.
    fn restore_more(&mut self, id: RoomId) {
        let Some(room) = self.rooms.touch(id) else { return };
        if let Some(restore) = room.next_restore(id) {
            if self.store.restore(restore) {
                room.begin_request();
            }
            return; // otherwise the store has crashed, and the server is about to end
        }
        if let Some(linked) = &mut room.linked {
            let is_due = linked.owned.restoring.is_due;
            linked.owned.restoring = Restoring { is_due, ..Restoring::default() };
        }
        self.retry_restore(id);
        self.release_posts(id);
    }

    /// Redis has answered.
    pub(super) fn on_restored(&mut self, id: RoomId, epoch: Epoch, outcome: Restored, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.request_answered();
        let is_current = room.is_in_charge() && room.epoch() == Some(epoch);
        if let Some(linked) = room.linked.as_mut().filter(|_| is_current) {
            let restoring = &mut linked.owned.restoring;
            match outcome {
                Restored::UpTo(n) => {
                    restoring.stored = Some(n);
                    self.restore_more(id);
                }
                Restored::Returned(_) => {
                    *restoring = Restoring::default();
                    self.link(id, now, |link, _| link.doubt());
                }
                Restored::Failed(why) => {
                    *restoring = Restoring { is_due: true, ..Restoring::default() };
                    self.refuse_held_posts(id, why);
                }
            }
        }
        self.on_vacated(id);
    }

    /// Posts that have waited for posts before them, which could not be restored.
    fn refuse_held_posts(&mut self, id: RoomId, why: NotStored) {
        let Some(linked) = self.linked(id).filter(|linked| linked.owned.log.is_complete()) else { return };
        for (by, post) in mem::take(&mut linked.owned.held_posts) {
            self.refuse_post(id, by, post, why);
        }
    }

    /// Rejects those posts of these requesters that wait until the log is read. Some may be in it: their authors send
    /// them again, and are told so then.
    pub(super) fn refuse_waiting_posts(&mut self, id: RoomId, is_meant: impl Fn(&Requester) -> bool) {
        let Some(linked) = self.linked(id) else { return };
        let owned = &mut linked.owned;
        let held: Vec<_> = owned.held_posts.extract_if(.., |(by, _)| is_meant(by)).collect();
        let numbered: Vec<_> = owned.numbered.extract_if(.., |(by, ..)| is_meant(by)).collect();
        let numbered = numbered.into_iter().map(|(by, post, _)| (by, post));
        for (by, post) in held.into_iter().chain(numbered) {
            self.refuse_post(id, by, post, NotStored::Unavailable);
        }
    }
}
