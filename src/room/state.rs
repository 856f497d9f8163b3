//! The state of a room that its hosts set, and what the room remembers of it through a restart.

use crate::base::ids::UserId;
use crate::room::session::SessionKey;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::VecDeque;
use std::mem;

/// Maximum length of a prompt, in characters (Unicode code points): a question of a few lines.
pub(crate) const MAX_PROMPT: usize = 500;

/// Most removed users that a room remembers. Beyond that, the first to be removed may come back.
const MAX_REMOVED: usize = 1000;

/// Most users whose last individual clear a room remembers. Beyond that, the first of them may bring the text back.
pub(crate) const MAX_CLEARED: usize = 1000;

/// Most users of a locked room that it remembers. Beyond that, the first of them cannot come back once the seat is
/// lost.
const MAX_MEMBERS: usize = 1000;

/// Most users who are hosts of a room at the same time. Everyone is told the whole list whenever it changes. Whoever
/// has the host key can run the room without being in the list.
pub(crate) const MAX_HOSTS: usize = 100;

/// Who can be a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HostMode {
    /// Nobody.
    None,
    /// Whoever proves the host key, and anyone a host makes a host.
    #[default]
    Key,
    /// Also, while a room has no host, the first user in the order of joining.
    First,
}

/// What hosts have set for everyone in the room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoomState {
    /// Nobody gets a new seat.
    pub locked: bool,
    /// Only hosts see the texts of others.
    pub hidden: bool,
    /// Only hosts write and post.
    pub frozen: bool,
    /// The question above the wall; empty if there is none.
    pub prompt: String,
    /// The user whose box is shown large.
    pub spotlight: Option<UserId>,
}

impl RoomState {
    /// Whether it is no larger than hosts can make it. A character has up to four bytes.
    pub(crate) fn is_bounded(&self) -> bool {
        self.prompt.len() <= 4 * MAX_PROMPT
    }
}

/// What a host sets. `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateChange {
    /// [`RoomState::locked`].
    pub locked: Option<bool>,
    /// [`RoomState::hidden`].
    pub hidden: Option<bool>,
    /// [`RoomState::frozen`].
    pub frozen: Option<bool>,
    /// [`RoomState::prompt`].
    pub prompt: Option<String>,
    /// [`RoomState::spotlight`]. `Some(None)` ends it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub spotlight: Option<Option<UserId>>,
}

/// A field that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<UserId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl StateChange {
    /// The state after the change.
    pub fn apply(self, before: &RoomState) -> RoomState {
        RoomState {
            locked: self.locked.unwrap_or(before.locked),
            hidden: self.hidden.unwrap_or(before.hidden),
            frozen: self.frozen.unwrap_or(before.frozen),
            prompt: self.prompt.unwrap_or_else(|| before.prompt.clone()),
            spotlight: self.spotlight.unwrap_or(before.spotlight),
        }
    }
}

/// What a room remembers through a restart, beside its log. It identifies people by keys of their sessions, from which
/// the sessions cannot be derived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoomRecord {
    /// What hosts have set.
    pub state: RoomState,
    /// When all boxes were last cleared, as a [clear time](Self::clear).
    all_cleared: u64,
    /// Users whose box alone was cleared since, and when, the first of them first.
    cleared: VecDeque<(SessionKey, u64)>,
    /// Users who were removed, the first of them first.
    removed: VecDeque<SessionKey>,
    /// Hosts with a seat, the first of them first.
    hosts: VecDeque<SessionKey>,
    /// Users who have had a seat while the room was locked, the first of them first. Empty if it is not.
    members: VecDeque<SessionKey>,
    /// How often it was to be saved: of two records of a room, the one with the higher version is the later.
    #[serde(default)]
    version: u64,
}

impl RoomRecord {
    /// A room that is hidden and locked.
    pub(crate) fn closed() -> Self {
        let state = RoomState { hidden: true, locked: true, ..RoomState::default() };
        Self { state, ..Self::default() }
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::empty(self.version)
    }

    /// A record with nothing to remember but its version.
    pub(crate) fn empty(version: u64) -> Self {
        Self { version, ..Self::default() }
    }

    /// How often it was to be saved.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// It is to be saved.
    pub(super) fn count_version(&mut self) {
        self.version = self.version.saturating_add(1);
    }

    /// Becomes a later record of the room. Whoever was removed meanwhile stays removed.
    pub(super) fn catch_up(&mut self, later: Self) {
        let Self { removed, .. } = mem::replace(self, later);
        removed.into_iter().for_each(|key| self.remove(key));
    }

    /// Whether a user with this key was removed.
    pub(crate) fn is_removed(&self, key: SessionKey) -> bool {
        self.removed.contains(&key)
    }

    /// Notes that a user was removed.
    pub(crate) fn remove(&mut self, key: SessionKey) {
        self.drop_host(key);
        self.members.retain(|member| *member != key);
        if !self.removed.contains(&key) {
            push(&mut self.removed, key, MAX_REMOVED);
        }
    }

    /// Notes that a host clears the box of the user with this key, or all boxes. Returns the clear time: milliseconds
    /// since 1970, or one more than the last clear time, if the clock is not ahead of it. It therefore keeps growing
    /// even if the room has forgotten earlier clears.
    pub(crate) fn clear(&mut self, key: Option<SessionKey>, unix_millis: u64) -> u64 {
        let last = self.cleared.back().map_or(self.all_cleared, |(_, at)| *at);
        let at = unix_millis.max(last.saturating_add(1));
        match key {
            None => {
                self.all_cleared = at;
                self.cleared.clear();
            }
            Some(key) => {
                self.cleared.retain(|(other, _)| *other != key);
                push(&mut self.cleared, (key, at), MAX_CLEARED);
            }
        }
        at
    }

