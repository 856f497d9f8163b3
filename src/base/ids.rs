//! Identifiers. Each kind has its own type, so that the compiler rejects mix-ups.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;

/// A connection. Ids are never reused. They follow the order in which connections were accepted, so of two connections
/// the one with the higher id is the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// A room, unique over all hubs. A room that is removed and created again gets a new id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// A user. Ids are unique within a room and never reused there. On the wire, an id is an opaque string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(pub u64);

/// A process that serves rooms together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// Identifies a request of a client of another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId {
    /// The node.
    pub node: NodeId,
    /// The number that the node gives it.
    pub number: u64,
}

/// The number by which a client knows the acknowledgement that it asks for. Only Socket.IO clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckId(pub u64);

/// A map by ids. The server numbers them, so nobody can choose ids whose hashes collide, and the faster hash is safe.
pub(crate) type IdMap<Id, Value> = HashMap<Id, Value, foldhash::fast::RandomState>;

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        digits.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A period in which one node owns a room. Of two, the one with the higher number is the later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl Epoch {
    /// How many users can join in each millisecond of an epoch, on average, as a power of two: about a billion a second.
    const COUNTER_BITS: u32 = 20;

    /// Users who join in this epoch get ids after this one. Epochs are times in milliseconds, so ids of different epochs
    /// differ.
    pub fn first_user(self) -> UserId {
        UserId(self.0.saturating_mul(1 << Self::COUNTER_BITS))
    }
}
