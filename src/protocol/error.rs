//! Refusals: why what a client sent was not taken, each with its code for programs and its sentence for people.

use crate::protocol::events::ClientEvent;
use serde::{Serialize, Serializer};
use std::fmt;

/// Why the server refused an event: the `error` of the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The client has not given the passphrase.
    PassphraseNeeded,
    /// That was not the passphrase; none is looked at for so many seconds.
    PassphraseWrong(u64),
    /// After too many wrong ones none is looked at for so many seconds.
    PassphraseWait(u64),
    /// The frame holds no JSON.
    NotJson,
    /// The frame holds JSON, but not `["event", data]` with an event that a client sends.
    UnknownEvent,
    /// The event's data lacks a field or has one of another type; this is what it should be.
    WrongType(&'static str),
    /// A viewer sent what only a user can.
    NotJoined,
    /// The room has as many users as it may have.
    RoomFull(usize),
    /// A user asked for another box, or to watch.
    AlreadyJoined,
    /// Nothing visible is left of the name.
    NameEmpty,
    /// The name is longer than this many characters.
    NameTooLong(usize),
    /// A box's text or a post is longer than this many characters.
    TextTooLong(usize),
    /// A splice was made for another text than the one in the box.
    OutOfStep,
    /// There is nothing in the post.
    PostEmpty,
    /// The post could not be stored, and so was not posted.
    NotStored,
    /// The `ref` is empty or longer than this many characters.
    BadRef(usize),
}

impl Refusal {
    /// How many seconds the client has to wait, if that is why.
    pub fn wait(&self) -> Option<u64> {
        match self {
            Self::PassphraseWrong(wait) | Self::PassphraseWait(wait) => Some(*wait),
            _ => None,
        }
    }

    /// The stable code, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PassphraseNeeded => "passphrase_needed",
            Self::PassphraseWrong(_) => "passphrase_wrong",
            Self::PassphraseWait(_) => "passphrase_wait",
            Self::NotJson => "not_json",
            Self::UnknownEvent => "unknown_event",
            Self::WrongType(_) => "wrong_type",
            Self::NotJoined => "not_joined",
            Self::RoomFull(_) => "room_full",
            Self::AlreadyJoined => "already_joined",
            Self::NameEmpty => "name_empty",
            Self::NameTooLong(_) => "name_too_long",
            Self::TextTooLong(_) => "text_too_long",
            Self::OutOfStep => "out_of_step",
            Self::PostEmpty => "post_empty",
            Self::NotStored => "not_stored",
            Self::BadRef(_) => "bad_ref",
        }
    }
}

/// The sentence, for people.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassphraseNeeded => write!(f, "Give the passphrase first: send unlock."),
            Self::PassphraseWrong(0) => write!(f, "That is not the passphrase."),
            Self::PassphraseWrong(wait) => {
                write!(f, "That is not the passphrase; please wait {wait} s before the next try.")
            }
            Self::PassphraseWait(wait) => {
                write!(f, "There were too many wrong passphrases; please try again in {wait} s.")
            }
            Self::NotJson => write!(f, "That was not JSON; an event is a JSON array: [\"event\", data]."),
            Self::UnknownEvent => {
                write!(f, "That is none of the events a client sends: {}.", ClientEvent::USAGE.join(", "))
            }
            Self::WrongType(usage) => {
                write!(f, "That event's data is not what it should be: {usage}.")
            }
            Self::NotJoined => write!(f, "Say your name first: send got_a_new_user."),
            Self::RoomFull(max) => {
                write!(f, "The room has as many people as it can, {max}; you may watch, or try again later.")
            }
            Self::AlreadyJoined => {
                write!(f, "You have joined already; open another connection to do it again.")
            }
            Self::NameEmpty => write!(f, "Please give a name that can be seen."),
            Self::NameTooLong(max) => write!(f, "A name has at most {max} characters."),
            Self::TextTooLong(max) => {
                write!(f, "A text has at most {max} characters; this one was not taken.")
            }
            Self::OutOfStep => write!(f, "Your box has another text here; send the whole of it."),
            Self::PostEmpty => write!(f, "There is nothing to post yet."),
            Self::NotStored => write!(f, "The server cannot store posts at the moment; please try again."),
            Self::BadRef(max) => write!(f, "The ref of a post has 1 to {max} characters."),
        }
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire {
            code: &'static str,
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            wait: Option<u64>,
        }
        Wire { code: self.code(), message: self.to_string(), wait: self.wait() }.serialize(serializer)
    }
}
