//! The message that a client is sending: how long it takes, and how much memory it holds. A client that sends a byte
//! now and then would otherwise hold that memory for ever, and many clients together more than there is.
//!
//! This follows the heads of the frames (RFC 6455, section 5.2) in the bytes that are read. tungstenite decodes the
//! frames and rejects those that are malformed.

use crate::base::memory::{Charge, MemoryLimit};
use std::io::{self, ErrorKind};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a message that are not counted as memory. Few messages are longer.
pub(crate) const FREE_BYTES: usize = 4 * 1024;

/// Bytes of a frame's mask, which ends its head.
const MASK: usize = 4;

/// Bytes of the longest head of a frame.
const MAX_HEAD: usize = 14;

/// The bit of a frame's first byte that marks the last frame of a message.
const FINAL: u8 = 0x80;

/// The bit of a frame's first byte that marks a control frame.
const CONTROL: u8 = 0x08;

/// The frames that have been read so far.
#[derive(Debug)]
pub(crate) struct Incoming {
    head: Head,
    /// Bytes of the current frame that are still to come after its head.
    rest: u64,
    /// Bytes of the current message.
    bytes: usize,
    /// More frames of the current message follow.
    is_fragmented: bool,
    /// When the first byte of the current message, or of a control frame between messages, was read.
    since: Option<Instant>,
    /// Messages and control frames that have been read to their ends.
    complete: usize,
    timeout: Duration,
    memory: Arc<MemoryLimit>,
    /// The memory for the message, if it is large, until [`take_charge`](Self::take_charge).
    charge: Option<Box<Charge>>,
}

/// The head of a frame, as far as it was read.
#[derive(Debug, Default)]
struct Head {
    bytes: [u8; MAX_HEAD],
    len: u8,
}

impl Head {
    /// The number of bytes that are still to come. Frames of clients are masked; tungstenite rejects others.
    fn missing(&self) -> usize {
        let needed = match self.len {
            0 | 1 => 2,
            _ => 2 + [0, 2, 8][usize::from(self.bytes[1] & 0x7F).saturating_sub(125)] + MASK,
        };
        needed - usize::from(self.len)
    }

    fn push(&mut self, bytes: &[u8]) {
        let at = usize::from(self.len);
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8; // at most MAX_HEAD
    }

    /// The length of the payload.
    fn payload(&self) -> u64 {
        let [_, second, long @ ..] = self.bytes;
        let [a, b, c, d, e, f, g, h, ..] = long;
        match second & 0x7F {
            126 => u16::from_be_bytes([a, b]).into(),
            127 => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            short => short.into(),
        }
    }

    fn is_control(&self) -> bool {
        self.bytes[0] & CONTROL != 0
    }
}

impl Incoming {
    /// Nothing has been read yet. A message may take `timeout`.
    pub(crate) fn new(timeout: Duration, memory: Arc<MemoryLimit>) -> Self {
        let (head, charge) = (Head::default(), None);
        Self {
            head,
            rest: 0,
            bytes: 0,
            is_fragmented: false,
            since: None,
            complete: 0,
            timeout,
            memory,
            charge,
        }
    }

    /// Whether the rest of a large message has to wait, because the memory for all messages and all output is used up.
    pub(crate) fn must_wait(&self) -> bool {
        self.is_large() && self.memory.is_over()
    }

    /// How many bytes to read at most. A read ends with a large message, so that no bytes of the next one are in its
    /// buffer, which can then be freed.
    pub(crate) fn max_read(&self) -> usize {
        match self.is_large() {
            true if self.rest > 0 => usize::try_from(self.rest).unwrap_or(usize::MAX),
            true => self.head.missing(),
            false => usize::MAX,
        }
    }

    fn is_large(&self) -> bool {
        let payload = usize::try_from(self.rest).unwrap_or(usize::MAX);
        self.bytes.saturating_add(payload) > FREE_BYTES
    }

    /// Follows bytes that were read.
    pub(crate) fn read(&mut self, mut bytes: &[u8], now: Instant) {
        while !bytes.is_empty() {
            self.since.get_or_insert(now);
            let read = match usize::try_from(self.rest) {
                Ok(0) => self.read_head(bytes),
                Ok(rest) => self.read_payload(rest.min(bytes.len())),
                Err(_) => self.read_payload(bytes.len()),
            };
            bytes = &bytes[read..];
        }
        if self.bytes > FREE_BYTES {
            self.charge.get_or_insert_with(|| Box::new(self.memory.charge())).set(self.bytes);
        }
    }

    fn read_head(&mut self, bytes: &[u8]) -> usize {
        let len = self.head.missing().min(bytes.len());
        self.head.push(&bytes[..len]);
        if self.head.missing() == 0 {
            self.rest = self.head.payload();
            if self.rest == 0 {
                self.end_frame();
            }
        }
        len
    }

    fn read_payload(&mut self, len: usize) -> usize {
        self.rest -= len as u64;
        if !self.head.is_control() {
            self.bytes += len;
        }
        if self.rest == 0 {
            self.end_frame();
        }
        len
    }

