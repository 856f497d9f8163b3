//! The number of viewers of a room, as its clients are told.
//!
//! Architecture invariant: whatever connects and disconnects, a room is told at most once in [`INTERVAL`], and not at all
//! if everyone in it knows the number already.

use crate::base::clock::Now;
use crate::base::ids::RoomId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use std::time::Duration;

/// How long changes of the number are collected. A page that connects and joins at once changes nothing in the end.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

impl<T: Transport> Hub<T> {
    /// The number of viewers of a room may have changed.
    pub(super) fn await_viewers(&mut self, id: RoomId, now: Now) {
        if self.rooms.get(id).is_some_and(|room| room.untold_viewers().is_some()) {
            self.deadlines.set_if_absent(Deadline::Viewers(id), now.instant + INTERVAL);
        }
    }

    /// Tells a room the number of its viewers, unless everyone in it knows.
    pub(super) fn tell_viewers(&mut self, id: RoomId) {
        if let Some(count) = self.rooms.get(id).and_then(|room| room.untold_viewers())
            && let Some(room) = self.rooms.touch(id)
        {
            room.tell_viewers(count);
        }
    }
}
