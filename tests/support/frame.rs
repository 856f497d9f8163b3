//! WebSocket frames as bytes (RFC 6455, section 5.2), for tests that write them themselves: whole, broken, or piece by
//! piece. Needs nothing of its neighbours: the bench includes this file alone.

/// The bit of a frame's first byte that says that its message ends with it.
pub(crate) const FIN: u8 = 0x80;

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// The bit of the second byte that says that the payload is masked, as in every frame of a client.
pub(crate) const MASKED: u8 = 0x80;

/// Any mask will do, except one that hides nothing.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The key of every handshake: RFC 6455's own example.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A request for a WebSocket.
pub(crate) fn handshake(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// A client's frame. Its first byte is `FIN` or 0, reserved bits, and an opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The part of a client's frame before a payload of any length.
pub(crate) fn header(first: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(MASKED | length as u8),
        126..=0xFFFF => {
            bytes.push(MASKED | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(MASKED | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A client's text frame.
pub(crate) fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | TEXT, payload.as_ref())
}

/// A client's close frame.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// The first of a server's frames, which are not masked: its first byte, its payload, and how many bytes it takes in
/// all; `None` until all of it is there.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (start, length): (usize, usize) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        length => (2, usize::from(length)),
    };
    let end = start.checked_add(length)?;
    Some((bytes[0], bytes.get(start..end)?, end))
}

/// The beginning of a message that comes in several frames (RFC 6455, section 5.4).
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    kind: u8,
    payload: Vec<u8>,
}

impl Fragments {
    /// Adds a frame that is not a whole message. Returns the opcode and the payload of the message that ends with it.
    pub(crate) fn add(&mut self, first: u8, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
        let opcode = first & !FIN;
        assert_eq!(opcode == CONTINUATION, self.kind != 0, "a frame out of order: {first:#x}");
        if opcode != CONTINUATION {
            self.kind = opcode;
        }
        self.payload.extend_from_slice(payload);
        (first & FIN != 0).then(|| (std::mem::take(&mut self.kind), std::mem::take(&mut self.payload)))
    }
}

/// The code in a close frame's payload; 1005 if it has none (RFC 6455, section 7.4.1).
pub(crate) fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}
