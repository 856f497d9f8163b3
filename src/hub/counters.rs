//! What a hub counts: plain numbers, because only its thread writes them. All of them only grow.
//!
//! Architecture invariant: every label is of a closed set. Nothing here names a room, a user or an address.

use crate::base::histogram::Histogram;
use crate::base::tally::Tally;
use crate::delivery::sent::Sent;
use crate::protocol::usage::EventKind;
use std::time::Duration;

/// The label of an event that its reader has refused: not JSON, unknown, of the wrong form, or too long.
pub(crate) const INVALID: &str = "invalid";

/// The labels of the events that clients send: their names on the wire.
static RECEIVED_LABELS: [&str; EventKind::ALL.len() + 1] = {
    let mut labels = [INVALID; EventKind::ALL.len() + 1];
    let mut n = 0;
    while n < EventKind::ALL.len() {
        labels[n] = EventKind::ALL[n].name();
        n += 1;
    }
    labels
};

/// The kind of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// A WebSocket with the plain wire, as pages use it.
    WebSocket,
    /// A WebSocket of a Socket.IO client.
    SocketIo,
    /// Polls of a Socket.IO client.
    Polling,
}

impl ClientKind {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::WebSocket, Self::SocketIo, Self::Polling];
}

/// What a hub has counted since it began.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    /// Clients that have connected.
    pub connected: Tally<ClientKind>,
    /// Events from clients.
    pub received: Tally<&'static str>,
    /// Bytes from clients.
    pub received_bytes: u64,
    /// Events to clients, and refusals.
    pub sent: Sent,
    /// Posts that have reached the logs of rooms.
    pub posts: u64,
    /// How long events of clients have waited for the hub.
    pub waits: Histogram,
    /// How long turns take.
    pub turns: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            connected: Tally::new(&ClientKind::ALL),
            received: Tally::new(&RECEIVED_LABELS),
            received_bytes: 0,
            sent: Sent::default(),
            posts: 0,
            waits: Histogram::default(),
            turns: Histogram::default(),
        }
    }
}

impl Counters {
    /// Counts an event that the hub has taken from its queue: by `name` if a client has sent it, with its `wait` if that
    /// is known, and the `bytes` that have come from its client since the previous event.
    pub(crate) fn receive(&mut self, name: Option<&'static str>, wait: Option<Duration>, bytes: usize) {
        self.received_bytes += bytes as u64;
        wait.into_iter().for_each(|wait| self.waits.note(wait));
        name.into_iter().for_each(|name| self.received.note(name));
    }

    /// Adds what another hub has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.connected.add(&other.connected);
        self.received.add(&other.received);
        self.received_bytes += other.received_bytes;
        self.sent.add(&other.sent);
        self.posts += other.posts;
        self.waits.add(&other.waits);
        self.turns.add(&other.turns);
    }
}
