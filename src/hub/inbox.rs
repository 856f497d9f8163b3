//! The inbox of a room: the events of its clients that have to wait. Some wait because the room has had its quantum of
//! the hub for now, so that no room delays the others. Some wait for the room's [`budget`](crate::hub::budget).

use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::hub::budget::Budget;
use crate::hub::event::{FromClient, QueuedEvent};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Instant;

/// How much a room's events may weigh in one turn of the hub: about as long as writing to a few hundred clients takes.
/// The events of a full drain weigh less unless they change long texts.
const QUANTUM: usize = 2048;

/// For how many events an empty inbox keeps space. Every room has one, so with more, one flood in each of a thousand
/// rooms would hold hundreds of megabytes for ever.
const KEPT_CAPACITY: usize = 32;

/// The events of a room's clients that wait.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// The turn of the hub in which the room last handled an event.
    turn: u64,
    /// What is left of the room's quantum in that turn.
    quantum_left: usize,
    waiting: VecDeque<QueuedEvent>,
    /// Events of each client that wait until the room is loaded.
    held: BTreeMap<ClientId, Vec<QueuedEvent>>,
    /// The budget for events that everyone in the room gets.
    pub budget: Budget,
}

impl Inbox {
    /// An empty inbox.
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            turn: 0,
            quantum_left: QUANTUM,
            waiting: VecDeque::new(),
            held: BTreeMap::new(),
            budget: Budget::new(limits, now),
        }
    }

    /// Whether no event waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty() && self.budget.is_idle()
    }

    /// Whether events wait for the room's next turn.
    pub(crate) fn waits_for_turn(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns an event of this weight that can be handled in this turn of the hub. Otherwise keeps it.
    pub(crate) fn accept(&mut self, event: QueuedEvent, weight: usize, turn: u64) -> Option<QueuedEvent> {
        if !self.waiting.is_empty() || !self.has_quantum_left(turn) {
            self.waiting.push_back(event);
            return None;
        }
        self.quantum_left = self.quantum_left.saturating_sub(weight);
        Some(event)
    }

    /// Returns an event that can be handled although the room is still to be loaded. Otherwise keeps it.
    ///
    /// A client that has gone does not keep the room from being forgotten, unless it has posted.
    pub(crate) fn hold(&mut self, event: QueuedEvent) -> Option<QueuedEvent> {
        let is_end = matches!(event.event, FromClient::Closed { .. });
        let has_posted = |held: &Vec<QueuedEvent>| held.iter().any(QueuedEvent::is_post);
        if is_end && !self.held.get(&event.client).is_some_and(has_posted) {
            self.held.remove(&event.client);
            return Some(event);
        }
        if !is_end && !event.keeps_order() {
            return Some(event);
        }
        self.held.entry(event.client).or_default().push(event);
        None
    }

    /// The room is loaded: what was held waits for its turn, that of the client that connected first coming first.
    pub(crate) fn release_held(&mut self) {
        self.waiting.extend(mem::take(&mut self.held).into_values().flatten());
    }

    /// Returns the next event that waits for this turn of the hub, if the room has some of its quantum left.
    pub(crate) fn next(&mut self, weigh: impl Fn(&QueuedEvent) -> usize, turn: u64) -> Option<QueuedEvent> {
        if !self.has_quantum_left(turn) {
            return None;
        }
        let event = self.waiting.pop_front()?;
        self.release_capacity();
        self.quantum_left = self.quantum_left.saturating_sub(weigh(&event));
        Some(event)
    }

    /// Returns all events that wait, those of each client in order.
    pub(crate) fn release_all(&mut self) -> Vec<QueuedEvent> {
        self.release_held();
        let mut events = self.budget.release_all();
        events.extend(self.waiting.drain(..));
        self.release_capacity();
        events
    }

    fn release_capacity(&mut self) {
        if self.waiting.is_empty() {
            self.waiting.shrink_to(KEPT_CAPACITY);
        }
    }

    fn has_quantum_left(&mut self, turn: u64) -> bool {
        if self.turn != turn {
            (self.turn, self.quantum_left) = (turn, QUANTUM);
        }
        self.quantum_left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inbox_that_was_full_keeps_little_memory() {
        let mut inbox = Inbox::new(&Limits::DEFAULT, Instant::now());
        for releases_all in [false, true] {
            for _ in 0..1_000 {
                let (client, event) = (ClientId(1), FromClient::ReadTimeout);
                inbox.waiting.push_back(QueuedEvent::new(client, event));
            }
            if releases_all {
                assert_eq!(inbox.release_all().len(), 1_000);
            } else {
                while inbox.next(|_| 0, 1).is_some() {}
            }
            assert!(inbox.waiting.is_empty() && inbox.waiting.capacity() < 100);
        }
    }
}
