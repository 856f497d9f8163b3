//! What was encoded for clients: how many events of each name, and how many refusals of each code.

use crate::base::tally::Tally;
use crate::protocol::error::EventError;
use crate::protocol::post_refusal::REFUSAL_CODES;
use crate::protocol::server_event::{EVENT_NAMES, ServerEvent};

/// An event for a whole room counts once.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Events by name.
    pub events: Tally<&'static str>,
    /// Refusals by code.
    pub refusals: Tally<&'static str>,
}

impl Default for Sent {
    fn default() -> Self {
        Self { events: Tally::new(&EVENT_NAMES), refusals: Tally::new(&REFUSAL_CODES) }
    }
}

impl Sent {
    /// Counts an event.
    pub(crate) fn note(&mut self, event: &ServerEvent<'_>) {
        self.events.note(event.name());
        if let ServerEvent::Error { error, .. } = event {
            self.refusals.note(error.code());
        }
    }

    /// Counts a snapshot, which is an event too.
    pub(crate) fn note_snapshot(&mut self) {
        self.events.note("existing_users");
    }

    /// Counts an acknowledgement, which is no event but may refuse one.
    pub(crate) fn note_ack(&mut self, error: Option<&EventError>) {
        if let Some(error) = error {
            self.refusals.note(error.code());
        }
    }

    /// Moves everything to another one.
    pub(crate) fn move_to(&mut self, other: &mut Self) {
        self.events.move_to(&mut other.events);
        self.refusals.move_to(&mut other.refusals);
    }

    /// Adds what another one has.
    pub(crate) fn add(&mut self, other: &Self) {
        self.events.add(&other.events);
        self.refusals.add(&other.refusals);
    }
}
