//! The role of a node that does not know yet who owns the room.

use super::{Moment, TTL};
use crate::base::ids::{Epoch, NodeId};
use std::collections::BTreeSet;
use std::time::Instant;

/// The role of a node that does not know yet who owns the room.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// If nobody owns the room: when this node published its first `Open`.
    asked: Option<Instant>,
    /// The latest epoch, according to Redis.
    latest: Epoch,
    /// How many other nodes have received the last `Open`; `None` until that is known.
    listeners: Option<usize>,
    /// Those of them that have answered that they do not have the room either.
    also_unknown: BTreeSet<NodeId>,
}

impl Unknown {
    /// Nobody owns the room. Returns whether this node publishes an `Open`.
    pub(super) fn on_nobody(&mut self, epoch: Epoch, moment: Moment<'_>) -> bool {
        self.latest = epoch;
        if moment.is_settled {
            self.asked.get_or_insert(moment.now);
            self.listeners = None;
            self.also_unknown.clear();
        }
        moment.is_settled
    }

    /// Says how many other nodes have received the last `Open`.
    pub(super) fn set_listeners(&mut self, others: usize) {
        self.listeners = Some(others);
    }

    /// Another node does not have the room either.
    pub(super) fn add_also_unknown(&mut self, node: NodeId) {
        if self.asked.is_some() {
            self.also_unknown.insert(node);
        }
    }

    /// Whether this node may take the room now: no other node has the room, or any that has it has had the time to take
    /// it first. True at most once for each `Open`.
    pub(super) fn take_turn(&mut self, now: Instant) -> bool {
        let (Some(asked), Some(listeners)) = (self.asked, self.listeners) else { return false };
        let may_take = self.also_unknown.len() >= listeners || now.duration_since(asked) >= TTL;
        if may_take {
            self.listeners = None;
        }
        may_take
    }

    /// Whether the room has had an owner after this epoch.
    pub(super) fn is_later_than(&self, epoch: Epoch) -> bool {
        self.latest > epoch
    }
}
