//! The model of a page: what it shows after the events that the server has sent it. It shares no code with the server,
//! and fails if an event contradicts those before it.

use serde_json::Value;
use std::collections::BTreeMap;

/// What a page shows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The page's own id; a viewer has none.
    pub you: Option<String>,
    pub name: Option<String>,
    pub session: Option<String>,
    /// The name of the room; `None` until the first snapshot.
    pub room: Option<String>,
    pub users: BTreeMap<String, User>,
    /// The posts shown, each once.
    pub log: Vec<Value>,
    /// The numbers of all posts that came, those of earlier snapshots included, each once and in order.
    pub received: Vec<u64>,
    /// The refs that came back, in order.
    pub references: Vec<String>,
    /// The codes of the errors that came.
    pub errors: Vec<String>,
    /// The server has accepted the passphrase.
    pub unlocked: bool,
    /// What lets this page in again without a wait.
    pub token: Option<String>,
    /// How often the server has said that a post waits.
    pub slowed_down: usize,
    /// The last snapshot was so large that it came in parts, while the room went on: events may tell of users who were
    /// gone before their part, and old posts may have been dropped before theirs.
    has_gaps: bool,
}

/// A snapshot of fewer bytes comes in one part.
const PART_BYTES: usize = 16 * 1024;

/// A user and their box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub name: String,
    pub text: String,
    pub away: bool,
}

impl Page {
    /// Applies one event of the server.
    pub(crate) fn apply(&mut self, event: &str, data: &Value) {
        match event {
            "existing_users" => self.replace(data),
            "new_user" => {
                let user = User { name: string(&data["new_user_name"]), text: String::new(), away: false };
                assert_eq!(self.users.insert(string(&data["id"]), user), None, "a user came twice");
            }
            "text_update" => self.change_other(event, data, |user| user.change(data)),
            "user_away" => self.change_other(event, data, |user| user.away = true),
            "user_back" => self.change_other(event, data, |user| user.away = false),
            "disconnect_user" => match self.users.remove(&string(&data["id"])) {
                Some(user) => assert_eq!(data["name"], *user.name, "the name of the user who left"),
                None => assert!(self.may_miss_users(), "an unknown user left: {data}"),
            },
            "data" => self.add_post(data),
            "error" => self.errors.push(string(&data["code"])),
            "unlocked" => {
                self.unlocked = true;
                self.token = data["token"].as_str().map(str::to_owned);
            }
            "slow_down" => self.slowed_down += 1,
            other => panic!("an unknown event: {other}"),
        }
    }

    /// A snapshot replaces all that the page knew.
    fn replace(&mut self, data: &Value) {
        let optional = |field: &str| data[field].as_str().map(str::to_owned);
        (self.you, self.name, self.session) = (optional("you"), optional("name"), optional("session"));
        assert_eq!(self.you.is_some(), self.session.is_some(), "a session for every user and no viewer");
        self.room = Some(string(&data["room"]));
        self.has_gaps = data.to_string().len() >= PART_BYTES;
        let user = |user: &Value| User {
            name: string(&user["name"]),
            text: string(&user["text"]),
            away: user["away"].as_bool().expect("a bool"),
        };
        let users = data["users"].as_object().expect("users");
        self.users = users.iter().map(|(id, shown)| (id.clone(), user(shown))).collect();
        self.log = data["log"].as_array().expect("a log").clone();
        let numbers: Vec<u64> = self.log.iter().map(number).collect();
        let lacks_posts = self.received.last() > numbers.last();
        assert!(!lacks_posts || self.has_gaps, "a snapshot lacks a post that came before it");
        self.received.retain(|n| !numbers.contains(n));
        self.received.extend(numbers);
    }

    /// Applies an event about another user. Before its snapshot, a page gets events about users that it does not know.
    fn change_other(&mut self, event: &str, data: &Value, change: impl FnOnce(&mut User)) {
        let id = string(&data["id"]);
        assert_ne!(Some(&id), self.you.as_ref(), "a user was sent {event} about itself");
        match self.users.get_mut(&id) {
            Some(user) => change(user),
            None => assert!(self.may_miss_users(), "{event} about an unknown user"),
        }
    }

    fn may_miss_users(&self) -> bool {
        self.room.is_none() || self.has_gaps
    }

    /// Adds a post. With a ref of the page's own it may come again, in answer to a repetition.
    fn add_post(&mut self, data: &Value) {
        let reference = data["ref"].as_str().map(str::to_owned);
        if self.received.last() < Some(&number(data)) {
            // A user who is joining may be sent its own posts before its id.
            let is_of_other = self.you.as_ref().is_some_and(|you| data["id"] != **you);
            assert!(reference.is_none() || !is_of_other, "the ref of another user: {data}");
            self.received.push(number(data));
            self.log.push(data.clone());
        } else {
            assert!(reference.is_some(), "a post came twice: {data}");
        }
        self.references.extend(reference);
    }

    fn user(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| user.name == name)
    }

    /// Whether a user is away; `None` if there is no such user.
    pub(crate) fn is_away(&self, name: &str) -> Option<bool> {
        self.user(name).map(|user| user.away)
    }

    /// The text in a user's box.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.user(name).map(|user| user.text.as_str())
    }

    /// The names of all users, in the order in which they came.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut users: Vec<(u64, &str)> =
            self.users.iter().map(|(id, user)| (id.parse().unwrap_or(0), user.name.as_str())).collect();
        users.sort_unstable();
        users.into_iter().map(|(_, name)| name).collect()
    }

    /// The texts of the log.
    pub(crate) fn posts(&self) -> Vec<&str> {
        self.log.iter().filter_map(|post| post["text"].as_str()).collect()
    }
}

impl User {
    /// Applies a whole text or a splice.
    pub(crate) fn change(&mut self, data: &Value) {
        match data["text"].as_str() {
            Some(text) => text.clone_into(&mut self.text),
            None => self.text = spliced(&self.text, data),
        }
    }
}

/// A text after a splice, which counts in code points.
fn spliced(text: &str, data: &Value) -> String {
    let field = |name: &str| data[name].as_u64().unwrap_or_else(|| panic!("no {name} in {data}")) as usize;
    let (at, cut) = (field("at"), field("cut"));
    let characters: Vec<char> = text.chars().collect();
    assert!(at + cut <= characters.len(), "a splice of another text than {text:?}: {data}");
    let put = string(&data["put"]);
    let changed = [&characters[..at], &put.chars().collect::<Vec<_>>(), &characters[at + cut..]].concat();
    assert_eq!(changed.len(), field("length"), "the length after a splice of {text:?}: {data}");
    changed.into_iter().collect()
}

pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// The number and the text of a post.
pub(crate) fn numbered(post: &Value) -> (u64, String) {
    (number(post), string(&post["text"]))
}

/// The number of a post.
pub(crate) fn number(post: &Value) -> u64 {
    post["n"].as_u64().unwrap_or_else(|| panic!("a post without a number: {post}"))
}
