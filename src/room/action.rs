//! Actions: what a client asks of its room. The reader has already checked their form and length.

use crate::base::ids::{NodeId, UserId};
use crate::room::names::Name;
use crate::room::session::Session;
use crate::room::state::StateChange;
use crate::room::text::TextChange;
use serde::{Deserialize, Serialize};

/// What a user or viewer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A viewer asks for a seat: a new one, or the one of its session.
    Join {
        /// The name for a new seat.
        name: Name,
        /// The secret of an earlier seat, or a new one.
        session: Session,
    },
    /// A viewer asks for the state of the room.
    Watch,
    /// A user or viewer whose copy of the room is out of step asks for the state again.
    Resync,
    /// A user changes the text of their box.
    Write(TextChange<'static>),
    /// A user posts to the log.
    Post {
        /// The text of the post.
        text: String,
        /// The author's `ref` for the post. A second post with the same `ref` is not posted.
        reference: Option<String>,
    },
    /// A user changes their name.
    Rename(Name),
    /// A client has proved the host key.
    Host,
    /// A host changes the state of the room.
    SetRoom(StateChange),
    /// A host removes a user.
    RemoveUser(UserId),
    /// A host empties a user's box, or all boxes.
    Clear(Option<UserId>),
    /// A host makes a user a host.
    MakeHost(UserId),
    /// A host, or the author, removes the post with this number.
    RemovePost(u64),
}

impl Action {
    /// The author's `ref`, if it is a post that has one.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::Post { reference, .. } => reference.as_deref(),
            _ => None,
        }
    }

    /// Whether only a host may take it. The author of a post may remove it too.
    pub fn is_for_hosts(&self) -> bool {
        match self {
            Self::Host
            | Self::SetRoom(_)
            | Self::RemoveUser(_)
            | Self::Clear(_)
            | Self::MakeHost(_)
            | Self::RemovePost(_) => true,
            Self::Join { .. }
            | Self::Watch
            | Self::Resync
            | Self::Write(_)
            | Self::Post { .. }
            | Self::Rename(_) => false,
        }
    }
}

/// The client that acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The user, if the connection has a seat.
    pub user: Option<UserId>,
    /// The connection has proved the host key.
    pub has_key: bool,
    /// The rank of the connection.
    pub rank: Rank,
}

/// The order in which connections were accepted. Of two connections that claim one seat, the one with the higher rank
/// gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// When, in milliseconds since 1970; 0 if there is only one node.
    pub at: u64,
    /// The node that has the connection.
    pub node: NodeId,
    /// The number of the connection on that node.
    pub number: u64,
}

impl Rank {
    /// The rank of a connection on the only node.
    pub fn local(number: u64) -> Self {
        Self { at: 0, node: NodeId(0), number }
    }
}
