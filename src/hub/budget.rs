//! The budget of a room: how many bytes of events, such as posts and joins, its users may cause. Everyone in the room
//! gets all of them, so without a budget a few users could send more than the others' connections carry.
//!
//! Nobody is rejected. Events that exceed the budget wait, and their readers with them. The next one is that of the
//! client that will have had the fewest bytes then (fair queueing by finish times: Demers, Keshav and Shenker, 1989).
//! So clients that post much wait for each other and not the others for them, and short posts do not wait for long
//! ones. Texts do not wait for one earlier post of their author; a second one fills the window of its reader.

use crate::base::ids::{ClientId, IdMap};
use crate::base::limits::Limits;
use crate::base::rate_limit::{Rate, RateLimit};
use crate::hub::event::QueuedEvent;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Seconds in which an empty budget fills. With the default limits that is 64 KiB a second, half a megabit, which most
/// mobile lines carry.
const FILL_SECONDS: usize = 8;

/// Finish tags that are kept at least, before those in the past are pruned.
const MIN_FINISH_TAGS: usize = 64;

/// The budget, and the events that wait for it.
#[derive(Debug)]
pub(crate) struct Budget {
    rate: Rate,
    bucket: RateLimit,
    /// What waits of each client.
    held: IdMap<ClientId, Held>,
    /// The finish tag of the first event of each client that waits. The lowest is next.
    order: BTreeSet<(u64, ClientId)>,
    /// Where the last event of each client ends on a scale of bytes that each client has been served.
    finish_tags: IdMap<ClientId, u64>,
    /// The bytes that a client with a fair share has had.
    virtual_time: u64,
    /// Bytes that are too few for the virtual time to count them for each client.
    undivided: u64,
}

/// What waits of a client.
#[derive(Debug)]
struct Held {
    /// The start tag of its first event: the virtual time, or the finish tag of its last event if that is later.
    start_tag: u64,
    /// The bytes of its first event.
    bytes: u32,
    /// Its events, in order. Only the first one has to wait for the budget.
    events: VecDeque<QueuedEvent>,
}

impl Held {
    /// The finish tag of its first event.
    fn finish_tag(&self) -> u64 {
        self.start_tag + u64::from(self.bytes)
    }
}

