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

/// What the clients of a room know of the number of viewers.
#[derive(Debug)]
pub(crate) struct ToldViewers {
    /// The number that all of them were told; `None` if some were told another one in their snapshots.
    told: Option<usize>,
}

impl ToldViewers {
    /// Of a room without clients.
    pub(crate) fn new() -> Self {
        Self { told: Some(0) }
    }

    /// Whether somebody may not know this number.
    pub(crate) fn are_other_than(&self, viewers: usize) -> bool {
        self.told != Some(viewers)
    }

    /// One of the clients of the room is told in its snapshot.
    pub(crate) fn tell_one(&mut self, viewers: usize, clients: usize) {
        self.told = Some(viewers).filter(|_| clients == 1 || self.told == Some(viewers));
    }

    /// All clients of the room are told.
    pub(crate) fn tell_all(&mut self, viewers: usize) {
        self.told = Some(viewers);
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_back_is_told_again_only_if_a_snapshot_has_shown_another() {
        let mut told = ToldViewers::new();
        told.tell_one(1, 1);
        assert!(!told.are_other_than(1), "the only client knows");
        assert!(told.are_other_than(2), "a second one has come");
        assert!(!told.are_other_than(1), "and gone, before anyone was told");
        told.tell_one(2, 2);
        assert!(told.are_other_than(1) && told.are_other_than(2), "the two know different numbers");
        told.tell_all(2);
        told.tell_one(2, 3);
        assert!(!told.are_other_than(2));
    }
}
