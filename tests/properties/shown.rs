//! What a page would show.

use crate::pipe::Frame;
use crate::shown_user::ShownUser;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a page shows that got these frames.
#[derive(Debug, Default, PartialEq)]
pub struct Shown {
    pub you: Option<String>,
    pub users: BTreeMap<String, ShownUser>,
    pub posts: Vec<u64>,
    /// The refs that came back.
    pub references: Vec<String>,
    pub snapshots: usize,
}

impl Shown {
    pub fn replay(frames: &[Frame]) -> Self {
        let mut shown = Self::default();
        for frame in frames {
            if let Frame::Event(event, data) = frame {
                shown.apply(event, data);
            }
        }
        shown
    }

    pub fn apply(&mut self, event: &str, data: &Value) {
        let text = |data: &Value| data.as_str().expect("a string").to_owned();
        // Before its first snapshot, a viewer hears of people it does not know.
        let knows = self.snapshots > 0;
        match event {
            "existing_users" => self.replace(data),
            "new_user" => {
                let user = ShownUser { name: text(&data["new_user_name"]), text: String::new(), away: false };
                assert_eq!(self.users.insert(text(&data["id"]), user), None, "somebody came twice");
            }
            "disconnect_user" => {
                assert!(self.users.remove(&text(&data["id"])).is_some() || !knows, "nobody left");
            }
            "text_update" | "user_away" | "user_back" => {
                assert_ne!(self.you, Some(text(&data["id"])), "somebody was told of themselves");
                match self.users.get_mut(&text(&data["id"])) {
                    Some(user) if event == "text_update" => user.change(data),
                    Some(user) => user.away = event == "user_away",
                    None => assert!(!knows, "{event} of nobody"),
                }
            }
            "data" => {
                let reference = data["ref"].as_str().map(str::to_owned);
                let is_new = self.posts.last() < data["n"].as_u64().as_ref();
                assert!(is_new || reference.is_some(), "a post came twice");
                // In the batch of its joining, an author hears of its posts before it knows its id.
                let by_other = self.you.as_ref().is_some_and(|you| data["id"] != **you);
                assert!(reference.is_none() || !is_new || !by_other, "a ref of others");
                self.posts.extend(data["n"].as_u64().filter(|_| is_new));
                self.references.extend(reference);
            }
            "error" => {}
            other => panic!("the hub sent {other}"),
        }
    }

    pub fn replace(&mut self, data: &Value) {
        let text = |data: &Value| data.as_str().expect("a string").to_owned();
        let user = |user: &Value| ShownUser {
            name: text(&user["name"]),
            text: text(&user["text"]),
            away: user["away"].as_bool().expect("a bool"),
        };
        self.you = data["you"].as_str().map(str::to_owned);
        assert_eq!(self.you.is_some(), data["session"].is_string(), "a session for those who have a seat");
        let users = data["users"].as_object().expect("users");
        self.users = users.iter().map(|(id, data)| (id.clone(), user(data))).collect();
        let log: Vec<u64> =
            data["log"].as_array().unwrap().iter().map(|post| post["n"].as_u64().unwrap()).collect();
        assert!(self.posts.last() <= log.last(), "a snapshot lacks a post that was seen");
        self.posts.retain(|n| !log.contains(n));
        self.posts.extend(log);
        self.snapshots += 1;
    }
}
