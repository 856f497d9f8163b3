//! Checks of messages, because anybody who can publish to Redis can send anything. A message that no node sends is
//! dropped, so that numbers do not overflow and texts keep their limits.

use crate::base::ids::{Epoch, NodeId, UserId};
use crate::cluster::message::{
    Asked, NodeMessage, Outcome, Position, Request, RoomMessage, Ruled, ToNode, ToRoom,
};
use crate::room::copy::{RoomCopy, UserCopy};
use crate::room::fact::Fact;
use crate::room::names::Name;
use crate::room::post::Post;
use crate::room::session::{MAX_REFERENCE, SessionKey};
use crate::room::state::{MAX_PROMPT, StateChange};
use crate::room::text::TextChange;
use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

/// How far an epoch may be ahead of the clock of Redis, by which epochs are numbered. The next epoch is valid a
/// millisecond later, so a room that somebody has put into the latest epoch can still change hands. A day, because that
/// clock may be set back while rooms are open.
pub(super) const MAX_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The highest number of a post, and of anything else that scripts take for a number: more than a room can have, and
/// such that Lua and scores in Redis hold it exactly. As epochs, such numbers last until the year 2248.
pub(super) const MAX_POST_NUMBER: u64 = (1 << 43) - 1;

/// The highest number of a message: half of all numbers, so that no node ever reaches the end.
const MAX_SEQ: u64 = 1 << 63;

/// The most bytes of a text: as many characters as `--max-text` allows, of four bytes.
const MAX_TEXT: usize = 4 * 1_000_000;

/// The most bytes of a name: as many characters as `--max-name` allows, of four bytes.
const MAX_NAME: usize = 4 * 200;

/// The most viewers: more than any node can have.
const MAX_VIEWERS: usize = u32::MAX as usize;

/// The latest epoch that there can be, and the last user in it.
#[derive(Debug, Clone, Copy)]
struct Latest {
    epoch: Epoch,
    user: UserId,
}

impl Latest {
    /// At this time by the clock of Redis, in milliseconds since 1970.
    fn at(redis_millis: u64) -> Self {
        let epoch = Epoch(redis_millis.saturating_add(MAX_AHEAD.as_millis() as u64).min(MAX_POST_NUMBER));
        Self { epoch, user: Epoch(epoch.0 + 1).first_user() }
    }

    fn is_valid_position(self, at: Position) -> bool {
        at.epoch <= self.epoch && at.seq <= MAX_SEQ
    }

    fn is_valid_ruled(self, ruled: &Ruled) -> bool {
        match &ruled.ruling.fact {
            Fact::Joined { id, name, .. } | Fact::Renamed { id, name } => {
                *id <= self.user && is_valid_name(name)
            }
            Fact::Text { change, .. } => is_valid_change(change),
            Fact::Posted { post } => post.id <= self.user && is_valid_post(post),
            Fact::PostRemoved { n } => *n <= MAX_POST_NUMBER,
            Fact::Loaded { posts, state } => are_valid_posts(posts) && state.is_bounded(),
            Fact::LogReplaced { posts, last_n } => are_valid_posts(posts) && *last_n <= MAX_POST_NUMBER,
            Fact::StateChanged { state } => state.is_bounded(),
            Fact::Away { .. }
            | Fact::Back { .. }
            | Fact::SeatTaken { .. }
            | Fact::Gone { .. }
            | Fact::HostMade { .. }
            | Fact::HostLost { .. }
            | Fact::Cleared { .. }
            | Fact::HistoryShortened { .. }
            | Fact::HistoryTrimmed { .. } => true,
        }
    }

    /// Users have different ids and sessions, hosts are users, and the numbers of posts rise.
    fn is_valid_copy(self, copy: &RoomCopy) -> bool {
        let RoomCopy { users, hosts, state, record, hosts_expected: _, posts, last_n, last_user } = copy;
        let ids: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
        let is_user =
            |user: &UserCopy| user.id <= *last_user && is_valid_name(&user.name) && is_valid_text(&user.text);
        let keys: HashSet<SessionKey> = users.iter().map(|user| user.seat.key).collect();
        let are_different = ids.len() == users.len() && keys.len() == users.len();
        let is_log = are_valid_posts(posts)
            && posts.last().is_none_or(|last| last.n <= *last_n)
            && *last_n <= MAX_POST_NUMBER;
        let are_hosts = hosts.iter().all(|host| ids.contains(host));
        let are_users = users.iter().all(is_user) && are_different && are_hosts && *last_user <= self.user;
        are_users && is_log && state.is_bounded() && record.is_bounded()
    }
}

