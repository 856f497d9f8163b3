//! The seats of all rooms, counted: how many there are, and whose time is up next of those who are away.

use crate::base::counter::Counter;
use crate::base::ids::RoomId;
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// Counts seats by what is said of each room whenever that may have changed.
#[derive(Debug)]
pub struct Seats {
    rooms: HashMap<RoomId, RoomSeats>,
    /// In all hubs.
    count: Counter,
    /// The rooms by the time at which the first seat in them is given up.
    due: BTreeSet<(Instant, RoomId)>,
}

/// The seats of one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomSeats {
    /// How many there are, of those who are here and of those who are away.
    pub count: usize,
    /// When the one is given up that has been away for longest.
    pub due: Option<Instant>,
}

impl Seats {
    /// No seats yet in this hub; all hubs count theirs together in `count`.
    pub fn new(count: Counter) -> Self {
        Self { rooms: HashMap::new(), count, due: BTreeSet::new() }
    }

    /// How many there are in all rooms of all hubs.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// When the first is given up of those who are away in this hub, and in which room.
    pub fn first_due(&self) -> Option<(Instant, RoomId)> {
        self.due.first().copied()
    }

    /// Notes how many seats a room has now.
    pub fn note(&mut self, room: RoomId, seats: RoomSeats) {
        if let Some(before) = self.rooms.remove(&room) {
            self.count.remove(before.count);
            before.due.map(|due| self.due.remove(&(due, room)));
        }
        if seats.count > 0 {
            self.count.add(seats.count);
            self.due.extend(seats.due.map(|due| (due, room)));
            self.rooms.insert(room, seats);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_room_counts_as_it_was_last_noted() {
        let (mut seats, now) = (Seats::new(Counter::default()), Instant::now());
        let later = |seconds| Some(now + Duration::from_secs(seconds));
        for (room, count, due) in
            [(1, 2, later(9)), (2, 3, None), (1, 4, later(5)), (3, 1, later(7)), (2, 1, later(6))]
        {
            seats.note(RoomId(room), RoomSeats { count, due });
        }
        assert_eq!((seats.count(), seats.first_due()), (6, later(5).map(|due| (due, RoomId(1)))));
        seats.note(RoomId(1), RoomSeats { count: 3, due: None });
        assert_eq!(seats.first_due(), later(6).map(|due| (due, RoomId(2))));
        for room in 1..=3 {
            seats.note(RoomId(room), RoomSeats { count: 0, due: None });
        }
        assert_eq!((seats.count(), seats.first_due()), (0, None));
        assert!(seats.rooms.is_empty());
    }
}
