//! Places for connections: how many there are in all, and from one address.
//!
//! A place is counted by who holds it, so that none is lost, however a connection ends.

use crate::access::Address;
use std::collections::HashMap;
use std::sync::Arc;

/// Connections beyond the clients: for pages being loaded while the rooms are full.
pub const SPARE_CONNECTIONS: usize = 256;

/// Connections beyond the clients of one address, where those are bounded. A browser opens six.
pub const SPARE_AN_ADDRESS: usize = 32;

/// Addresses without a connection that are not yet forgotten.
const MAX_VACANT: usize = 1024;

/// The places of all connections. Only the acceptor gives them.
#[derive(Debug)]
pub struct Places {
    max: usize,
    max_an_address: Option<usize>,
    taken: Arc<()>,
    addresses: HashMap<Address, Arc<()>>,
}

/// One connection's place, which is free when this is dropped.
#[derive(Debug)]
pub struct Place {
    _among_all: Arc<()>,
    _at_address: Option<Arc<()>>,
}

impl Places {
    /// Places for so many clients in all, and from one address.
    pub fn new(max_clients: usize, max_an_address: Option<usize>) -> Self {
        Self {
            max: max_clients.saturating_add(SPARE_CONNECTIONS),
            max_an_address: max_an_address.map(|max| max.saturating_add(SPARE_AN_ADDRESS)),
            taken: Arc::new(()),
            addresses: HashMap::new(),
        }
    }

    /// Takes a place, if there is one.
    pub fn take(&mut self, address: Address) -> Option<Place> {
        if holders(&self.taken) >= self.max {
            return None;
        }
        let at_address = match self.max_an_address {
            Some(max) => Some(self.take_at(address, max)?),
            None => None,
        };
        Some(Place { _among_all: Arc::clone(&self.taken), _at_address: at_address })
    }

    fn take_at(&mut self, address: Address, max: usize) -> Option<Arc<()>> {
        if self.addresses.len() > holders(&self.taken) + MAX_VACANT {
            self.addresses.retain(|_, taken| holders(taken) > 0);
        }
        let taken = self.addresses.entry(address).or_default();
        (holders(taken) < max).then(|| Arc::clone(taken))
    }
}

/// How many there are beside the one that counts.
fn holders(taken: &Arc<()>) -> usize {
    Arc::strong_count(taken) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let mut places = Places::new(1, None);
        let mut taken: Vec<Place> = std::iter::from_fn(|| places.take(address(1))).collect();
        assert_eq!(taken.len(), 1 + SPARE_CONNECTIONS);
        taken.pop();
        assert!(places.take(address(1)).is_some());
    }

    #[test]
    fn an_address_takes_no_more_than_its_own() {
        let mut places = Places::new(1000, Some(2));
        let taken: Vec<Place> = std::iter::from_fn(|| places.take(address(1))).collect();
        assert_eq!(taken.len(), 2 + SPARE_AN_ADDRESS);
        assert!(places.take(address(2)).is_some());
        drop(taken);
        assert!(places.take(address(1)).is_some());
    }

    #[test]
    fn addresses_are_forgotten() {
        let mut places = Places::new(1000, Some(2));
        let kept = places.take(address(0));
        for n in 1..10_000 {
            places.take(address(n));
        }
        assert!(kept.is_some() && places.addresses.contains_key(&address(0)));
        assert!(places.addresses.len() <= MAX_VACANT + 2);
    }
}
