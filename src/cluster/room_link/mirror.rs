//! The part of a mirror: whether it has the room as its owner has it.

use super::missed::{Missed, Out};
use super::{Effect, Moment, TTL};
use crate::base::ids::NodeId;
use crate::cluster::message::{Position, ToNode};
use std::time::{Duration, Instant};

/// How often a mirror asks for a copy of the room, at most. The answer to the last question may be under way.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// The part of a mirror.
#[derive(Debug)]
pub(super) struct Mirror {
    pub(super) owner: NodeId,
    /// Since when it lacks something; `None` if it has all that the owner had at its position.
    unsynced_since: Option<Instant>,
    /// It has the room as the owner had it at its position, even if it lacks what came after.
    is_exact: bool,
    /// What the owner has decided since it lacks something.
    missed: Missed,
    /// When it last asked for a copy.
    asked: Option<Instant>,
    /// The number of its last message to the owner.
    sent: u64,
    /// The same when the owner last said what it has handled.
    sent_before: u64,
    /// It is to tell the owner of all its clients.
    attach_due: bool,
}

impl Mirror {
    /// A mirror that has nothing of the room.
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

    /// Whether it has the room as the owner had it at its position.
    pub(super) fn is_synced(&self) -> bool {
        self.unsynced_since.is_none()
    }

    /// Whether it has the room as the owner had it at its position, even if it lacks what came after.
    pub(super) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// It has changed the room on its own, or is to follow another owner from a position at which it has not been.
    pub(super) fn mark_diverged(&mut self) {
        self.is_exact = false;
    }

    /// It has missed something.
    pub(super) fn lose_sync(&mut self, now: Instant) {
        self.unsynced_since.get_or_insert(now);
        self.attach_due = true;
    }

    /// A message of the owner is not the next one. It may be, after a copy.
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

    /// The owner says how many of this mirror's messages it has handled. Those that were sent before it last said so
    /// and are not among them were lost; later ones may be under way.
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

    /// The number of the next message, which tells of all clients if `is_all`. `None` if the owner cannot be told.
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
