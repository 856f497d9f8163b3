//! The snapshot of a room, `existing_users`: everything that a client needs to show the room. It replaces everything
//! that the client knew.
//!
//! A snapshot is encoded in two halves. The second one, which is the same for everyone, is encoded in parts: each when
//! the client's socket has space, from what the room is then. A hundred clients that join at once share the encoded
//! parts. What changes while the parts are sent, the client is told afterwards, by events and by whole texts.

use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::protocol::server_event::{StateView, is_false, is_true};
use crate::room::marks::Mark;
use crate::room::text::Text;
use crate::room::view::{View, Visibility};
use bytes::Bytes;
use serde::Serialize;

/// The half that is different for each receiver.
#[derive(Debug, Serialize)]
pub(crate) struct Receiver<'a> {
    /// The receiver's own id; null for a viewer.
    pub you: Option<UserId>,
    /// The name that the server assigned to the receiver; null for a viewer.
    pub name: Option<&'a str>,
    /// The secret with which the receiver takes this seat again; null for a viewer.
    pub session: Option<String>,
    /// When a host last cleared the receiver's box, in milliseconds since 1970, roughly; 0 if that is not known; null
    /// for a viewer. It grows with each time.
    pub cleared: Option<u64>,
    /// The receiver is a host.
    #[serde(skip_serializing_if = "is_false")]
    pub host: bool,
    /// The server is linked to the other nodes that serve the room, or there are none.
    #[serde(skip_serializing_if = "is_true")]
    pub linked: bool,
    /// The number of viewers. It is in this half because the common half would otherwise change with every visitor.
    pub viewers: usize,
}

/// Size after which a part of a snapshot ends, in bytes. The last user or post in it may exceed that. A part that was
/// begun has to be finished, so this is also about how much is kept for a client that reads nothing.
pub(crate) const PART_BYTES: usize = 16 * 1024;

/// Size after which no more parts are encoded and sent together, in bytes. A socket takes about twice as much.
pub(crate) const TOGETHER_BYTES: usize = 4 * PART_BYTES;

/// Where a snapshot continues. Users and posts that came after it began are not in it: events tell the client of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    last_user: UserId,
    last_post: u64,
    at: Position,
}

impl Cursor {
    /// Whether a user may still come, because the user is not in the parts before.
    pub(crate) fn precedes(&self, id: UserId) -> bool {
        match self.at {
            Position::Users(last) => last.is_none_or(|last| last < id),
            Position::Log(_) => false,
        }
    }
}

#[cfg(test)]
impl Cursor {
    /// A cursor after this user, who is the last one.
    pub(crate) fn after(last_user: UserId) -> Self {
        Self { last_user, last_post: 0, at: Position::Users(Some(last_user)) }
    }
}

/// A part of the second half, encoded.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The JSON.
    pub json: Bytes,
    /// Where the next part begins, unless this is the last one.
    pub next: Option<Cursor>,
}

/// The last user or post in the part before; `None` before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    Users(Option<UserId>),
    Log(Option<u64>),
}

/// The limits that a page shows to a user who comes near them, in characters (Unicode code points).
#[derive(Debug, Serialize)]
struct LengthLimits {
    text: usize,
    name: usize,
}

/// A user. To a receiver that may not see the text, `wrote` says whether there is one.
#[derive(Debug, Serialize)]
struct UserState<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<Mark>,
    text: &'a str,
    away: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrote: Option<bool>,
}

/// Appends the first half of `["existing_users", {…}]` to `json`.
pub(crate) fn encode_head(receiver: &Receiver<'_>, json: &mut Vec<u8>) {
    write(json, &("existing_users", receiver));
    json.truncate(json.len() - "}]".len());
}

