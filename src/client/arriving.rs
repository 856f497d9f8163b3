//! The message that is arriving from a client: how long it takes, and how much memory it holds. A client that sends a
//! byte now and then would otherwise hold it for ever, and many clients together more than there is.

use crate::base::memory::{Charge, MemoryLimit};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a client's frame before its payload, if that is as short as a control frame's (RFC 6455, section 5.2).
const CONTROL_HEADER: usize = 6;

/// Bytes of a message that are not counted as memory. Few messages are longer.
const FREE_BYTES: usize = 4 * 1024;

/// The bytes read since the last message ended.
#[derive(Debug)]
pub(crate) struct Arriving {
    bytes: usize,
    /// When the first of them was read.
    since: Option<Instant>,
    timeout: Duration,
    memory: Arc<MemoryLimit>,
    /// The memory for them, if they are many.
    charge: Option<Box<Charge>>,
}

impl Arriving {
    /// Nothing has arrived yet. A message may take `timeout`.
    pub(crate) fn new(timeout: Duration, memory: Arc<MemoryLimit>) -> Self {
        Self { bytes: 0, since: None, timeout, memory, charge: None }
    }

    /// Whether the rest of a large message has to wait, because the memory for all messages and all output is used up.
    pub(crate) fn must_wait(&self) -> bool {
        self.charge.is_some() && self.memory.is_used_up()
    }

    /// Counts bytes that were read.
    pub(crate) fn read(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.since.get_or_insert(now);
        if self.bytes > FREE_BYTES {
            self.charge.get_or_insert_with(|| Box::new(self.memory.charge())).set(self.bytes);
        }
    }

    /// A message has ended. Returns the charge for its memory.
    pub(crate) fn end_message(&mut self) -> Option<Box<Charge>> {
        (self.bytes, self.since) = (0, None);
        self.charge.take()
    }

    /// A control frame with a payload of this length has ended. It may stand between the frames of a message, which
    /// goes on.
    pub(crate) fn end_control_frame(&mut self, payload: usize) {
        self.bytes = self.bytes.saturating_sub(CONTROL_HEADER + payload);
        if self.bytes == 0 {
            self.end_message();
        }
    }

    /// Fails if a message has been arriving for too long.
    pub(crate) fn check_time(&self, now: Instant) -> io::Result<()> {
        match self.since.is_some_and(|since| now.duration_since(since) > self.timeout) {
            true => Err(ErrorKind::TimedOut.into()),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;

    fn arriving(max: usize) -> Arriving {
        Arriving::new(Duration::from_secs(30), MemoryLimit::new(Counter::default(), max, 1).into())
    }

    #[test]
    fn a_message_is_late_even_if_control_frames_stand_between_its_frames() {
        let (mut message, start) = (arriving(0), Instant::now());
        message.read(1, start);
        for second in 1..=30 {
            let now = start + Duration::from_secs(second);
            message.read(1 + CONTROL_HEADER + 4, now);
            message.end_control_frame(4);
            assert!(message.check_time(now).is_ok());
        }
        let now = start + Duration::from_secs(31);
        assert!(message.check_time(now).is_err());
        message.end_message();
        assert!(message.check_time(now).is_ok());
    }

    #[test]
    fn a_client_that_sends_only_control_frames_is_never_late() {
        let (mut message, mut now) = (arriving(0), Instant::now());
        for _ in 0..100 {
            message.read(CONTROL_HEADER, now);
            message.end_control_frame(0);
            now += Duration::from_secs(5);
            assert!(message.check_time(now).is_ok());
        }
    }

    #[test]
    fn large_messages_wait_while_others_take_all_memory_until_a_hub_has_handled_them() {
        let now = Instant::now();
        let mut first = arriving(10_000);
        let mut second = Arriving::new(Duration::from_secs(30), first.memory.clone());
        let mut short = Arriving::new(Duration::from_secs(30), first.memory.clone());
        first.read(6_000, now);
        second.read(6_000, now);
        short.read(FREE_BYTES, now);
        assert!(first.must_wait() && second.must_wait() && !short.must_wait());
        let handled_later = first.end_message();
        assert!(second.must_wait());
        drop(handled_later);
        assert!(!second.must_wait());
    }
}
