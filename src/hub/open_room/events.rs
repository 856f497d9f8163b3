//! Which events of an open room have to wait, and what those decide that no client has caused.

use super::OpenRoom;
use crate::base::clock::Now;
use crate::hub::cost::{broadcast_bytes, weigh};
use crate::hub::event::QueuedEvent;
use crate::room::error::RoomError;
use crate::room::names::Name;
use crate::room::rules::Decision;
use std::time::Instant;

impl OpenRoom {
    /// Returns a client's event that can be handled in this turn of the hub. Otherwise keeps it.
    pub(crate) fn accept_event(&mut self, event: QueuedEvent, turn: u64) -> Option<QueuedEvent> {
        if self.is_loading {
            return self.inbox.hold(event);
        }
        let weight = weigh(&event, self.actor(event.client), &self.view, &self.rules);
        self.inbox.accept(event, weight, turn)
    }

    /// Returns an event that need not wait for the room's budget. Otherwise keeps it.
    pub(crate) fn pass_budget(&mut self, event: QueuedEvent, now: Instant) -> Option<QueuedEvent> {
        let bytes = broadcast_bytes(&event, self.actor(event.client), &self.view, &self.rules);
        self.inbox.budget.pass(event, bytes, now)
    }

    /// The next event that waits for this turn of the hub, if it can be handled.
    pub(crate) fn next_event(&mut self, turn: u64) -> Option<QueuedEvent> {
        let Self { members, view, rules, inbox, .. } = self;
        let actor = |event: &QueuedEvent| Some(members.get(&event.client)?.actor());
        inbox.next(|event| weigh(event, actor(event), view, rules), turn)
    }

    /// Decides on a post by somebody who is not in the room.
    pub(crate) fn decide_post_without_seat(
        &mut self,
        name: &Name,
        text: String,
        reference: Option<String>,
        now: Now,
    ) -> Result<Decision, RoomError> {
        self.rules.post_without_seat(&self.view, name, text, reference, now)
    }
}
