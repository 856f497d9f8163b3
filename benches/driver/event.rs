//! The events of the server. A hundred thousand arrive in a second, so events in the usual form are read by comparing
//! bytes. Only the others are given to a JSON parser.

use crate::driver::flood;
use crate::driver::text::number;
use memchr::memmem;
use serde::Deserialize;

/// An event of the server, as far as the bench needs it.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A box's whole text.
    Text { id: &'a [u8], text: &'a [u8] },
    /// A change of a box's text.
    Splice(Splice<'a>),
    /// An event that the flooding client caused.
    Flood,
    /// Whether a box has a text, which the client may not see.
    Wrote { id: &'a [u8], wrote: bool },
    /// Whether hosts have hidden texts.
    Hidden(bool),
    /// A user is away, or is back.
    Presence,
    /// The client is a host.
    Hosting,
    /// The number of viewers.
    Viewers,
    /// That somebody has come or gone, as a message for clients of Socket.IO that only chat.
    Notice,
    /// A user with this number in its name joined.
    Joined(usize),
    /// The state of the room.
    Snapshot(&'a [u8]),
}

/// The data of a `text_update` that is a splice, or has its fields in an unusual order.
#[derive(Debug, Deserialize)]
pub(crate) struct Splice<'a> {
    pub id: &'a str,
    pub text: Option<&'a str>,
    pub at: Option<usize>,
    pub cut: Option<usize>,
    pub put: Option<&'a str>,
    pub length: Option<usize>,
}

impl Splice<'_> {
    /// Whether it turns `from` into `to`. All texts are ASCII, so characters are bytes.
    pub(crate) fn leads(&self, from: &[u8], to: &[u8]) -> bool {
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

/// Reads an event. An event that occurs in no scenario is an error.
pub(crate) fn read(json: &[u8]) -> Result<Event<'_>, String> {
    let unexpected = || format!("Unexpected: {}", String::from_utf8_lossy(&json[..json.len().min(200)]));
    match read_text(json).or_else(|| read_splice(json)).or_else(|| read_wrote(json)) {
        Some(Event::Text { text, .. }) if flood::is_flood(text) => return Ok(Event::Flood),
        Some(Event::Splice(Splice { put: Some(put), .. })) if flood::is_flood(put.as_bytes()) => {
            return Ok(Event::Flood);
        }
        Some(event) => return Ok(event),
        None => {}
    }
    if let Some(data) = json.strip_prefix(b"[\"text_update\",") {
        let data = data.strip_suffix(b"]").ok_or_else(unexpected)?;
        return serde_json::from_slice(data).map(Event::Splice).map_err(|_| unexpected());
    }
    if json.starts_with(b"[\"new_user\",") {
        let name = json.strip_suffix(b"\"}]").and_then(|json| json.rsplit(|&byte| byte == b'"').next());
        if name == Some(flood::NAME.as_bytes()) {
            return Ok(Event::Flood);
        }
        let n = name.and_then(|name| number(name.strip_prefix(b"p")?));
        return n.map(|n| Event::Joined(n as usize)).ok_or_else(unexpected);
    }
    if json.starts_with(b"[\"room_state\",") {
        return Ok(Event::Hidden(memmem::find(json, b"\"hidden\":true").is_some()));
    }
    if json.starts_with(b"[\"hosting\",") {
        return Ok(Event::Hosting);
    }
    if json.starts_with(b"[\"user_away\",") || json.starts_with(b"[\"user_back\",") {
        return Ok(Event::Presence);
    }
    if json.starts_with(b"[\"viewers\",") {
        return Ok(Event::Viewers);
    }
    if json.starts_with(b"[\"data\",{\"notice\":") {
        return Ok(Event::Notice);
    }
    if json.starts_with(b"[\"existing_users\",") { Ok(Event::Snapshot(json)) } else { Err(unexpected()) }
}

/// The usual form: `["text_update",{"id":"…","text":"…"}]`, with nothing escaped, because nothing that is typed
/// here needs it.
fn read_text(json: &[u8]) -> Option<Event<'_>> {
    let rest = json.strip_prefix(b"[\"text_update\",{\"id\":\"")?;
    let (id, rest) = rest.split_at(rest.iter().position(|&byte| byte == b'"')?);
    let text = rest.strip_prefix(b"\",\"text\":\"")?.strip_suffix(b"\"}]")?;
    Some(Event::Text { id, text })
}

/// The usual form: `["text_update",{"id":"…","at":…,"cut":…,"put":"…","length":…}]`.
fn read_splice(json: &[u8]) -> Option<Event<'_>> {
    let rest = json.strip_prefix(b"[\"text_update\",{\"id\":\"")?;
    let (id, rest) = until(rest, b'"')?;
    let (at, rest) = until(rest.strip_prefix(b",\"at\":")?, b',')?;
    let (cut, rest) = until(rest.strip_prefix(b"\"cut\":")?, b',')?;
    let (put, rest) = until(rest.strip_prefix(b"\"put\":\"")?, b'"')?;
    let length = rest.strip_prefix(b",\"length\":")?.strip_suffix(b"}]")?;
    let number = |digits| number(digits).map(|n| n as usize);
    Some(Event::Splice(Splice {
        id: str::from_utf8(id).ok()?,
        text: None,
        at: Some(number(at)?),
        cut: Some(number(cut)?),
        put: Some(str::from_utf8(put).ok()?),
        length: Some(number(length)?),
    }))
}

/// The usual form: `["user_wrote",{"id":"…","wrote":…}]`.
fn read_wrote(json: &[u8]) -> Option<Event<'_>> {
    let rest = json.strip_prefix(b"[\"user_wrote\",{\"id\":\"")?;
    let (id, rest) = until(rest, b'"')?;
    match rest {
        b",\"wrote\":true}]" => Some(Event::Wrote { id, wrote: true }),
        b",\"wrote\":false}]" => Some(Event::Wrote { id, wrote: false }),
        _ => None,
    }
}

/// Splits bytes at the first `end`, which is in neither part.
fn until(bytes: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == end)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The receiver's id in a snapshot; `None` for a viewer.
pub(crate) fn own_id(snapshot: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(snapshot, b"\"you\":\"")? + b"\"you\":\"".len();
    snapshot[start..].split(|&byte| byte == b'"').next()
}

/// The secret with which the receiver of a snapshot takes its seat again.
pub(crate) fn session(snapshot: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(snapshot, b"\"session\":\"")? + b"\"session\":\"".len();
    snapshot[start..].split(|&byte| byte == b'"').next()
}

/// The numbers of the names in a snapshot.
pub(crate) fn names(snapshot: &[u8]) -> impl Iterator<Item = usize> {
    const NAME: &[u8] = b"\"name\":\"p";
    let users = memmem::find(snapshot, b"\"users\":").map_or(&[][..], |at| &snapshot[at..]);
    memmem::find_iter(users, NAME).filter_map(move |at| {
        let name = &users[at + NAME.len()..];
        let end = name.iter().position(|byte| !byte.is_ascii_digit())?;
        number(&name[..end]).map(|n| n as usize)
    })
}
