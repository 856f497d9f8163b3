//! A rate limit for each address.

use crate::base::address::Address;
use crate::base::rate_limit::{Rate, RateLimit};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Addresses that are remembered. Beyond them, the one whose bucket is full soonest is forgotten, which lets it take a
/// few seconds' worth of tokens too much.
const MAX_ADDRESSES: usize = 4096;

/// A token bucket for each address that has taken from it lately.
#[derive(Debug)]
pub(crate) struct AddressRates {
    rate: Rate,
    /// Addresses whose buckets were not full when they were last looked at.
    buckets: HashMap<Address, RateLimit>,
}

impl AddressRates {
    /// Full buckets for all addresses.
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Takes a token from the bucket of an address. Returns how long to wait if the bucket has none.
    pub(crate) fn take(&mut self, address: Address, now: Instant) -> Duration {
        if self.buckets.len() >= MAX_ADDRESSES && !self.buckets.contains_key(&address) {
            self.forget_one(now);
        }
        let bucket = self.buckets.entry(address).or_insert_with(|| RateLimit::new(now));
        bucket.take_or_wait(1, self.rate, now)
    }

    fn forget_one(&mut self, now: Instant) {
        self.buckets.retain(|_, bucket| !bucket.is_full(now));
        if self.buckets.len() >= MAX_ADDRESSES {
            let first = self.buckets.iter().min_by_key(|(_, bucket)| bucket.full_at);
            first.map(|(&address, _)| address).map(|address| self.buckets.remove(&address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn each_address_has_a_burst_and_then_waits_for_a_token() {
        let (mut rates, now) = (AddressRates::new(Rate { per_second: 2, burst: 10 }), Instant::now());
        assert!((0..10).all(|_| rates.take(address(1), now).is_zero()));
        // Whoever does not wait takes nothing.
        assert_eq!([(); 2].map(|()| rates.take(address(1), now)), [Duration::from_millis(500); 2]);
        assert!(rates.take(address(2), now).is_zero());
        assert!(rates.take(address(1), now + Duration::from_millis(500)).is_zero());
    }

    #[test]
    fn few_addresses_are_remembered_those_with_the_emptiest_buckets() {
        let (mut rates, now) = (AddressRates::new(Rate { per_second: 1, burst: 2 }), Instant::now());
        assert!((0..2).all(|_| rates.take(address(0), now).is_zero()));
        for n in 1..=2 * MAX_ADDRESSES as u32 {
            assert!(rates.take(address(n), now).is_zero());
            assert!(rates.buckets.len() <= MAX_ADDRESSES);
        }
        assert!(!rates.take(address(0), now).is_zero());
        rates.take(address(u32::MAX), now + Duration::from_secs(60));
        assert_eq!(rates.buckets.len(), 1, "full buckets need not be remembered");
    }
}
