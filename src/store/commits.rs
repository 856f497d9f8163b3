//! What the store's writer counts of its commits, for `/metrics`.

use crate::base::histogram::{Histogram, SharedHistogram};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Commits so far. Only the writer counts; others read.
#[derive(Debug, Default)]
pub struct Commits {
    times: SharedHistogram,
    failed: AtomicU64,
}

impl Commits {
    /// A commit has ended. One that waits for another program to unlock the file has not.
    pub(super) fn note(&self, time: Duration, is_ok: bool) {
        self.times.note(time);
        self.failed.fetch_add(u64::from(!is_ok), Ordering::Relaxed);
    }

    /// How long commits took, those that failed included.
    pub(crate) fn times(&self) -> Histogram {
        self.times.read()
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}