    fn end_frame(&mut self) {
        let Head { bytes: [first, ..], .. } = mem::take(&mut self.head);
        let (is_control, is_final) = (first & CONTROL != 0, first & FINAL != 0);
        self.complete += usize::from(is_control || is_final);
        if !is_control {
            self.is_fragmented = !is_final;
        }
        if !self.is_fragmented {
            (self.bytes, self.since) = (0, None);
        }
    }

    /// Takes the charge for a message that tungstenite has returned.
    pub(crate) fn take_charge(&mut self) -> Option<Box<Charge>> {
        self.charge.take_if(|_| self.bytes == 0)
    }

    /// Whether tungstenite, after it has returned this many messages and control frames, holds no bytes of others.
    pub(crate) fn is_empty_after(&self, returned: usize) -> bool {
        self.since.is_none() && self.complete == returned
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
    use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
    use tungstenite::protocol::frame::{Frame, FrameHeader};

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const CONTINUATION: OpCode = OpCode::Data(Data::Continue);
    const PING: OpCode = OpCode::Control(Control::Ping);

    fn incoming(max: usize) -> Incoming {
        Incoming::new(Duration::from_secs(30), MemoryLimit::new(Counter::default(), max, 1).into())
    }

    /// A masked frame, as clients send it.
    fn frame(opcode: OpCode, is_final: bool, len: usize) -> Vec<u8> {
        let header = FrameHeader { is_final, opcode, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
        let mut bytes = Vec::new();
        Frame::from_payload(header, vec![0; len].into()).format(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn frames_of_all_lengths_are_followed_however_they_are_read() {
        let lengths = [0, 1, 125, 126, 127, 5_000, 65_535, 65_536];
        let bytes =
            lengths.map(|len| [frame(TEXT, true, len), frame(PING, true, len % 126)].concat()).concat();
        for step in [1, 2, 3, 13, 512, 70_000] {
            let mut incoming = incoming(usize::MAX);
            bytes.chunks(step).for_each(|chunk| incoming.read(chunk, Instant::now()));
            assert!(incoming.is_empty_after(2 * lengths.len()), "{step} bytes at a time: {incoming:?}");
        }
    }

    #[test]
    fn a_read_ends_with_a_large_message() {
        let mut incoming = incoming(usize::MAX);
        let parts = [frame(TEXT, false, 5_000), frame(PING, true, 3), frame(CONTINUATION, true, 5)];
        let mut bytes = &[parts.concat(), frame(TEXT, true, 9)].concat()[..];
        let mut reads = 0;
        while !incoming.is_empty_after(2) {
            let len = incoming.max_read().min(512).min(bytes.len());
            incoming.read(&bytes[..len], Instant::now());
            bytes = &bytes[len..];
            reads += 1;
        }
        assert_eq!(bytes, frame(TEXT, true, 9));
        assert!(reads < 20, "{reads} reads");
        assert!(incoming.take_charge().is_some() && incoming.max_read() == usize::MAX);
    }

    #[test]
    fn a_message_is_late_even_if_control_frames_stand_between_its_frames() {
        let (mut message, start) = (incoming(0), Instant::now());
        message.read(&frame(TEXT, false, 0), start);
        for second in 1..=30 {
            let now = start + Duration::from_secs(second);
            message.read(&[frame(CONTINUATION, false, 1), frame(PING, true, 4)].concat(), now);
            assert!(message.check_time(now).is_ok());
        }
        let now = start + Duration::from_secs(31);
        assert!(message.check_time(now).is_err());
        message.read(&frame(CONTINUATION, true, 0), now);
        assert!(message.check_time(now).is_ok());
    }

    #[test]
    fn a_client_that_sends_only_control_frames_is_never_late() {
        let (mut message, mut now) = (incoming(0), Instant::now());
        // Every read ends in the middle of a frame.
        let pings = frame(PING, true, 2).repeat(100);
        for chunk in pings.chunks(7) {
            message.read(chunk, now);
            now += Duration::from_secs(5);
            assert!(message.check_time(now).is_ok());
        }
    }

    #[test]
    fn large_messages_wait_while_others_take_all_memory_until_a_hub_has_handled_them() {
        let now = Instant::now();
        let mut first = incoming(10_000);
        let mut second = Incoming::new(Duration::from_secs(30), first.memory.clone());
        let mut short = Incoming::new(Duration::from_secs(30), first.memory.clone());
        first.read(&frame(TEXT, false, 6_000), now);
        second.read(&frame(TEXT, false, 6_000), now);
        short.read(&frame(TEXT, false, FREE_BYTES), now);
        assert!(first.must_wait() && second.must_wait() && !short.must_wait());
        first.read(&frame(CONTINUATION, true, 0), now);
        let handled_later = first.take_charge();
        assert!(second.must_wait());
        drop(handled_later);
        assert!(!second.must_wait());
    }
}
