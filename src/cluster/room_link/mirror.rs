//! The role of a mirror: whether it is synced with the owner.

use super::missed::{Missed, Out};
use super::{Effect, Moment, TTL};
use crate::base::ids::NodeId;
use crate::cluster::message::{Position, ToNode};
use std::time::{Duration, Instant};

/// How often a mirror asks for a copy of the room, at most. The last copy that it asked for may be under way.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The role of a mirror.
#[derive(Debug)]
pub(super) struct Mirror {
    pub(super) owner: NodeId,
    /// Since when it has lacked something; `None` if it is synced.
    unsynced_since: Option<Instant>,
    /// It has the room as the owner had it at this position, even if it lacks what came after.
    is_exact: bool,
    /// What the owner has decided since it lacks something.
    missed: Missed,
    /// When it last asked for a copy.
    asked: Option<Instant>,
    /// The number of its last message to the owner.
    sent: u64,
    /// The value of `sent` when the owner last said what it has handled.
    sent_before: u64,
    /// It has to attach.
    attach_due: bool,
}

impl Mirror {
    /// A mirror that does not have the room yet.
    pub(super) fn of(owner: NodeId, now: Instant) -> Self {
        Self {
            owner,
            unsynced_since: Some(now),
            is_exact: false,
            missed: Missed::default(),
            asked: None,
            sent: 0,
            sent_before: 0,
            attach_due: true,
        }
    }

    /// Whether it is synced: it has the room as the owner had it at its position.
    pub(super) fn is_synced(&self) -> bool {
        self.unsynced_since.is_none()
    }

    /// Whether it has the room as the owner had it at its position, even if it lacks what came after.
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// It has changed the room on its own, or follows a new owner from a position that it has not reached.
    pub(super) fn mark_diverged(&mut self) {
        self.is_exact = false;
    }

    /// It has missed something.
    pub(super) fn lose_sync(&mut self, now: Instant) {
        self.unsynced_since.get_or_insert(now);
        self.attach_due = true;
    }

    /// A message of the owner is not the next one. After a copy, it may be.
    pub(super) fn miss(&mut self, out: Out, now: Instant) {
        self.lose_sync(now);
        self.missed.keep(out);
    }

    /// It has a copy of the room. Returns what the owner has decided since then, and whether that is without a gap.
    pub(super) fn gain_sync(&mut self, copied: Position) -> (Vec<Out>, bool) {
        self.unsynced_since = None;
        self.is_exact = true;
        self.asked = None;
        self.missed.take_after(copied)
    }

    /// Another epoch has begun, in which it has sent nothing.
    pub(super) fn restart(&mut self) {
        (self.sent, self.sent_before) = (0, 0);
        self.asked = None;
        self.attach_due = true;
        self.missed.clear();
    }

    /// Asks the owner for a copy, unless it has just done so.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Effect> {
        let is_due = self.asked.is_none_or(|at| now.duration_since(at) >= SYNC_INTERVAL);
        is_due.then(|| {
            self.asked = Some(now);
            Effect::Send(self.owner, ToNode::Sync)
        })
    }

    /// Whether a message of the owner is the next one.
    pub(super) fn follows(&self, last: Position, next: Position) -> bool {
        self.is_synced() && Some(next.seq) == last.seq.checked_add(1)
    }

    /// The owner says how many of this mirror's messages it has handled. If a message is missing that was sent before
    /// the owner last said so, it was lost. Later ones may be under way.
    pub(super) fn check_heard(&mut self, heard: Option<u64>) {
        self.attach_due |= heard.unwrap_or(0) < self.sent_before;
        self.sent_before = self.sent;
    }

    pub(super) fn request_attach(&mut self) {
        self.attach_due = true;
    }

    /// Whether it has to find out who owns the room: the owner is dead, or has not answered for long.
    pub(super) fn must_take_over(&self, moment: Moment<'_>) -> bool {
        let waits_long = self.unsynced_since.is_some_and(|since| moment.now.duration_since(since) > TTL);
        moment.is_settled && (waits_long || !moment.alive.contains(&self.owner))
    }

    /// What is due every second.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        match (self.is_synced(), self.attach_due) {
            (false, _) => self.ask(now).into_iter().collect(),
            (true, true) => vec![Effect::Attach],
            (true, false) => Vec::new(),
        }
    }

    /// The number of the next message, which is an `Attach` if `is_all`. `None` if this mirror is not synced.
    pub(super) fn next_message(&mut self, is_all: bool) -> Option<u64> {
        if !self.is_synced() {
            self.attach_due = true;
            return None;
        }
        self.attach_due &= !is_all;
        self.sent += 1;
        Some(self.sent)
    }
}
