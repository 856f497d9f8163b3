//! What a room's part in the cluster is told, and what it has done about it.

use crate::base::ids::{Epoch, NodeId};
use crate::cluster::message::{Request, Ruled, ToNode, ToRoom};
use crate::room::copy::RoomCopy;
use crate::room::post::Post;
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use std::collections::BTreeSet;
use std::time::Instant;

/// What is known of the other nodes at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// The time.
    pub now: Instant,
    /// This node may decide: its last beat is recent enough for no other to believe it dead.
    pub holds: bool,
    /// This node has been linked to the others for long enough to tell which nodes are dead.
    pub is_settled: bool,
    /// The nodes that were alive at the last beat.
    pub alive: &'a BTreeSet<NodeId>,
}

/// Whose a room is, as Redis says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// The owner; `None` if nobody alive is, and this node may not take it.
    pub owner: Option<NodeId>,
    /// The latest epoch.
    pub epoch: Epoch,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Tell every node with the room. How many nodes there are comes back as [`RoomLink::on_listeners`](super::RoomLink::on_listeners).
    Publish(ToRoom),
    /// Tell one node.
    Send(NodeId, ToNode),
    /// Ask Redis whose the room is.
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
        /// What the room remembers of its hosts, if that has changed.
        record: Option<RoomRecord>,
        /// Redis could not keep what the room remembers.
        is_unsaved: bool,
    },
    /// Change the room to this one.
    Replace {
        /// The room.
        copy: Box<RoomCopy>,
        /// The numbers of recent posts with a `ref`, and the keys of those.
        keys: Vec<(u64, IdempotencyKey)>,
    },
    /// The owner has handled this node's messages up to this number.
    Confirm(u64),
    /// Tell the owner of all clients here.
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
        /// Posts that the node has and this one may lack.
        posts: Vec<(Post, Option<IdempotencyKey>)>,
    },
    /// This node owns the room from now on: its clients are to be taken in, and the log to be read.
    Reign,
    /// This node still owns the room, which was in doubt.
    Resume,
    /// This node does not own the room any more.
    StepDown,
    /// The number of viewers on all nodes.
    Viewers(usize),
}
