//! Limits on the memory that all clients together can make the server hold. One is for what waits: output for slow
//! clients, and large messages that arrive. Another one is for texts: boxes and logs.
//!
//! Clients that wait for the same bytes share them, so a sum over clients would count them many times. Bytes are
//! therefore counted where they are allocated, until the last client lets go of them.

use crate::base::counter::Counter;
use bytes::Bytes;

/// Counts the bytes of one owner, such as a hub, and of all owners.
#[derive(Debug, Clone)]
pub(crate) struct MemoryLimit {
    of_owner: Counter,
    of_all: Counter,
    max: usize,
    /// The share of `max` that every owner may use, whatever the others use.
    max_of_owner: usize,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub struct Charge {
    of_owner: Counter,
    of_all: Counter,
    bytes: usize,
}

/// Memory of counted bytes in addition to their content: their owner and its reference count.
const COUNTED_OVERHEAD: usize = size_of::<CountedBytes<Bytes>>() + 2 * size_of::<usize>();

/// Counted bytes, which clients share.
struct CountedBytes<B> {
    bytes: B,
    _charge: Charge,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for CountedBytes<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

impl MemoryLimit {
    /// The memory of an owner, one of `owners`. All of them count in `of_all`, and may use `max` bytes together.
    pub(crate) fn new(of_all: Counter, max: usize, owners: usize) -> Self {
        Self { of_owner: Counter::default(), of_all, max, max_of_owner: max / owners.max(1) }
    }

    /// Counts these bytes for as long as anyone holds them.
    pub(crate) fn keep(&self, bytes: Vec<u8>) -> Bytes {
        let capacity = bytes.capacity();
        self.count(bytes, capacity)
    }

    /// Counts these bytes, which somebody else keeps too, for as long as anyone holds what this returns.
    pub(crate) fn keep_shared(&self, bytes: Bytes) -> Bytes {
        let len = bytes.len();
        self.count(bytes, len)
    }

    fn count(&self, bytes: impl AsRef<[u8]> + Send + 'static, memory: usize) -> Bytes {
        let mut charge = self.charge();
        charge.set(memory + COUNTED_OVERHEAD);
        Bytes::from_owner(CountedBytes { bytes, _charge: charge })
    }

    /// A charge of no bytes.
    pub(crate) fn charge(&self) -> Charge {
        Charge { of_owner: self.of_owner.clone(), of_all: self.of_all.clone(), bytes: 0 }
    }

    /// Bytes of this owner.
    pub(crate) fn of_owner(&self) -> usize {
        self.of_owner.get()
    }

    /// Whether all owners together exceed the limit.
    pub(crate) fn is_over(&self) -> bool {
        self.of_all.get() > self.max
    }

    /// Whether this owner has to free memory: all exceed the limit together, and this one exceeds its share. At least
    /// one owner exceeds its share whenever all exceed the limit.
    pub(crate) fn must_free(&self) -> bool {
        self.is_over() && self.of_owner.get() > self.max_of_owner
    }
}

impl Charge {
    /// The same charge for fewer bytes; `None` if they are so few that they are not counted.
    pub(crate) fn reduced_to(mut self: Box<Self>, bytes: usize, uncounted: usize) -> Option<Box<Self>> {
        self.set(bytes);
        (bytes > uncounted).then_some(self)
    }

    /// Another charge to the same owner, for bytes that outlive these; `None` if they are so few that they are not
    /// counted.
    pub(crate) fn another(&self, bytes: usize, uncounted: usize) -> Option<Box<Self>> {
        (bytes > uncounted).then(|| {
            let Self { of_owner, of_all, .. } = self;
            let mut another = Self { of_owner: of_owner.clone(), of_all: of_all.clone(), bytes: 0 };
            another.set(bytes);
            Box::new(another)
        })
    }

    /// The number of bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Changes the number of bytes.
    pub(crate) fn set(&mut self, bytes: usize) {
        // Only the difference, because other threads would see the sum of the old and the new number for a moment.
        for counter in [&self.of_owner, &self.of_all] {
            match bytes.checked_sub(self.bytes) {
                Some(more) => counter.add(more),
                None => counter.remove(self.bytes - bytes),
            }
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn shared_bytes_are_counted_once_and_until_the_last_clone_is_dropped() {
        let memory = MemoryLimit::new(Counter::default(), 100 + COUNTED_OVERHEAD, 1);
        let mut charge = memory.charge();
        charge.set(1);
        let bytes = memory.keep(vec![0; 100]);
        let clones = vec![bytes.slice(50..); 10];
        drop(bytes);
        assert!(memory.must_free());
        assert_eq!(
            (memory.of_owner.get(), memory.of_all.get()),
            (101 + COUNTED_OVERHEAD, 101 + COUNTED_OVERHEAD)
        );
        drop(clones);
        assert_eq!((memory.of_owner.get(), memory.of_all.get()), (1, 1));
        drop(charge);
        assert_eq!((memory.of_owner.get(), memory.of_all.get()), (0, 0));
    }

    #[test]
    fn another_charge_outlives_the_first_and_few_bytes_have_none() {
        let memory = MemoryLimit::new(Counter::default(), 100, 1);
        let first = memory.charge();
        assert!(first.another(10, 10).is_none());
        let another = first.another(11, 10);
        drop(first);
        assert_eq!(memory.of_owner(), 11);
        drop(another);
        assert_eq!(memory.of_owner(), 0);
    }

    #[test]
    fn while_a_charge_changes_nobody_sees_its_bytes_twice() {
        let memory = MemoryLimit::new(Counter::default(), 1_000_000, 1);
        let other = memory.clone();
        let writer = thread::spawn(move || {
            let mut charge = other.charge();
            (0..300_000).for_each(|n| charge.set(1_000_000 - n % 2));
        });
        while !writer.is_finished() {
            assert!(!memory.is_over(), "{} bytes", memory.of_owner());
        }
        writer.join().expect("the writer does not panic");
    }

    #[test]
    fn only_an_owner_that_exceeds_its_share_has_to_free_memory() {
        let all = Counter::default();
        let [small, large] = [(); 2].map(|()| MemoryLimit::new(all.clone(), 100, 2));
        let mut charges = [small.charge(), large.charge()];
        charges[0].set(40);
        charges[1].set(60);
        assert!(!small.must_free() && !large.must_free(), "together they are at the limit");
        charges[0].set(41);
        assert!(!small.must_free() && large.must_free());
        charges[0].set(50);
        assert!(!small.must_free(), "it is at its share");
        charges[0].set(51);
        assert_eq!((small.of_owner(), small.must_free()), (51, true));
    }
}
