//! The shutdown of a hub: posts under way are stored, then every client is closed. Each stage has a time limit.

use crate::base::clock::Now;
use crate::base::ids::ClientId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use crate::hub::stage::Stage;
use crate::protocol::close::CloseReason;
use std::time::{Duration, Instant};

/// How long posts under way may take to be stored when the server stops.
const STORE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long clients have to answer when the server stops. With [`STORE_TIMEOUT`] it stays below the 5 s after which the
/// program ends in any case.
const CLIENTS_TIMEOUT: Duration = Duration::from_secs(1);

impl<T: Transport> Hub<T> {
    /// Whether the hub has stopped.
    pub(super) fn has_stopped(&self) -> bool {
        match self.stage {
            Stage::Running | Stage::Storing => false,
            Stage::Closing(_) => self.clients.registry.is_empty(),
            Stage::Over => true,
        }
    }

    /// Begins the shutdown.
    pub(super) fn stop(&mut self, now: Now) {
        if self.stage == Stage::Running {
            self.release_all(now);
            let now = now.instant;
            self.stage = Stage::Storing;
            self.deadlines.set(Deadline::Shutdown, now + STORE_TIMEOUT);
            self.begin_handover();
        }
    }

    /// Closes every client once no post is under way, and no room that may hold some is still to be loaded.
    pub(super) fn continue_stopping(&mut self, now: Instant) {
        if self.stage == Stage::Storing && !self.store.has_requests() && !self.awaits_nodes() {
            self.close_all(now);
        }
    }

    /// A stage has taken too long.
    pub(super) fn on_shutdown_deadline(&mut self, now: Instant) {
        match self.stage {
            Stage::Running | Stage::Over => {}
            Stage::Storing => self.close_all(now),
            Stage::Closing(_) => self.stage = Stage::Over,
        }
    }

    fn close_all(&mut self, now: Instant) {
        let cut_at = now + CLIENTS_TIMEOUT;
        self.stage = Stage::Closing(cut_at);
        self.deadlines.set(Deadline::Shutdown, cut_at);
        // Clients stay in their rooms, because nobody has to be told that they leave.
        let clients: Vec<ClientId> = self.clients.registry.ids().collect();
        for client in clients {
            self.clients.close(client, &CloseReason::Stopping, cut_at, &mut self.deadlines);
        }
    }
}
