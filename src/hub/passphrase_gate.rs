//! The passphrase gate: who has not given the passphrase yet, and who has to wait after wrong ones.
//!
//! Architecture invariant: the gate is before the rooms. An unauthenticated client is in no room, and the hub looks up
//! nothing about its requested room, not even whether it exists.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::protocol::error::EventError;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Wrong passphrases from an address before it has to wait. A person who mistypes succeeds within these.
const FREE_ATTEMPTS: u32 = 5;

/// The first wait. Each further wrong passphrase doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait. 1,440 attempts a day find no passphrase, and a class is not locked out for long because one pupil
/// behind the same address tried to guess it.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How long wrong passphrases are remembered after the last of them.
const MEMORY: Duration = Duration::from_secs(600);

/// Addresses that are remembered. Beyond them, the one with the oldest attempt is forgotten.
const MAX_ADDRESSES: usize = 4096;

/// How long a client may stay unauthenticated: long enough to type a passphrase twice.
pub const PASSPHRASE_TIMEOUT: Duration = Duration::from_secs(60);

/// One in this many clients may be unauthenticated, and always at least one. Beyond that, the oldest one is closed. A
/// client that knows the passphrase gives it at once, so strangers keep nobody out.
const CLIENTS_PER_UNAUTHENTICATED: usize = 4;

/// Admits clients that give the passphrase, or everyone if there is none.
#[derive(Debug)]
pub(crate) struct PassphraseGate {
    passphrase: Option<Passphrase>,
    /// Unauthenticated clients, the oldest first.
    pub(super) waiting: BTreeSet<ClientId>,
    max_waiting: usize,
    failures: HashMap<Address, Failures>,
}

/// The wrong passphrases of an address.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// How long after the last one no passphrase is checked.
    fn wait(self) -> Duration {
        match self.count.checked_sub(FREE_ATTEMPTS) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_WAIT.saturating_mul(1 << doublings.min(30)).min(MAX_WAIT),
        }
    }
}

impl PassphraseGate {
    /// A gate without unauthenticated clients, for a server with at most `max_clients` clients.
    pub(crate) fn new(passphrase: Option<Passphrase>, max_clients: usize) -> Self {
        let max_waiting = (max_clients / CLIENTS_PER_UNAUTHENTICATED).max(1);
        Self { passphrase, waiting: BTreeSet::new(), max_waiting, failures: HashMap::new() }
    }

    /// Whether there is a passphrase.
    pub(crate) fn is_closed(&self) -> bool {
        self.passphrase.is_some()
    }

    /// A new client has to give the passphrase. Returns the oldest unauthenticated client if there are too many now.
    pub(crate) fn hold(&mut self, client: ClientId) -> Option<ClientId> {
        self.waiting.insert(client);
        self.waiting.first().copied().filter(|_| self.waiting.len() > self.max_waiting)
    }

    /// A client has given the passphrase, or is gone.
    pub(crate) fn release(&mut self, client: ClientId) {
        self.waiting.remove(&client);
    }

    /// Checks a passphrase from an address. While the address has to wait, none is checked.
    pub(crate) fn check(
        &mut self,
        address: Address,
        passphrase: &Passphrase,
        now: Instant,
    ) -> Result<(), EventError> {
        let Some(right) = &self.passphrase else { return Ok(()) };
        let known = self.failures.get(&address).filter(|known| now.duration_since(known.last) < MEMORY);
        let known = known.copied().unwrap_or(Failures { count: 0, last: now });
        let until = known.last + known.wait();
        if until > now {
            return Err(EventError::PassphraseWait(whole_seconds(until - now)));
        }
        if right == passphrase {
            return Ok(());
        }
        let failures = Failures { count: known.count.saturating_add(1), last: now };
        self.remember(address, failures);
        Err(EventError::PassphraseWrong(whole_seconds(failures.wait())))
    }

    fn remember(&mut self, address: Address, failures: Failures) {
        if self.failures.len() >= MAX_ADDRESSES && !self.failures.contains_key(&address) {
            let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last);
            oldest.map(|(&address, _)| address).map(|address| self.failures.remove(&address));
        }
        self.failures.insert(address, failures);
    }
}

/// Rounds up, so that a client that waits this long has waited long enough.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const RIGHT: &str = "correct horse";

    fn gate() -> PassphraseGate {
        PassphraseGate::new(Some(Passphrase::new(RIGHT)), 20)
    }

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    #[test]
    fn waits_grow_with_wrong_passphrases_and_are_forgotten() {
        let (mut gate, mut now) = (gate(), Instant::now());
        let (wrong, right) = (Passphrase::new("battery staple"), Passphrase::new(RIGHT));
        for wait in [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(gate.check(address(1), &wrong, now), Err(EventError::PassphraseWrong(wait)));
            if wait > 0 {
                assert_eq!(gate.check(address(1), &right, now), Err(EventError::PassphraseWait(wait)));
            }
            assert_eq!(gate.check(address(2), &right, now), Ok(()), "another address does not wait");
            now += Duration::from_secs(wait);
        }
        assert_eq!(gate.check(address(1), &right, now), Ok(()));
        assert_eq!(gate.check(address(1), &wrong, now), Err(EventError::PassphraseWrong(60)));
        now += MEMORY;
        assert_eq!(gate.check(address(1), &wrong, now), Err(EventError::PassphraseWrong(0)));
    }

    #[test]
    fn the_oldest_addresses_are_forgotten() {
        let (mut gate, start) = (gate(), Instant::now());
        let wrong = Passphrase::new("battery staple");
        for n in 0..10_000 {
            let now = start + Duration::from_millis(n.into());
            assert_eq!(gate.check(address(n), &wrong, now), Err(EventError::PassphraseWrong(0)));
        }
        assert_eq!(gate.failures.len(), MAX_ADDRESSES);
        assert!(gate.failures.contains_key(&address(9_999)) && !gate.failures.contains_key(&address(0)));
    }

    #[test]
    fn of_too_many_unauthenticated_clients_the_oldest_has_to_go() {
        let mut gate = gate();
        for n in 1..=5 {
            assert_eq!(gate.hold(ClientId(n)), None, "five of twenty may wait");
        }
        gate.release(ClientId(1));
        assert_eq!(gate.hold(ClientId(6)), None);
        assert_eq!(gate.hold(ClientId(7)), Some(ClientId(2)));
    }

    #[test]
    fn without_a_passphrase_every_one_is_right() {
        let mut gate = PassphraseGate::new(None, 20);
        assert!(!gate.is_closed());
        assert_eq!(gate.check(address(1), &Passphrase::new(""), Instant::now()), Ok(()));
    }
}
