//! What the server sends, except for the [snapshot](crate::protocol::snapshot).

use crate::base::ids::UserId;
use crate::base::token::Token;
use crate::protocol::error::EventError;
use crate::room::boxes::TextUpdate;
use crate::room::fact::Fact;
use crate::room::marks::Mark;
use crate::room::post::Post;
use crate::room::splice::Splice;
use crate::room::state::RoomState;
use crate::room::view::View;
use serde::Serialize;
use std::borrow::Cow;

/// An event from the server.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ServerEvent<'a> {
    /// The passphrase is right, or none is required. To the client that gave it.
    Unlocked {
        /// Lets the client in again without a wait. `None` if the client did not have to give the passphrase.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
    },
    /// A user joined. To the whole room, and to the new user before the snapshot.
    NewUser {
        /// The new user.
        id: UserId,
        /// The mark that the server assigned, unless it is the one that the name suggests.
        #[serde(skip_serializing_if = "Option::is_none")]
        mark: Option<Mark>,
        /// The name that the server assigned.
        new_user_name: &'a str,
    },
    /// A user has changed their name. To the whole room, including that user.
    UserRenamed {
        /// The user.
        id: UserId,
        /// The name that the server assigned.
        name: &'a str,
    },
    /// The answer to `ping`. To that client alone.
    Pong {},
    /// Whether the server is linked to the other nodes that serve the room. If it is not, users of theirs are away. To
    /// the whole room, when that changes.
    Linked {
        /// It is.
        linked: bool,
    },
    /// How many clients in the room have no box. To the whole room, at most once a second and only after a change.
    Viewers {
        /// The number of viewers.
        count: usize,
    },
    /// The text of a box. To everyone in the room except its author.
    TextUpdate {
        /// The owner of the box.
        id: UserId,
        /// The whole text.
        text: &'a str,
    },
    /// The text of a box, as a splice of the text that was sent before. To clients that asked for splices and have that
    /// text.
    TextSplice {
        /// The owner of the box.
        id: UserId,
        /// Characters (Unicode code points) before the range.
        at: usize,
        /// Characters in the range, which are removed.
        cut: usize,
        /// The text inserted in their place.
        put: Cow<'a, str>,
        /// Characters of the whole text afterwards. A client that finds another number sends `resync`.
        length: usize,
    },
    /// Whether there is a text in a box. To clients that may not see the text, when that changes.
    UserWrote {
        /// The owner of the box.
        id: UserId,
        /// There is one.
        wrote: bool,
    },
    /// A host has emptied the client's box. To its author alone, or to everyone if it has emptied all boxes.
    TextCleared {
        /// When, as in [`Receiver::cleared`](crate::protocol::snapshot::Receiver::cleared).
        cleared: u64,
    },
    /// The client is a host, because it has given the host key. To that client alone.
    Hosting {
        /// Spares the client the check when it gives the key again.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
    },
    /// What hosts have set, and who they are. To the whole room.
    RoomState(StateView<'a>),
    /// A post, in the order of its number. To the whole room, the author too.
    Data {
        /// The post.
        #[serde(flatten)]
        post: &'a Post,
        /// The author's `ref` for it. To the author alone.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    },
    /// A post was removed: its text is to be removed, and its number stays. To the whole room.
    PostRemoved {
        /// The post's number.
        n: u64,
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
    /// Somebody has come or gone. To clients of the chat tutorial, which know only `data`.
    Notice {
        /// Whether they have come or gone.
        notice: Notice,
        /// The user.
        id: UserId,
        /// Their name.
        name: &'a str,
        /// The same as a sentence.
        text: String,
    },
    /// A user's seat and box were removed. To the clients that are still in the room.
    DisconnectUser {
        /// The user.
        id: UserId,
        /// The name they had.
        name: &'a str,
        /// A host removed them.
        #[serde(skip_serializing_if = "is_false")]
        removed: bool,
    },
    /// The client posts faster than it may, or the room gets more than it may. Its next post waits and is then handled.
    /// To that client alone.
    SlowDown {
        /// How long the post waits, in seconds, roughly.
        wait: u64,
    },
    /// The connection is about to be closed. To Socket.IO clients, which do not see the code of the close frame.
    Closed {
        /// The code of the close frame.
        code: u16,
        /// Its reason.
        reason: &'static str,
    },
    /// An event of the client was rejected and changed nothing. To that client alone.
    Error {
        /// The code and the sentence.
        #[serde(flatten)]
        error: EventError,
        /// The author's `ref`, if the event was a post that had one.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
}

/// The names of all events that the server sends, the most frequent first.
pub(crate) const EVENT_NAMES: [&str; 20] = [
    "text_update",
    "user_wrote",
    "data",
    "unlocked",
    "new_user",
    "existing_users",
    "user_renamed",
    "pong",
    "linked",
    "viewers",
    "text_cleared",
    "hosting",
    "room_state",
    "post_removed",
    "user_away",
    "user_back",
    "disconnect_user",
    "slow_down",
    "closed",
    "error",
];

/// What a notice is about.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// A user has joined.
    Joined,
    /// A user's seat and box were removed.
    Left,
}

/// What hosts have set in a room, and who they are.
#[derive(Debug, Serialize)]
pub struct StateView<'a> {
    #[serde(flatten)]
    state: &'a RoomState,
    /// The users who are hosts.
    hosts: Vec<UserId>,
}

impl<'a> StateView<'a> {
    /// The state and the hosts of a view.
    pub fn of(view: &'a View) -> Self {
        Self { state: view.state(), hosts: view.hosts().collect() }
    }
}

/// Whether a field is left out that is usually false.
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// Whether a field is left out that is usually true.
pub(super) fn is_true(value: &bool) -> bool {
    *value
}

impl<'a> ServerEvent<'a> {
    /// The event that announces a fact to the room. `None` for texts and the room's state, which a batch sends as they
    /// are at its end, and for facts that only snapshots show. `view` is the state before the fact.
    pub fn of_fact(fact: &'a Fact, view: &'a View) -> Option<Self> {
        match fact {
            Fact::Joined { id, name, mark, .. } => {
                Some(Self::NewUser { id: *id, new_user_name: name.as_str(), mark: *mark })
            }
            Fact::Renamed { id, name } => Some(Self::UserRenamed { id: *id, name: name.as_str() }),
            Fact::Away { id } => Some(Self::UserAway { id: *id }),
            Fact::Back { id } | Fact::SeatTaken { id } => Some(Self::UserBack { id: *id }),
            Fact::Gone { id, removed } => {
                let name = view.user(*id)?.name.as_str();
                Some(Self::DisconnectUser { id: *id, name, removed: *removed })
            }
            Fact::Posted { post } => Some(Self::Data { post, reference: None }),
            Fact::PostRemoved { n } => Some(Self::PostRemoved { n: *n }),
            Fact::Cleared { id: None, at } => Some(Self::TextCleared { cleared: *at }),
            Fact::Text { .. }
            | Fact::Cleared { id: Some(_), .. }
            | Fact::HostMade { .. }
            | Fact::HostLost { .. }
            | Fact::StateChanged { .. }
            | Fact::Loaded { .. }
            | Fact::LogReplaced { .. }
            | Fact::HistoryShortened { .. }
            | Fact::HistoryTrimmed { .. } => None,
        }
    }

    /// The notice about a fact that is announced by one. `view` is the state before the fact.
    pub fn notice_of_fact(fact: &'a Fact, view: &'a View) -> Option<Self> {
        let (notice, id, name, has) = match fact {
            Fact::Joined { id, name, .. } => (Notice::Joined, *id, name.as_str(), "joined"),
            Fact::Gone { id, .. } => (Notice::Left, *id, view.user(*id)?.name.as_str(), "left"),
            _ => return None,
        };
        Some(Self::Notice { notice, id, name, text: format!("{name} {has}.") })
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

    /// Whether there is a text now, if that has changed.
    pub fn wrote(update: &TextUpdate<'a>) -> Option<Self> {
        let [before, wrote] = [update.before, update.after].map(|text| !text.as_str().is_empty());
        (before != wrote).then_some(Self::UserWrote { id: update.id, wrote })
    }

    /// The event's name on the wire.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Unlocked { .. } => "unlocked",
            Self::NewUser { .. } => "new_user",
            Self::UserRenamed { .. } => "user_renamed",
            Self::Pong {} => "pong",
            Self::Linked { .. } => "linked",
            Self::Viewers { .. } => "viewers",
            Self::TextUpdate { .. } | Self::TextSplice { .. } => "text_update",
            Self::UserWrote { .. } => "user_wrote",
            Self::TextCleared { .. } => "text_cleared",
            Self::Hosting { .. } => "hosting",
            Self::RoomState(_) => "room_state",
            Self::PostRemoved { .. } => "post_removed",
            Self::Data { .. } | Self::Notice { .. } => "data",
            Self::UserAway { .. } => "user_away",
            Self::UserBack { .. } => "user_back",
            Self::DisconnectUser { .. } => "disconnect_user",
            Self::SlowDown { .. } => "slow_down",
            Self::Closed { .. } => "closed",
            Self::Error { .. } => "error",
        }
    }

    /// Appends the arguments of an acknowledgement to `json`: an empty object, or the error.
    pub fn encode_ack(error: Option<&EventError>, json: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Done {}
        let encoded = match error {
            None => serde_json::to_writer(json, &[Done {}]),
            Some(error) => serde_json::to_writer(json, &[error]),
        };
        encoded.expect("errors have string keys, and writing to a Vec does not fail");
    }

    /// Appends `["event", data]` to `json`.
    pub fn encode(&self, json: &mut Vec<u8>) {
        let encoded = serde_json::to_writer(json, &(self.name(), self));
        encoded.expect("server events have string keys, and writing to a Vec does not fail");
    }
}
