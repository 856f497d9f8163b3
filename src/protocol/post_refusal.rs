//! Why a post over HTTP was refused: a stable code for programs, and a sentence for people.

use crate::protocol::error::{ErrorObject, EventError};
use serde::{Serialize, Serializer};
use std::fmt;

/// The reason in the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostRefusal {
    /// A user's post would be rejected too.
    Rejected(EventError),
    /// The name of the room is too long.
    RoomNameTooLong,
    /// The text is not UTF-8.
    NotUtf8,
    /// The request does not say how long the text is.
    LengthNeeded,
    /// `Content-Length` is not a length.
    BadLength,
    /// The text did not arrive in time.
    Late,
    /// There are too many posts from the same address. It may post again after this many seconds.
    Wait(u64),
    /// The server has the maximum number of rooms.
    RoomsFull,
    /// Too many posts or rooms wait, or the post has waited for too long. It was not posted.
    Busy,
    /// The store has not answered in time. The text may be posted, or not.
    Unanswered,
    /// The server stops.
    Stopping,
}

/// The codes of all refusals: of events, and of posts over HTTP.
pub(crate) const REFUSAL_CODES: [&str; 43] = [
    "passphrase_needed",
    "passphrase_wrong",
    "passphrase_wait",
    "host_key_wrong",
    "host_key_wait",
    "no_hosts",
    "not_json",
    "binary",
    "unknown_event",
    "wrong_type",
    "name_empty",
    "name_too_long",
    "text_too_long",
    "prompt_too_long",
    "post_empty",
    "not_stored",
    "not_removed",
    "state_not_stored",
    "memory_full",
    "bad_ref",
    "seat_taken",
    "not_joined",
    "already_joined",
    "room_full",
    "not_host",
    "locked",
    "frozen",
    "name_taken",
    "removed",
    "hosts_full",
    "unknown_user",
    "unknown_post",
    "out_of_step",
    "room_name_too_long",
    "not_utf8",
    "length_needed",
    "bad_length",
    "late",
    "post_wait",
    "rooms_full",
    "server_busy",
    "unanswered",
    "stopping",
];

impl<E: Into<EventError>> From<E> for PostRefusal {
    fn from(error: E) -> Self {
        Self::Rejected(error.into())
    }
}

impl PostRefusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(error) => error.code(),
            Self::RoomNameTooLong => "room_name_too_long",
            Self::NotUtf8 => "not_utf8",
            Self::LengthNeeded => "length_needed",
            Self::BadLength => "bad_length",
            Self::Late => "late",
            Self::Wait(_) => "post_wait",
            Self::RoomsFull => "rooms_full",
            Self::Busy => "server_busy",
            Self::Unanswered => "unanswered",
            Self::Stopping => "stopping",
        }
    }

    /// How many seconds to wait before the next try.
    pub fn wait(&self) -> Option<u64> {
        match self {
            Self::Wait(seconds) => Some(*seconds),
            _ => None,
        }
    }
}

/// The sentence.
impl fmt::Display for PostRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(EventError::BadReference(max)) => {
                write!(f, "An Idempotency-Key must be 1 to {max} characters long.")
            }
            Self::Rejected(error) => write!(f, "{error}"),
            Self::RoomNameTooLong => write!(f, "The name of the room is too long."),
            Self::NotUtf8 => write!(f, "The text is not UTF-8."),
            Self::LengthNeeded => write!(f, "Send the length of the text as Content-Length."),
            Self::BadLength => write!(f, "Content-Length is not a length."),
            Self::Late => write!(f, "The text did not arrive in time."),
            Self::Wait(seconds) => write!(f, "Too many posts from this address. Try again in {seconds} s."),
            Self::RoomsFull => write!(f, "The server has the maximum number of rooms."),
            Self::Busy => write!(f, "The server is too busy, so nothing was posted. Please try again later."),
            Self::Unanswered => write!(
                f,
                "The server has not stored the post in time, and may still do so. \
                 To send it again, use the same Idempotency-Key."
            ),
            Self::Stopping => write!(f, "The server stops."),
        }
    }
}

impl Serialize for PostRefusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ErrorObject { code: self.code(), message: self.to_string(), wait: self.wait() }.serialize(serializer)
    }
}