impl Budget {
    /// A full budget.
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let to_u32 = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let burst = limits.room_burst;
        Self {
            rate: Rate { per_second: to_u32(burst / FILL_SECONDS), burst: to_u32(burst) },
            bucket: RateLimit::new(now),
            held: IdMap::default(),
            order: BTreeSet::new(),
            finish_tags: IdMap::default(),
            virtual_time: 0,
            undivided: 0,
        }
    }

    /// Whether no event waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns an event that need not wait, and takes its bytes from the budget. Otherwise holds it. `bytes` is what
    /// everyone in the room gets for it, if anything.
    pub(crate) fn pass(
        &mut self,
        event: QueuedEvent,
        bytes: Option<u32>,
        now: Instant,
    ) -> Option<QueuedEvent> {
        if let Some(held) = self.held.get_mut(&event.client) {
            if event.is_text() && held.events.iter().all(QueuedEvent::is_post) {
                return Some(event);
            }
            held.events.push_back(event);
            return None;
        }
        let Some(bytes) = bytes else { return Some(event) };
        if self.held.is_empty() && self.bucket.is_full(now) {
            self.finish_tags.clear();
            self.virtual_time = 0;
        }
        if self.held.is_empty() && self.wait(now).is_zero() {
            self.charge(event.client, self.start_tag(event.client), bytes, now);
            return Some(event);
        }
        let (client, start_tag) = (event.client, self.start_tag(event.client));
        let held = Held { start_tag, bytes, events: VecDeque::from([event]) };
        self.order.insert((held.finish_tag(), client));
        self.held.insert(client, held);
        None
    }

    /// Drops what waits of a client that has gone.
    pub(crate) fn forget(&mut self, client: ClientId) {
        self.finish_tags.remove(&client);
        if let Some(held) = self.held.remove(&client) {
            self.order.remove(&(held.finish_tag(), client));
        }
    }

    /// The start tag of the next event of a client.
    fn start_tag(&self, client: ClientId) -> u64 {
        self.finish_tags.get(&client).copied().unwrap_or(0).max(self.virtual_time)
    }

    fn charge(&mut self, client: ClientId, start_tag: u64, bytes: u32, now: Instant) {
        self.bucket.take(bytes, self.rate, now);
        self.finish_tags.insert(client, start_tag + u64::from(bytes));
        // Without this, newcomers would always go before users who have posted once.
        let clients = self.finish_tags.len() as u64;
        self.undivided += u64::from(bytes);
        self.virtual_time += self.undivided / clients;
        self.undivided %= clients;
        if self.finish_tags.len() > 2 * self.held.len() + MIN_FINISH_TAGS {
            self.finish_tags.retain(|_, tag| *tag > self.virtual_time);
        }
    }

    /// When the next event may pass. `None` if none waits.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        (!self.is_idle()).then(|| now + self.wait(now))
    }

    /// How long the budget is overdrawn.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.bucket.wait(self.rate, now)
    }

    /// Returns the events of the client that is next, if the budget has bytes. The first one is paid for; the others
    /// have to [pass](Self::pass).
    pub(crate) fn release(&mut self, now: Instant) -> Option<VecDeque<QueuedEvent>> {
        if !self.wait(now).is_zero() {
            return None;
        }
        let (_, client) = self.order.pop_first()?;
        let held = self.held.remove(&client)?;
        self.virtual_time = self.virtual_time.max(held.start_tag); // no waiting client has had less
        self.charge(client, held.start_tag, held.bytes, now);
        Some(held.events)
    }

    /// Returns all events that wait, those of each client in order.
    pub(crate) fn release_all(&mut self) -> Vec<QueuedEvent> {
        self.order.clear();
        self.held.drain().flat_map(|(_, held)| held.events).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::event::FromClient;
    use crate::room::action::Action;
    use crate::room::text::TextChange;
    use std::collections::HashMap;

    fn post(client: u64, len: usize) -> QueuedEvent {
        let action = Action::Post { text: "x".repeat(len), reference: None };
        QueuedEvent::new(ClientId(client), FromClient::Acted(action))
    }

    fn pass(budget: &mut Budget, client: u64, len: usize, now: Instant) -> bool {
        budget.pass(post(client, len), Some(len as u32), now).is_some()
    }

    /// A budget that clients 1 to 9 have just overdrawn, each with an equal share.
    fn overdrawn(now: Instant) -> Budget {
        let mut budget = Budget::new(&Limits::DEFAULT, now);
        while (1..=9).all(|client| pass(&mut budget, client, 10_000, now)) {}
        budget
    }

    /// Lets time pass until the next client's events are released.
    fn release_next(budget: &mut Budget, now: &mut Instant) -> VecDeque<QueuedEvent> {
        *now = budget.due(*now).expect("events wait");
        budget.release(*now).expect("events")
    }

    #[test]
    fn events_within_the_budget_pass_and_others_wait_until_it_has_bytes_again() {
        let now = Instant::now();
        let mut budget = Budget::new(&Limits::DEFAULT, now);
        let passed = (1..).find(|_| !pass(&mut budget, 1, 10_000, now)).map(|posts| (posts - 1) * 10_000);
        let burst = Limits::DEFAULT.room_burst;
        assert!(
            passed.is_some_and(|bytes| (burst..burst + 20_000).contains(&bytes)),
            "{passed:?} bytes passed"
        );
        assert!(budget.release(now).is_none());
        let due = budget.due(now).expect("an event waits");
        assert!(budget.release(due).is_some());
        assert!(budget.is_idle());
    }

    #[test]
    fn a_user_who_has_posted_little_waits_for_one_post_at_most() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        for client in 1..=9 {
            pass(&mut budget, client, 10_000, now);
        }
        assert!(!pass(&mut budget, 10, 100, now));
        let before = (1..).find(|_| release_next(&mut budget, &mut now)[0].client == ClientId(10));
        assert!(before <= Some(2), "{before:?} events passed");
    }

    #[test]
    fn a_short_post_goes_before_long_ones_that_wait() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        // All are newcomers, so none has had more than another.
        (11..=19).for_each(|client| assert!(!pass(&mut budget, client, 30_000, now)));
        assert!(!pass(&mut budget, 20, 100, now));
        assert_eq!(release_next(&mut budget, &mut now)[0].client, ClientId(20));
    }

    #[test]
    fn a_newcomer_goes_before_users_who_had_a_small_part_of_a_burst() {
        let mut now = Instant::now();
        let mut budget = Budget::new(&Limits::DEFAULT, now);
        assert!((1..=3).cycle().take(18).all(|client| pass(&mut budget, client, 30_000, now)));
        (1..=5).for_each(|client| assert!(!pass(&mut budget, client, 30_000, now)));
        for _ in 0..20 {
            assert!(!pass(&mut budget, 10, 100, now));
            assert_eq!(release_next(&mut budget, &mut now)[0].client, ClientId(10));
            let client = release_next(&mut budget, &mut now)[0].client;
            assert!(!pass(&mut budget, client.0, 30_000, now));
        }
    }

    #[test]
    fn texts_do_not_wait_for_a_post_but_for_other_events() {
        let now = Instant::now();
        let mut budget = overdrawn(now);
        let event = |action| QueuedEvent { event: FromClient::Acted(action), ..post(10, 0) };
        let text = || event(Action::Write(TextChange::Whole("text".into())));
        assert!(!pass(&mut budget, 10, 100, now));
        assert!(budget.pass(text(), None, now).is_some());
        assert!(budget.pass(event(Action::Resync), None, now).is_none());
        assert!(budget.pass(text(), None, now).is_none(), "what waits keeps its order");
    }

    #[test]
    fn users_who_wait_share_the_bytes_whatever_the_length_of_their_posts() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        let mut bytes = HashMap::from([(11, 0), (12, 0)]);
        let lengths = HashMap::from([(11, 1_000), (12, 10_000)]);
        lengths.iter().for_each(|(&client, &length)| _ = pass(&mut budget, client, length, now));
        for _ in 0..1_000 {
            let client = release_next(&mut budget, &mut now)[0].client;
            if let Some(length) = lengths.get(&client.0) {
                *bytes.get_mut(&client.0).expect("one of the two") += length;
                assert!(!pass(&mut budget, client.0, *length, now));
            }
        }
        let (short, long) = (bytes[&11], bytes[&12]);
        assert!(short > long * 8 / 10 && long > short * 8 / 10, "{short} and {long} bytes");
    }

    #[test]
    fn later_events_of_a_client_that_waits_keep_their_order() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        assert!(!pass(&mut budget, 10, 100, now));
        let closed = FromClient::Closed { goodbye: true };
        let closed = QueuedEvent::new(ClientId(10), closed);
        assert!(budget.pass(closed, None, now).is_none());
        let mut released = std::iter::from_fn(|| Some(release_next(&mut budget, &mut now)));
        let events = released.find(|events| events[0].client == ClientId(10)).expect("its events");
        assert!(matches!(events[1].event, FromClient::Closed { .. }));
    }

    #[test]
    fn newcomers_do_not_starve_a_user_who_has_posted_once() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        // Enough for one more of the newcomers' posts each time.
        pass(&mut budget, 10, 200, now);
        while release_next(&mut budget, &mut now)[0].client != ClientId(10) {}
        let mut newcomer = 100;
        pass(&mut budget, newcomer, 10_000, now);
        pass(&mut budget, 10, 200, now);
        let served = (0..100).any(|_| {
            budget.forget(ClientId(newcomer - 1));
            newcomer += 1;
            pass(&mut budget, newcomer, 10_000, now);
            release_next(&mut budget, &mut now)[0].client == ClientId(10)
        });
        assert!(served, "of a hundred posts none was that of the user");
    }

    #[test]
    fn newcomers_do_not_starve_a_user_even_if_many_have_posted_lately() {
        let mut now = Instant::now();
        let mut budget = overdrawn(now);
        (100..160).for_each(|client| assert!(!pass(&mut budget, client, 30_000, now)));
        (200..350).for_each(|client| assert!(!pass(&mut budget, client, 100, now)));
        (0..150).for_each(|_| _ = release_next(&mut budget, &mut now));
        pass(&mut budget, 10, 200, now);
        while release_next(&mut budget, &mut now)[0].client != ClientId(10) {}
        pass(&mut budget, 10, 200, now);
        let served = (1_000..2_000).any(|newcomer| {
            pass(&mut budget, newcomer, 100, now);
            let next = release_next(&mut budget, &mut now)[0].client;
            budget.forget(ClientId(newcomer));
            next == ClientId(10)
        });
        assert!(served, "of a thousand posts none was that of the user");
    }

    #[test]
    fn tags_in_the_past_are_pruned_and_a_user_who_has_had_more_than_others_keeps_the_tag() {
        let now = Instant::now();
        let mut budget = Budget::new(&Limits::DEFAULT, now);
        let charge = |budget: &mut Budget, client: u64, bytes: u32| {
            let client = ClientId(client);
            budget.charge(client, budget.start_tag(client), bytes, now);
            budget.start_tag(client)
        };
        (1..=50).for_each(|client| _ = charge(&mut budget, client, 10));
        let tag = charge(&mut budget, 0, 100_000);
        for client in 51..=1_000 {
            charge(&mut budget, client, 10);
            assert!(budget.finish_tags.len() <= 3 * MIN_FINISH_TAGS);
        }
        assert_eq!(budget.start_tag(ClientId(0)), tag);
    }

    #[test]
    fn what_waits_of_a_client_that_has_gone_is_dropped() {
        let now = Instant::now();
        let mut budget = overdrawn(now);
        pass(&mut budget, 10, 100, now);
        (1..=10).for_each(|client| budget.forget(ClientId(client)));
        assert!(budget.is_idle() && budget.order.is_empty() && budget.due(now).is_none());
    }
}
