//! The end of a hub: posts under way are stored, everyone is told, and nobody is waited for too long.

use super::{Hub, close_frame};
use crate::base::ids::ClientId;
use crate::delivery::transport::Transport;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

/// How long posts under way may take to be stored when the server stops.
const STORE_PATIENCE: Duration = Duration::from_secs(3);

/// How long all clients together have to answer when the server stops; it promises to be gone after 5 s.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// How far the server is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// Posts are under way to the store, for which nobody waits after this time.
    Storing(Instant),
    /// Everyone was told, and nobody waits after this time.
    Closing(Instant),
}

impl Stopping {
    pub(super) fn due(self) -> Option<Instant> {
        match self {
            Self::No => None,
            Self::Storing(until) | Self::Closing(until) => Some(until),
        }
    }
}

impl<S: Transport> Hub<S> {
    pub(super) fn has_stopped(&self, now: Instant) -> bool {
        matches!(self.stopping, Stopping::Closing(at) if now >= at || self.clients.table.is_empty())
    }

    /// Has the server end, once posts under way are stored.
    pub(super) fn stop(&mut self, now: Instant) {
        if self.stopping == Stopping::No {
            self.stopping = Stopping::Storing(now + STORE_PATIENCE);
        }
    }

    /// Closes everyone, once their posts are stored.
    pub(super) fn go_on_stopping(&mut self, now: Instant) {
        let Stopping::Storing(until) = self.stopping else { return };
        if self.unstored > 0 && now < until {
            return;
        }
        let stop_at = now + STOP_PATIENCE;
        self.stopping = Stopping::Closing(stop_at);
        // Nobody leaves a room, because nobody is to be told of it any more.
        let frame = close_frame(CloseCode::Away, "The server is stopping.");
        let clients: Vec<ClientId> = self.clients.table.ids().collect();
        clients.into_iter().for_each(|client| self.clients.close(client, frame.clone(), stop_at));
    }
}
