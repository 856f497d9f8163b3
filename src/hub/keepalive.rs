//! Whose turn it is to be pinged.
//!
//! Turns are spread over the interval: thousands who came together would all be pinged together, and a text would wait
//! for the pings and for the readers that the answers wake. Few have their turn at once, for each time costs a waking of
//! the hub; and those are neighbours in the order of [`ClientId`]s, for the reason said of [`crate::hub::registry::Audience`].

use crate::base::ids::ClientId;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Times in an interval at which clients are pinged: every 20 ms where it is the usual 5 s.
const SLOTS: u64 = 250;

/// Neighbours that have their turn together.
const NEIGHBOURS: u64 = 32;

/// The turns of all clients.
#[derive(Debug)]
pub struct Pings {
    /// Nanoseconds from one slot to the next.
    slot: u64,
    /// When the first slot was.
    start: Option<Instant>,
    /// Who is next, and in which slot. Those who are gone are found out at their turn.
    turns: BTreeSet<(u64, ClientId)>,
}

impl Pings {
    /// Turns that come round that often.
    pub fn new(every: Duration) -> Self {
        let slot = every.as_nanos() / u128::from(SLOTS);
        Self { slot: u64::try_from(slot).unwrap_or(u64::MAX).max(1), start: None, turns: BTreeSet::new() }
    }

    /// Adds a client, whose first turn comes within the interval, as all others do.
    pub fn add(&mut self, client: ClientId, now: Instant) {
        let next = self.slot_at(now) + 1;
        let ahead = (client.0 / NEIGHBOURS + SLOTS - next % SLOTS) % SLOTS;
        self.turns.insert((next + ahead, client));
    }

    /// When somebody is to be pinged.
    pub fn due(&self) -> Option<Instant> {
        let (slot, _) = self.turns.first()?;
        Some(self.start? + Duration::from_nanos(self.slot.saturating_mul(*slot)))
    }

    /// Whose turn it is now: the next of those for whom `stays` is true; the others are forgotten.
    pub fn take(&mut self, now: Instant, stays: impl Fn(ClientId) -> bool) -> Option<ClientId> {
        while self.due()? <= now {
            let (slot, client) = self.turns.pop_first()?;
            if stays(client) {
                // Where the hub is late by whole rounds, nobody is pinged for each of them.
                let rounds = 1 + self.slot_at(now).saturating_sub(slot) / SLOTS;
                self.turns.insert((slot + rounds * SLOTS, client));
                return Some(client);
            }
        }
        None
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

    const EVERY: Duration = Duration::from_secs(5);

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However many come and go, and however late the hub is.
        #[test]
        fn everyone_is_pinged_once_in_an_interval(
            steps in prop::collection::vec((0..40_u8, 0..1000_u64), 1..300),
        ) {
            let (mut pings, mut now) = (Pings::new(EVERY), Instant::now());
            let mut pinged = BTreeMap::new();
            for (n, (what, millis)) in (1..).zip(steps) {
                let before = now;
                now += Duration::from_millis(millis);
                while let Some(client) = pings.take(now, |client| pinged.contains_key(&client)) {
                    let last = pinged.insert(client, now);
                    prop_assert!(last.is_some_and(|last| last < now), "pinged twice");
                }
                prop_assert!(pinged.values().all(|last| before - *last <= EVERY), "not pinged");
                match what {
                    0..5 => drop(pinged.pop_first()),
                    5..25 => {
                        pinged.insert(ClientId(n * 7), now);
                        pings.add(ClientId(n * 7), now);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn turns_are_spread_over_the_interval() {
        let (mut pings, start) = (Pings::new(EVERY), Instant::now());
        (0..10_000).for_each(|n| pings.add(ClientId(n), start));
        for slot in 1..=500 {
            let now = start + EVERY * slot / 250;
            let pinged = std::iter::from_fn(|| pings.take(now, |_| true)).count();
            assert!([32, 48, 64].contains(&pinged), "{pinged} by {:?}", now - start);
        }
    }
}
