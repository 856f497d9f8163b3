//! The model of a page: what it shows after the events that the server has sent it. It shares no code with the server,
//! and fails if an event contradicts those before it.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use unicode_normalization::UnicodeNormalization;

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
    /// The number of pongs received.
    pub pongs: usize,
    /// The server has said that it is cut off from the other nodes.
    pub is_alone: bool,
    /// The number of viewers in the room.
    pub viewers: u64,
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
    /// What hosts have set.
    pub state: State,
    /// The ids of the users who are hosts.
    pub hosts: BTreeSet<String>,
    /// The server has said that this page is a host's.
    pub hosting: bool,
    /// The ids of users with a text that this page may not see.
    pub wrote: BTreeSet<String>,
    /// The count of clears of this page's own box, and how often the server has said that it is cleared.
    pub cleared: u64,
    pub clears: usize,
    /// The ids of users who were removed.
    pub removed: Vec<String>,
    /// The last snapshot was so large that it came in parts, while the room went on: events may tell of users who were
    /// gone before their part, and old posts may have been dropped before theirs.
    has_gaps: bool,
    /// It may lose its seat and get another one without being told in between.
    may_lose_seat: bool,
    /// The id of its new seat, if a post of its own has told of it before the next snapshot does.
    next_you: Option<String>,
    /// The server may lose posts, until it gets them from another one.
    pub may_lose_posts: bool,
}

/// The number of marks.
const MARKS: usize = 192;

/// A snapshot of fewer bytes comes in one part.
const PART_BYTES: usize = 16 * 1024;

/// What hosts have set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub locked: bool,
    pub hidden: bool,
    pub frozen: bool,
    pub prompt: String,
    pub spotlight: Option<String>,
}

/// A user and their box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub name: String,
    pub mark: u64,
    pub text: String,
    pub away: bool,
}

impl Page {
    /// A page that may lose its seat and get another one without being told in between.
    pub(crate) fn of_cluster() -> Self {
        Self { may_lose_seat: true, ..Self::default() }
    }

