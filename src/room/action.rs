//! Actions: what somebody in a room asks for, already checked for form and length.

use crate::base::ids::UserId;
use crate::room::names::Name;
use crate::room::session::Session;
use crate::room::text::TextChange;

/// What a user or viewer does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A viewer asks for a seat: a new one, or the one of its session.
    Join {
        /// The name for a new seat.
        name: Name,
        /// A secret from an earlier seat, or a new one.
        session: Session,
    },
    /// A viewer asks for the state of the room.
    Watch,
    /// A user or viewer has lost step with the room and asks for its state again.
    Resync,
    /// A user changes the text of their box.
    Write(TextChange<'static>),
    /// A user posts to the log.
    Post {
        /// The text of the post.
        text: String,
        /// The author's own name for the post: the same again posts nothing new.
        reference: Option<String>,
    },
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The user, if the connection has a seat.
    pub user: Option<UserId>,
    /// The connection.
    pub rank: Rank,
}

/// The order in which connections were accepted. Of two connections that claim one seat, the higher rank has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(pub u64);
