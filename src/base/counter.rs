//! A counter that several threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number that all clones share. Relaxed ordering suffices, because no other memory depends on its value.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    /// The current value.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds one if the value is below `max`; returns whether it did.
    pub fn add_below(&self, max: usize) -> bool {
        let one_more = |count| (count < max).then_some(count + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Adds `n`.
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Subtracts `n`. The caller added it before, so the number never goes below zero.
    pub fn remove(&self, n: usize) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }
}
