//! What gives way when the memory for the texts of all rooms is used up: first the kept parts of snapshots, which are
//! encoded again when they are needed, then the oldest posts of the largest histories. Texts of boxes never do.

use crate::base::memory::MemoryLimit;
use crate::base::warning::Warning;
use crate::hub::open_room::OpenRoom;
use crate::hub::rooms::Rooms;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// How long rooms are not searched again once nothing more can be freed. A hub with a hundred thousand rooms takes
/// milliseconds for that, and what rooms can add in a second is bounded by their budgets.
const PAUSE: Duration = Duration::from_secs(1);

/// When to search again.
#[derive(Debug, Default)]
pub(crate) struct TextRelief {
    not_before: Option<Instant>,
    warning: Warning,
}

impl TextRelief {
    /// Frees memory of rooms until it is below its limit, as far as possible.
    pub(crate) fn free(&mut self, memory: &MemoryLimit, rooms: &mut Rooms, now: Instant) {
        if !memory.is_over() || self.not_before.is_some_and(|at| now < at) {
            return;
        }
        rooms.iter_mut().for_each(OpenRoom::free_first_parts);
        if memory.is_over() {
            let text = || "the memory for boxes and logs is used up; see --text-memory".to_owned();
            self.warning.log(now, text);
            shorten_largest(memory, rooms);
        }
        self.not_before = memory.is_over().then(|| now + PAUSE);
    }
}

/// Shortens the histories of rooms, the largest first, until the memory is below its limit.
fn shorten_largest(memory: &MemoryLimit, rooms: &mut Rooms) {
    let mut largest: Vec<_> = rooms.iter_mut().filter(|room| room.excess() > 0).collect();
    largest.sort_by_cached_key(|room| Reverse(room.excess()));
    largest.into_iter().take_while(|_| memory.is_over()).for_each(OpenRoom::shorten_history);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::ids::{RoomId, UserId};
    use crate::base::limits::Limits;
    use crate::hub::cause::Cause;
    use crate::hub::shards::Shard;
    use crate::room::fact::Fact;
    use crate::room::post::Post;
    use crate::room::room_name::RoomName;
    use crate::room::rules::RoomOptions;
    use crate::room::state::HostMode;
    use crate::room::view::Visibility;

    const LIMITS: Limits = Limits { log_length: 10_000, ..Limits::DEFAULT };

    const OPTIONS: RoomOptions = RoomOptions { limits: LIMITS, hosts: HostMode::Key, is_stored: false };

    /// Rooms with as many posts as this, which take 1,200 bytes each.
    fn rooms<const N: usize>(memory: &MemoryLimit, posts: [u64; N]) -> (Rooms, [RoomId; N]) {
        let mut rooms = Rooms::new(Shard::single());
        let ids = posts.map(|posts| {
            let name = RoomName::from_query(&format!("room={}", rooms.len())).unwrap();
            let create = |last| OpenRoom::new(name.clone(), OPTIONS, last, memory.clone(), Instant::now());
            let id = rooms.open(&name, create);
            add_posts(&mut rooms, id, posts);
            id
        });
        (rooms, ids)
    }

    fn add_posts(rooms: &mut Rooms, id: RoomId, posts: u64) {
        let room = rooms.get_mut(id).unwrap();
        for n in room.view().last_n() + 1..=room.view().last_n() + posts {
            let post = Post { n, id: UserId(1), name: "Ada".to_owned(), text: "x".repeat(1_000), at: 0 };
            room.publish(Fact::Posted { post }, Cause::default());
        }
    }

    fn limit(max: usize) -> MemoryLimit {
        MemoryLimit::new(Counter::default(), max, 1)
    }

    fn lengths<const N: usize>(rooms: &Rooms, ids: [RoomId; N]) -> [usize; N] {
        ids.map(|id| rooms.get(id).unwrap().view().posts().count())
    }

    fn versions<const N: usize>(rooms: &Rooms, ids: [RoomId; N]) -> [u64; N] {
        ids.map(|id| rooms.get(id).unwrap().view().version())
    }

    #[test]
    fn kept_parts_of_snapshots_give_way_before_posts() {
        let (memory, waiting) = (limit(130_000), limit(0));
        let (mut rooms, [id]) = rooms(&memory, [100]);
        drop(rooms.get_mut(id).unwrap().snapshot_parts(Visibility::All, None, &waiting));
        assert!(memory.is_over());
        TextRelief::default().free(&memory, &mut rooms, Instant::now());
        assert!(!memory.is_over());
        assert_eq!(lengths(&rooms, [id]), [100]);
    }

    #[test]
    fn the_largest_histories_are_shortened_and_only_until_that_is_enough() {
        let memory = limit(500_000);
        let (mut rooms, ids) = rooms(&memory, [100, 300, 200]);
        let before = versions(&rooms, ids);
        TextRelief::default().free(&memory, &mut rooms, Instant::now());
        assert!(!memory.is_over());
        assert_eq!(lengths(&rooms, ids), [100, 54, 200], "64 KiB of the largest remain");
        let after = versions(&rooms, ids);
        assert_eq!([after[0], after[2]], [before[0], before[2]]);
    }

    #[test]
    fn a_short_history_is_not_touched() {
        let memory = limit(0);
        let (mut rooms, ids) = rooms(&memory, [0, 1, 50]);
        let before = versions(&rooms, ids);
        TextRelief::default().free(&memory, &mut rooms, Instant::now());
        assert_eq!((versions(&rooms, ids), lengths(&rooms, ids)), (before, [0, 1, 50]));
    }

    #[test]
    fn while_nothing_can_be_freed_rooms_are_searched_once_a_second() {
        let (memory, start) = (limit(0), Instant::now());
        let (mut rooms, [id]) = rooms(&memory, [100]);
        let mut relief = TextRelief::default();
        let mut length_at = |rooms: &mut Rooms, millis| {
            relief.free(&memory, rooms, start + Duration::from_millis(millis));
            lengths(rooms, [id])
        };
        assert_eq!(length_at(&mut rooms, 0), [54], "the first time at once");
        add_posts(&mut rooms, id, 100);
        assert_eq!(length_at(&mut rooms, 999), [154]);
        assert_eq!(length_at(&mut rooms, 1_000), [54]);
    }
}
