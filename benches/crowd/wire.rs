//! The least a WebSocket client needs, and the cheapest look at an event that still tells right from wrong:
//! a hundred thousand are read a second, so that only what is unusual is given to a JSON parser.

use crate::flood;
use crate::text::{Edit, number};
use memchr::memmem;
use serde::Deserialize;

/// The key of every handshake and its answer, which are RFC 6455's own example: nobody here has a cache to fool.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What frames are masked with.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x0f, 0x96];

/// A text frame, whole.
pub const TEXT: u8 = 0x81;
/// A close frame.
pub const CLOSE: u8 = 0x88;
/// A ping frame.
pub const PING: u8 = 0x89;
/// A pong frame.
pub const PONG: u8 = 0x8a;

/// Asks for a WebSocket in a room.
pub fn handshake(room: usize, splice: bool) -> Vec<u8> {
    let splice = if splice { "&splice=1" } else { "" };
    format!(
        "GET /ws?room=crowd{room}{splice} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// The answer to it.
pub fn accepted() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
}

/// How many bytes of `read` are the answer to the handshake; `None` where its end is not there yet.
pub fn shake(read: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = memmem::find(read, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&read[..end]);
    match head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) {
        true => Ok(Some(end + 4)),
        false => Err(format!("The handshake was answered with {:?}.", head.lines().next())),
    }
}

/// A client's frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The first frame of these bytes: its first byte, its payload, and how many bytes it takes in all. `None`
/// where its end is not there yet.
pub fn next_frame(read: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (start, len): (usize, usize) = match *read.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(read.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(read.get(2..10)?.try_into().ok()?)).ok()?),
        len => (2, usize::from(len)),
    };
    Some((read[0], read.get(start..start.checked_add(len)?)?, start + len))
}

/// What the server tells, as far as it matters here.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A box's whole text.
    Text { id: &'a [u8], text: &'a [u8] },
    /// A change of a box's text.
    Splice(Splice<'a>),
    /// What the one who floods has done.
    Flood,
    /// Somebody came; this is their name's number.
    Came(usize),
    /// The state of the room.
    Snapshot(&'a [u8]),
}

/// The data of a `text_update` that is a splice, or else has its fields in an unusual order.
#[derive(Debug, Deserialize)]
pub struct Splice<'a> {
    pub id: &'a str,
    pub text: Option<&'a str>,
    pub at: Option<usize>,
    pub cut: Option<usize>,
    pub put: Option<&'a str>,
    pub length: Option<usize>,
}

impl Splice<'_> {
    /// Whether it makes one text of another. All is ASCII, so that characters are bytes.
    pub fn leads(&self, from: &[u8], to: &[u8]) -> bool {
        let (Some(at), Some(cut), Some(put), Some(length)) = (self.at, self.cut, self.put, self.length)
        else {
            return false;
        };
        let before = from.split_at_checked(at);
        let parts = before.and_then(|(before, rest)| Some((before, rest.split_at_checked(cut)?.1)));
        parts.is_some_and(|(before, behind)| {
            let middle = to.get(at..at + put.len());
            to.len() == length
                && to.len() == at + put.len() + behind.len()
                && middle == Some(put.as_bytes())
                && to.starts_with(before)
                && to.ends_with(behind)
        })
    }
}

/// Reads an event. Those that should not occur in any scenario are errors.
pub fn hear(json: &[u8]) -> Result<Heard<'_>, String> {
    let unexpected = || format!("Unexpected: {}", String::from_utf8_lossy(&json[..json.len().min(200)]));
    match hear_text(json).or_else(|| hear_splice(json)) {
        Some(Heard::Text { text, .. }) if flood::is_flood(text) => return Ok(Heard::Flood),
        Some(Heard::Splice(Splice { put: Some(put), .. })) if flood::is_flood(put.as_bytes()) => {
            return Ok(Heard::Flood);
        }
        Some(heard) => return Ok(heard),
        None => {}
    }
    if let Some(data) = json.strip_prefix(b"[\"text_update\",") {
        let data = data.strip_suffix(b"]").ok_or_else(unexpected)?;
        return serde_json::from_slice(data).map(Heard::Splice).map_err(|_| unexpected());
    }
    if json.starts_with(b"[\"new_user\",") {
        let name = json.strip_suffix(b"\"}]").and_then(|json| json.rsplit(|&byte| byte == b'"').next());
        if name == Some(flood::NAME.as_bytes()) {
            return Ok(Heard::Flood);
        }
        let n = name.and_then(|name| number(name.strip_prefix(b"p")?));
        return n.map(|n| Heard::Came(n as usize)).ok_or_else(unexpected);
    }
    if json.starts_with(b"[\"existing_users\",") { Ok(Heard::Snapshot(json)) } else { Err(unexpected()) }
}

