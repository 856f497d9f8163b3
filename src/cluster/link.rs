//! What hubs and the link to the other nodes tell each other.

use crate::base::ids::{Epoch, NodeId, RoomId};
use crate::cluster::message::{NodeMessage, RoomMessage, ToNode, ToRoom};
use crate::cluster::room_link::Ownership;
use crate::cluster::validity;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the link tells a hub.
#[derive(Debug)]
pub enum LinkEvent {
    /// Redis has received a beat of this node.
    Beat(Beat),
    /// Messages arrive again, after some may have been lost.
    Linked,
    /// No messages arrive any more.
    Cut,
    /// A message on the channel of a room.
    Room {
        /// The key of the room's name.
        room: String,
        /// The node that sends it.
        from: NodeId,
        /// What it says.
        says: ToRoom,
    },
    /// A message to this node about a room.
    Node {
        /// The key of the room's name.
        room: String,
        /// The node that sends it.
        from: NodeId,
        /// What it says.
        says: ToNode,
    },
    /// The messages of a room arrive from now on.
    Subscribed(RoomId),
    /// Who owns a room.
    Owned(RoomId, Ownership),
    /// A room could not be handed over to this node: the node is dead, or another one owns the room by now.
    NotGiven(RoomId, NodeId),
    /// It is not known whether a room was handed over: the answer was lost, or what Redis has about the room is
    /// invalid.
    GiveFailed(RoomId),
    /// Redis has published the last messages. For some rooms, it says how many nodes have received one.
    Published(Vec<(RoomId, usize)>),
    /// Some of the last publications may not have arrived at Redis.
    Unpublished,
}

/// Why a message was dropped.
#[derive(Debug)]
pub enum InvalidMessage {
    /// It cannot be read.
    Unreadable(serde_json::Error),
    /// No node sends what it says.
    Invalid,
}

impl From<serde_json::Error> for InvalidMessage {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Says only where the message is wrong, because there may be texts in it.
impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => {
                write!(f, "cannot be read ({:?} in column {})", error.classify(), error.column())
            }
            Self::Invalid => f.write_str("is invalid"),
        }
    }
}

impl LinkEvent {
    /// A message that has arrived on a room's channel. `room` is the key of the room's name, and `redis_millis` the
    /// time by the clock of Redis, in milliseconds since 1970.
    pub fn of_room(room: String, json: &str, redis_millis: u64) -> Result<Self, InvalidMessage> {
        let message: RoomMessage = serde_json::from_str(json)?;
        if !validity::is_valid_in_room(&message, redis_millis) {
            return Err(InvalidMessage::Invalid);
        }
        let RoomMessage { from, says } = message;
        Ok(Self::Room { room, from, says })
    }

    /// The same for a message that has arrived on this node's channel.
    pub fn of_node(json: &str, redis_millis: u64) -> Result<Self, InvalidMessage> {
        let message: NodeMessage = serde_json::from_str(json)?;
        if !validity::is_valid_to_node(&message, redis_millis) {
            return Err(InvalidMessage::Invalid);
        }
        let NodeMessage { room, from, says } = message;
        Ok(Self::Node { room, from, says })
    }
}

/// What a node knows after a beat.
#[derive(Debug, Clone)]
pub struct Beat {
    /// The node has counted as alive until now, and Redis has lost nothing since the last beat, as far as is known.
    pub was_alive: bool,
    /// The nodes that are alive.
    pub alive: Arc<BTreeSet<NodeId>>,
    /// The end of the lease, by the clock that also runs while the machine is suspended.
    pub valid_until: Duration,
    /// Since when messages have arrived without a break.
    pub linked_since: Instant,
    /// How far the clock of Redis is ahead of this machine's, in milliseconds.
    pub clock_offset: i64,
}

/// What a hub asks the link for.
#[derive(Debug)]
pub enum LinkRequest {
    /// Receive the messages of a room.
    Subscribe(RoomId, String),
    /// Stop receiving them.
    Unsubscribe(String),
    /// Find out which node owns a room.
    Own {
        /// The room.
        room: RoomId,
        /// The key of its name.
        key: String,
        /// The latest epoch that the hub knows.
        known: Epoch,
        /// Whether this node takes the room if nobody alive owns it.
        may_take: bool,
    },
    /// Send a beat at once, because this node has to know which nodes are [alive](LinkEvent::Beat).
    Beat,
    /// Give up a room that this node has forgotten. If this node owned it, nobody does then.
    Release(String),
    /// Hand over a room that this node owns to another node. The answer is [`Owned`](LinkEvent::Owned),
    /// [`NotGiven`](LinkEvent::NotGiven) or [`GiveFailed`](LinkEvent::GiveFailed).
    Give {
        /// The room.
        room: RoomId,
        /// The key of its name.
        key: String,
        /// The epoch.
        epoch: Epoch,
        /// The other node.
        to: NodeId,
    },
    /// Publish these, in order. A hub sends no more until they are [published](LinkEvent::Published).
    Publish(Vec<Publication>),
}

/// A message to be published.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication {
    /// Where it goes.
    pub channel: Channel,
    /// The message, in JSON.
    pub json: String,
    /// The room that is told how many nodes have received it.
    pub counted_for: Option<RoomId>,
}

/// A channel of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// The channel of the room whose name has this key.
    Room(String),
    /// The channel of a node.
    Node(NodeId),
}
