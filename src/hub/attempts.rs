//! Attempts at a secret that wait to be checked, in one queue for each address.
//!
//! Behind one address there may be a class, and one pupil who tries out passphrases. If none were checked for a while,
//! the pupil would lock out the class. So attempts wait in a queue, and one wrong attempt a second is checked, however
//! many connections send them.

use crate::base::address::Address;
use crate::base::ids::{AckId, ClientId, IdMap};
use crate::base::random;
use crate::base::secret::SecretHash;
use crossbeam_channel::Sender;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

/// The time between two wrong attempts from an address: 86,400 a day, which find no passphrase of four words. A
/// shorter time would allow more attempts, and a longer one would keep those who know the passphrase waiting.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Attempts of an address that wait. A full queue takes 20 s, which a person who knows the passphrase can wait.
pub(crate) const MAX_ATTEMPTS: usize = 20;

/// Who gave a secret.
#[derive(Debug)]
pub(crate) enum Requester {
    /// A client, and the acknowledgement that it asks for.
    Client(ClientId, Option<AckId>),
    /// An HTTP request. If it has given up waiting, its attempt wastes its turn.
    Request {
        /// Where the answer goes.
        reply_to: Sender<Result<(), Refusal>>,
    },
}

impl Requester {
    fn client(&self) -> Option<ClientId> {
        match self {
            Self::Client(client, _) => Some(*client),
            Self::Request { .. } => None,
        }
    }
}

/// A secret that somebody gave.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Who gave it.
    pub from: Requester,
    /// The secret to check.
    pub secret: SecretHash,
}

impl Attempt {
    /// Whether its client asks for an acknowledgement.
    pub(crate) fn wants_ack(&self) -> bool {
        matches!(self.from, Requester::Client(_, Some(_)))
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The secret is wrong.
    Wrong,
    /// Too many attempts wait, so this one was not checked. It may be repeated after this many seconds.
    Wait(u64),
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    queues: HashMap<Address, Queue>,
    /// The addresses of clients with an attempt in a queue.
    clients: IdMap<ClientId, Address>,
}

/// The queue of an address. It has at least one attempt.
#[derive(Debug)]
struct Queue {
    attempts: VecDeque<Attempt>,
    /// When the first is to be checked.
    due: Instant,
}

impl Attempts {
    /// When the next attempt of an address is to be checked; `None` if none waits.
    pub(crate) fn due(&self, address: Address) -> Option<Instant> {
        self.queues.get(&address).map(|queue| queue.due)
    }

    /// Whether a client has an attempt in a queue.
    pub(crate) fn has(&self, client: ClientId) -> bool {
        self.clients.contains_key(&client)
    }

    /// Whether the queue of an address takes no further attempt without losing one.
    pub(crate) fn is_full(&self, address: Address) -> bool {
        self.queues.get(&address).is_some_and(|queue| queue.attempts.len() >= MAX_ATTEMPTS)
    }

    /// Replaces the waiting attempt of the same client, and returns it. Gives the attempt back if none waits.
    pub(crate) fn replace(&mut self, address: Address, attempt: Attempt) -> Result<Attempt, Attempt> {
        let Some(client) = attempt.from.client() else { return Err(attempt) };
        let queue = self.queues.get_mut(&address).map(|queue| &mut queue.attempts);
        let mut earlier = queue.into_iter().flatten();
        match earlier.find(|earlier| earlier.from.client() == Some(client)) {
            None => Err(attempt),
            Some(earlier) => Ok(mem::replace(earlier, attempt)),
        }
    }

    /// Appends an attempt. If it is the first, it is checked when it is `due`.
    pub(crate) fn push(&mut self, address: Address, attempt: Attempt, due: Instant) {
        attempt.from.client().map(|client| self.clients.insert(client, address));
        let queue = self.queues.entry(address);
        queue.or_insert_with(|| Queue { attempts: VecDeque::new(), due }).attempts.push_back(attempt);
    }

    /// Takes the first attempt of an address.
    pub(crate) fn pop(&mut self, address: Address) -> Option<Attempt> {
        self.take(address, |_| 0)
    }

    /// Takes a random attempt of an address.
    pub(crate) fn take_random(&mut self, address: Address) -> Option<Attempt> {
        self.take(address, |len| {
            let mut bytes = [0; 4];
            random::fill(&mut bytes);
            u32::from_le_bytes(bytes) as usize % len
        })
    }

    fn take(&mut self, address: Address, choose: impl FnOnce(usize) -> usize) -> Option<Attempt> {
        let attempts = &mut self.queues.get_mut(&address)?.attempts;
        let attempt = attempts.remove(choose(attempts.len()))?;
        if attempts.is_empty() {
            self.queues.remove(&address);
        }
        attempt.from.client().map(|client| self.clients.remove(&client));
        Some(attempt)
    }

    /// Has the next attempt of an address wait until then.
    pub(crate) fn delay(&mut self, address: Address, until: Instant) {
        if let Some(queue) = self.queues.get_mut(&address) {
            queue.due = until;
        }
    }

    /// Removes the attempt of a client that has gone.
    pub(crate) fn remove(&mut self, client: ClientId) {
        let Some(address) = self.clients.remove(&client) else { return };
        if let Some(queue) = self.queues.get_mut(&address) {
            queue.attempts.retain(|attempt| attempt.from.client() != Some(client));
            if queue.attempts.is_empty() {
                self.queues.remove(&address);
            }
        }
    }

    /// True when nothing is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.clients.is_empty()
    }
}
