//! Permits for connections. They limit how many connections there are in total, and from one address, and how fast all
//! connections from one address may make requests.
//!
//! A permit counts until it is dropped, so its place is freed however the connection ends.

use crate::base::address::Address;
use crate::base::rate_limit::Rate;
use crate::base::shared_rate_limit::{SharedRateLimit, Ticket};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Connections allowed beyond the maximum number of clients, so that pages load even while the server is full.
pub const SPARE_CONNECTIONS: usize = 256;

/// Connections allowed from one address beyond its maximum number of clients. A browser opens up to six.
pub(crate) const SPARE_PER_ADDRESS: usize = 32;

/// Requests that all connections from one address may make. As many clients as the server takes by default, 10,000,
/// make 30,000 at once if all of them are behind one address and reload: the page, its words and the WebSocket. At the
/// rate after that, the cheapest requests take about 5 % of a core, and twice as much while 9,000 connections wait.
const REQUESTS_PER_ADDRESS: Rate = Rate { per_second: 1_000, burst: 30_000 };

/// Addresses without a connection that the map may contain. If there are more, all of them are removed.
const MAX_UNUSED_ADDRESSES: usize = 1024;

/// Issues permits for connections. It needs no lock, because only the acceptor uses it.
#[derive(Debug)]
pub struct ConnectionLimiter {
    all: Arc<Max>,
    /// `None` if the address of a connection does not tell clients apart.
    per_address: Option<AddressLimiter>,
}

/// The maximum number of permits. Its clones are counted.
#[derive(Debug)]
struct Max(usize);

/// Counts the connections from each address, by the clones of the limit on its requests.
#[derive(Debug)]
struct AddressLimiter {
    max: usize,
    requests: HashMap<Address, Arc<SharedRateLimit>>,
}

/// Permission for one connection. Dropping it frees the place.
#[derive(Debug)]
pub struct Permit {
    of_all: Arc<Max>,
    of_address: Option<OfAddress>,
}

/// The part of a permit that counts for an address.
#[derive(Debug, Clone)]
struct OfAddress {
    requests: Arc<SharedRateLimit>,
    max: usize,
}

impl Permit {
    /// The connection's place in the queue of all connections from its address, for one request. `None` if it need not
    /// wait.
    pub(crate) fn ticket(&self) -> Option<Ticket<'_>> {
        self.of_address.as_ref().map(|of_address| of_address.requests.ticket())
    }

    /// Another permit for the same address, unless a limit is reached: for a session that outlives its connections.
    pub(crate) fn another(&self) -> Option<Self> {
        let another = Self { of_all: Arc::clone(&self.of_all), of_address: self.of_address.clone() };
        // Counted first, so that permits that are issued at once never exceed a limit.
        let is_within = |of_address: &OfAddress| in_use(&of_address.requests) <= of_address.max;
        let may_be = in_use(&another.of_all) <= another.of_all.0 && another.of_address.iter().all(is_within);
        may_be.then_some(another)
    }
}

impl ConnectionLimiter {
    /// A limiter for this many clients in total and from one address, plus the spare connections.
    pub fn new(max_clients: usize, max_clients_per_address: Option<usize>) -> Self {
        let max = max_clients_per_address.map_or(usize::MAX, |max| max.saturating_add(SPARE_PER_ADDRESS));
        let per_address = AddressLimiter { max, requests: HashMap::new() };
        Self { per_address: Some(per_address), ..Self::behind_proxy(max_clients) }
    }

    /// A limiter for this many clients in total, plus the spare connections, whose connections all come from a proxy.
    pub fn behind_proxy(max_clients: usize) -> Self {
        let max = max_clients.saturating_add(SPARE_CONNECTIONS);
        Self { all: Arc::new(Max(max)), per_address: None }
    }

    /// The same for connections that are encrypted. Each takes two permits, the second one for its pump, which may last a
    /// little longer.
    pub(crate) fn with_pumps(self) -> Self {
        let double = |max: usize| max.saturating_mul(2);
        let per_address =
            self.per_address.map(|limiter| AddressLimiter { max: double(limiter.max), ..limiter });
        Self { all: Arc::new(Max(double(self.all.0))), per_address }
    }

    /// Issues a permit, unless a limit is reached.
    pub fn acquire(&mut self, address: Address) -> Option<Permit> {
        let in_use = in_use(&self.all);
        if in_use >= self.all.0 {
            return None;
        }
        let of_address = match &mut self.per_address {
            Some(limiter) => Some(limiter.acquire(address, in_use)?),
            None => None,
        };
        Some(Permit { of_all: Arc::clone(&self.all), of_address })
    }
}

