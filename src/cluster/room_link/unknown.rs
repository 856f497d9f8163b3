//! The part of a node that does not know yet whose the room is.

use super::{Moment, TTL};
use crate::base::ids::{Epoch, NodeId};
use std::collections::BTreeSet;
use std::time::Instant;

/// The part of a node that does not know yet whose the room is.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    /// If nobody owns the room: since when this node says that it would.
    asked: Option<Instant>,
    /// The latest epoch, as Redis last said.
    latest: Epoch,
    /// How many others have heard that this node would own the room, when it last said so; `None` until that is known.
    listeners: Option<usize>,
    /// Those of them that have answered that they know nothing of the room either.
    also_unknown: BTreeSet<NodeId>,
}

impl Unknown {
    /// Nobody owns the room. Returns whether this node says that it would.
    pub(super) fn on_nobody(&mut self, epoch: Epoch, moment: Moment<'_>) -> bool {
        self.latest = epoch;
        if moment.is_settled {
            self.asked.get_or_insert(moment.now);
            self.listeners = None;
            self.also_unknown.clear();
        }
        moment.is_settled
    }

    /// So many others have heard it.
    pub(super) fn set_listeners(&mut self, others: usize) {
        self.listeners = Some(others);
    }

    /// Another node knows nothing of the room.
    pub(super) fn add_also_unknown(&mut self, node: NodeId) {
        if self.asked.is_some() {
            self.also_unknown.insert(node);
        }
    }

    /// Whether this node may take the room now: all who have heard it know nothing of the room, or whoever does has had
    /// the time to take it first. True once for each time that this node says so.
    pub(super) fn take_turn(&mut self, now: Instant) -> bool {
        let (Some(asked), Some(listeners)) = (self.asked, self.listeners) else { return false };
        let may_take = self.also_unknown.len() >= listeners || now.duration_since(asked) >= TTL;
        if may_take {
            self.listeners = None;
        }
        may_take
    }

    /// Whether a copy that another node leaves to this one is from before somebody else has owned the room.
    pub(super) fn is_later_than(&self, epoch: Epoch) -> bool {
        self.latest > epoch
    }
}
