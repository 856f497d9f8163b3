//! Why an event of a client was rejected: a stable code for programs, and a sentence for people.

use crate::protocol::usage::EventKind;
use crate::room::error::RoomError;
use crate::room::names::NameError;
use crate::room::post::NotStored;
use serde::{Serialize, Serializer};
use std::fmt;

/// The reason in an `error` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventError {
    /// The client has not given the passphrase.
    PassphraseNeeded,
    /// The passphrase is wrong.
    PassphraseWrong,
    /// Too many passphrases from the same address wait to be checked, so this one is not. The client may send it again
    /// after this many seconds.
    PassphraseWait(u64),
    /// The host key is wrong.
    HostKeyWrong,
    /// Too many host keys from the same address wait to be checked, so this one is not. The client may send it again
    /// after this many seconds.
    HostKeyWait(u64),
    /// The server has no hosts.
    NoHosts,
    /// The frame is not JSON.
    NotJson,
    /// The event has binary attachments, which only Socket.IO has.
    Binary,
    /// The frame is JSON, but not `["event", data]` with an event that a client sends.
    UnknownEvent,
    /// The event's data lacks a field, or a field has the wrong type.
    WrongType(EventKind),
    /// The name is not acceptable.
    Name(NameError),
    /// A box's text or a post has more than this many characters.
    TextTooLong(usize),
    /// A prompt has more than this many characters.
    PromptTooLong(usize),
    /// The post is empty.
    PostEmpty,
    /// The store could not take the post, so it was not posted.
    NotStored(NotStored),
    /// The store could not erase the post, so it was not removed.
    NotRemoved(NotStored),
    /// The store could not take the state of the room, which will be lost when the room closes.
    StateNotStored,
    /// The boxes and logs of all rooms take all the memory that they may, so no box may grow.
    MemoryFull,
    /// The `ref` is empty or has more than this many characters.
    BadReference(usize),
    /// A later connection has the seat, so this one is closed. Only the acknowledgement of a Socket.IO client says it;
    /// others learn it from the close code.
    SeatTaken,
    /// The rules of the room do not allow it.
    Room(RoomError),
}

impl From<RoomError> for EventError {
    fn from(error: RoomError) -> Self {
        Self::Room(error)
    }
}

impl From<NameError> for EventError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

impl EventError {
    /// How many seconds the client has to wait before it may try again.
    pub fn wait(&self) -> Option<u64> {
        match self {
            Self::PassphraseWait(wait) | Self::HostKeyWait(wait) => Some(*wait),
            _ => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PassphraseNeeded => "passphrase_needed",
            Self::PassphraseWrong => "passphrase_wrong",
            Self::PassphraseWait(_) => "passphrase_wait",
            Self::HostKeyWrong => "host_key_wrong",
            Self::HostKeyWait(_) => "host_key_wait",
            Self::NoHosts => "no_hosts",
            Self::NotJson => "not_json",
            Self::Binary => "binary",
            Self::UnknownEvent => "unknown_event",
            Self::WrongType(_) => "wrong_type",
            Self::Name(NameError::Empty) => "name_empty",
            Self::Name(NameError::TooLong { .. }) => "name_too_long",
            Self::TextTooLong(_) => "text_too_long",
            Self::PromptTooLong(_) => "prompt_too_long",
            Self::PostEmpty => "post_empty",
            Self::NotStored(_) => "not_stored",
            Self::NotRemoved(_) => "not_removed",
            Self::StateNotStored => "state_not_stored",
            Self::MemoryFull => "memory_full",
            Self::BadReference(_) => "bad_ref",
            Self::SeatTaken => "seat_taken",
            Self::Room(RoomError::NotJoined) => "not_joined",
            Self::Room(RoomError::AlreadyJoined) => "already_joined",
            Self::Room(RoomError::RoomFull { .. }) => "room_full",
            Self::Room(RoomError::NotHost) => "not_host",
            Self::Room(RoomError::Locked) => "locked",
            Self::Room(RoomError::Frozen) => "frozen",
            Self::Room(RoomError::NameTaken) => "name_taken",
            Self::Room(RoomError::Removed) => "removed",
            Self::Room(RoomError::HostsFull { .. }) => "hosts_full",
            Self::Room(RoomError::UnknownUser) => "unknown_user",
            Self::Room(RoomError::UnknownPost) => "unknown_post",
            Self::Room(RoomError::OutOfStep) => "out_of_step",
        }
    }
}

