//! The number of viewers of a room: when its clients are told.
//!
//! Architecture invariant: a room is told at most once per [`INTERVAL`], however many clients connect and disconnect,
//! and not at all while every client in it knows the current number.

use crate::base::clock::Now;
use crate::base::ids::RoomId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use std::time::Duration;

/// How long changes of the number are collected. A page that connects and then joins within this time changes nothing.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

impl<T: Transport> Hub<T> {
    /// The number of viewers of a room may have changed.
    pub(super) fn on_viewers_changed(&mut self, id: RoomId, now: Now) {
        if self.rooms.get(id).is_some_and(|room| room.outdated_viewer_count().is_some()) {
            self.deadlines.set_if_absent(Deadline::ViewerCount(id), now.instant + INTERVAL);
        }
    }

    /// Tells a room the number of its viewers, unless every client in it knows the number.
    pub(super) fn broadcast_viewer_count(&mut self, id: RoomId) {
        if let Some(count) = self.rooms.get(id).and_then(|room| room.outdated_viewer_count())
            && let Some(room) = self.rooms.touch(id)
        {
            room.broadcast_viewer_count(count);
        }
    }
}
