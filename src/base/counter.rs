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

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn threads_together_add_no_more_than_the_maximum() {
        const MAX: usize = 150;
        let counter = Counter::default();
        let add = || (0..100).filter(|_| counter.add_below(MAX)).count();
        let added: usize = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(add));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!((added, counter.get()), (MAX, MAX));
        assert!(!counter.add_below(MAX));
        counter.remove(1);
        assert!(counter.add_below(MAX) && !counter.add_below(MAX));
    }
}
