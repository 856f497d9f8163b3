//! The passphrase gate: who has not given the passphrase yet, and whose attempts have to wait after wrong ones.
//!
//! Architecture invariant: the gate is before the rooms. An unauthenticated client is in no room, and the hub looks up
//! nothing about its requested room, not even whether it exists.

use crate::base::address::Address;
use crate::base::clock::whole_seconds;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::base::token::{Token, TokenKey};
use crate::hub::attempts::{Attempt, Attempts, CHECK_INTERVAL, Requester};
use crate::protocol::error::EventError;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Wrong passphrases from an address that are answered at once. A person who mistypes succeeds within these.
const FREE_ATTEMPTS: u32 = 5;

/// How long a client has to wait, after it connected or gave way, before it may displace an attempt from a full queue.
/// Otherwise a client that connects repeatedly could displace all other attempts. Short, because it also delays people
/// who know the passphrase.
pub(crate) const DISPLACE_WAIT: Duration = Duration::from_secs(5);

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
    secrets: Option<Secrets>,
    /// Unauthenticated clients, the oldest first, and since when each may displace an attempt.
    pub(super) waiting: BTreeMap<ClientId, Instant>,
    max_waiting: usize,
    failures: HashMap<Address, Failures>,
    pub(super) attempts: Attempts,
}

/// What lets clients in.
#[derive(Debug)]
struct Secrets {
    passphrase: Passphrase,
    tokens: TokenKey,
}

/// The wrong passphrases of an address.
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
    /// `Ok` if the passphrase is right.
    pub outcome: Result<(), EventError>,
}

impl PassphraseGate {
    /// A gate without unauthenticated clients, for a server with at most `max_clients` clients.
    pub(crate) fn new(passphrase: Option<Passphrase>, max_clients: usize) -> Self {
        let max_waiting = (max_clients / CLIENTS_PER_UNAUTHENTICATED).max(1);
        let secrets = passphrase.map(|passphrase| Secrets { tokens: passphrase.token_key(), passphrase });
        let (waiting, failures, attempts) = (BTreeMap::new(), HashMap::new(), Attempts::default());
        Self { secrets, waiting, max_waiting, failures, attempts }
    }

    /// Whether there is a passphrase.
    pub(crate) fn is_closed(&self) -> bool {
        self.secrets.is_some()
    }

    /// A new client has to give the passphrase. If there are too many unauthenticated clients now, returns the one that
    /// has to go: the oldest that does not wait for an answer, except the new one; if there is none, the oldest.
    pub(crate) fn hold(&mut self, client: ClientId, now: Instant) -> Option<ClientId> {
        self.waiting.insert(client, now + DISPLACE_WAIT);
        if self.waiting.len() <= self.max_waiting {
            return None;
        }
        let is_idle = |other: &&ClientId| **other != client && !self.attempts.has(**other);
        self.waiting.keys().find(is_idle).or(self.waiting.keys().next()).copied()
    }

    /// A client has given the passphrase, or is gone.
    pub(crate) fn release(&mut self, client: ClientId) {
        self.waiting.remove(&client);
        self.attempts.remove(client);
    }

    /// A token for a client that has given the passphrase.
    pub(crate) fn issue_token(&self) -> Option<Token> {
        self.secrets.as_ref().map(|secrets| secrets.tokens.issue())
    }

    /// Whether a token shows that its holder has given the passphrase.
    pub(crate) fn accepts(&self, token: &Token) -> bool {
        self.secrets.as_ref().is_none_or(|secrets| secrets.tokens.verifies(token))
    }

    /// Somebody at an address gives a passphrase. Returns the result that is due at once, if any: that on this attempt,
    /// or that on one which gives way to it.
    pub(crate) fn attempt(
        &mut self,
        address: Address,
        attempt: Attempt,
        now: Instant,
    ) -> Option<AttemptResult> {
        let Some(due) = self.next_check(address, now) else { return Some(self.check(address, attempt, now)) };
        let attempt = self.attempts.replace(address, attempt).err()?;
        if !self.attempts.is_full(address) {
            self.attempts.push(address, attempt, due);
            return None;
        }
        let displaces_at = match &attempt.from {
            Requester::Client(client) => self.waiting.get(client).copied(),
            Requester::Request { .. } => None, // nothing tells it from one that has just given way
        };
        let wait = displaces_at.map_or(DISPLACE_WAIT, |at| at.saturating_duration_since(now));
        let displaced = match wait {
            Duration::ZERO => self.attempts.take_random(address)?,
            _ => return Some(rejected(attempt, wait)),
        };
        if let Requester::Client(client) = &displaced.from {
            self.waiting.insert(*client, now + DISPLACE_WAIT);
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
        let is_right = self.secrets.as_ref().is_none_or(|secrets| secrets.passphrase == attempt.passphrase);
        if is_right {
            return AttemptResult { to: attempt.from, outcome: Ok(()) };
        }
        let before = self.failures_of(address, now).map_or(0, |failures| failures.count);
        self.remember(address, Failures { count: before.saturating_add(1), last: now });
        AttemptResult { to: attempt.from, outcome: Err(EventError::PassphraseWrong) }
    }

    /// The wrong passphrases of an address, unless they are forgotten.
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
}

/// An attempt that is not checked, because too many wait.
fn rejected(attempt: Attempt, wait: Duration) -> AttemptResult {
    AttemptResult { to: attempt.from, outcome: Err(EventError::PassphraseWait(whole_seconds(wait))) }
}

#[cfg(test)]
mod tests;