    /// The [clear time](Self::clear) of the user with this key; 0 if the room remembers none.
    pub(crate) fn cleared(&self, key: SessionKey) -> u64 {
        let alone = self.cleared.iter().find(|(other, _)| *other == key);
        alone.map_or(self.all_cleared, |(_, at)| *at)
    }

    /// Whether it is no larger than a room makes it.
    pub(crate) fn is_bounded(&self) -> bool {
        let Self { state, all_cleared: _, cleared, removed, hosts, members, version: _ } = self;
        state.is_bounded()
            && cleared.len() <= MAX_CLEARED
            && removed.len() <= MAX_REMOVED
            && hosts.len() <= MAX_HOSTS
            && members.len() <= MAX_MEMBERS
    }

    /// The memory that it takes, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        let keys = self.removed.len() + self.hosts.len() + self.members.len();
        keys * size_of::<SessionKey>()
            + self.cleared.len() * size_of::<(SessionKey, u64)>()
            + self.state.prompt.len()
    }

    /// Whether a user with this key has had a seat while the room was locked.
    pub(crate) fn is_member(&self, key: SessionKey) -> bool {
        self.members.contains(&key)
    }

    /// Notes that a user has a seat in the locked room. Returns whether that changes the record.
    pub(crate) fn add_member(&mut self, key: SessionKey) -> bool {
        let is_new = !self.is_member(key);
        if is_new {
            push(&mut self.members, key, MAX_MEMBERS);
        }
        is_new
    }

    /// The room is locked now, and these users have a seat in it; or it is open again, and there are none.
    pub(crate) fn set_members(&mut self, keys: impl Iterator<Item = SessionKey>) {
        self.members.clear();
        keys.for_each(|key| push(&mut self.members, key, MAX_MEMBERS));
    }

    /// Whether there is a host with a seat.
    pub(crate) fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// Whether a user with this key is a host.
    pub(crate) fn is_host(&self, key: SessionKey) -> bool {
        self.hosts.contains(&key)
    }

    /// Notes that a user is a host.
    pub(crate) fn add_host(&mut self, key: SessionKey) {
        if !self.is_host(key) {
            push(&mut self.hosts, key, MAX_HOSTS);
        }
    }

    /// A host has lost the seat. Returns whether that changes the record.
    pub(crate) fn drop_host(&mut self, key: SessionKey) -> bool {
        let before = self.hosts.len();
        self.hosts.retain(|host| *host != key);
        self.hosts.len() < before
    }

    /// Keeps only these hosts. Returns whether that changes the record.
    pub(crate) fn retain_hosts(&mut self, keep: impl Fn(SessionKey) -> bool) -> bool {
        let before = self.hosts.len();
        self.hosts.retain(|host| keep(*host));
        self.hosts.len() < before
    }
}

/// Adds an item at the end, and drops the first one beyond `max`.
fn push<T>(items: &mut VecDeque<T>, item: T, max: usize) {
    if items.len() >= max {
        items.pop_front();
    }
    items.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::session::Session;

    #[test]
    fn a_change_leaves_everything_else() {
        let before = RoomState { locked: true, prompt: "Why?".to_owned(), ..RoomState::default() };
        let change =
            StateChange { hidden: Some(true), spotlight: Some(Some(UserId(1))), ..StateChange::default() };
        let after = change.apply(&before);
        assert_eq!(after, RoomState { hidden: true, spotlight: Some(UserId(1)), ..before });
        let change = StateChange { spotlight: Some(None), ..StateChange::default() };
        assert_eq!(change.apply(&after).spotlight, None);
    }

    #[test]
    fn the_last_of_all_clear_times_is_no_end() {
        let json = serde_json::to_string(&RoomRecord::default()).unwrap();
        let json = json.replace(r#""all_cleared":0"#, &format!(r#""all_cleared":{}"#, u64::MAX));
        let mut record: RoomRecord = serde_json::from_str(&json).unwrap();
        assert_eq!(record.clear(None, 1), u64::MAX);
    }

    #[test]
    fn a_record_is_bounded_and_drops_the_oldest() {
        let mut record = RoomRecord::default();
        let keys: Vec<SessionKey> = (0..=MAX_REMOVED).map(|_| Session::random().key()).collect();
        keys.iter().chain(&keys[1..]).for_each(|key| {
            record.remove(*key);
            record.add_host(*key);
            record.clear(Some(*key), 0);
            record.add_member(*key);
        });
        let RoomRecord { removed, hosts, cleared, members, .. } = &record;
        let lengths = [removed.len(), hosts.len(), cleared.len(), members.len()];
        assert_eq!(lengths, [MAX_REMOVED, MAX_HOSTS, MAX_CLEARED, MAX_MEMBERS]);
        assert!(record.memory() > (MAX_REMOVED + MAX_CLEARED) * size_of::<SessionKey>());
        assert!(
            !record.is_removed(keys[0]) && record.is_removed(keys[1]) && record.is_host(keys[MAX_REMOVED])
        );
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<RoomRecord>(&json).unwrap(), record);
    }

    #[test]
    fn clear_times_grow_and_are_those_of_the_clock_if_it_is_ahead() {
        let mut record = RoomRecord::default();
        let [ada, bob] = [(); 2].map(|()| Session::random().key());
        assert_eq!(record.cleared(ada), 0);
        let times = [(Some(ada), 1_000), (Some(ada), 1_000), (None, 500), (Some(bob), 0), (None, 5_000)];
        assert_eq!(times.map(|(key, at)| record.clear(key, at)), [1_000, 1_001, 1_002, 1_003, 5_000]);
        record.clear(Some(bob), 0);
        assert_eq!([ada, bob].map(|key| record.cleared(key)), [5_000, 5_001]);
    }
}
