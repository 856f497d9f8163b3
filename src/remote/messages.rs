//! What a server says, as far as the commands listen. Events are those of docs/protocol.md; others are ignored.

use crate::room::post::Post;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// An event from the server.
#[derive(Debug)]
pub(crate) enum ServerMessage {
    /// The passphrase is right.
    Unlocked {
        /// Opens the server again without a wait.
        token: Option<String>,
    },
    /// The host key is right.
    Hosting {
        /// The same for a host.
        token: Option<String>,
    },
    /// The whole room.
    Snapshot(Box<Snapshot>),
    /// A post; with its `ref` if this client sent it.
    Post { post: Post, reference: Option<String> },
    /// The text of this post is gone.
    PostRemoved { n: u64 },
    /// A user has come.
    NewUser { id: String, name: String },
    /// A user has another name.
    Renamed { id: String, name: String },
    /// A user's box has this text.
    Text { id: String, text: String },
    /// A user has left.
    Left { id: String },
    /// The state of the room.
    State(State),
    /// A host has emptied this client's box, or all.
    Cleared { cleared: u64 },
    /// The answer to `ping`.
    Pong,
    /// What this client sent was refused.
    Error(Refusal),
    /// Nothing that the commands need.
    Other,
}

/// The data of `existing_users`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Snapshot {
    /// The id of this client's user, if it has a seat.
    pub you: Option<String>,
    /// The name of that user.
    pub name: Option<String>,
    /// When a host last emptied its box, in milliseconds since 1970.
    pub cleared: Option<u64>,
    /// Whether this client is a host.
    #[serde(default)]
    pub host: bool,
    pub state: State,
    pub users: BTreeMap<String, User>,
    pub log: Vec<Post>,
    pub limits: TextLimits,
}

/// The data of `room_state`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct State {
    /// Whether only hosts may write.
    pub frozen: bool,
    /// The ids of users who are hosts.
    pub hosts: Vec<String>,
}

/// A user in a snapshot.
#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub name: String,
    pub text: String,
}

/// What the server allows.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TextLimits {
    /// Characters of a box or a post.
    pub text: usize,
}

/// The data of `error`.
#[derive(Debug, Deserialize)]
pub(crate) struct Refusal {
    pub code: String,
    pub message: String,
    /// The `ref` of the post that was refused.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// When to try again, in seconds.
    pub wait: Option<u64>,
}

#[derive(Deserialize)]
struct NewUserData {
    id: String,
    new_user_name: String,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct TextData {
    id: String,
    text: String,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct Number {
    n: u64,
}

#[derive(Deserialize)]
struct ClearedData {
    cleared: u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// Reads a frame. `None` if it does not have the form that the protocol gives its event. What the commands do not need takes
/// no memory beside the frame, which may be large.
pub(crate) fn parse(frame: &str) -> Option<ServerMessage> {
    fn data<T: DeserializeOwned>(data: &RawValue) -> Option<T> {
        serde_json::from_str(data.get()).ok()
    }
    let (event, value): (String, &RawValue) = serde_json::from_str(frame).ok()?;
    Some(match event.as_str() {
        "unlocked" => ServerMessage::Unlocked { token: data::<Token>(value)?.token },
        "hosting" => ServerMessage::Hosting { token: data::<Token>(value)?.token },
        "existing_users" => ServerMessage::Snapshot(Box::new(data(value)?)),
        "data" => ServerMessage::Post { post: data(value)?, reference: data::<Reference>(value)?.reference },
        "post_removed" => ServerMessage::PostRemoved { n: data::<Number>(value)?.n },
        "new_user" => {
            let NewUserData { id, new_user_name } = data(value)?;
            ServerMessage::NewUser { id, name: new_user_name }
        }
        "user_renamed" => {
            let Named { id, name } = data(value)?;
            ServerMessage::Renamed { id, name }
        }
        "text_update" => {
            let TextData { id, text } = data(value)?;
            ServerMessage::Text { id, text }
        }
        "disconnect_user" => ServerMessage::Left { id: data::<Id>(value)?.id },
        "room_state" => ServerMessage::State(data(value)?),
        "text_cleared" => ServerMessage::Cleared { cleared: data::<ClearedData>(value)?.cleared },
        "pong" => ServerMessage::Pong,
        "error" => ServerMessage::Error(data(value)?),
        _ => ServerMessage::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    #[test]
    fn a_snapshot_is_read() {
        let frame = r#"["existing_users",{"you":"1","name":"build","session":"0","cleared":0,"viewers":0,
            "room":"lobby","state":{"locked":false,"hidden":false,"frozen":true,"prompt":"","spotlight":null,
            "hosts":["2"]},"users":{"1":{"name":"build","text":"","away":false}},
            "log":[{"n":1,"id":"2","name":"Ada","text":"one","at":5}],"limits":{"text":100,"name":40}}]"#;
        let Some(ServerMessage::Snapshot(snapshot)) = parse(frame) else { panic!("a snapshot") };
        assert_eq!((snapshot.you.as_deref(), snapshot.name.as_deref()), (Some("1"), Some("build")));
        assert!(snapshot.state.frozen && snapshot.state.hosts == ["2"] && !snapshot.host);
        assert_eq!(
            (snapshot.log[0].n, snapshot.limits.text, snapshot.users["1"].name.as_str()),
            (1, 100, "build")
        );
    }

    #[test]
    fn events_are_read_and_others_ignored() {
        let own = parse(r#"["data",{"n":2,"id":"1","name":"build","text":"two","at":5,"ref":"7"}]"#);
        let Some(ServerMessage::Post { post, reference }) = own else { panic!("a post") };
        assert_eq!((post.n, post.id, reference.as_deref()), (2, UserId(1), Some("7")));
        let refused = parse(r#"["error",{"code":"not_stored","message":"No.","ref":"7"}]"#);
        let Some(ServerMessage::Error(refusal)) = refused else { panic!("an error") };
        assert_eq!(
            (refusal.code.as_str(), refusal.reference.as_deref(), refusal.wait),
            ("not_stored", Some("7"), None)
        );
        assert!(matches!(parse(r#"["pong",{}]"#), Some(ServerMessage::Pong)));
        assert!(matches!(parse(r#"["viewers",{"count":1}]"#), Some(ServerMessage::Other)));
        let deep = format!(r#"["later",{}{}]"#, "[".repeat(1_000), "]".repeat(1_000));
        assert!(matches!(parse(&deep), Some(ServerMessage::Other)), "nothing is made of it");
        assert!(matches!(
            parse(r#"["text_cleared",{"cleared":9}]"#),
            Some(ServerMessage::Cleared { cleared: 9 })
        ));
        for frame in ["", "{}", r#"["data",{}]"#, r#"["text_update",{"id":"1","at":0}]"#] {
            assert!(parse(frame).is_none(), "{frame}");
        }
    }
}
