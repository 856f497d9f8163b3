//! Guesses at the passphrase that wait to be looked at, in one queue for each address.
//!
//! Behind one address there may be a class, and one pupil who tries out passphrases. If nobody's were looked at for a
//! while, the pupil would lock out the class; so guesses wait in line instead, and one wrong guess a second is looked
//! at, however many connections guess.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::protocol::error::EventError;
use crossbeam_channel::Sender;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The time between two wrong guesses from an address: 86,400 a day, which find no passphrase of three words. A shorter
/// time would let more be tried, and a longer one would let those who know the passphrase wait.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Guesses of an address that wait. A full queue takes 20 s, which a person who knows the passphrase can wait.
pub(crate) const MAX_GUESSES: usize = 20;

/// Who guesses.
#[derive(Debug)]
pub(crate) enum Guesser {
    /// A client, on its WebSocket.
    Client(ClientId),
    /// An HTTP request. If it has given up waiting, its guess wastes its turn.
    Request {
        /// Where the answer goes.
        reply_to: Sender<Result<(), EventError>>,
    },
}

impl Guesser {
    fn client(&self) -> Option<ClientId> {
        match self {
            Self::Client(client) => Some(*client),
            Self::Request { .. } => None,
        }
    }
}

/// A passphrase that somebody gave.
#[derive(Debug)]
pub(crate) struct Guess {
    /// Who gave it.
    pub from: Guesser,
    /// What they gave.
    pub passphrase: Passphrase,
}

/// All queues.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    queues: HashMap<Address, Queue>,
    /// The addresses of clients with a guess in a queue.
    clients: HashMap<ClientId, Address>,
}

/// The queue of an address. It has at least one guess.
#[derive(Debug)]
struct Queue {
    guesses: VecDeque<Guess>,
    /// When the first is to be looked at.
    due: Instant,
}

impl Guesses {
    /// When the next guess of an address is to be looked at; `None` if none waits.
    pub(crate) fn due(&self, address: Address) -> Option<Instant> {
        self.queues.get(&address).map(|queue| queue.due)
    }

    /// Whether a client has a guess in a queue.
    pub(crate) fn has(&self, client: ClientId) -> bool {
        self.clients.contains_key(&client)
    }

    /// Whether the queue of an address takes no further guess without losing one.
    pub(crate) fn is_full(&self, address: Address) -> bool {
        self.queues.get(&address).is_some_and(|queue| queue.guesses.len() >= MAX_GUESSES)
    }

    /// Replaces the waiting guess of the same client. Gives the guess back if there is none.
    pub(crate) fn replace(&mut self, address: Address, guess: Guess) -> Result<(), Guess> {
        let Some(client) = guess.from.client() else { return Err(guess) };
        let queue = self.queues.get_mut(&address).map(|queue| &mut queue.guesses);
        let mut earlier = queue.into_iter().flatten();
        match earlier.find(|earlier| earlier.from.client() == Some(client)) {
            None => Err(guess),
            Some(earlier) => {
                *earlier = guess;
                Ok(())
            }
        }
    }

    /// Appends a guess. If it is the first, it is looked at when it is `due`.
    pub(crate) fn push(&mut self, address: Address, guess: Guess, due: Instant) {
        guess.from.client().map(|client| self.clients.insert(client, address));
        let queue = self.queues.entry(address);
        queue.or_insert_with(|| Queue { guesses: VecDeque::new(), due }).guesses.push_back(guess);
    }

    /// Takes the first guess of an address.
    pub(crate) fn pop(&mut self, address: Address) -> Option<Guess> {
        self.take(address, |_| 0)
    }

    /// Takes a random guess of an address.
    pub(crate) fn take_random(&mut self, address: Address) -> Option<Guess> {
        self.take(address, |len| {
            let random = getrandom::u32().expect("the system has a source of random numbers");
            random as usize % len
        })
    }

    fn take(&mut self, address: Address, choose: impl FnOnce(usize) -> usize) -> Option<Guess> {
        let guesses = &mut self.queues.get_mut(&address)?.guesses;
        let guess = guesses.remove(choose(guesses.len()))?;
        if guesses.is_empty() {
            self.queues.remove(&address);
        }
        guess.from.client().map(|client| self.clients.remove(&client));
        Some(guess)
    }

    /// Has the next guess of an address wait until then.
    pub(crate) fn delay(&mut self, address: Address, until: Instant) {
        if let Some(queue) = self.queues.get_mut(&address) {
            queue.due = until;
        }
    }

    /// Removes the guess of a client that has gone.
    pub(crate) fn remove(&mut self, client: ClientId) {
        let Some(address) = self.clients.remove(&client) else { return };
        if let Some(queue) = self.queues.get_mut(&address) {
            queue.guesses.retain(|guess| guess.from.client() != Some(client));
            if queue.guesses.is_empty() {
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
