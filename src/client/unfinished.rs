//! The time that a client's message takes to arrive. A client that sends a byte now and then would otherwise hold a message,
//! and the memory for it, for ever.

use std::time::{Duration, Instant};

/// Bytes of a client's frame before its payload, if that is as short as a control frame's (RFC 6455, section 5.2).
const CONTROL_HEADER: usize = 6;

/// The bytes read since the last message ended.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    bytes: usize,
    /// When the first of them was read.
    since: Option<Instant>,
}

impl Unfinished {
    /// Counts bytes that were read.
    pub(crate) fn read(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.since.get_or_insert(now);
    }

    /// A message has ended.
    pub(crate) fn end_message(&mut self) {
        *self = Self::default();
    }

    /// A control frame with a payload of this length has ended. It may stand between the frames of a message, which goes on.
    pub(crate) fn end_control_frame(&mut self, payload: usize) {
        self.bytes = self.bytes.saturating_sub(CONTROL_HEADER + payload);
        if self.bytes == 0 {
            self.since = None;
        }
    }

    /// Whether a message has been arriving for longer than this.
    pub(crate) fn is_late(&self, timeout: Duration, now: Instant) -> bool {
        self.since.is_some_and(|since| now.duration_since(since) > timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    #[test]
    fn a_message_is_late_even_if_control_frames_stand_between_its_frames() {
        let (mut unfinished, start) = (Unfinished::default(), Instant::now());
        unfinished.read(1, start);
        for second in 1..=30 {
            let now = start + Duration::from_secs(second);
            unfinished.read(1 + CONTROL_HEADER + 4, now);
            unfinished.end_control_frame(4);
            assert!(!unfinished.is_late(TIMEOUT, now));
        }
        let now = start + Duration::from_secs(31);
        assert!(unfinished.is_late(TIMEOUT, now));
        unfinished.end_message();
        assert!(!unfinished.is_late(TIMEOUT, now));
    }

    #[test]
    fn a_client_that_sends_only_control_frames_is_never_late() {
        let (mut unfinished, mut now) = (Unfinished::default(), Instant::now());
        for _ in 0..100 {
            unfinished.read(CONTROL_HEADER, now);
            unfinished.end_control_frame(0);
            now += Duration::from_secs(5);
            assert!(!unfinished.is_late(TIMEOUT, now));
        }
    }
}
