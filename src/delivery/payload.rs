//! Payloads: the frames of a client that polls, as the body of a response.
//!
//! Outboxes hold WebSocket frames for every client, so that nothing changes in what waits for a client that upgrades.
//! The response to a poll has the content of the frames instead, with a separator between messages.

use crate::protocol::socketio::engine::{EnginePacket, SEPARATOR};
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Bytes of the longest head of a frame from the server, which has no mask.
const MAX_HEAD: usize = 10;

/// The bit of a frame's first byte that marks the last frame of a message.
const FINAL: u8 = 0x80;

/// Turns frames into a payload, wherever they are cut.
#[derive(Debug, Default)]
pub(crate) struct PayloadWriter {
    /// The head of the current frame, as far as it has come.
    head: [u8; MAX_HEAD],
    head_len: usize,
    /// Bytes of the current frame that are still to come after its head.
    rest: u64,
    /// More frames of the current message follow.
    is_fragmented: bool,
    /// Bytes of the payload so far.
    written: usize,
}

impl PayloadWriter {
    /// Appends the payload of these bytes of frames. Returns how many were taken: all, unless a message ends and the
    /// payload has `enough` bytes.
    pub(crate) fn write(&mut self, frames: &[u8], enough: usize, payload: &mut Vec<u8>) -> usize {
        let mut taken = 0;
        while taken < frames.len() && !self.is_complete(enough) {
            let before = payload.len();
            taken += match self.rest {
                0 => self.take_head(frames[taken], payload),
                _ => self.take_content(&frames[taken..], payload),
            };
            self.written += payload.len() - before;
        }
        taken
    }

    /// Whether the last message is whole.
    pub(crate) fn is_at_end_of_message(&self) -> bool {
        self.head_len == 0 && self.rest == 0 && !self.is_fragmented
    }

    /// Whether there is a payload.
    pub(crate) fn has_output(&self) -> bool {
        self.written > 0
    }

    /// Whether the payload may end, and is long enough that it should.
    pub(crate) fn is_complete(&self, enough: usize) -> bool {
        self.written >= enough && self.is_at_end_of_message()
    }

    fn take_head(&mut self, byte: u8, payload: &mut Vec<u8>) -> usize {
        self.head[self.head_len] = byte;
        self.head_len += 1;
        let length = match self.head[1] & 0x7F {
            _ if self.head_len < 2 => return 1,
            126 if self.head_len < 4 => return 1,
            127 if self.head_len < MAX_HEAD => return 1,
            126 => u16::from_be_bytes([self.head[2], self.head[3]]).into(),
            127 => self.head[2..].iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)),
            short => short.into(),
        };
        self.begin_frame(payload);
        self.rest = length;
        if length == 0 {
            self.end_frame();
        }
        1
    }

    /// Writes what precedes the content of a frame.
    fn begin_frame(&mut self, payload: &mut Vec<u8>) {
        match self.opcode() {
            OpCode::Data(Data::Text) if self.has_output() => payload.push(SEPARATOR as u8),
            // Not a packet `1`: socket.io-client drops all that is before it in a payload, the reason and the
            // DISCONNECT; and python-socketio never comes back after it. The next poll is refused, which says enough.
            OpCode::Control(Control::Close) if !self.has_output() => {
                let mut packet = String::new();
                EnginePacket::Noop.encode(&mut packet);
                payload.extend_from_slice(packet.as_bytes());
            }
            // The first packet; the rest of a message; and pings and pongs, which no payload has.
            _ => {}
        }
    }

    fn opcode(&self) -> OpCode {
        OpCode::from(self.head[0] & 0x0F)
    }

    fn take_content(&mut self, frames: &[u8], payload: &mut Vec<u8>) -> usize {
        let taken = usize::try_from(self.rest).unwrap_or(usize::MAX).min(frames.len());
        if let OpCode::Data(_) = self.opcode() {
            payload.extend_from_slice(&frames[..taken]);
        }
        self.rest -= taken as u64;
        if self.rest == 0 {
            self.end_frame();
        }
        taken
    }

    fn end_frame(&mut self) {
        if let OpCode::Data(_) = self.opcode() {
            self.is_fragmented = self.head[0] & FINAL == 0;
        }
        self.head_len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames, and their payload.
    fn frames() -> (Vec<u8>, String) {
        let text = |first, content: &str| {
            let mut frame = vec![first];
            match content.len() {
                len @ ..126 => frame.push(len as u8),
                len @ ..65_536 => frame.extend([&[126][..], &(len as u16).to_be_bytes()].concat()),
                len => frame.extend([&[127][..], &(len as u64).to_be_bytes()].concat()),
            }
            frame.extend(content.as_bytes());
            frame
        };
        let [long, longer] = [300, 70_000].map(|len| "x".repeat(len));
        let frames = [
            text(0x81, "40{}"),
            text(0x01, "42[\"a\","),
            vec![0x89, 2, 0, 0],
            text(0x00, &long),
            text(0x80, "]"),
            text(0x81, &longer),
            text(0x81, "2"),
        ];
        (frames.concat(), format!("40{{}}\u{1e}42[\"a\",{long}]\u{1e}{longer}\u{1e}2"))
    }

    #[test]
    fn a_payload_is_the_same_wherever_its_frames_are_cut() {
        let (frames, expected) = frames();
        for step in [1, 2, 3, 7, 299, 65_536, 100_000] {
            let (mut writer, mut payload) = (PayloadWriter::default(), Vec::new());
            for chunk in frames.chunks(step) {
                assert_eq!(writer.write(chunk, usize::MAX, &mut payload), chunk.len());
            }
            assert!(writer.is_at_end_of_message());
            assert_eq!(String::from_utf8(payload).unwrap(), expected, "{step} bytes at a time");
        }
    }

    #[test]
    fn a_payload_ends_with_a_message_once_it_is_long_enough() {
        let (frames, expected) = frames();
        let (mut rest, mut payloads) = (&frames[..], Vec::new());
        while !rest.is_empty() {
            let (mut writer, mut payload) = (PayloadWriter::default(), Vec::new());
            let taken = writer.write(rest, 1, &mut payload);
            assert!(taken > 0 && writer.is_at_end_of_message());
            rest = &rest[taken..];
            payloads.push(String::from_utf8(payload).unwrap());
        }
        assert_eq!(payloads.len(), 4);
        assert_eq!(payloads.join("\u{1e}"), expected);
    }

    #[test]
    fn a_close_frame_ends_a_payload_and_is_no_packet() {
        for (frames, expected) in [(&b"\x81\x0241\x88\x02\x0f\xa1"[..], "41"), (b"\x88\x02\x0f\xa1", "6")] {
            let (mut writer, mut payload) = (PayloadWriter::default(), Vec::new());
            assert_eq!(writer.write(frames, usize::MAX, &mut payload), frames.len());
            assert_eq!(
                (String::from_utf8(payload).unwrap(), writer.has_output()),
                (expected.to_owned(), true)
            );
        }
    }
}
