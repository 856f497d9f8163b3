//! Permits for connections. They limit how many connections there are in total, and from one address.
//!
//! A permit counts until it is dropped, so its place is freed however the connection ends.

use crate::base::address::Address;
use std::collections::HashMap;
use std::sync::Arc;

/// Connections allowed beyond the maximum number of clients, so that pages load even while the server is full.
pub const SPARE_CONNECTIONS: usize = 256;

/// Connections allowed from one address beyond its maximum number of clients. A browser opens up to six.
pub(crate) const SPARE_PER_ADDRESS: usize = 32;

/// Addresses without a connection that the map may contain. If there are more, all of them are removed.
const MAX_UNUSED_ADDRESSES: usize = 1024;

/// Issues permits for connections. It needs no lock, because only the acceptor uses it.
#[derive(Debug)]
pub struct ConnectionLimiter {
    max: usize,
    max_per_address: Option<usize>,
    all: Arc<()>,
    addresses: HashMap<Address, Arc<()>>,
}

/// Permission for one connection. Dropping it frees the place.
#[derive(Debug)]
pub struct Permit {
    _of_all: Arc<()>,
    _of_address: Option<Arc<()>>,
}

impl ConnectionLimiter {
    /// A limiter for this many clients in total and from one address, plus the spare connections.
    pub fn new(max_clients: usize, max_clients_per_address: Option<usize>) -> Self {
        Self {
            max: max_clients.saturating_add(SPARE_CONNECTIONS),
            max_per_address: max_clients_per_address.map(|max| max.saturating_add(SPARE_PER_ADDRESS)),
            all: Arc::new(()),
            addresses: HashMap::new(),
        }
    }

    /// Issues a permit, unless a limit is reached.
    pub fn acquire(&mut self, address: Address) -> Option<Permit> {
        if in_use(&self.all) >= self.max {
            return None;
        }
        let of_address = match self.max_per_address {
            Some(max) => Some(self.acquire_from(address, max)?),
            None => None,
        };
        Some(Permit { _of_all: Arc::clone(&self.all), _of_address: of_address })
    }

    fn acquire_from(&mut self, address: Address, max: usize) -> Option<Arc<()>> {
        if self.addresses.len() > in_use(&self.all) + MAX_UNUSED_ADDRESSES {
            self.addresses.retain(|_, permits| in_use(permits) > 0);
        }
        let permits = self.addresses.entry(address).or_default();
        (in_use(permits) < max).then(|| Arc::clone(permits))
    }
}

/// The number of permits that hold a clone. The limiter holds one more clone.
fn in_use(permits: &Arc<()>) -> usize {
    Arc::strong_count(permits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn dropping_a_permit_frees_its_place() {
        let mut limiter = ConnectionLimiter::new(1, None);
        let mut permits: Vec<Permit> = std::iter::from_fn(|| limiter.acquire(address(1))).collect();
        assert_eq!(permits.len(), 1 + SPARE_CONNECTIONS);
        permits.pop();
        assert!(limiter.acquire(address(1)).is_some());
    }

    #[test]
    fn one_address_gets_no_more_than_its_share() {
        let mut limiter = ConnectionLimiter::new(1000, Some(2));
        let permits: Vec<Permit> = std::iter::from_fn(|| limiter.acquire(address(1))).collect();
        assert_eq!(permits.len(), 2 + SPARE_PER_ADDRESS);
        assert!(limiter.acquire(address(2)).is_some());
        drop(permits);
        assert!(limiter.acquire(address(1)).is_some());
    }

    #[test]
    fn unused_addresses_are_removed() {
        let mut limiter = ConnectionLimiter::new(1000, Some(2));
        let permit = limiter.acquire(address(0));
        for n in 1..10_000 {
            limiter.acquire(address(n));
        }
        assert!(permit.is_some() && limiter.addresses.contains_key(&address(0)));
        assert!(limiter.addresses.len() <= MAX_UNUSED_ADDRESSES + 2);
    }
}
