//! The clients in a room, as the room knows them.

use crate::base::ids::{ClientId, UserId};
use crate::room::action::{Actor, Rank};

/// A client in the room.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Member {
    /// Its user. A viewer has none.
    pub user: Option<UserId>,
    /// It has proved the host key.
    pub has_key: bool,
}

impl Member {
    /// Who the client is to the rules.
    pub(crate) fn actor(self, client: ClientId) -> Actor {
        Actor { user: self.user, has_key: self.has_key, rank: Rank(client.0) }
    }
}
