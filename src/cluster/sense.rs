//! Whether a message makes sense: whoever can publish in Redis can send anything. What no node sends is dropped, so that
//! numbers do not overflow and texts have their limits.

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

/// The latest epoch. Epochs are times in milliseconds since 1970, and this is in the year 2109. As there are ids of users
/// for four times as many, a room that somebody takes to this epoch can still change hands.
const MAX_EPOCH: Epoch = Epoch(1 << 42);

/// The highest number of a message or a post: a half of all numbers, so that no node ever comes to the end of them.
const MAX_NUMBER: u64 = 1 << 63;

/// The highest id of a user: an epoch, and twenty bits for a number in it.
const MAX_USER: UserId = UserId(1 << 63);

/// The most bytes of a text: as many characters as `--max-text` allows, of four bytes.
const MAX_TEXT: usize = 4 * 1_000_000;

/// The most bytes of a name: as many characters as `--max-name` allows, of four bytes.
const MAX_NAME: usize = 4 * 200;

/// The most viewers: as many connections as no node can have.
const MAX_VIEWERS: usize = u32::MAX as usize;

/// Whether a message on the channel of a room makes sense.
pub(super) fn of_room(message: &RoomMessage) -> bool {
    match &message.says {
        ToRoom::Open => true,
        ToRoom::Out { at, rulings, heard, record: _ } => {
            of_position(*at) && rulings.iter().all(of_ruled) && heard.values().all(|seq| *seq <= MAX_NUMBER)
        }
        ToRoom::Tick { at, heard, viewers } => {
            of_position(*at) && heard.values().all(|seq| *seq <= MAX_NUMBER) && *viewers <= MAX_VIEWERS
        }
        ToRoom::Reign { epoch, from } => *epoch <= MAX_EPOCH && of_position(*from),
    }
}

/// Whether a message to one node makes sense.
pub(super) fn of_node(message: &NodeMessage) -> bool {
    let of_requests = |requests: &[Request]| requests.iter().all(|request| of_request(message.from, request));
    match &message.says {
        ToNode::Sync | ToNode::Unknown => true,
        ToNode::Copy { at, copy, .. } => of_position(*at) && of_copy(copy),
        ToNode::In { epoch, seq, requests, viewers } => {
            *epoch <= MAX_EPOCH && *seq <= MAX_NUMBER && *viewers <= MAX_VIEWERS && of_requests(requests)
        }
        ToNode::Attach { epoch, seq, requests, posts, viewers } => {
            let of_numbers = *epoch <= MAX_EPOCH && *seq <= MAX_NUMBER && *viewers <= MAX_VIEWERS;
            of_numbers && of_requests(requests) && of_posts(posts.iter().map(|(post, _)| post))
        }
        ToNode::Answer { outcome: Outcome::Duplicate(post), .. } => of_post(post),
        ToNode::Answer { .. } => true,
    }
}

fn of_position(at: Position) -> bool {
    at.epoch <= MAX_EPOCH && at.seq <= MAX_NUMBER
}

fn of_ruled(ruled: &Ruled) -> bool {
    match &ruled.ruling.fact {
        Fact::Joined { id, name, .. } | Fact::Renamed { id, name } => *id <= MAX_USER && of_name(name),
        Fact::Text { change, .. } => of_change(change),
        Fact::Posted { post } => of_post(post),
        Fact::PostRemoved { n } => *n <= MAX_NUMBER,
        Fact::Loaded { posts, .. } => of_posts(posts),
        Fact::LogReplaced { posts, last_n } => of_posts(posts) && *last_n <= MAX_NUMBER,
        Fact::Away { .. }
        | Fact::Back { .. }
        | Fact::SeatTaken { .. }
        | Fact::Gone { .. }
        | Fact::HostMade { .. }
        | Fact::HostLost { .. }
        | Fact::StateChanged { .. }
        | Fact::Cleared { .. }
        | Fact::HistoryShortened { .. }
        | Fact::HistoryTrimmed { .. } => true,
    }
}