    /// Applies one event of the server.
    pub(crate) fn apply(&mut self, event: &str, data: &Value) {
        match event {
            "existing_users" => self.replace(data),
            "new_user" => {
                let name = string(&data["new_user_name"]);
                let mark = mark(data, &name);
                self.check_new_mark(mark);
                let user = User { name, mark, text: String::new(), away: false };
                assert_eq!(self.users.insert(string(&data["id"]), user), None, "a user came twice");
            }
            "user_renamed" => self.rename(data),
            "pong" => self.pongs += 1,
            "linked" => self.is_alone = !data["linked"].as_bool().expect("a boolean"),
            "viewers" => self.viewers = data["count"].as_u64().expect("a count"),
            "text_update" => {
                self.wrote.remove(&string(&data["id"]));
                self.change_other(event, data, |user| user.change(data));
            }
            "user_wrote" => self.note_wrote(data),
            "room_state" => self.set_state(data),
            "hosting" => self.hosting = true,
            "text_cleared" => {
                self.clears += 1;
                if self.you.is_some() {
                    self.cleared = data["cleared"].as_u64().expect("a count");
                }
            }
            "post_removed" => {
                let n = number(data);
                self.log
                    .iter_mut()
                    .filter(|post| number(post) == n)
                    .for_each(|post| post["text"] = json!(""));
            }
            "user_away" => self.change_other(event, data, |user| user.away = true),
            "user_back" => self.change_other(event, data, |user| user.away = false),
            "disconnect_user" => self.remove(data),
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

    fn remove(&mut self, data: &Value) {
        let id = string(&data["id"]);
        match self.users.remove(&id) {
            Some(user) => assert_eq!(data["name"], *user.name, "the name of the user who left"),
            None => assert!(self.may_miss_users(), "an unknown user left: {data}"),
        }
        self.hosts.remove(&id);
        self.wrote.remove(&id);
        self.state.spotlight.take_if(|shown| *shown == id);
        if data["removed"] == true {
            self.removed.push(id);
        }
    }

    fn rename(&mut self, data: &Value) {
        let (id, name) = (string(&data["id"]), string(&data["name"]));
        match self.users.get_mut(&id) {
            Some(user) => user.name.clone_from(&name),
            None => assert!(self.may_miss_users(), "an unknown user was renamed: {data}"),
        }
        if self.you.as_ref() == Some(&id) {
            self.name = Some(name);
        }
    }

    /// Whether this page is a host's, as far as it knows.
    pub(crate) fn is_host(&self) -> bool {
        self.hosting || self.you.as_ref().is_some_and(|you| self.hosts.contains(you))
    }

    fn set_state(&mut self, data: &Value) {
        let flag = |name: &str| data[name].as_bool().expect("a bool");
        self.state = State {
            locked: flag("locked"),
            hidden: flag("hidden"),
            frozen: flag("frozen"),
            prompt: string(&data["prompt"]),
            spotlight: data["spotlight"].as_str().map(str::to_owned),
        };
        self.hosts = data["hosts"].as_array().expect("ids").iter().map(string).collect();
        if self.state.hidden && !self.is_host() {
            let you = self.you.clone();
            for (id, user) in
                self.users.iter_mut().filter(|(id, user)| Some(*id) != you.as_ref() && !user.text.is_empty())
            {
                self.wrote.insert(id.clone());
                user.text.clear();
            }
        }
    }

    fn note_wrote(&mut self, data: &Value) {
        let (id, wrote) = (string(&data["id"]), data["wrote"].as_bool().expect("a bool"));
        self.change_other("user_wrote", data, |user| user.text.clear());
        match wrote && self.users.contains_key(&id) {
            true => _ = self.wrote.insert(id),
            false => _ = self.wrote.remove(&id),
        }
    }

    /// A snapshot replaces all that the page knew.
    fn replace(&mut self, data: &Value) {
        let optional = |field: &str| data[field].as_str().map(str::to_owned);
        (self.you, self.name, self.session) = (optional("you"), optional("name"), optional("session"));
        assert_eq!(self.you.is_some(), self.session.is_some(), "a session for every user and no viewer");
        if self.next_you.is_some() {
            assert_eq!(self.you, self.next_you.take(), "the id in the page's own post");
        }
        self.room = Some(string(&data["room"]));
        self.cleared = data["cleared"].as_u64().unwrap_or(0);
        self.viewers = data["viewers"].as_u64().expect("a count");
        self.hosting |= data["host"] == true;
        self.is_alone = data["linked"] == false;
        self.set_state(&data["state"]);
        self.has_gaps = data.to_string().len() >= PART_BYTES;
        let user = |user: &Value| User {
            name: string(&user["name"]),
            mark: mark(user, &string(&user["name"])),
            text: string(&user["text"]),
            away: user["away"].as_bool().expect("a bool"),
        };
        let users = data["users"].as_object().expect("users");
        let users_before = mem::take(&mut self.users);
        self.users = users.iter().map(|(id, shown)| (id.clone(), user(shown))).collect();
        for (id, before) in users_before {
            let mark = self.users.get(&id).map_or(before.mark, |user| user.mark);
            assert_eq!(mark, before.mark, "{} has got another mark", before.name);
        }
        self.wrote =
            users.iter().filter(|(_, shown)| shown["wrote"] == true).map(|(id, _)| id.clone()).collect();
        self.log = data["log"].as_array().expect("a log").clone();
        let numbers: Vec<u64> = self.log.iter().map(number).collect();
        let lacks_posts = self.received.last() > numbers.last();
        assert!(
            !lacks_posts || self.has_gaps || self.may_lose_posts,
            "a snapshot lacks a post that came before it"
        );
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
            // A user who is joining, or getting another seat, may be sent its own posts before its id.
            let is_of_other = self.you.as_ref().is_some_and(|you| data["id"] != **you);
            if reference.is_some() && is_of_other {
                assert!(self.may_lose_seat, "the ref of another user: {data}");
                self.next_you = Some(string(&data["id"]));
            }
            self.received.push(number(data));
            self.log.push(data.clone());
        } else {
            assert!(reference.is_some(), "a post came twice: {data}");
        }
        self.references.extend(reference);
    }

    /// Checks that nobody in the room has a new user's mark, unless all marks are taken.
    fn check_new_mark(&self, mark: u64) {
        let is_known = |id: &String| !self.may_lose_seat || self.you.as_ref() != Some(id);
        let taken: BTreeSet<u64> =
            self.users.iter().filter(|(id, _)| is_known(id)).map(|(_, user)| user.mark).collect();
        let is_unique = !taken.contains(&mark) || taken.len() == MARKS;
        assert!(is_unique || self.may_miss_users(), "mark {mark} is taken: {:?}", self.users);
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

    /// The marks of all users, in the order of their ids.
    pub(crate) fn marks(&self) -> Vec<u64> {
        self.users.values().map(|user| user.mark).collect()
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

/// The mark of a user, one of [`MARKS`]: by default the one that the name suggests.
fn mark(user: &Value, name: &str) -> u64 {
    let suggested = || {
        let folded = name.nfkc().collect::<String>().to_lowercase();
        let step = |hash: u32, c: char| (hash ^ u32::from(c)).wrapping_mul(0x0100_0193);
        let hash = folded.chars().fold(0x811C_9DC5, step);
        u64::from(hash ^ (hash >> 15)) % MARKS as u64
    };
    let mark = user.get("mark").map_or_else(suggested, |mark| mark.as_u64().expect("a number"));
    assert!(mark < MARKS as u64, "no such mark: {user}");
    mark
}

/// The number and the text of a post.
pub(crate) fn numbered(post: &Value) -> (u64, String) {
    (number(post), string(&post["text"]))
}

/// The number of a post.
pub(crate) fn number(post: &Value) -> u64 {
    post["n"].as_u64().unwrap_or_else(|| panic!("a post without a number: {post}"))
}
