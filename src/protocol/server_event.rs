//! What the server sends, except for the [snapshot](crate::protocol::snapshot).

use crate::base::ids::UserId;
use crate::protocol::error::EventError;
use crate::room::boxes::TextUpdate;
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::splice::Splice;
use crate::room::view::View;
use serde::Serialize;
use std::borrow::Cow;

/// An event from the server.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ServerEvent<'a> {
    /// The passphrase was right, or there is none. To the client that gave one.
    Unlocked {},
    /// A user joined. To the whole room, and to the new user before the snapshot.
    NewUser {
        /// The new user.
        id: UserId,
        /// The name the server gave.
        new_user_name: &'a str,
    },
    /// The text of a box. To everyone in the room except its author.
    TextUpdate {
        /// Whose box.
        id: UserId,
        /// The whole text.
        text: &'a str,
    },
    /// The text of a box, as a splice of the text that was sent before. To those who asked for splices and have that.
    TextSplice {
        /// Whose box.
        id: UserId,
        /// Characters (Unicode code points) before the place.
        at: usize,
        /// Characters removed there.
        cut: usize,
        /// Characters inserted there.
        put: Cow<'a, str>,
        /// Characters of the whole text afterwards. A client that finds another number sends `resync`.
        length: usize,
    },
    /// A post, in the order of its number. To the whole room, the author too.
    Data {
        /// The post.
        #[serde(flatten)]
        post: &'a Post,
        /// The author's own name for it. To the author alone.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    },
    /// A user's connection broke; their box stays for the grace period. To the others in the room.
    UserAway {
        /// The user.
        id: UserId,
    },
    /// A user has taken their seat again. To the others in the room.
    UserBack {
        /// The user.
        id: UserId,
    },
    /// A user left, and their box goes. To those who are still in the room.
    DisconnectUser {
        /// The user.
        id: UserId,
        /// The name they had.
        name: &'a str,
    },
    /// An event of the client was rejected and changed nothing. To that client alone.
    Error {
        /// Why: its code and its sentence.
        #[serde(flatten)]
        error: EventError,
        /// If the event was a post: its author's own name for it.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
}

impl<'a> ServerEvent<'a> {
    /// The event that tells a room of a fact. None for texts, which are sent as they are at the end of a batch, and for what
    /// only snapshots show. `view` is the room before the fact.
    pub fn of_fact(fact: &'a Fact, view: &'a View) -> Option<Self> {
        match fact {
            Fact::Joined { id, name } => Some(Self::NewUser { id: *id, new_user_name: name.as_str() }),
            Fact::Away { id } => Some(Self::UserAway { id: *id }),
            Fact::Back { id } | Fact::SeatTaken { id } => Some(Self::UserBack { id: *id }),
            Fact::Gone { id } => Some(Self::DisconnectUser { id: *id, name: view.user(*id)?.name.as_str() }),
            Fact::Posted { post } => Some(Self::Data { post, reference: None }),
            Fact::Text { .. } | Fact::HistoryLoaded { .. } | Fact::HistoryTrimmed { .. } => None,
        }
    }

    /// A changed text, whole.
    pub fn whole_text(update: &TextUpdate<'a>) -> Self {
        Self::TextUpdate { id: update.id, text: update.after.as_str() }
    }

    /// A changed text, as a splice.
    pub fn spliced_text(update: &TextUpdate<'a>) -> Self {
        let Splice { at, cut, put, length } = update.before.splice_to(update.after);
        Self::TextSplice { id: update.id, at, cut, put, length }
    }

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

    /// Appends `["event", data]` to `json`.
    pub fn encode(&self, json: &mut Vec<u8>) {
        let encoded = serde_json::to_writer(json, &(self.name(), self));
        encoded.expect("server events have string keys, and a Vec takes every write");
    }
}
