//! The role of the owner: which messages of the mirrors it has handled.

use super::{Effect, TTL};
use crate::base::ids::NodeId;
use crate::cluster::message::{Heard, Position, ToRoom};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Instant;

/// How many beats after a change the owner repeats its position, so that a mirror that has missed the change finds out.
/// As many as fit in [`TTL`]: a mirror that hears nothing for longer than that makes a new connection, and asks for a
/// copy anyway.
const TICKS: u32 = 3;

/// The role of the owner.
#[derive(Debug)]
pub(super) struct Owner {
    /// It may not own the room any more.
    pub(super) doubts: bool,
    heard: Heard,
    /// The nodes whose messages it has handled since its last confirmation.
    newly_heard: BTreeSet<NodeId>,
    viewers: BTreeMap<NodeId, usize>,
    /// The number of viewers on all nodes that it last published.
    told_viewers: usize,
    /// The nodes that have attached since it became the owner.
    attached: BTreeSet<NodeId>,
    /// How many other nodes had the room when it took over; `None` until that is known.
    listeners: Option<usize>,
    /// Until when it waits for them to attach.
    attach_by: Instant,
    /// How many more times it repeats its position, and the position that it repeats.
    ticks: (u32, Position),
}

impl Owner {
    /// A node that becomes the owner now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            doubts: false,
            heard: Heard::new(),
            newly_heard: BTreeSet::new(),
            viewers: BTreeMap::new(),
            told_viewers: 0,
            attached: BTreeSet::new(),
            listeners: None,
            attach_by: now + TTL,
            ticks: (TICKS, Position::default()),
        }
    }

    /// Says how many other nodes have the room.
    pub(super) fn set_listeners(&mut self, others: usize) {
        self.listeners.get_or_insert(others);
    }

    /// Handles a mirror's message with this number. Returns whether it is the next one: otherwise messages were lost,
    /// and the mirror will attach again.
    pub(super) fn accept(&mut self, node: NodeId, seq: u64, viewers: usize) -> bool {
        let is_next = self.heard.get(&node).is_some_and(|last| last.checked_add(1) == Some(seq));
        if is_next {
            self.note(node, seq, viewers);
        }
        is_next
    }

    /// A mirror gets a copy, and attaches next. Its other messages are dropped until then: it may have forgotten the
    /// room meanwhile, and number its messages from 1 again.
    pub(super) fn expect_attach(&mut self, node: NodeId) {
        self.heard.remove(&node);
    }

    /// A mirror attaches.
    pub(super) fn attach(&mut self, node: NodeId, seq: u64, viewers: usize) {
        self.attached.insert(node);
        self.note(node, seq, viewers);
    }

    fn note(&mut self, node: NodeId, seq: u64, viewers: usize) {
        self.heard.insert(node, seq);
        self.newly_heard.insert(node);
        self.viewers.insert(node, viewers);
        self.ticks.0 = TICKS;
    }

    /// Messages of mirrors may have been lost.
    pub(super) fn forget_heard(&mut self) {
        self.heard.clear();
        self.newly_heard.clear();
        self.ticks.0 = TICKS;
    }

    pub(super) fn has_newly_heard(&self) -> bool {
        !self.newly_heard.is_empty()
    }

    /// The nodes whose messages it has handled since its last confirmation, and how far.
    pub(super) fn take_newly_heard(&mut self) -> Heard {
        let newly = mem::take(&mut self.newly_heard);
        newly.into_iter().filter_map(|node| Some((node, *self.heard.get(&node)?))).collect()
    }

    /// What is due every second.
    pub(super) fn tick(
        &mut self,
        at: Position,
        own_viewers: usize,
        alive: &BTreeSet<NodeId>,
    ) -> Option<Effect> {
        self.viewers.retain(|node, _| alive.contains(node));
        self.heard.retain(|node, _| alive.contains(node));
        self.attached.retain(|node| alive.contains(node));
        let viewers = own_viewers.saturating_add(self.viewers());
        let has_changed = mem::replace(&mut self.told_viewers, viewers) != viewers;
        if has_changed || self.ticks.1 != at {
            self.ticks = (TICKS, at);
        }
        self.ticks.0 = self.ticks.0.checked_sub(1)?;
        Some(Effect::Publish(ToRoom::Tick { at, heard: self.heard.clone(), viewers }))
    }

    /// Whether a node has not attached in time.
    pub(super) fn misses(&self, node: NodeId, now: Instant) -> bool {
        now >= self.attach_by && !self.attached.contains(&node)
    }

    pub(super) fn may_number(&self, now: Instant) -> bool {
        self.listeners.is_some_and(|others| self.attached.len() >= others) || now >= self.attach_by
    }

    /// The nodes that have attached.
    pub(super) fn attached(&self) -> impl Iterator<Item = NodeId> {
        self.attached.iter().copied()
    }

    pub(super) fn viewers(&self) -> usize {
        self.viewers.values().fold(0, |sum, viewers| sum.saturating_add(*viewers))
    }
}
