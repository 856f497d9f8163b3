//! The clock of Redis, which all nodes have in common.

use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of Redis, as the last beat has found it. Until there is one, it is this machine's.
#[derive(Debug, Default)]
pub(crate) struct RedisClock {
    /// How far it is ahead of this machine's, in milliseconds.
    offset: AtomicI64,
}

impl RedisClock {
    /// It is this far ahead of this machine's clock, in milliseconds.
    pub(crate) fn set_offset(&self, offset: i64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// The time when it is this time here, both in milliseconds since 1970.
    pub(crate) fn at(&self, unix_millis: u64) -> u64 {
        unix_millis.saturating_add_signed(self.offset.load(Ordering::Relaxed))
    }
}