/// Encodes the next parts of the second half of `["existing_users", {…}]`: from a cursor, or from the beginning.
pub(crate) fn encode_parts(
    room: &str,
    view: &View,
    limits: &Limits,
    visibility: Visibility,
    from: Option<Cursor>,
) -> Vec<Part> {
    let (mut parts, mut next) = (Vec::new(), from);
    let (mut json, mut len) = (Vec::new(), 0);
    loop {
        json.clear();
        next = encode_part(room, view, limits, visibility, next, &mut json);
        parts.push(Part { json: Bytes::copy_from_slice(&json), next }); // allocates no more than the part
        len += json.len();
        if next.is_none() || len >= TOGETHER_BYTES {
            return parts;
        }
    }
}

/// Writes a part of the second half of `["existing_users", {…}]`: from a cursor, or from the beginning. Shows the room
/// as it is now, to receivers with this `visibility`. Returns where the next part begins, unless this is the last one.
pub fn encode_part(
    room: &str,
    view: &View,
    limits: &Limits,
    visibility: Visibility,
    from: Option<Cursor>,
    json: &mut Vec<u8>,
) -> Option<Cursor> {
    let mut cursor = from.unwrap_or_else(|| begin(room, view, json));
    if let Position::Users(_) = cursor.at {
        if !encode_users(view, visibility, &mut cursor, json) {
            return Some(cursor);
        }
        json.extend_from_slice(b"},\"log\":[");
        cursor.at = Position::Log(None);
    }
    if !encode_log(view, &mut cursor, json) {
        return Some(cursor);
    }
    json.extend_from_slice(b"],\"limits\":");
    write(json, &LengthLimits { text: limits.max_text, name: limits.max_name });
    json.extend_from_slice(b"}]");
    None
}

/// Writes what precedes the users. The comma continues the object that [`encode_head`] has begun.
fn begin(room: &str, view: &View, json: &mut Vec<u8>) -> Cursor {
    json.extend_from_slice(b",\"room\":");
    write(json, &room);
    json.extend_from_slice(b",\"state\":");
    write(json, &StateView::of(view));
    json.extend_from_slice(b",\"users\":{");
    let last_user = view.users_after(None).next_back().map_or(UserId(0), |(id, _)| id);
    let last_post = view.posts().next_back().map_or(0, |post| post.n);
    Cursor { last_user, last_post, at: Position::Users(None) }
}

/// Writes users in the order in which they joined. Returns whether they all fit into this part.
fn encode_users(view: &View, visibility: Visibility, cursor: &mut Cursor, json: &mut Vec<u8>) -> bool {
    let Position::Users(mut after) = cursor.at else { return true };
    for (id, user) in view.users_after(after).take_while(|(id, _)| *id <= cursor.last_user) {
        if json.len() >= PART_BYTES {
            return false;
        }
        separate(after.is_some(), json);
        write(json, &id);
        json.push(b':');
        let text = view.text(id).map_or("", Text::as_str);
        let (text, wrote) = if visibility.includes(id) { (text, None) } else { ("", Some(!text.is_empty())) };
        let (name, mark, away) = (user.name.as_str(), user.mark, user.away);
        write(json, &UserState { name, mark, text, away, wrote });
        after = Some(id);
        cursor.at = Position::Users(after);
    }
    true
}

/// Writes posts, the oldest first. Returns whether they all fit into this part.
fn encode_log(view: &View, cursor: &mut Cursor, json: &mut Vec<u8>) -> bool {
    let Position::Log(mut after) = cursor.at else { return true };
    for post in view.posts_after(after.unwrap_or(0)).take_while(|post| post.n <= cursor.last_post) {
        if json.len() >= PART_BYTES {
            return false;
        }
        separate(after.is_some(), json);
        write(json, &**post);
        after = Some(post.n);
        cursor.at = Position::Log(after);
    }
    true
}

fn separate(follows_another: bool, json: &mut Vec<u8>) {
    if follows_another {
        json.push(b',');
    }
}

fn write(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value)
        .expect("snapshots have string keys, and writing to a Vec does not fail");
}
