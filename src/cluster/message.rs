//! The messages between nodes. They are JSON, and later versions only add fields, so that nodes of two consecutive
//! versions can run together.

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

/// How far a room has come: the owner's epoch, and the number of its last message in that epoch.
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
    /// A node that does not have the room wants to own it. A node that has the room takes it first.
    Open,
    /// The owner has decided this.
    Out {
        /// The position of this message.
        at: Position,
        /// What was decided, in order.
        rulings: Vec<Ruled>,
        /// The room's record, if it has changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<Box<RoomRecord>>,
        /// Redis could not store the record, and hosts have to be told.
        #[serde(default, skip_serializing_if = "is_false")]
        is_unsaved: bool,
        /// The nodes whose messages the owner has handled since its last confirmation.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        heard: Heard,
    },
    /// The owner repeats its position, with a few beats after each change.
    Tick {
        /// The position of its last message.
        at: Position,
        /// All nodes whose messages it has handled.
        heard: Heard,
        /// The number of viewers on all nodes.
        viewers: usize,
    },
    /// A node is the owner now.
    Reign {
        /// The new epoch.
        epoch: Epoch,
        /// Its last position as a mirror. A mirror at exactly this position has the same room.
        from: Position,
    },
}

/// A fact that was decided, and what led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruled {
    /// The fact.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// The request that led to it, if a client of another node sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<RequestId>,
    /// If it is a post with a `ref`, its idempotency key.
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
    /// The answer of a node that does not have the room, or not yet.
    Unknown,
    /// The copy.
    Copy {
        /// The position at which it was made.
        at: Position,
        /// The room's name.
        name: String,
        /// The owner is stopping and hands the room over to the receiver, even if that does not have the room.
        #[serde(default, skip_serializing_if = "is_false")]
        leaves: bool,
        /// The room.
        copy: Box<RoomCopy>,
        /// The numbers of recent posts with a `ref`, and their idempotency keys.
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
        /// The number of viewers on the mirror.
        viewers: usize,
        /// One of its clients has proved the host key.
        #[serde(default, skip_serializing_if = "is_false")]
        has_key: bool,
    },
    /// All clients of a mirror that have a seat or want one. A user who is not in it has no connection to the mirror.
    Attach {
        /// The epoch of the owner.
        epoch: Epoch,
        /// The number of this message, in one sequence with those of [`In`](Self::In).
        seq: u64,
        /// Their seats, their texts, and their requests that were not confirmed.
        requests: Vec<Request>,
        /// Posts that the mirror has and the owner lacks, with their idempotency keys.
        posts: Vec<(Post, Option<IdempotencyKey>)>,
        /// The number of viewers on the mirror.
        viewers: usize,
        /// One of its clients has proved the host key.
        #[serde(default, skip_serializing_if = "is_false")]
        has_key: bool,
    },
    /// The answer to a request that led to no fact: it was refused, or had been done before.
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
    /// The number that the mirror gave it. Its answer has the same.
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
    /// A change of the text in its box.
    Write(TextChange<'static>),
    /// A post.
    Post {
        /// The text.
        text: String,
        /// The client's `ref`, or one that the mirror has chosen, so that the post can be sent again.
        reference: String,
    },
    /// A post without a seat, under this name.
    PostWithoutSeat {
        /// The name.
        name: Name,
        /// The text.
        text: String,
        /// The client's `ref`, or one that the mirror has chosen, so that the post can be sent again.
        reference: String,
    },
    /// A new name.
    Rename(Name),
    /// The rights of a host: it has just proved the host key.
    Host,
    /// A change of the room's state.
    SetRoom(StateChange),
    /// The removal of a user.
    RemoveUser(UserId),
    /// The clearing of one box, or of all.
    Clear(Option<UserId>),
    /// The rights of a host, for this user.
    MakeHost(UserId),
    /// The removal of a post.
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
    /// There was nothing to do: the post had been removed before.
    Done,
    /// A later connection has the seat.
    SeatTaken,
    /// The post had been posted before.
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
    /// Whether the owner answers only when Redis has, which may be after it has confirmed the message with the request.
    pub(crate) fn is_answered_later(&self) -> bool {
        matches!(self, Self::Post { .. } | Self::PostWithoutSeat { .. } | Self::RemovePost(_))
    }

    /// Whether it must not be done again if it is asked for again: it would undo what others have done since.
    pub(crate) fn is_done_once(&self) -> bool {
        matches!(self, Self::Clear(_) | Self::SetRoom(_))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}
