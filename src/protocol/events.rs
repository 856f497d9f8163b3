//! The wire: every event that crosses a WebSocket, and nothing else. Each is a text frame that holds a
//! JSON array `["event", data]`, the argument list of an `emit`. What the events mean is in [`crate::room::rules`].

use crate::base::ids::UserId;
use crate::protocol::error::Refusal;
use crate::room::splice::Splice;
use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What a client sends.
///
/// An adjacently tagged enum reads a sequence as well as an object, so `["watch", {}]` is read as it is.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum ClientEvent<'a> {
    /// Gives the passphrase. Sent before all else where the server wants one; elsewhere it changes nothing.
    Unlock {
        /// What the person typed.
        #[serde(borrow)]
        passphrase: Cow<'a, str>,
    },
    /// Asks for a box under a name. Sent once, by a viewer who wants to write.
    GotANewUser {
        /// The name as it was typed; the server cleans it and may number it.
        #[serde(borrow)]
        name: Cow<'a, str>,
        /// The secret of the last snapshot, to take the same seat again.
        #[serde(borrow, default)]
        session: Option<Cow<'a, str>>,
    },
    /// Asks for the state of the room. Sent by a viewer, as often as it likes.
    Watch {},
    /// Changes the text of the sender's box. Sent by a user with every change of it.
    UpdatedText(#[serde(borrow)] TextChange<'a>),
    /// Asks for the state of the room again. Sent by whoever finds that a splice does not fit.
    Resync {},
    /// Posts a text to the room's log. Sent by a user.
    Message {
        /// What is posted.
        #[serde(borrow)]
        text: Cow<'a, str>,
        /// The author's own name for this post: the same again posts nothing new.
        #[serde(borrow, default, rename = "ref")]
        reference: Option<Cow<'a, str>>,
    },
}

impl<'a> ClientEvent<'a> {
    /// Each event as it should look, by way of help.
    pub const USAGE: [&'static str; 6] = [
        r#"["unlock", {"passphrase": string}]"#,
        r#"["got_a_new_user", {"name": string, "session"?: string}]"#,
        r#"["watch", {}]"#,
        r#"["resync", {}]"#,
        r#"["updated_text", {"text": string} or {"at": number, "cut": number, "put": string, "length": number}]"#,
        r#"["message", {"text": string, "ref"?: string}]"#,
    ];

    /// Reads the content of a text frame.
    pub fn decode(json: &'a str) -> Result<Self, Refusal> {
        // serde would take an object with these two fields as well, which is not what the wire says.
        let is_array = json.trim_start().starts_with('[');
        let event =
            if is_array { serde_json::from_str(json) } else { Err(serde_json::Error::custom("no array")) };
        event.map_err(|_| {
            // What is wrong is found before the end is read; only the whole tells whether it is JSON at all.
            if serde_json::from_str::<IgnoredAny>(json).is_err() {
                return Refusal::NotJson;
            }
            let event = serde_json::from_str(json);
            event.map_or(Refusal::UnknownEvent, |EventName(name)| Self::refuse(&name))
        })
    }

    /// If it is a post: what the author calls it.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Message { reference, .. } => reference.as_deref(),
            Self::Unlock { .. }
            | Self::GotANewUser { .. }
            | Self::Watch {}
            | Self::Resync {}
            | Self::UpdatedText(_) => None,
        }
    }

    /// Why an event of this name was not taken.
    fn refuse(name: &str) -> Refusal {
        let is_named = |usage: &&str| usage[2..].split('"').next() == Some(name);
        Self::USAGE.into_iter().find(is_named).map_or(Refusal::UnknownEvent, Refusal::WrongType)
    }
}

/// How a box's text changes.
#[derive(Debug, PartialEq, Eq)]
pub enum TextChange<'a> {
    /// `{text}`: this is the whole of it now.
    Whole(Cow<'a, str>),
    /// `{at, cut, put, length}`: it differs from what the sender sent before by a splice.
    Splice(Splice<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for TextChange<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Not an untagged enum, which would first copy all it reads.
        #[derive(Deserialize)]
        struct Fields<'a> {
            #[serde(borrow, default)]
            text: Option<Cow<'a, str>>,
            at: Option<usize>,
            cut: Option<usize>,
            #[serde(borrow, default)]
            put: Option<Cow<'a, str>>,
            length: Option<usize>,
        }
        match Fields::deserialize(deserializer)? {
            Fields { text: Some(text), at: None, cut: None, put: None, length: None } => {
                Ok(Self::Whole(text))
            }
            Fields { text: None, at: Some(at), cut: Some(cut), put: Some(put), length: Some(length) } => {
                Ok(Self::Splice(Splice { at, cut, put, length }))
            }
            _ => Err(D::Error::custom("neither a text nor a splice")),
        }
    }
}

/// The first of an array, whatever the others are.
struct EventName<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for EventName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = EventName<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an event and its data")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let name = array.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                while let Some(IgnoredAny) = array.next_element()? {}
                Ok(EventName(name))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

