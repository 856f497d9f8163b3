//! Keepalive: when each client is pinged.
//!
//! Pings are spread over the interval. If thousands of clients that connected together were pinged together, a text
//! would wait for the pings and for the readers that the answers wake. Each slot with clients wakes the hub, so clients
//! share slots in groups. The clients of a group are neighbours in the order of [`ClientId`]s, for the reason given at
//! [`Registry`](crate::hub::registry::Registry).

use crate::base::ids::ClientId;
use std::time::{Duration, Instant};

/// Slots in an interval: one every 20 ms with the default interval of 5 s.
const SLOTS: u64 = 250;

/// Neighbours that share a slot.
const NEIGHBOURS: u64 = 32;

/// The slots, and which clients are pinged in each.
#[derive(Debug)]
pub(crate) struct Keepalive {
    /// Nanoseconds of a slot.
    slot: u64,
    /// When slot 0 began.
    start: Option<Instant>,
    /// The number of the next slot to be served, counted from the start.
    next: u64,
    /// By the number of the slot, modulo [`SLOTS`]. Clients that are gone are removed when their slot is served.
    clients: Vec<Vec<ClientId>>,
}

impl Keepalive {
    /// Pings every client once in `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        let slot = interval.as_nanos() / u128::from(SLOTS);
        let slot = u64::try_from(slot).unwrap_or(u64::MAX).max(1);
        Self { slot, start: None, next: 0, clients: (0..SLOTS).map(|_| Vec::new()).collect() }
    }

    /// Adds a client. Its first ping comes within an interval.
    pub(crate) fn add(&mut self, client: ClientId, now: Instant) {
        if self.clients.iter().all(Vec::is_empty) {
            self.next = self.slot_at(now) + 1;
        }
        let slot = (client.0 / NEIGHBOURS) % SLOTS;
        self.clients[slot as usize].push(client);
    }

    /// When the next clients are to be pinged.
    pub(crate) fn due(&self) -> Option<Instant> {
        let is_used = |slot: &u64| !self.clients[(slot % SLOTS) as usize].is_empty();
        let slot = (self.next..self.next + SLOTS).find(is_used)?;
        Some(self.start? + Duration::from_nanos(self.slot.saturating_mul(slot)))
    }

    /// The clients that are due and still open. A hub that is late by whole intervals pings each of them only once.
    pub(crate) fn take_due(&mut self, now: Instant, is_open: impl Fn(ClientId) -> bool) -> Vec<ClientId> {
        let end = self.slot_at(now) + 1;
        let mut due = Vec::new();
        for slot in self.next..end.min(self.next + SLOTS) {
            let clients = &mut self.clients[(slot % SLOTS) as usize];
            clients.retain(|client| is_open(*client));
            due.extend_from_slice(clients);
        }
        self.next = self.next.max(end);
        due
    }

    fn slot_at(&mut self, now: Instant) -> u64 {
        let start = *self.start.get_or_insert(now);
        let nanos = now.saturating_duration_since(start).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX) / self.slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const INTERVAL: Duration = Duration::from_secs(5);

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However many come and go, and however late the hub is.
        #[test]
        fn every_client_is_pinged_once_in_an_interval(
            steps in prop::collection::vec((0..40_u8, 0..1000_u64), 1..300),
        ) {
            let (mut keepalive, mut now) = (Keepalive::new(INTERVAL), Instant::now());
            let mut pinged = BTreeMap::new();
            for (n, (what, millis)) in (1..).zip(steps) {
                let before = now;
                now += Duration::from_millis(millis);
                for client in keepalive.take_due(now, |client| pinged.contains_key(&client)) {
                    let last = pinged.insert(client, now);
                    prop_assert!(last.is_some_and(|last| last < now), "pinged twice");
                }
                prop_assert!(pinged.values().all(|last| before - *last <= INTERVAL), "not pinged");
                match what {
                    0..5 => drop(pinged.pop_first()),
                    5..25 => {
                        pinged.insert(ClientId(n * 7), now);
                        keepalive.add(ClientId(n * 7), now);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn pings_are_spread_over_the_interval() {
        let (mut keepalive, start) = (Keepalive::new(INTERVAL), Instant::now());
        (0..10_000).for_each(|n| keepalive.add(ClientId(n), start));
        for slot in 1..=500 {
            let now = start + INTERVAL * slot / 250;
            assert_eq!(keepalive.due(), Some(now));
            let pinged = keepalive.take_due(now, |_| true).len();
            assert!([32, 48, 64].contains(&pinged), "{pinged} by {:?}", now - start);
        }
    }

    #[test]
    fn the_next_ping_is_due_when_a_client_of_its_slot_is() {
        let (mut keepalive, start) = (Keepalive::new(INTERVAL), Instant::now());
        assert_eq!(keepalive.due(), None);
        keepalive.add(ClientId(200 * NEIGHBOURS), start);
        let due = start + INTERVAL * 200 / 250;
        assert_eq!(keepalive.due(), Some(due));
        assert_eq!(keepalive.take_due(due, |_| true), [ClientId(200 * NEIGHBOURS)]);
        assert_eq!(keepalive.due(), Some(due + INTERVAL), "in the next round");
    }
}