/// The usual form: `["text_update",{"id":"…","text":"…"}]`, with nothing escaped, because nothing that is typed
/// here needs it.
fn hear_text(json: &[u8]) -> Option<Heard<'_>> {
    let rest = json.strip_prefix(b"[\"text_update\",{\"id\":\"")?;
    let (id, rest) = rest.split_at(rest.iter().position(|&byte| byte == b'"')?);
    let text = rest.strip_prefix(b"\",\"text\":\"")?.strip_suffix(b"\"}]")?;
    Some(Heard::Text { id, text })
}

/// The usual form: `["text_update",{"id":"…","at":…,"cut":…,"put":"…","length":…}]`.
fn hear_splice(json: &[u8]) -> Option<Heard<'_>> {
    let rest = json.strip_prefix(b"[\"text_update\",{\"id\":\"")?;
    let (id, rest) = until(rest, b'"')?;
    let (at, rest) = until(rest.strip_prefix(b",\"at\":")?, b',')?;
    let (cut, rest) = until(rest.strip_prefix(b"\"cut\":")?, b',')?;
    let (put, rest) = until(rest.strip_prefix(b"\"put\":\"")?, b'"')?;
    let length = rest.strip_prefix(b",\"length\":")?.strip_suffix(b"}]")?;
    let number = |digits| number(digits).map(|n| n as usize);
    Some(Heard::Splice(Splice {
        id: str::from_utf8(id).ok()?,
        text: None,
        at: Some(number(at)?),
        cut: Some(number(cut)?),
        put: Some(str::from_utf8(put).ok()?),
        length: Some(number(length)?),
    }))
}

/// What is before a byte, and what is behind it.
fn until(bytes: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == end)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The receiver's id in a snapshot, if it has a box.
pub fn own_id(snapshot: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(snapshot, b"\"you\":\"")? + b"\"you\":\"".len();
    snapshot[start..].split(|&byte| byte == b'"').next()
}

/// The numbers of the names in a snapshot.
pub fn names(snapshot: &[u8]) -> impl Iterator<Item = usize> {
    const NAME: &[u8] = b"\"name\":\"p";
    let users = memmem::find(snapshot, b"\"users\":").map_or(&[][..], |at| &snapshot[at..]);
    memmem::find_iter(users, NAME).filter_map(move |at| {
        let name = &users[at + NAME.len()..];
        let end = name.iter().position(|byte| !byte.is_ascii_digit())?;
        number(&name[..end]).map(|n| n as usize)
    })
}

/// The frame with which a client says its name.
pub fn join(name: &str) -> Vec<u8> {
    frame(TEXT, format!(r#"["got_a_new_user",{{"name":"{name}"}}]"#).as_bytes())
}

/// The frame with which a viewer asks for the room.
pub fn watch() -> Vec<u8> {
    frame(TEXT, br#"["watch",{}]"#)
}

/// The frame that replaces a text.
pub fn whole(text: &[u8]) -> Vec<u8> {
    let json = [&br#"["updated_text",{"text":""#[..], text, br#""}]"#].concat();
    frame(TEXT, &json)
}

/// The frame that changes a text, which has so many characters after that.
pub fn splice(edit: &Edit, length: usize) -> Vec<u8> {
    let put = String::from_utf8_lossy(&edit.put);
    let (at, cut) = (edit.at, edit.cut);
    let json = format!(r#"["updated_text",{{"at":{at},"cut":{cut},"put":"{put}","length":{length}}}]"#);
    frame(TEXT, json.as_bytes())
}
