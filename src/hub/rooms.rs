//! The rooms of a hub.

use crate::base::ids::{IdMap, RoomId, UserId};
use crate::hub::open_room::OpenRoom;
use crate::hub::shards::Shard;
use crate::room::room_name::RoomName;
use std::collections::HashMap;
use std::mem;
use std::time::Instant;

/// Every open room of a hub.
#[derive(Debug)]
pub(crate) struct Rooms {
    rooms: IdMap<RoomId, OpenRoom>,
    /// The rooms by the keys of their names.
    ids: HashMap<String, RoomId>,
    shard: Shard,
    /// How many rooms this hub has opened.
    opened: u64,
    /// The last user id of any room that was forgotten.
    last_user: UserId,
    /// Rooms in which something has happened since the last write.
    dirty: Vec<RoomId>,
    /// Rooms with events that wait for their next turn.
    waiting: Vec<RoomId>,
}

impl Rooms {
    /// No rooms yet. All hubs count their rooms in the shard's counter.
    pub(crate) fn new(shard: Shard) -> Self {
        Self {
            rooms: IdMap::default(),
            ids: HashMap::new(),
            shard,
            opened: 0,
            last_user: UserId(0),
            dirty: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// How many rooms are open.
    pub(crate) fn len(&self) -> usize {
        self.rooms.len()
    }

    /// The id of an open room.
    pub(crate) fn id(&self, name: &RoomName) -> Option<RoomId> {
        self.ids.get(name.key()).copied()
    }

    /// The id of an open room whose name has this key.
    pub(crate) fn id_of_key(&self, key: &str) -> Option<RoomId> {
        self.ids.get(key).copied()
    }

    /// A room.
    pub(crate) fn get(&self, id: RoomId) -> Option<&OpenRoom> {
        self.rooms.get(&id)
    }

    /// All rooms.
    pub(crate) fn ids(&self) -> Vec<RoomId> {
        self.rooms.keys().copied().collect()
    }

    /// All rooms, to be read.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenRoom> {
        self.rooms.values()
    }

    /// All rooms, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut OpenRoom> {
        self.rooms.values_mut()
    }

    /// Messages of other nodes, or to them, may be lost.
    pub(crate) fn lose_messages(&mut self, now: Instant) {
        let linked = self.rooms.values_mut().filter_map(|room| room.linked.as_mut());
        linked.for_each(|linked| linked.link.lose_messages(now));
    }

    /// A room, to be changed and then written to.
    pub(crate) fn touch(&mut self, id: RoomId) -> Option<&mut OpenRoom> {
        let room = self.rooms.get_mut(&id)?;
        if !room.is_dirty {
            room.is_dirty = true;
            self.dirty.push(id); // the room may be forgotten before it is written to
        }
        Some(room)
    }

    /// The next room to be written to.
    pub(crate) fn pop_dirty(&mut self) -> Option<RoomId> {
        self.dirty.pop()
    }

    /// Whether a room is still to be written to.
    pub(crate) fn are_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Notes that events of a room wait for its next turn.
    pub(crate) fn defer(&mut self, id: RoomId) {
        self.waiting.push(id);
    }

    /// Whether events wait for the next turn.
    pub(crate) fn are_deferred(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The rooms with events that wait, each once.
    pub(crate) fn take_deferred(&mut self) -> Vec<RoomId> {
        mem::take(&mut self.waiting)
    }

    /// A room to be written to.
    pub(crate) fn get_mut(&mut self, id: RoomId) -> Option<&mut OpenRoom> {
        self.rooms.get_mut(&id)
    }

    /// Counts one more room, unless all hubs together have `max` rooms. Returns whether it did.
    pub(crate) fn reserve(&self, max: usize) -> bool {
        self.shard.rooms.add_below(max)
    }

    /// Opens a room that was [reserved](Self::reserve). `create` gets the last user id of all rooms that were
    /// forgotten.
    pub(crate) fn open(&mut self, name: &RoomName, create: impl FnOnce(UserId) -> OpenRoom) -> RoomId {
        self.opened += 1;
        let id = self.shard.room_id(self.opened);
        self.ids.insert(name.key().to_owned(), id);
        self.rooms.insert(id, create(self.last_user));
        id
    }

    /// Forgets a room if nobody is in it any more. Returns whether it did.
    pub(crate) fn forget_if_empty(&mut self, id: RoomId) -> bool {
        if !self.rooms.get(&id).is_some_and(OpenRoom::is_empty) {
            return false;
        }
        if let Some(room) = self.rooms.remove(&id) {
            self.shard.rooms.remove(1);
            self.ids.remove(room.name().key());
            self.last_user = self.last_user.max(room.last_user());
        }
        true
    }
}
