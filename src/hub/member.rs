//! The clients in a room, as the room knows them.

use crate::base::ids::UserId;
use crate::room::action::{Actor, Rank};
use crate::room::session::Session;

/// A client in the room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Its user. A viewer has none.
    pub user: Option<UserId>,
    /// The session of its seat, or of the seat that it has asked for last.
    pub session: Option<Session>,
    /// It has proved the host key.
    pub has_key: bool,
    /// The rank of its connection.
    rank: Rank,
}

impl Member {
    /// A viewer.
    pub(crate) fn viewer(rank: Rank) -> Self {
        Self { user: None, session: None, has_key: false, rank }
    }

    /// Who the client is to the rules.
    pub(crate) fn actor(self) -> Actor {
        Actor { user: self.user, has_key: self.has_key, rank: self.rank }
    }
}
