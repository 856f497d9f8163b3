//! The memory that a room's texts take, and what gives way when it is short.

use crate::hub::open_room::OpenRoom;
use crate::room::fact::Fact;

/// What remains of each room's log in memory when the memory for texts is used up, in bytes.
const SHORT_HISTORY: usize = 64 * 1024;

impl OpenRoom {
    /// Counts what the texts of the room take.
    pub(super) fn count_memory(&mut self) {
        self.charge.set(self.view.memory() + self.rules.memory());
    }

    /// What its texts and the kept parts of snapshots take, in bytes.
    pub(crate) fn memory_in_use(&self) -> usize {
        self.charge.bytes() + self.first_parts.len()
    }

    /// Frees the parts of snapshots that are kept for the next clients.
    pub(crate) fn free_first_parts(&mut self) {
        self.first_parts.clear();
    }

    /// How much memory [`shorten_history`](Self::shorten_history) would free, in bytes, roughly.
    pub(crate) fn excess(&self) -> usize {
        self.view.history_excess(SHORT_HISTORY) + self.rules.excess()
    }

    /// Removes old posts and keys of posts, because the memory for texts is used up.
    pub(crate) fn shorten_history(&mut self) {
        // Every fact changes the version of the view, so that snapshots are encoded again.
        if self.view.history_excess(SHORT_HISTORY) > 0 {
            self.view.apply(Fact::HistoryShortened { max_bytes: SHORT_HISTORY });
        }
        if self.rules.excess() > 0 {
            self.rules.shorten();
        }
        self.count_memory();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::ids::UserId;
    use crate::base::limits::Limits;
    use crate::base::memory::MemoryLimit;
    use crate::room::room_name::RoomName;
    use crate::room::rules::RoomOptions;
    use crate::room::state::HostMode;
    use crate::room::view::Visibility;
    use std::time::Instant;

    #[test]
    fn the_parts_of_a_snapshot_that_are_kept_count_as_text() {
        let name = RoomName::from_query("").unwrap();
        let [texts, waiting] = [(); 2].map(|()| MemoryLimit::new(Counter::default(), 0, 1));
        let options = RoomOptions { limits: Limits::DEFAULT, hosts: HostMode::Key, is_stored: false };
        let mut room = OpenRoom::new(name, options, UserId(0), texts.clone(), Instant::now());
        let parts = room.snapshot_parts(Visibility::All, None, &waiting);
        let len = parts[0].json.len();
        assert!(texts.of_owner() >= len && waiting.of_owner() >= len);
        let again = room.snapshot_parts(Visibility::All, None, &waiting);
        assert_eq!(again[0].json.as_ptr(), parts[0].json.as_ptr(), "the bytes are shared");
        room.free_first_parts();
        assert!(texts.of_owner() < len && waiting.of_owner() >= len, "clients still hold it");
        drop((parts, again));
        assert_eq!(waiting.of_owner(), 0);
    }
}
