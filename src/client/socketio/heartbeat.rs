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
            let SessionOptions { ping_interval, ping_timeout, .. } = self.options;
            // The time-outs of a client end when it expects that, even if this thread wakes a little late.
            let is_on_time = now < self.next_ping + ping_timeout;
            let start = if is_on_time { self.next_ping } else { now };
            self.pong_by.get_or_insert(start + ping_timeout);
            self.next_ping = start + ping_interval;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::socketio::mailbox::Mailbox;
    use crossbeam_channel::bounded;

    #[test]
    fn a_client_is_pinged_and_late_without_a_pong_or_without_introducing_itself() {
        let [ping_interval, ping_timeout, connect_timeout] = [5, 3, 20].map(Duration::from_secs);
        let options = SessionOptions { ping_interval, ping_timeout, connect_timeout };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut output = Output::new(Mailbox::new(bounded(1).1).transport(None));
        let mut heartbeat = Heartbeat::new(options, start);
        assert_eq!(heartbeat.due(false), at(5));
        for ping in [5, 10, 15] {
            assert_eq!(heartbeat.tick(false, &mut output, at(ping)), Ok(()));
            assert_eq!(heartbeat.due(false), at(ping + 3));
            heartbeat.note_pong();
            assert_eq!(heartbeat.due(true), at(ping + 5));
        }
        assert_eq!(heartbeat.tick(false, &mut output, at(20)), Err(None), "it has not introduced itself");
        assert_eq!(heartbeat.tick(true, &mut output, at(20)), Ok(()));
        assert_eq!(heartbeat.tick(true, &mut output, at(23)), Err(None), "it has not answered");
        assert_eq!(output.into_parts().1, b"\x81\x012".repeat(4));
    }
}