/// The sentence.
impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassphraseNeeded => write!(f, "Enter the passphrase first: send unlock."),
            Self::PassphraseWrong => write!(f, "Wrong passphrase."),
            Self::PassphraseWait(wait) => write!(f, "Too many wrong passphrases. Try again in {wait} s."),
            Self::HostKeyWrong => write!(f, "Wrong host key."),
            Self::HostKeyWait(wait) => write!(f, "Too many wrong host keys. Try again in {wait} s."),
            Self::NoHosts => write!(f, "Hosts are turned off on this server."),
            Self::Binary => write!(f, "Events with binary data are not supported."),
            Self::NotJson => write!(f, "Not JSON. An event is a JSON array: [\"event\", data]."),
            Self::UnknownEvent => {
                let usages = EventKind::ALL.map(EventKind::usage).join(", ");
                write!(f, "Unknown event. A client sends one of these: {usages}.")
            }
            Self::WrongType(kind) => {
                write!(f, "Wrong data for this event. It has this form: {}.", kind.usage())
            }
            Self::Name(NameError::Empty) => write!(f, "Please enter a name."),
            Self::Name(NameError::TooLong { max }) => write!(f, "A name has at most {max} characters."),
            Self::TextTooLong(max) => write!(f, "The text is too long: the limit is {max} characters."),
            Self::PromptTooLong(max) => write!(f, "The question is too long: the limit is {max} characters."),
            Self::PostEmpty => write!(f, "There is nothing to post."),
            Self::NotStored(NotStored::Unavailable) => {
                write!(f, "The server cannot store posts at the moment. Please try again.")
            }
            Self::NotStored(NotStored::Full) => {
                write!(f, "The server's store is full; posting works again once there is space.")
            }
            Self::NotRemoved(NotStored::Unavailable) => {
                write!(f, "The server could not remove the post. Please try again.")
            }
            Self::NotRemoved(NotStored::Full) => {
                write!(f, "The server's disk is full, so it could not remove the post.")
            }
            Self::StateNotStored => {
                write!(f, "The server could not save the room's settings. ")?;
                write!(f, "They apply until the room closes or the server restarts.")
            }
            Self::MemoryFull => {
                write!(f, "The server has no memory for longer texts at the moment. Please try again later.")
            }
            Self::BadReference(max) => write!(f, "A post's ref must be 1 to {max} characters long."),
            Self::SeatTaken => write!(f, "A later connection has taken your seat."),
            Self::Room(error) => write_room_error(*error, f),
        }
    }
}

/// The sentence about what the rules of a room do not allow.
fn write_room_error(error: RoomError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        RoomError::NotJoined => write!(f, "Enter a name first: send got_a_new_user."),
        RoomError::AlreadyJoined => {
            write!(f, "This connection already has a seat. Open another connection to get another seat.")
        }
        RoomError::RoomFull { max } => {
            write!(f, "The room is full: the maximum is {max}. You can watch, or try again later.")
        }
        RoomError::NotHost => write!(f, "Only a host can do this."),
        RoomError::Locked => write!(f, "The room is locked. You can watch."),
        RoomError::Frozen => {
            write!(f, "The host has frozen the room: only hosts can write and post.")
        }
        RoomError::NameTaken => {
            write!(f, "Somebody in the room has this name, or one that looks like it.")
        }
        RoomError::Removed => {
            write!(f, "A host has removed you from this room. You can watch.")
        }
        RoomError::HostsFull { max } => {
            write!(f, "The room has {max} hosts, which is the maximum.")
        }
        RoomError::UnknownUser => write!(f, "This user is not in the room."),
        RoomError::UnknownPost => write!(f, "This post is not in the log."),
        RoomError::OutOfStep => {
            write!(f, "The splice does not fit the text in your box. Send the whole text.")
        }
    }
}

/// An error as it is on the wire.
#[derive(Serialize)]
pub(crate) struct ErrorObject {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// After how many seconds another attempt may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
}

impl Serialize for EventError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ErrorObject { code: self.code(), message: self.to_string(), wait: self.wait() }.serialize(serializer)
    }
}
