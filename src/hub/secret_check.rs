//! Checks attempts at a secret, such as the passphrase or the host key. After wrong ones, further attempts from the
//! same address have to [wait](crate::hub::attempts).

use crate::base::address::Address;
use crate::base::clock::whole_seconds;
use crate::base::ids::{ClientId, IdMap};
use crate::base::secret::SecretHash;
use crate::base::token::{Token, TokenKey};
use crate::hub::attempts::{Attempt, Attempts, CHECK_INTERVAL, Refusal, Requester};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Wrong attempts from an address that are answered at once. A person who mistypes succeeds within these.
const FREE_ATTEMPTS: u32 = 5;

/// How long a client has to wait, after it was [added](SecretCheck::add) or gave way, before it may displace an attempt
/// from a full queue. Otherwise a client that connects repeatedly could displace all other attempts. Short, because it
/// also delays people who know the secret.
pub(crate) const DISPLACE_WAIT: Duration = Duration::from_secs(5);

/// How long wrong attempts are remembered after the last of them.
const MEMORY: Duration = Duration::from_secs(600);

/// Addresses that are remembered. Beyond them, the one with the oldest attempt is forgotten.
const MAX_ADDRESSES: usize = 4096;

/// A secret, and the attempts at it.
#[derive(Debug)]
pub(crate) struct SecretCheck {
    secret: SecretHash,
    tokens: TokenKey,
    failures: HashMap<Address, Failures>,
    attempts: Attempts,
    /// Since when clients may displace an attempt.
    may_displace: IdMap<ClientId, Instant>,
}

/// The wrong attempts of an address.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// The answer to an attempt.
#[derive(Debug)]
pub(crate) struct AttemptResult {
    /// Who made the attempt.
    pub to: Requester,
    /// `Ok` if the secret is right.
    pub outcome: Result<(), Refusal>,
}

impl SecretCheck {
    /// Checks attempts at this secret. There are none yet.
    pub(crate) fn new(secret: SecretHash) -> Self {
        let (failures, attempts) = (HashMap::new(), Attempts::default());
        Self { tokens: secret.token_key(), secret, failures, attempts, may_displace: IdMap::default() }
    }

    /// A token for a client that has given the secret.
    pub(crate) fn issue_token(&self) -> Token {
        self.tokens.issue()
    }

    /// Whether a token shows that its holder has given the secret.
    pub(crate) fn accepts(&self, token: &Token) -> bool {
        self.tokens.verifies(token)
    }

    /// Adds a client that may make attempts, unless it was added before: one that has to give the passphrase when it
    /// connects, and one that gives the host key then.
    pub(crate) fn add(&mut self, client: ClientId, now: Instant) {
        self.may_displace.entry(client).or_insert(now + DISPLACE_WAIT);
    }

    /// A client makes no more attempts.
    pub(crate) fn remove(&mut self, client: ClientId) {
        self.may_displace.remove(&client);
        self.attempts.remove(client);
    }

    /// Whether an attempt of a client waits.
    pub(crate) fn has(&self, client: ClientId) -> bool {
        self.attempts.has(client)
    }

    /// Somebody at an address makes an attempt. Returns the result that is due at once, if any: that on this attempt,
    /// or that on one which gives way to it.
    pub(crate) fn attempt(
        &mut self,
        address: Address,
        attempt: Attempt,
        now: Instant,
    ) -> Option<AttemptResult> {
        let Some(due) = self.next_check(address, now) else { return Some(self.check(address, attempt, now)) };
        let attempt = match self.attempts.replace(address, attempt) {
            // Nobody waits for the answer, unless an acknowledgement was asked for.
            Ok(replaced) => return replaced.wants_ack().then(|| rejected(replaced, CHECK_INTERVAL)),
            Err(attempt) => attempt,
        };
        if !self.attempts.is_full(address) {
            self.attempts.push(address, attempt, due);
            return None;
        }
        let displaces_at = match &attempt.from {
            Requester::Client(client, _) => self.may_displace.get(client).copied(),
            Requester::Request { .. } => None, // nothing tells it from one that has just given way
        };
        let wait = displaces_at.map_or(DISPLACE_WAIT, |at| at.saturating_duration_since(now));
        let displaced = match wait {
            Duration::ZERO => self.attempts.take_random(address)?,
            _ => return Some(rejected(attempt, wait)),
        };
        if let Requester::Client(client, _) = &displaced.from {
            self.may_displace.insert(*client, now + DISPLACE_WAIT);
        }
        self.attempts.push(address, attempt, due);
        Some(rejected(displaced, DISPLACE_WAIT))
    }

    /// When the next attempt from an address is checked; `None` if that is at once.
    fn next_check(&self, address: Address, now: Instant) -> Option<Instant> {
        let after_failure = || {
            let failures =
                self.failures_of(address, now).filter(|failures| failures.count >= FREE_ATTEMPTS)?;
            Some(failures.last + CHECK_INTERVAL).filter(|due| *due > now)
        };
        self.attempts.due(address).or_else(after_failure)
    }

    /// When [`check_next`](Self::check_next) is due for an address; `None` if no attempt waits there.
    pub(crate) fn due(&self, address: Address) -> Option<Instant> {
        self.attempts.due(address)
    }

    /// Checks the attempts that wait at an address, up to the first wrong one. Right ones need not wait for each other.
    pub(crate) fn check_next(&mut self, address: Address, now: Instant) -> Vec<AttemptResult> {
        let mut results = Vec::new();
        while let Some(attempt) = self.attempts.pop(address) {
            let result = self.check(address, attempt, now);
            let is_wrong = result.outcome.is_err();
            results.push(result);
            if is_wrong {
                break;
            }
        }
        self.attempts.delay(address, now + CHECK_INTERVAL);
        results
    }

    fn check(&mut self, address: Address, attempt: Attempt, now: Instant) -> AttemptResult {
        if self.secret == attempt.secret {
            return AttemptResult { to: attempt.from, outcome: Ok(()) };
        }
        let before = self.failures_of(address, now).map_or(0, |failures| failures.count);
        self.remember(address, Failures { count: before.saturating_add(1), last: now });
        AttemptResult { to: attempt.from, outcome: Err(Refusal::Wrong) }
    }

    /// The wrong attempts of an address, unless they are forgotten.
    fn failures_of(&self, address: Address, now: Instant) -> Option<Failures> {
        let failures = self.failures.get(&address).copied();
        failures.filter(|failures| now.saturating_duration_since(failures.last) < MEMORY)
    }

    fn remember(&mut self, address: Address, failures: Failures) {
        if self.failures.len() >= MAX_ADDRESSES && !self.failures.contains_key(&address) {
            let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last);
            oldest.map(|(&address, _)| address).map(|address| self.failures.remove(&address));
        }
        self.failures.insert(address, failures);
    }

    /// True when nothing is kept of clients.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.may_displace.is_empty()
    }
}

/// An attempt that is not checked, because too many wait.
fn rejected(attempt: Attempt, wait: Duration) -> AttemptResult {
    AttemptResult { to: attempt.from, outcome: Err(Refusal::Wait(whole_seconds(wait))) }
}

#[cfg(test)]
mod tests;
