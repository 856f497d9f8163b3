//! The stages of a hub, from running to its end.

use std::time::Instant;

/// The stages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The server runs.
    Running,
    /// Posts under way are being stored. New clients are rejected.
    Storing,
    /// Every client was sent a close frame, and is cut at this time.
    Closing(Instant),
    /// The clients that have not answered are cut.
    Over,
}

impl Stage {
    /// Whether the server has been told to stop.
    pub(crate) fn is_stopping(self) -> bool {
        self != Self::Running
    }

    /// When every client is cut. `None` before the clients are closed.
    pub(crate) fn closes_at(self) -> Option<Instant> {
        match self {
            Self::Closing(at) => Some(at),
            Self::Running | Self::Storing | Self::Over => None,
        }
    }
}
