//! Pings and time-outs of a client that belongs to no hub yet.

use crate::client::outlet::End;
use crate::client::socketio::output::Output;
use crate::protocol::socketio::engine::EnginePacket;
use std::time::{Duration, Instant};

/// The times of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions {
    /// The time between two pings.
    pub ping_interval: Duration,
    /// How long a pong may take.
    pub ping_timeout: Duration,
    /// How long a client may take to introduce itself.
    pub connect_timeout: Duration,
}

/// When a client is pinged, and when it is too late.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    options: SessionOptions,
    next_ping: Instant,
    /// When the answer to a ping is late.
    pong_by: Option<Instant>,
    /// When a client that has not introduced itself is late.
    connect_by: Instant,
}

impl Heartbeat {
    /// The heartbeat of a client that has just connected.
    pub(crate) fn new(options: SessionOptions, now: Instant) -> Self {
        let (next_ping, connect_by) = (now + options.ping_interval, now + options.connect_timeout);
        Self { options, next_ping, pong_by: None, connect_by }
    }

    /// The client has answered a ping.
    pub(crate) fn note_pong(&mut self) {
        self.pong_by = None;
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn due(&self, is_connected: bool) -> Instant {
        let due = self.next_ping.min(self.pong_by.unwrap_or(self.next_ping));
        if is_connected { due } else { due.min(self.connect_by) }
    }

    /// Pings the client if that is due. Fails if the client is late.
    pub(crate) fn tick(&mut self, is_connected: bool, output: &mut Output, now: Instant) -> Result<(), End> {
        let is_late = self.pong_by.is_some_and(|by| by <= now) || (!is_connected && self.connect_by <= now);
        if is_late {
            return Err(None);
        }
        if self.next_ping <= now {
            output.send(EnginePacket::Ping(""));
            self.pong_by.get_or_insert(now + self.options.ping_timeout);
            self.next_ping = now + self.options.ping_interval;
        }
        Ok(())
    }
}
