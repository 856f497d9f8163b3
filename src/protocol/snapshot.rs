//! The snapshot of a room, `existing_users`: everything that a client needs to show the room. It replaces everything
//! that the client knew.
//!
//! A snapshot is encoded in two halves. A hundred clients that join at once share one encoding of the larger half.

use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::room::post::Post;
use crate::room::view::View;
use serde::Serialize;
use std::collections::BTreeMap;

/// The half that is different for each receiver.
#[derive(Debug, Serialize)]
pub(crate) struct Receiver<'a> {
    /// The receiver's own id; null for a viewer.
    pub you: Option<UserId>,
    /// The name that the server assigned to the receiver; null for a viewer.
    pub name: Option<&'a str>,
    /// The secret with which the receiver takes this seat again; null for a viewer.
    pub session: Option<String>,
}

/// The half that is the same for everyone in the room.
#[derive(Debug, Serialize)]
struct RoomState<'a> {
    room: &'a str,
    /// In the order in which they joined.
    users: BTreeMap<UserId, UserState<'a>>,
    /// The oldest first.
    log: Vec<&'a Post>,
    limits: LengthLimits,
}

/// The limits that a page shows to a user who comes near them, in characters (Unicode code points).
#[derive(Debug, Serialize)]
struct LengthLimits {
    text: usize,
    name: usize,
}

#[derive(Debug, Serialize)]
struct UserState<'a> {
    name: &'a str,
    text: &'a str,
    away: bool,
}

/// Appends the first half of `["existing_users", {…}]` to `json`.
pub(crate) fn encode_head(receiver: &Receiver<'_>, json: &mut Vec<u8>) {
    write(json, &("existing_users", receiver));
    json.truncate(json.len() - "}]".len());
}

/// Appends the second half of `["existing_users", {…}]` to `json`.
pub fn encode_tail(room: &str, view: &View, limits: &Limits, json: &mut Vec<u8>) {
    let users = view.users();
    let users =
        users.map(|(id, user, text)| (id, UserState { name: user.name.as_str(), text, away: user.away }));
    let state = RoomState {
        room,
        users: users.collect(),
        log: view.posts().map(AsRef::as_ref).collect(),
        limits: LengthLimits { text: limits.max_text, name: limits.max_name },
    };
    let start = json.len();
    write(json, &state);
    json[start] = b','; // replaces the opening brace, which the first half contains
    json.push(b']');
}

fn write(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value)
        .expect("snapshots have string keys, and writing to a Vec does not fail");
}