/// Whether a message on the channel of a room is valid at this time by the clock of Redis.
pub(super) fn is_valid_in_room(message: &RoomMessage, redis_millis: u64) -> bool {
    let latest = Latest::at(redis_millis);
    match &message.says {
        ToRoom::Open => true,
        ToRoom::Out { at, rulings, heard, record, is_unsaved: _ } => {
            latest.is_valid_position(*at)
                && rulings.iter().all(|ruled| latest.is_valid_ruled(ruled))
                && heard.values().all(|seq| *seq <= MAX_SEQ)
                && record.as_ref().is_none_or(|record| record.is_bounded())
        }
        ToRoom::Tick { at, heard, viewers } => {
            latest.is_valid_position(*at)
                && heard.values().all(|seq| *seq <= MAX_SEQ)
                && *viewers <= MAX_VIEWERS
        }
        ToRoom::Reign { epoch, from } => *epoch <= latest.epoch && latest.is_valid_position(*from),
    }
}

/// The same for a message to one node.
pub(super) fn is_valid_to_node(message: &NodeMessage, redis_millis: u64) -> bool {
    let latest = Latest::at(redis_millis);
    let are_requests =
        |requests: &[Request]| requests.iter().all(|request| is_valid_request(message.from, request));
    match &message.says {
        ToNode::Sync | ToNode::Unknown => true,
        ToNode::Copy { at, copy, .. } => latest.is_valid_position(*at) && latest.is_valid_copy(copy),
        ToNode::In { epoch, seq, requests, viewers, has_key: _ } => {
            latest.is_valid_position(Position { epoch: *epoch, seq: *seq })
                && *viewers <= MAX_VIEWERS
                && are_requests(requests)
        }
        ToNode::Attach { epoch, seq, requests, posts, viewers, has_key: _ } => {
            latest.is_valid_position(Position { epoch: *epoch, seq: *seq })
                && *viewers <= MAX_VIEWERS
                && are_requests(requests)
                && are_valid_posts(posts.iter().map(|(post, _)| post))
        }
        ToNode::Answer { outcome: Outcome::Duplicate(post), .. } => is_valid_post(post),
        ToNode::Answer { .. } => true,
    }
}

/// A node asks only for its own clients. A post over HTTP has no client.
fn is_valid_request(from: NodeId, request: &Request) -> bool {
    let is_own = request.by.node == from;
    match &request.asks {
        Asked::Join { name, .. } | Asked::Rename(name) => is_own && is_valid_name(name),
        Asked::Write(change) => is_own && is_valid_change(change),
        Asked::Post { text, reference } => is_own && is_valid_text(text) && is_valid_reference(reference),
        Asked::PostWithoutSeat { name, text, reference } => {
            is_valid_name(name) && is_valid_text(text) && is_valid_reference(reference)
        }
        Asked::SetRoom(StateChange { prompt, .. }) => {
            is_own && prompt.as_ref().is_none_or(|prompt| prompt.len() <= 4 * MAX_PROMPT)
        }
        Asked::Host
        | Asked::RemoveUser(_)
        | Asked::Clear(_)
        | Asked::MakeHost(_)
        | Asked::RemovePost(_)
        | Asked::Leave { .. } => is_own,
    }
}

fn are_valid_posts<'a>(posts: impl IntoIterator<Item = &'a Post>) -> bool {
    let posts: Vec<&Post> = posts.into_iter().collect();
    posts.iter().all(|post| is_valid_post(post)) && posts.is_sorted_by(|one, next| one.n < next.n)
}

/// Whether a post is valid, in a message or in the log. The id of its author does not matter there, because nothing is
/// counted from it.
pub(super) fn is_valid_post(post: &Post) -> bool {
    let Post { n, id: _, name, text, at: _ } = post;
    (1..=MAX_POST_NUMBER).contains(n) && name.len() <= MAX_NAME && is_valid_text(text)
}

fn is_valid_change(change: &TextChange<'_>) -> bool {
    match change {
        TextChange::Whole(text) => is_valid_text(text),
        TextChange::Splice(splice) => is_valid_text(&splice.put),
    }
}

fn is_valid_text(text: &str) -> bool {
    text.len() <= MAX_TEXT
}

fn is_valid_name(name: &Name) -> bool {
    name.as_str().len() <= MAX_NAME
}