/// Nobody asks for the clients of another node. A post over HTTP is no client's.
fn of_request(from: NodeId, request: &Request) -> bool {
    let is_own = request.by.node == from;
    match &request.asks {
        Asked::Join { name, .. } | Asked::Rename(name) => is_own && of_name(name),
        Asked::Write(change) => is_own && of_change(change),
        Asked::Post { text, reference } => is_own && of_text(text) && of_reference(reference),
        Asked::PostWithoutSeat { name, text, reference } => {
            of_name(name) && of_text(text) && of_reference(reference)
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

/// Users have different ids and sessions, and only users are hosts. The log grows.
fn of_copy(copy: &RoomCopy) -> bool {
    let RoomCopy { users, hosts, posts, last_n, last_user, .. } = copy;
    let ids: BTreeSet<UserId> = users.iter().map(|user| user.id).collect();
    let is_user = |user: &UserCopy| user.id <= *last_user && of_name(&user.name) && of_text(&user.text);
    let keys: HashSet<SessionKey> = users.iter().map(|user| user.seat.key).collect();
    let are_different = ids.len() == users.len() && keys.len() == users.len();
    let is_log =
        of_posts(posts) && posts.last().is_none_or(|last| last.n <= *last_n) && *last_n <= MAX_NUMBER;
    let are_hosts = hosts.iter().all(|host| ids.contains(host));
    users.iter().all(is_user) && are_different && are_hosts && is_log && *last_user <= MAX_USER
}

fn of_posts<'a>(posts: impl IntoIterator<Item = &'a Post>) -> bool {
    let posts: Vec<&Post> = posts.into_iter().collect();
    posts.iter().all(|post| of_post(post)) && posts.is_sorted_by(|one, next| one.n < next.n)
}

/// Whether a post makes sense, in a message or in the log.
pub(super) fn of_post(post: &Post) -> bool {
    let Post { n, id, name, text, at: _ } = post;
    (1..=MAX_NUMBER).contains(n) && *id <= MAX_USER && name.len() <= MAX_NAME && of_text(text)
}

fn of_change(change: &TextChange<'_>) -> bool {
    match change {
        TextChange::Whole(text) => of_text(text),
        TextChange::Splice(splice) => of_text(&splice.put),
    }
}

fn of_text(text: &str) -> bool {
    text.len() <= MAX_TEXT
}

fn of_name(name: &Name) -> bool {
    name.as_str().len() <= MAX_NAME
}

fn of_reference(reference: &str) -> bool {
    reference.len() <= 4 * MAX_REFERENCE
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    const MAX: u64 = u64::MAX;

    fn key(n: u8) -> String {
        format!("{n:032}")
    }

    /// Whether a message on the channel of a room makes sense. It can be read.
    fn in_room(says: &Value) -> bool {
        super::of_room(&from_value(json!({"from": 1, "says": says})).expect("a message"))
    }

    /// The same of a message to a node.
    fn to_node(says: &Value) -> bool {
        super::of_node(&from_value(json!({"room": "r", "from": 1, "says": says})).expect("a message"))
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

    /// A copy of a room with these changes.
    fn copy(changes: &Value) -> Value {
        let state =
            json!({"locked": false, "hidden": false, "frozen": false, "prompt": "", "spotlight": null});
        let record = json!({"state": state, "all_cleared": 0, "cleared": [], "removed": [], "hosts": [], "members": []});
        let mut copy = json!({"users": [user(7, 1, "Ada")], "hosts": ["7"], "state": state, "record": record,
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
    fn positions_that_no_owner_reaches_make_no_sense() {
        let latest = super::MAX_EPOCH.0;
        for (epoch, seq, makes_sense) in
            [(latest, 1, true), (latest + 1, 1, false), (1 << 63, 1, false), (1, MAX, false)]
        {
            let at = json!({"epoch": epoch, "seq": seq});
            assert_eq!(in_room(&json!({"out": {"at": at, "rulings": []}})), makes_sense);
            assert_eq!(in_room(&json!({"tick": {"at": at, "heard": {}, "viewers": 0}})), makes_sense);
            assert_eq!(in_room(&json!({"reign": {"epoch": epoch, "from": at}})), makes_sense);
            let message = json!({"epoch": epoch, "seq": seq, "requests": [], "posts": [], "viewers": 0});
            assert_eq!(to_node(&json!({ "attach": message })), makes_sense);
            assert_eq!(to_node(&json!({ "in": message })), makes_sense);
        }
        assert!(!in_room(
            &json!({"tick": {"at": {"epoch": 1, "seq": 1}, "heard": {"1": MAX}, "viewers": 0}})
        ));
        assert!(!in_room(&json!({"tick": {"at": {"epoch": 1, "seq": 1}, "heard": {}, "viewers": MAX}})));
    }

    #[test]
    fn facts_that_no_owner_decides_make_no_sense() {
        let name = "x".repeat(super::MAX_NAME + 1);
        let text = "x".repeat(super::MAX_TEXT + 1);
        for (fact, makes_sense) in [
            (json!({"fact": "joined", "id": "7", "name": "Ada", "mark": 255, "cleared": MAX}), true),
            (
                json!({"fact": "joined", "id": MAX.to_string(), "name": "Ada", "mark": null, "cleared": 0}),
                false,
            ),
            (json!({"fact": "joined", "id": "7", "name": name, "mark": null, "cleared": 0}), false),
            (json!({"fact": "renamed", "id": "7", "name": name}), false),
            (json!({"fact": "text", "id": "7", "change": {"whole": text}}), false),
            (
                json!({"fact": "text", "id": "7", "change": {"splice": {"at": 0, "cut": 0, "put": text, "length": 1}}}),
                false,
            ),
            (json!({"fact": "posted", "post": post(1, "x")}), true),
            (json!({"fact": "posted", "post": post(0, "x")}), false),
            (json!({"fact": "posted", "post": post(MAX, "x")}), false),
            (json!({"fact": "posted", "post": post(1, &text)}), false),
            (json!({"fact": "log_replaced", "posts": [], "last_n": MAX}), false),
            (json!({"fact": "log_replaced", "posts": [post(2, "x"), post(1, "x")], "last_n": 2}), false),
        ] {
            assert_eq!(out(&fact), makes_sense, "{:.200}", fact.to_string());
        }
    }

    #[test]
    fn copies_that_contradict_themselves_make_no_sense() {
        for (changes, makes_sense) in [
            (json!({}), true),
            (json!({"users": [user(7, 1, "Ada"), user(7, 2, "Bob")]}), false),
            (json!({"users": [user(6, 1, "Ada"), user(7, 1, "Bob")]}), false),
            (json!({"users": [user(8, 1, "Ada")], "hosts": []}), false),
            (json!({"hosts": ["8"]}), false),
            (json!({"posts": [post(1, "x"), post(1, "x")]}), false),
            (json!({"last_n": 2}), false),
            (json!({"posts": [], "last_n": MAX}), false),
            (json!({"last_user": MAX.to_string()}), false),
        ] {
            assert_eq!(to_node(&copy(&changes)), makes_sense, "{changes}");
        }
    }

    #[test]
    fn requests_of_the_clients_of_another_node_make_no_sense() {
        let text = "x".repeat(super::MAX_TEXT + 1);
        for (node, asks, makes_sense) in [
            (1, json!({"write": {"whole": "hello"}}), true),
            (2, json!({"write": {"whole": "hello"}}), false),
            (2, json!({"leave": {"goodbye": true}}), false),
            (1, json!({"write": {"whole": text}}), false),
            (1, json!({"post": {"text": text, "reference": "x"}}), false),
            (1, json!({"post": {"text": "x", "reference": text}}), false),
            (1, json!({"rename": text}), false),
            (0, json!({"post_without_seat": {"name": "Ada", "text": "x", "reference": "x"}}), true),
            (0, json!({"post_without_seat": {"name": "Ada", "text": text, "reference": "x"}}), false),
        ] {
            assert_eq!(to_node(&attach(node, &asks)), makes_sense, "{:.200}", asks.to_string());
        }
    }
}
