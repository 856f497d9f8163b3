//! The passphrase gate: who has not given the passphrase yet.
//!
//! Architecture invariant: the gate is before the rooms. An unauthenticated client is in no room, and the hub looks up
//! nothing about its requested room, not even whether it exists.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::hub::attempts::Attempt;
use crate::hub::secret_check::{AttemptResult, SecretCheck};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long a client may stay unauthenticated: long enough to type a passphrase twice.
pub const PASSPHRASE_TIMEOUT: Duration = Duration::from_secs(60);

/// One in this many clients may be unauthenticated, and always at least one. Beyond that, the oldest one is closed. A
/// client that knows the passphrase gives it at once, so strangers keep nobody out.
const CLIENTS_PER_UNAUTHENTICATED: usize = 4;

/// Admits clients that give the passphrase, or everyone if there is none.
#[derive(Debug)]
pub(crate) struct PassphraseGate {
    passphrase: Option<SecretCheck>,
    /// Unauthenticated clients, the oldest first.
    pub(super) waiting: BTreeSet<ClientId>,
    max_waiting: usize,
}

impl PassphraseGate {
    /// A gate without unauthenticated clients, for a server with at most `max_clients` clients.
    pub(crate) fn new(passphrase: Option<SecretHash>, max_clients: usize) -> Self {
        let max_waiting = (max_clients / CLIENTS_PER_UNAUTHENTICATED).max(1);
        Self { passphrase: passphrase.map(SecretCheck::new), waiting: BTreeSet::new(), max_waiting }
    }

    /// Whether there is a passphrase.
    pub(crate) fn is_closed(&self) -> bool {
        self.passphrase.is_some()
    }

    /// A new client has to give the passphrase. If there are too many unauthenticated clients now, returns the one that
    /// has to go: the oldest that does not wait for an answer, except the new one; if there is none, the oldest.
    pub(crate) fn hold(&mut self, client: ClientId, now: Instant) -> Option<ClientId> {
        self.waiting.insert(client);
        if let Some(passphrase) = &mut self.passphrase {
            passphrase.add(client, now);
        }
        if self.waiting.len() <= self.max_waiting {
            return None;
        }
        let is_idle = |other: &&ClientId| **other != client && !self.awaits_answer(**other);
        self.waiting.iter().find(is_idle).or(self.waiting.first()).copied()
    }

    /// A client has given the passphrase, or is gone.
    pub(crate) fn release(&mut self, client: ClientId) {
        self.waiting.remove(&client);
        if let Some(passphrase) = &mut self.passphrase {
            passphrase.remove(client);
        }
    }

    /// Whether an attempt of a client waits to be checked.
    pub(crate) fn awaits_answer(&self, client: ClientId) -> bool {
        self.passphrase.as_ref().is_some_and(|passphrase| passphrase.has(client))
    }

    /// A token for a client that has given the passphrase.
    pub(crate) fn issue_token(&self) -> Option<Token> {
        self.passphrase.as_ref().map(|passphrase| passphrase.issue_token())
    }

    /// Whether a token shows that its holder has given the passphrase.
    pub(crate) fn accepts(&self, token: &Token) -> bool {
        self.passphrase.as_ref().is_none_or(|passphrase| passphrase.accepts(token))
    }

    /// Somebody at an address gives a passphrase. Returns the result that is due at once, if any.
    pub(crate) fn attempt(
        &mut self,
        address: Address,
        attempt: Attempt,
        now: Instant,
    ) -> Option<AttemptResult> {
        match &mut self.passphrase {
            Some(passphrase) => passphrase.attempt(address, attempt, now),
            None => Some(AttemptResult { to: attempt.from, outcome: Ok(()) }),
        }
    }

    /// When [`check_next`](Self::check_next) is due for an address; `None` if no attempt waits there.
    pub(crate) fn due(&self, address: Address) -> Option<Instant> {
        self.passphrase.as_ref()?.due(address)
    }

    /// Checks the attempts that wait at an address, up to the first wrong one.
    pub(crate) fn check_next(&mut self, address: Address, now: Instant) -> Vec<AttemptResult> {
        self.passphrase.as_mut().map(|passphrase| passphrase.check_next(address, now)).unwrap_or_default()
    }

    /// True when nothing is kept of clients.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.passphrase.as_ref().is_none_or(|passphrase| passphrase.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::attempts::Requester;
    use std::net::Ipv4Addr;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

    fn attempt(gate: &mut PassphraseGate, client: u64, passphrase: &str) -> Option<AttemptResult> {
        let attempt =
            Attempt { from: Requester::Client(ClientId(client), None), secret: SecretHash::new(passphrase) };
        gate.attempt(Address::of(HERE.into()), attempt, Instant::now())
    }

    #[test]
    fn of_too_many_unauthenticated_clients_the_oldest_idle_one_has_to_go() {
        let (mut gate, now) = (PassphraseGate::new(Some(SecretHash::new("right")), 20), Instant::now());
        (1..=5).for_each(|n| assert_eq!(gate.hold(ClientId(n), now), None));
        gate.release(ClientId(1));
        assert_eq!(gate.hold(ClientId(6), now), None);
        (0..5).for_each(|_| assert!(attempt(&mut gate, 0, "wrong").is_some()));
        assert!(attempt(&mut gate, 2, "right").is_none());
        assert_eq!(gate.hold(ClientId(7), now), Some(ClientId(3)), "the attempt of 2 waits");
        gate.release(ClientId(3));
        (4..=7).for_each(|n| assert!(attempt(&mut gate, n, "wrong").is_none()));
        assert_eq!(gate.hold(ClientId(8), now), Some(ClientId(2)), "and not the new one");
    }

    #[test]
    fn a_token_is_accepted_by_the_gate_that_issued_it() {
        let [one, other] = [(); 2].map(|()| PassphraseGate::new(Some(SecretHash::new("right")), 20));
        let token = one.issue_token().expect("there is a passphrase");
        assert!(one.accepts(&token) && !other.accepts(&token));
    }

    #[test]
    fn without_a_passphrase_every_one_is_right() {
        let mut gate = PassphraseGate::new(None, 20);
        assert!(!gate.is_closed() && gate.issue_token().is_none());
        assert_eq!(attempt(&mut gate, 1, "").map(|result| result.outcome), Some(Ok(())));
    }
}
