//! A small table of hashes that threads share without a lock.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// `N` slots, each of which is free or taken for a value, of which it holds the hash. Two values share a hash with a
/// probability of one in 2⁶⁴, and nobody can choose them so, because each table has random keys.
///
/// A search looks at all slots, so `N` has to be small.
#[derive(Debug)]
pub(crate) struct HashSlots<const N: usize> {
    keys: RandomState,
    /// Zero for a free slot.
    slots: [AtomicU64; N],
}

impl<const N: usize> Default for HashSlots<N> {
    fn default() -> Self {
        Self { keys: RandomState::new(), slots: [const { AtomicU64::new(0) }; N] }
    }
}

impl<const N: usize> HashSlots<N> {
    /// Takes a slot for a value. `None` if all are taken.
    pub(crate) fn take(&self, value: &impl Hash) -> Option<usize> {
        let hash = self.hash(value);
        let is_taken =
            |slot: &AtomicU64| slot.compare_exchange(0, hash, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        self.slots.iter().position(is_taken)
    }

    /// How many slots are taken for a value.
    ///
    /// The ordering is sequentially consistent, so that of two threads that each take a slot and then count, at least
    /// one counts both.
    pub(crate) fn count(&self, value: &impl Hash) -> usize {
        let hash = self.hash(value);
        self.slots.iter().filter(|slot| slot.load(Ordering::SeqCst) == hash).count()
    }

    /// Frees a slot that [`take`](Self::take) returned.
    pub(crate) fn free(&self, slot: usize) {
        self.slots[slot].store(0, Ordering::SeqCst);
    }

    fn hash(&self, value: &impl Hash) -> u64 {
        self.keys.hash_one(value).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_counted_and_freed() {
        let slots = HashSlots::<3>::default();
        assert_eq!([slots.take(&'a'), slots.take(&'b'), slots.take(&'a')], [Some(0), Some(1), Some(2)]);
        assert_eq!((slots.count(&'a'), slots.count(&'b'), slots.count(&'c')), (2, 1, 0));
        assert_eq!(slots.take(&'c'), None);
        slots.free(1);
        assert_eq!((slots.count(&'b'), slots.take(&'c')), (0, Some(1)));
    }
}
