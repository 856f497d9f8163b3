//! A limit on how many of something there may be at once, in all and for one address, which threads share without a
//! lock.

use crate::base::address::Address;
use crate::base::hash_slots::HashSlots;
use std::sync::Arc;

/// Up to `N` places, of which one address may have `PER_ADDRESS`. Clones share the places.
#[derive(Debug, Clone, Default)]
pub struct AddressSlots<const N: usize, const PER_ADDRESS: usize>(Arc<HashSlots<N>>);

/// A place. Dropping it frees the place.
#[derive(Debug)]
pub struct AddressSlot<const N: usize> {
    slots: Arc<HashSlots<N>>,
    slot: usize,
}

impl<const N: usize, const PER_ADDRESS: usize> AddressSlots<N, PER_ADDRESS> {
    /// Takes a place, unless a limit is reached. If two threads ask for the last one of an address at the same moment,
    /// neither may get it.
    pub fn acquire(&self, address: Address) -> Option<AddressSlot<N>> {
        let place = AddressSlot { slots: Arc::clone(&self.0), slot: self.0.take(&address)? };
        (self.0.count(&address) <= PER_ADDRESS).then_some(place)
    }
}

impl<const N: usize> Drop for AddressSlot<N> {
    fn drop(&mut self) {
        self.slots.free(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    type Slots = AddressSlots<16, 4>;

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn dropping_a_place_frees_it() {
        let slots = Slots::default();
        let mut taken: Vec<_> = (0..).map_while(|n| slots.acquire(address(n))).collect();
        assert_eq!(taken.len(), 16);
        taken.pop();
        assert!(slots.acquire(address(0)).is_some());
    }

    #[test]
    fn one_address_gets_no_more_than_its_share() {
        let slots = Slots::default();
        let mut taken: Vec<_> = std::iter::from_fn(|| slots.acquire(address(1))).collect();
        assert_eq!(taken.len(), 4);
        assert!(slots.acquire(address(2)).is_some());
        taken.pop();
        assert!(slots.acquire(address(1)).is_some());
    }
}
