//! The rooms whose messages this node receives, and what Redis has confirmed.
//!
//! Redis confirms commands in their order, so the first one that is not confirmed is the one that it confirms next.

use crate::base::ids::RoomId;
use std::collections::{BTreeMap, VecDeque};

/// A change of the rooms whose messages this node receives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A room was opened: its id, and the key of its name.
    Subscribe(RoomId, String),
    /// A room was closed: the key of its name.
    Unsubscribe(String),
}

/// The rooms, and the commands that Redis has not confirmed.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    rooms: BTreeMap<String, RoomId>,
    /// Rooms that were not told that their messages arrive.
    untold: BTreeMap<String, RoomId>,
    /// For each command that is not confirmed, the room to be told.
    pending: VecDeque<Option<RoomId>>,
}

impl Subscriptions {
    /// Notes a change. The caller tells Redis.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Subscribe(id, room) => {
                self.rooms.insert(room.clone(), id);
                self.untold.insert(room, id);
                self.pending.push_back(Some(id));
            }
            Change::Unsubscribe(room) => {
                self.rooms.remove(&room);
                self.untold.remove(&room);
                self.pending.push_back(None);
            }
        }
    }

    /// Redis has confirmed a command. Returns the room to be told.
    pub(crate) fn confirm(&mut self) -> Option<RoomId> {
        let room = self.pending.pop_front().flatten()?;
        self.untold.retain(|_, untold| *untold != room);
        Some(room)
    }

    /// There is a new connection, on which none of these rooms is subscribed.
    pub(crate) fn restart(&mut self) -> impl Iterator<Item = &str> {
        self.pending.clear();
        self.rooms.keys().map(String::as_str)
    }

    /// All rooms are subscribed on the new connection. Returns those to be told.
    pub(crate) fn on_restarted(&mut self) -> impl Iterator<Item = RoomId> + use<> {
        std::mem::take(&mut self.untold).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribe(id: u64) -> Change {
        Change::Subscribe(RoomId(id), "a".to_owned())
    }

    #[test]
    fn a_room_that_is_opened_again_is_told_once_its_own_subscription_is_confirmed() {
        let mut subscriptions = Subscriptions::default();
        for change in [subscribe(1), Change::Unsubscribe("a".to_owned()), subscribe(2)] {
            subscriptions.apply(change);
        }
        let told: Vec<_> = (0..4).map(|_| subscriptions.confirm()).collect();
        assert_eq!(told, [Some(RoomId(1)), None, Some(RoomId(2)), None]);
    }

    #[test]
    fn after_a_break_only_rooms_that_were_not_told_are_told() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.apply(subscribe(1));
        subscriptions.confirm();
        subscriptions.apply(Change::Subscribe(RoomId(2), "b".to_owned()));
        assert_eq!(subscriptions.restart().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(subscriptions.on_restarted().collect::<Vec<_>>(), [RoomId(2)]);
        assert_eq!(subscriptions.on_restarted().count(), 0);
        assert_eq!(subscriptions.confirm(), None, "the break has ended what was under way");
    }
}