impl AddressLimiter {
    /// Issues an address's part of a permit. `connections` is their number from all addresses.
    fn acquire(&mut self, address: Address, connections: usize) -> Option<OfAddress> {
        if self.requests.len() > connections + MAX_UNUSED_ADDRESSES {
            self.requests.retain(|_, limit| in_use(limit) > 0);
        }
        let new = || Arc::new(SharedRateLimit::new(REQUESTS_PER_ADDRESS, Instant::now()));
        let limit = self.requests.entry(address).or_insert_with(new);
        (in_use(limit) < self.max).then(|| OfAddress { requests: Arc::clone(limit), max: self.max })
    }
}

/// The number of permits that hold a clone. The limiter holds one more clone.
fn in_use<T>(permits: &Arc<T>) -> usize {
    Arc::strong_count(permits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limits::Limits;
    use std::net::IpAddr;
    use std::time::Duration;

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
    fn another_permit_counts_like_the_first() {
        let mut limiter = ConnectionLimiter::new(1000, Some(2));
        let first = limiter.acquire(address(1)).unwrap();
        let permits: Vec<Permit> = std::iter::from_fn(|| first.another()).collect();
        assert_eq!(permits.len(), 2 + SPARE_PER_ADDRESS - 1);
        assert!(limiter.acquire(address(1)).is_none() && limiter.acquire(address(2)).is_some());
        let mut limiter = ConnectionLimiter::behind_proxy(1);
        let first = limiter.acquire(address(1)).unwrap();
        let permits: Vec<Permit> = std::iter::from_fn(|| first.another()).collect();
        assert_eq!(permits.len(), SPARE_CONNECTIONS);
        drop(permits);
        assert!(first.another().is_some());
    }

    #[test]
    fn an_encrypted_connection_takes_two_permits_of_twice_as_many() {
        let mut limiter = ConnectionLimiter::new(1000, Some(2)).with_pumps();
        let two = |limiter: &mut ConnectionLimiter, address| {
            limiter.acquire(address).and_then(|permit| Some((permit.another()?, permit)))
        };
        let permits: Vec<_> = std::iter::from_fn(|| two(&mut limiter, address(1))).collect();
        assert_eq!(permits.len(), 2 + SPARE_PER_ADDRESS);
        let mut limiter = ConnectionLimiter::behind_proxy(1).with_pumps();
        let permits: Vec<_> = std::iter::from_fn(|| two(&mut limiter, address(1))).collect();
        assert_eq!(permits.len(), 1 + SPARE_CONNECTIONS);
    }

    #[test]
    fn unused_addresses_are_removed() {
        let mut limiter = ConnectionLimiter::new(1000, Some(2));
        let permit = limiter.acquire(address(0));
        for n in 1..10_000 {
            limiter.acquire(address(n));
        }
        let addresses = limiter.per_address.unwrap().requests;
        assert!(permit.is_some() && addresses.contains_key(&address(0)));
        assert!(addresses.len() <= MAX_UNUSED_ADDRESSES + 2);
    }

    /// How long this connection has to wait before it may make these requests at once.
    fn wait(permit: &Permit, requests: u32, now: Instant) -> Duration {
        let mut waits = (0..requests).filter_map(|_| Some(permit.ticket()?.take(now)));
        waits.find(|wait| !wait.is_zero()).unwrap_or_default()
    }

    #[test]
    fn unused_addresses_are_removed_after_many_connections_have_ended_at_once() {
        let mut limiter = ConnectionLimiter::new(10_000, None);
        let addresses = 0..2 * MAX_UNUSED_ADDRESSES as u32;
        let mut permits: Vec<Permit> = addresses.filter_map(|n| limiter.acquire(address(n))).collect();
        assert_eq!(permits.len(), 2 * MAX_UNUSED_ADDRESSES);
        permits.truncate(10);
        limiter.acquire(address(u32::MAX));
        assert_eq!(limiter.per_address.unwrap().requests.len(), permits.len() + 1);
    }

    #[test]
    fn connections_from_one_address_share_its_requests() {
        let mut limiter = ConnectionLimiter::new(1000, None);
        let permits = [1, 1, 2].map(|n| limiter.acquire(address(n)).unwrap());
        let now = Instant::now();
        assert!(wait(&permits[0], REQUESTS_PER_ADDRESS.burst + 1, now) > Duration::ZERO);
        assert!(wait(&permits[1], 1, now) > Duration::ZERO);
        assert_eq!(wait(&permits[2], 1, now), Duration::ZERO);
        // Connecting again makes no difference.
        drop(permits);
        assert!(wait(&limiter.acquire(address(1)).unwrap(), 1, now) > Duration::ZERO);
        let permit = ConnectionLimiter::behind_proxy(1).acquire(address(1)).unwrap();
        assert!(permit.ticket().is_none());
    }

    #[test]
    fn a_full_server_behind_one_address_may_reload_at_once() {
        let clients = Limits::DEFAULT.max_clients;
        let permit = ConnectionLimiter::new(clients, None).acquire(address(1)).unwrap();
        assert_eq!(wait(&permit, 3 * clients as u32, Instant::now()), Duration::ZERO);
    }
}
