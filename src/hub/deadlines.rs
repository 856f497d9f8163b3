//! Deadlines: everything that a hub does at a certain time, in one queue.

use crate::base::address::Address;
use crate::base::ids::{ClientId, RoomId, UserId};
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// A user's grace period ends.
    Grace(RoomId, UserId),
    /// A room that could not be saved is to be saved again.
    Save(RoomId),
    /// Hosts of a room are no longer expected back.
    Hosts(RoomId),
    /// The budget of a room has bytes again.
    Budget(RoomId),
    /// The clients of a room are to be told how many viewers it has.
    ViewerCount(RoomId),
    /// A client has not given the passphrase in time.
    Passphrase(ClientId),
    /// The next attempt at the passphrase from this address is to be checked.
    PassphraseAttempt(Address),
    /// The next attempt at the host key from this address is to be checked.
    HostKeyAttempt(Address),
    /// A client has not answered its close frame in time.
    Close(ClientId),
    /// A full transport is to be tried again.
    Retry(ClientId),
    /// The next clients are to be pinged.
    Keepalive,
    /// A stage of the shutdown has taken too long.
    Shutdown,
}

/// The queue. Each deadline is in it at most once.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    order: BTreeSet<(Instant, Deadline)>,
    times: HashMap<Deadline, Instant>,
}

impl Deadlines {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, deadline: Deadline, at: Instant) {
        match self.times.insert(deadline, at) {
            Some(before) if before == at => return,
            Some(before) => _ = self.order.remove(&(before, deadline)),
            None => {}
        }
        self.order.insert((at, deadline));
    }

    /// Sets a deadline, unless it is set already.
    pub(crate) fn set_if_absent(&mut self, deadline: Deadline, at: Instant) {
        if !self.times.contains_key(&deadline) {
            self.set(deadline, at);
        }
    }

    /// Removes a deadline.
    pub(crate) fn cancel(&mut self, deadline: Deadline) {
        if let Some(at) = self.times.remove(&deadline) {
            self.order.remove(&(at, deadline));
        }
    }

    /// When the first deadline is.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// All deadlines.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = Deadline> {
        self.order.iter().map(|(_, deadline)| *deadline)
    }

    /// Removes and returns the first deadline, if it has passed.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Deadline> {
        let (at, deadline) = self.order.first().copied().filter(|(at, _)| *at <= now)?;
        self.order.remove(&(at, deadline));
        self.times.remove(&deadline);
        Some(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn deadlines_come_in_the_order_of_their_times_however_often_they_are_set() {
        let (mut deadlines, now) = (Deadlines::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        let [one, two] = [1, 2].map(|n| Deadline::Grace(RoomId(n), UserId(n)));
        for (deadline, seconds) in
            [(one, 9), (Deadline::Shutdown, 2), (two, 5), (Deadline::Keepalive, 1), (one, 3)]
        {
            deadlines.set(deadline, at(seconds));
        }
        deadlines.cancel(Deadline::Keepalive);
        assert_eq!(deadlines.next(), Some(at(2)));
        assert_eq!(deadlines.pop(at(1)), None);
        let due: Vec<Deadline> = std::iter::from_fn(|| deadlines.pop(at(5))).collect();
        assert_eq!(due, [Deadline::Shutdown, one, two]);
        assert_eq!(deadlines.next(), None);
        assert!(deadlines.order.is_empty() && deadlines.times.is_empty());
    }
}