/// What the server sends, except for the snapshot (see [`encode_snapshot_head`]).
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ServerEvent<'a> {
    /// The passphrase was right, or there is none. To the client that gave one.
    Unlocked {},
    /// Somebody joined. To the whole room, the new user too, who gets it before the snapshot.
    NewUser {
        /// The new user.
        id: UserId,
        /// The name the server gave.
        new_user_name: &'a str,
    },
    /// A box has another text. To everyone in the room except its author.
    TextUpdate {
        /// Whose box.
        id: UserId,
        /// Its whole text.
        text: &'a str,
    },
    /// The same, as a splice of the text that was sent before. To those who asked for splices and have that.
    TextSplice {
        /// Whose box.
        id: UserId,
        /// Characters (Unicode code points) before the place.
        at: usize,
        /// Characters that are taken out there.
        cut: usize,
        /// What is put in there.
        put: Cow<'a, str>,
        /// Characters of the whole text afterwards. A client that finds otherwise sends `resync`.
        length: usize,
    },
    /// A post, in the order of its number. To the whole room, the author too.
    Data {
        /// What was posted.
        #[serde(flatten)]
        post: &'a Post,
        /// What the author called it. To the author alone.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    },
    /// Somebody's connection broke; their box stays for a while. To the others in the room.
    UserAway {
        /// Who.
        id: UserId,
    },
    /// They have taken their seat again. To the others in the room.
    UserBack {
        /// Who.
        id: UserId,
    },
    /// Somebody left, and their box goes. To those who are still in the room.
    DisconnectUser {
        /// Who left.
        id: UserId,
        /// The name they had.
        name: &'a str,
    },
    /// What the client sent was refused and changed nothing. To that client alone.
    Error {
        /// Why: its code and its sentence.
        #[serde(flatten)]
        refusal: Refusal,
        /// If it was a post: what the author called it.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
}

impl ServerEvent<'_> {
    /// The event's name on the wire.
    fn name(&self) -> &'static str {
        match self {
            Self::Unlocked {} => "unlocked",
            Self::NewUser { .. } => "new_user",
            Self::TextUpdate { .. } | Self::TextSplice { .. } => "text_update",
            Self::Data { .. } => "data",
            Self::UserAway { .. } => "user_away",
            Self::UserBack { .. } => "user_back",
            Self::DisconnectUser { .. } => "disconnect_user",
            Self::Error { .. } => "error",
        }
    }

    /// Appends the event to `json` as it goes over the wire.
    pub fn encode(&self, json: &mut Vec<u8>) {
        write(json, &(self.name(), self));
    }
}

/// The half of `existing_users` that differs from one receiver to the next.
#[derive(Debug, Serialize)]
pub struct Receiver<'a> {
    /// The receiver's own id; null for a viewer.
    pub you: Option<UserId>,
    /// The name the server gave the receiver; null for a viewer.
    pub name: Option<&'a str>,
    /// The secret with which the receiver takes this seat again; null for a viewer.
    pub session: Option<String>,
}

/// The half of `existing_users` that is the same for everyone in the room.
#[derive(Debug, Serialize)]
pub struct RoomState<'a> {
    /// The room's name.
    pub room: &'a str,
    /// Everyone who has a box, in the order in which they came.
    pub users: BTreeMap<UserId, UserState<'a>>,
    /// The room's last posts, the oldest first.
    pub log: Vec<&'a Post>,
    /// How long texts and names may be.
    pub limits: LengthLimits,
}

/// The limits that a page shows as they near, in characters (Unicode code points).
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LengthLimits {
    /// Of a box or a post.
    pub text: usize,
    /// Of a name.
    pub name: usize,
}

/// A user as `existing_users` shows them.
#[derive(Debug, Serialize)]
pub struct UserState<'a> {
    /// The name the server gave.
    pub name: &'a str,
    /// What is in the box.
    pub text: &'a str,
    /// Their connection broke, and they may come back.
    pub away: bool,
}

/// Appends to `json` the first half of `["existing_users", {…}]`; [`encode_snapshot_tail`] is the rest.
///
/// It replaces all that the client knew. To the one who joined, watches or sent `resync`. In two halves, because
/// a hundred who join at once then share one encoding of the large one.
pub fn encode_snapshot_head(receiver: &Receiver<'_>, json: &mut Vec<u8>) {
    write(json, &("existing_users", receiver));
    json.truncate(json.len() - "}]".len());
}

/// Appends to `json` the second half of `["existing_users", {…}]`.
pub fn encode_snapshot_tail(state: &RoomState<'_>, json: &mut Vec<u8>) {
    let start = json.len();
    write(json, state);
    json[start] = b','; // in place of the brace that the head has opened
    json.push(b']');
}

fn write(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("wire types have string keys, and a Vec takes every write");
}

/// A text in the room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Post {
    /// Its number in the room, from 1, without gaps.
    pub n: u64,
    /// Who posted it.
    pub id: UserId,
    /// The name they had.
    pub name: String,
    /// What they posted.
    pub text: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
}

/// The answer to `GET invite`: how others come to a room.
#[derive(Debug, Serialize)]
pub struct Invitation {
    /// Links that other machines can open, the likeliest first.
    pub links: Vec<String>,
}
