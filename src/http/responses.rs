//! What the threads of connections count, for `/metrics`: responses, and refusals of posts over HTTP.

use crate::base::tally::{SharedTally, Tally};
use crate::protocol::post_refusal::{PostRefusal, REFUSAL_CODES};

/// The statuses of all responses. That of a WebSocket's handshake is not among them, because the hub sends it.
const STATUSES: [u16; 17] =
    [200, 204, 304, 307, 400, 401, 403, 404, 405, 408, 409, 411, 413, 426, 429, 431, 503];

/// Responses so far.
#[derive(Debug)]
pub struct ResponseCounters {
    statuses: SharedTally<u16>,
    refusals: SharedTally<&'static str>,
}

impl Default for ResponseCounters {
    fn default() -> Self {
        Self { statuses: SharedTally::new(&STATUSES), refusals: SharedTally::new(&REFUSAL_CODES) }
    }
}

impl ResponseCounters {
    /// A response with this status is about to be sent.
    pub(crate) fn note(&self, status: u16) {
        self.statuses.note(status);
    }

    /// A post over HTTP is refused.
    pub(crate) fn note_refusal(&self, refusal: &PostRefusal) {
        self.refusals.note(refusal.code());
    }

    /// Responses by status.
    pub(crate) fn statuses(&self) -> Tally<u16> {
        self.statuses.read()
    }

    /// Refusals by code.
    pub(crate) fn refusals(&self) -> Tally<&'static str> {
        self.refusals.read()
    }
}
