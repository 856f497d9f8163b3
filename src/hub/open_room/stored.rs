//! What an open room asks of the store.

use super::OpenRoom;
use crate::base::clock::Now;
use crate::hub::cause::Cause;
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::state::RoomRecord;
use std::mem;

impl OpenRoom {
    /// Counts a post under way.
    pub(crate) fn begin_request(&mut self) {
        self.requests_under_way += 1;
    }

    /// The room is there: what its clients have asked for waits for its turn.
    pub(crate) fn finish_loading(&mut self) {
        self.is_loading = false;
        self.inbox.release_held();
    }

    /// The store has loaded the room.
    pub(crate) fn load(&mut self, record: RoomRecord, posts: Vec<Post>, now: Now) {
        self.finish_loading();
        let fact = self.rules.restore(record, posts, now);
        self.publish(fact, Cause::default());
    }

    /// Takes over the record that the store has, if it is later than that of this node. Returns what the room is to be
    /// told.
    pub(crate) fn catch_up(&mut self, record: RoomRecord) -> Vec<Fact> {
        self.rules.catch_up(&self.view, record)
    }

    /// Whether the store is still to load the room.
    pub(crate) fn is_loading(&self) -> bool {
        self.is_loading
    }

    /// What the store is to save of the room now, if that has changed: one record after the other, each the latest.
    pub(crate) fn take_record(&mut self) -> Option<RoomRecord> {
        if self.saving.is_some() {
            return None;
        }
        let record = self.rules.take_record()?;
        self.saving = Some(record.state.clone());
        Some(record)
    }

    /// The store has answered for the record. Now the state in it takes effect.
    pub(crate) fn on_saved(&mut self, is_kept: bool) {
        self.saving_fails = !is_kept;
        if let Some(state) = self.saving.take().filter(|state| state != self.view.state()) {
            self.publish(Fact::StateChanged { state }, Cause::default());
        }
    }

    /// The record that the store could not keep is to be saved again, unless a later one was kept.
    pub(crate) fn retry_save(&mut self) {
        if mem::take(&mut self.saving_fails) {
            self.rules.return_record();
        }
    }

    /// A post is no longer under way.
    pub(crate) fn request_answered(&mut self) {
        self.requests_under_way -= 1;
    }
}
