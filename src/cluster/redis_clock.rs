//! The clock of Redis, which all nodes have in common.

use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of Redis, according to the last beat. Before the first one, it is this machine's.
#[derive(Debug, Default)]
pub(crate) struct RedisClock {
    /// How far it is ahead of this machine's, in milliseconds.
    offset: AtomicI64,
}

impl RedisClock {
    /// Notes how far it is ahead of this machine's clock, in milliseconds.
    pub(crate) fn set_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// The time of Redis at this time of this machine, both in milliseconds since 1970.
    pub(crate) fn at(&self, unix_millis: u64) -> u64 {
        unix_millis.saturating_add_signed(self.offset.load(Ordering::Relaxed))
    }
}
