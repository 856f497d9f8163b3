//! Which clients have not introduced themselves, and which of them has to go when there are too many.

use crate::base::address::Address;
use crate::client::socketio::session_id::SessionId;
use std::cmp::Reverse;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};

/// The place of a session. Later sessions have higher numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    address: Address,
    number: u64,
}

/// The sessions of clients that have not introduced themselves.
#[derive(Debug, Default)]
pub(super) struct EarlySessions {
    /// Those from each address, the oldest first. No address has none.
    by_address: HashMap<Address, BTreeMap<u64, SessionId>, RandomState>,
    /// How many there are.
    pub len: usize,
    next_number: u64,
}

impl EarlySessions {
    /// Adds a session.
    pub(super) fn add(&mut self, address: Address, id: SessionId) -> Place {
        let number = self.next_number;
        self.next_number += 1;
        self.by_address.entry(address).or_default().insert(number, id);
        self.len += 1;
        Place { address, number }
    }

    /// Whether the session at this place is still there.
    pub(super) fn has(&self, Place { address, number }: Place) -> bool {
        self.by_address.get(&address).is_some_and(|sessions| sessions.contains_key(&number))
    }

    /// Removes a session: its client has introduced itself, or has gone.
    pub(super) fn remove(&mut self, Place { address, number }: Place) {
        let Some(sessions) = self.by_address.get_mut(&address) else { return };
        if sessions.remove(&number).is_some() {
            self.len -= 1;
        }
        if sessions.is_empty() {
            self.by_address.remove(&address);
        }
    }

    /// The session that has to go when there are too many: the oldest from the address that most of them have, so that
    /// strangers at one address do not keep out those at another one. Of two or more it is never the latest.
    pub(super) fn next_to_end(&self) -> Option<SessionId> {
        let oldest =
            |sessions: &BTreeMap<u64, SessionId>| sessions.first_key_value().map(|(n, id)| (*n, *id));
        let candidates =
            self.by_address.values().filter_map(|sessions| Some((sessions.len(), oldest(sessions)?)));
        candidates.max_by_key(|&(len, (number, _))| (len, Reverse(number))).map(|(_, (_, id))| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn the_oldest_session_of_the_address_with_the_most_has_to_go_and_never_the_latest() {
        let ids = [(); 6].map(|()| SessionId::random());
        let mut early = EarlySessions::default();
        let mut add = |n: usize, host| early.add(Address::of(Ipv4Addr::new(192, 0, 2, host).into()), ids[n]);
        let places = [add(0, 1), add(1, 2), add(2, 3), add(3, 2), add(4, 2), add(5, 3)];
        // Three at address 2, two at address 3, one at address 1.
        let mut order = Vec::new();
        while let Some(id) = early.next_to_end() {
            let n = ids.iter().position(|other| *other == id).unwrap();
            order.push(n);
            assert!(early.has(places[n]));
            early.remove(places[n]);
            assert!(!early.has(places[n]) && early.len == 6 - order.len());
        }
        assert_eq!(order, [1, 2, 3, 0, 4, 5]);
        assert!(early.by_address.is_empty());
    }
}
