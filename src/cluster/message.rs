//! The messages between nodes. They are JSON, and later versions only add fields, so that nodes of two versions that
//! follow each other can run together.

use crate::base::ids::{Epoch, NodeId, RequestId, UserId};
use crate::room::action::Rank;
use crate::room::copy::RoomCopy;
use crate::room::error::RoomError;
use crate::room::names::Name;
use crate::room::post::{NotStored, Post};
use crate::room::rules::Ruling;
use crate::room::session::{IdempotencyKey, SessionKey};
use crate::room::state::{RoomRecord, StateChange};
use crate::room::text::TextChange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an owner has published last: its epoch, and the number of the message in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// The epoch.
    pub epoch: Epoch,
    /// The number of the message, from 1.
    pub seq: u64,
}

/// For each node, the number of its last message that the owner has handled.
pub(crate) type Heard = BTreeMap<NodeId, u64>;

/// A message on the channel of a room, which all nodes with that room receive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomMessage {
    /// The node that sends it.
    pub from: NodeId,
    /// What it says.
    pub says: ToRoom,
}

/// What a node says to all nodes with a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToRoom {
    /// A node that knows nothing of the room wants to own it. A node that knows the room takes it first.
    Open,
    /// The owner has decided this.
    Out {
        /// The position of this message.
        at: Position,
        /// What was decided, in order.
        rulings: Vec<Ruled>,
        /// What the room remembers of its hosts, if that has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<Box<RoomRecord>>,
        /// Redis could not keep the record, of which hosts are told.
        #[serde(default, skip_serializing_if = "is_false")]
        is_unsaved: bool,
        /// The nodes whose messages are handled with this.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        heard: Heard,
    },
    /// A sign of life of the owner, every second after a change.
    Tick {
        /// The position of its last message.
        at: Position,
        /// All nodes whose messages it has handled.
        heard: Heard,
        /// The viewers of all nodes.
        viewers: usize,
    },
    /// A node is the owner now.
    Reign {
        /// The new epoch.
        epoch: Epoch,
        /// The position at which it was a mirror. A mirror that is exactly there has the same room.
        from: Position,
    },
}

/// A fact that was decided, and what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The fact.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// The request that led to it, if it was not the owner's own client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<RequestId>,
    /// If it is a post with a `ref`, the key of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<IdempotencyKey>,
}

/// A message to one node, about a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeMessage {
    /// The key of the room's name.
    pub room: String,
    /// The node that sends it.
    pub from: NodeId,
    /// What it says.
    pub says: ToNode,
}

/// What a node says to another one about a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToNode {
    /// Asks the owner for a copy of the room.
    Sync,
    /// The answer of a node that does not have the room, or knows nothing of it yet.
    Unknown,
    /// The copy.
    Copy {
        /// The position at which it was made.
        at: Position,
        /// The room's name.
        name: String,
        /// The owner stops and leaves the room to the node that gets this, even if that does not have it.
        #[serde(default, skip_serializing_if = "is_false")]
        leaves: bool,
        /// The room.
        copy: Box<RoomCopy>,
        /// The numbers of recent posts with a `ref`, and the keys of those.
        keys: Vec<(u64, IdempotencyKey)>,
    },
    /// What clients of a mirror ask for.
    In {
        /// The epoch of the owner.
        epoch: Epoch,
        /// The number of this message, from 1.
        seq: u64,
        /// What they ask for, in order.
        requests: Vec<Request>,
        /// The viewers of the mirror.
        viewers: usize,
        /// One of its clients has proved the host key.
        #[serde(default, skip_serializing_if = "is_false")]
        has_key: bool,
    },
    /// All clients of a mirror that have a seat or want one. Whoever is not in it has no connection there.
    Attach {
        /// The epoch of the owner.
        epoch: Epoch,
        /// The number of this message, from 1, in one sequence with the others.
        seq: u64,
        /// Their seats, texts, and posts that were not confirmed.
        requests: Vec<Request>,
        /// Posts that the mirror has and the owner lacks, with the keys of their `ref`s.
        posts: Vec<(Post, Option<IdempotencyKey>)>,
        /// The viewers of the mirror.
        viewers: usize,
        /// One of its clients has proved the host key.
        #[serde(default, skip_serializing_if = "is_false")]
        has_key: bool,
    },
    /// The owner does not do what a client asked for, or has done it already.
    Answer {
        /// The number of the request.
        number: u64,
        /// The outcome.
        outcome: Outcome,
    },
}

/// What a client of a mirror asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The connection.
    pub by: Rank,
    /// It has proved the host key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_key: bool,
    /// A number that the mirror gives, for the answer.
    pub number: u64,
    /// What it asks for.
    pub asks: Asked,
}

/// What a client can ask the owner for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A seat.
    Join {
        /// The name for a new seat.
        name: Name,
        /// The key of the session.
        key: SessionKey,
    },
    /// Another text in its box.
    Write(TextChange<'static>),
    /// A post.
    Post {
        /// The text.
        text: String,
        /// The client's `ref` for it, or one that the mirror gives it, so that it can be sent again.
        reference: String,
    },
    /// A post under this name, without a seat.
    PostWithoutSeat {
        /// The name.
        name: Name,
        /// The text.
        text: String,
        /// The client's `ref` for it, or one that the mirror gives it, so that it can be sent again.
        reference: String,
    },
    /// Another name.
    Rename(Name),
    /// To be a host: it has just proved the host key.
    Host,
    /// Another state of the room.
    SetRoom(StateChange),
    /// That a user is removed.
    RemoveUser(UserId),
    /// An empty box, or all of them.
    Clear(Option<UserId>),
    /// Another host.
    MakeHost(UserId),
    /// That a post is removed.
    RemovePost(u64),
    /// Nothing more: its connection has ended.
    Leave {
        /// It has said goodbye.
        goodbye: bool,
    },
}

/// The answer to a request that led to no fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was to be done: the post was removed before.
    Done,
    /// A later connection has the seat.
    SeatTaken,
    /// The post was posted before.
    Duplicate(Post),
    /// The rules refuse it.
    Refused(RoomError),
    /// The post was not stored.
    NotStored(NotStored),
    /// The post was not removed.
    NotRemoved(NotStored),
    /// The texts of all rooms take too much memory.
    MemoryFull,
}

impl Asked {
    /// Whether the owner answers once it is done, and not with the message that it came in: it waits for Redis.
    pub(crate) fn is_answered_later(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::PostWithoutSeat { .. } | Self::RemovePost(_))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
