//! What a room's link is told, and the effects that it asks for.

use crate::base::ids::{Epoch, NodeId};
use crate::cluster::message::{Request, Ruled, ToNode, ToRoom};
use crate::room::copy::RoomCopy;
use crate::room::post::Post;
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use std::collections::BTreeSet;
use std::time::Instant;

/// What this node knows of the others at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// The time.
    pub now: Instant,
    /// This node holds its lease, so it may decide: no other node considers it dead.
    pub holds: bool,
    /// This node has been linked to the others for long enough to know which nodes are dead.
    pub is_settled: bool,
    /// The nodes that were alive at the last beat.
    pub alive: &'a BTreeSet<NodeId>,
}

/// Who owns a room, according to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// The owner; `None` if no node that is alive owns the room, and this one may not take it.
    pub owner: Option<NodeId>,
    /// The latest epoch.
    pub epoch: Epoch,
}

/// What the hub has to do for a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Tell every node with the room. How many nodes have received an `Open` or `Reign` comes back as
    /// [`RoomLink::on_listeners`](super::RoomLink::on_listeners).
    Publish(ToRoom),
    /// Tell one node.
    Send(NodeId, ToNode),
    /// Ask Redis who owns the room.
    Own {
        /// The latest epoch that is known here.
        known: Epoch,
        /// Whether this node takes the room if nobody alive owns it.
        may_take: bool,
    },
    /// Follow what the owner has decided.
    Follow {
        /// The facts, in order.
        rulings: Vec<Ruled>,
        /// The room's record, if it has changed.
        record: Option<RoomRecord>,
        /// Redis could not store the record.
        is_unsaved: bool,
    },
    /// Change the room to what a copy says.
    Replace {
        /// The room.
        copy: Box<RoomCopy>,
        /// The numbers of recent posts with a `ref`, and their idempotency keys.
        keys: Vec<(u64, IdempotencyKey)>,
    },
    /// The owner has handled this node's messages up to this number.
    Confirm(u64),
    /// Attach: tell the owner of all clients here.
    Attach,
    /// Send a copy of the room to this node.
    CopyTo(NodeId),
    /// Decide these requests of another node's clients, in order.
    Decide {
        /// The node.
        from: NodeId,
        /// One of its clients has proved the host key.
        has_key: bool,
        /// What they ask for.
        requests: Vec<Request>,
        /// The node has no other clients with a seat.
        is_all: bool,
        /// Posts that the node has and this one may lack, with their idempotency keys.
        posts: Vec<(Post, Option<IdempotencyKey>)>,
    },
    /// This node owns the room from now on. It has to decide what its clients asked for, and to read the log.
    Reign,
    /// This node still owns the room, after that was in doubt.
    Resume,
    /// This node does not own the room any more.
    StepDown,
    /// The number of viewers on all nodes.
    Viewers(usize),
}
