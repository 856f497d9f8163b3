//! How far a hub is from its end.

use std::time::Instant;

/// The stages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The server runs.
    Running,
    /// Posts under way are being stored; new clients are turned away.
    Storing,
    /// Every client was told, and is cut at this time.
    Closing(Instant),
    /// Nobody is waited for any more.
    Over,
}

impl Stage {
    /// Whether the server has been told to stop.
    pub(crate) fn is_stopping(self) -> bool {
        self != Self::Running
    }

    /// When every client is cut, if that is decided.
    pub(crate) fn closes_at(self) -> Option<Instant> {
        match self {
            Self::Closing(at) => Some(at),
            Self::Running | Self::Storing | Self::Over => None,
        }
    }
}