fn is_valid_reference(reference: &str) -> bool {
    reference.len() <= 4 * MAX_REFERENCE
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAME, MAX_POST_NUMBER, MAX_PROMPT, MAX_TEXT, is_valid_in_room, is_valid_to_node};
    use serde_json::{Value, from_value, json};

    const MAX: u64 = u64::MAX;

    /// The time by the clock of Redis: a day in 2027.
    const NOW: u64 = 1_800_000_000_000;

    /// The highest valid id of a user at that time: the last one in the latest epoch.
    const LAST_USER: u64 = (NOW + 24 * 60 * 60 * 1_000 + 1) << 20;

    fn key(n: u8) -> String {
        format!("{n:032}")
    }

    /// Whether a message on the channel of a room is valid. It can be read.
    fn in_room(says: &Value) -> bool {
        is_valid_in_room(&from_value(json!({"from": 1, "says": says})).expect("a message"), NOW)
    }

    /// The same of a message to a node.
    fn to_node(says: &Value) -> bool {
        is_valid_to_node(&from_value(json!({"room": "r", "from": 1, "says": says})).expect("a message"), NOW)
    }

    fn out(fact: &Value) -> bool {
        in_room(&json!({"out": {"at": {"epoch": 1, "seq": 1}, "rulings": [{"fact": fact}]}}))
    }

    fn post(n: u64, text: &str) -> Value {
        json!({"n": n, "id": "7", "name": "Ada", "text": text, "at": 0})
    }

    fn user(id: u64, session: u8, name: &str) -> Value {
        let seat = json!({"key": key(session), "wrote": false, "stay": {"secs": MAX, "nanos": 0},
            "holder": {"Away": {"secs": MAX, "nanos": 0}}});
        json!({"id": id.to_string(), "name": name, "mark": 255, "cleared": MAX, "text": "", "seat": seat})
    }

    /// A state with a prompt of so many bytes.
    fn state(prompt: usize) -> Value {
        let prompt = "x".repeat(prompt);
        json!({"locked": false, "hidden": false, "frozen": false, "prompt": prompt, "spotlight": null})
    }

    /// A record with such a state and so many members.
    fn record(prompt: usize, members: usize) -> Value {
        let members = vec![key(1); members];
        json!({"state": state(prompt), "all_cleared": 0, "cleared": [], "removed": [], "hosts": [],
            "members": members})
    }

    /// A copy of a room with these changes.
    fn copy(changes: &Value) -> Value {
        let mut copy = json!({"users": [user(7, 1, "Ada")], "hosts": ["7"], "state": state(0), "record": record(0, 0),
            "hosts_expected": null, "posts": [post(3, "x")], "last_n": 3, "last_user": "7"});
        for (name, value) in changes.as_object().unwrap() {
            copy[name] = value.clone();
        }
        json!({"copy": {"at": {"epoch": 1, "seq": 1}, "name": "r", "copy": copy, "keys": []}})
    }

    fn attach(node: u64, asks: &Value) -> Value {
        let request = json!({"by": {"at": MAX, "node": node, "number": MAX}, "number": MAX, "asks": asks});
        json!({"attach": {"epoch": 1, "seq": 1, "requests": [request], "posts": [], "viewers": 0}})
    }

    #[test]
    fn positions_that_no_owner_reaches_are_invalid() {
        let latest = NOW + 24 * 60 * 60 * 1_000;
        for (epoch, seq, is_valid) in
            [(latest, 1, true), (latest + 1, 1, false), (1 << 63, 1, false), (1, MAX, false)]
        {
            let at = json!({"epoch": epoch, "seq": seq});
            assert_eq!(in_room(&json!({"out": {"at": at, "rulings": []}})), is_valid);
            assert_eq!(in_room(&json!({"tick": {"at": at, "heard": {}, "viewers": 0}})), is_valid);
            assert_eq!(in_room(&json!({"reign": {"epoch": epoch, "from": at}})), is_valid);
            let message = json!({"epoch": epoch, "seq": seq, "requests": [], "posts": [], "viewers": 0});
            assert_eq!(to_node(&json!({ "attach": message })), is_valid);
            assert_eq!(to_node(&json!({ "in": message })), is_valid);
        }
        assert!(!in_room(
            &json!({"tick": {"at": {"epoch": 1, "seq": 1}, "heard": {"1": MAX}, "viewers": 0}})
        ));
        assert!(!in_room(&json!({"tick": {"at": {"epoch": 1, "seq": 1}, "heard": {}, "viewers": MAX}})));
    }

    #[test]
    fn facts_that_no_owner_decides_are_invalid() {
        let name = "x".repeat(MAX_NAME + 1);
        let text = "x".repeat(MAX_TEXT + 1);
        let [last_user, too_late] = [0, 1].map(|more| (LAST_USER + more).to_string());
        for (fact, is_valid) in [
            (json!({"fact": "joined", "id": "7", "name": "Ada", "mark": 255, "cleared": MAX}), true),
            (
                json!({"fact": "joined", "id": MAX.to_string(), "name": "Ada", "mark": null, "cleared": 0}),
                false,
            ),
            (json!({"fact": "joined", "id": last_user, "name": "Ada", "mark": null, "cleared": 0}), true),
            (json!({"fact": "joined", "id": too_late, "name": "Ada", "mark": null, "cleared": 0}), false),
            (json!({"fact": "joined", "id": "7", "name": name, "mark": null, "cleared": 0}), false),
            (json!({"fact": "renamed", "id": "7", "name": name}), false),
            (json!({"fact": "text", "id": "7", "change": {"whole": text}}), false),
            (
                json!({"fact": "text", "id": "7", "change": {"splice": {"at": 0, "cut": 0, "put": text, "length": 1}}}),
                false,
            ),
            (json!({"fact": "posted", "post": post(1, "x")}), true),
            (json!({"fact": "posted", "post": post(0, "x")}), false),
            (json!({"fact": "posted", "post": post(MAX_POST_NUMBER, "x")}), true),
            (json!({"fact": "posted", "post": post(MAX_POST_NUMBER + 1, "x")}), false),
            (json!({"fact": "post_removed", "n": MAX_POST_NUMBER + 1}), false),
            (json!({"fact": "posted", "post": post(1, &text)}), false),
            (json!({"fact": "log_replaced", "posts": [], "last_n": MAX_POST_NUMBER + 1}), false),
            (json!({"fact": "state_changed", "state": state(MAX_PROMPT)}), true),
            (json!({"fact": "state_changed", "state": state(4 * MAX_PROMPT + 1)}), false),
            (json!({"fact": "loaded", "posts": [post(1, "x")], "state": state(MAX_PROMPT)}), true),
            (json!({"fact": "loaded", "posts": [], "state": state(4 * MAX_PROMPT + 1)}), false),
            (json!({"fact": "loaded", "posts": [post(0, "x")], "state": state(0)}), false),
            (json!({"fact": "log_replaced", "posts": [post(2, "x"), post(1, "x")], "last_n": 2}), false),
        ] {
            assert_eq!(out(&fact), is_valid, "{:.200}", fact.to_string());
        }
    }

    #[test]
    fn records_that_no_room_makes_are_invalid() {
        for (record, is_valid) in [
            (record(MAX_PROMPT, 1_000), true),
            (record(4 * MAX_PROMPT + 1, 0), false),
            (record(0, 1_001), false),
        ] {
            let out = json!({"at": {"epoch": 1, "seq": 1}, "rulings": [], "record": record});
            assert_eq!(in_room(&json!({ "out": out })), is_valid);
        }
    }

    #[test]
    fn copies_that_contradict_themselves_are_invalid() {
        for (changes, is_valid) in [
            (json!({}), true),
            (json!({"users": [user(7, 1, "Ada"), user(7, 2, "Bob")]}), false),
            (json!({"users": [user(6, 1, "Ada"), user(7, 1, "Bob")]}), false),
            (json!({"users": [user(8, 1, "Ada")], "hosts": []}), false),
            (json!({"hosts": ["8"]}), false),
            (json!({"posts": [post(1, "x"), post(1, "x")]}), false),
            (json!({"last_n": 2}), false),
            (json!({"posts": [], "last_n": MAX_POST_NUMBER + 1}), false),
            (json!({"last_user": LAST_USER.to_string()}), true),
            (json!({"last_user": (LAST_USER + 1).to_string()}), false),
            (json!({"state": state(4 * MAX_PROMPT + 1)}), false),
            (json!({"record": record(4 * MAX_PROMPT + 1, 0)}), false),
            (json!({"record": record(0, 1_000)}), true),
            (json!({"record": record(0, 1_001)}), false),
        ] {
            assert_eq!(to_node(&copy(&changes)), is_valid, "{changes}");
        }
    }

    #[test]
    fn requests_of_the_clients_of_another_node_are_invalid() {
        let text = "x".repeat(MAX_TEXT + 1);
        for (node, asks, is_valid) in [
            (1, json!({"write": {"whole": "hello"}}), true),
            (2, json!({"write": {"whole": "hello"}}), false),
            (2, json!({"leave": {"goodbye": true}}), false),
            (1, json!({"write": {"whole": text}}), false),
            (1, json!({"post": {"text": text, "reference": "x"}}), false),
            (1, json!({"post": {"text": "x", "reference": text}}), false),
            (1, json!({"rename": text}), false),
            (1, json!({"set_room": {"prompt": "x".repeat(MAX_PROMPT)}}), true),
            (1, json!({"set_room": {"prompt": "x".repeat(4 * MAX_PROMPT + 1)}}), false),
            (0, json!({"post_without_seat": {"name": "Ada", "text": "x", "reference": "x"}}), true),
            (0, json!({"post_without_seat": {"name": "Ada", "text": text, "reference": "x"}}), false),
        ] {
            assert_eq!(to_node(&attach(node, &asks)), is_valid, "{:.200}", asks.to_string());
        }
    }
}
