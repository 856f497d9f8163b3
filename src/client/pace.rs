//! How fast a client may send.

use crate::base::limits::Limits;
use crate::base::rate_limit::{Rate, RateLimit};
use crate::hub::event::FromClient;
use crate::room::action::Action;
use std::time::{Duration, Instant};

/// Events a client may send. A page sends one per frame of its screen, and the fastest screens have 240 of them a
/// second.
const EVENTS: Rate = Rate { per_second: 250, burst: 250 };

/// Bytes that count as one event, whatever their frames. A second of the largest texts is 1 MiB.
const BYTES_PER_EVENT: usize = 4 * 1024;

/// Snapshots a client may request. Each can be as large as all boxes and the log together. A page requests one when it
/// connects, and one when a splice does not fit.
const SNAPSHOTS: Rate = Rate { per_second: 1, burst: 10 };

/// Changes of a client's name. Each is sent to the whole room.
const NAMES: Rate = Rate { per_second: 1, burst: 5 };

/// Actions that only a host may take. The room is told of each, and the store may have to keep it. A host who removes
/// several users takes a few in a second.
const HOST_ACTIONS: Rate = Rate { per_second: 10, burst: 50 };

/// What a client has sent lately.
#[derive(Debug)]
pub(crate) struct Pace {
    events: RateLimit,
    posts: RateLimit,
    snapshots: RateLimit,
    names: RateLimit,
    host_actions: RateLimit,
    post_rate: Rate,
    /// Bytes that have not been counted as an event yet.
    uncounted: usize,
}

impl Pace {
    /// The pace of a client that has sent nothing.
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let full = RateLimit::new(now);
        let post_rate = limits.post_pace();
        let (events, posts, snapshots, names, host_actions) = (full, full, full, full, full);
        Self { events, posts, snapshots, names, host_actions, post_rate, uncounted: 0 }
    }

    /// Counts bytes. Returns how long to wait before the next ones are read.
    pub(crate) fn count_bytes(&mut self, bytes: usize, now: Instant) -> Duration {
        self.uncounted += bytes;
        let events = self.uncounted / BYTES_PER_EVENT;
        self.uncounted %= BYTES_PER_EVENT;
        self.events.take(u32::try_from(events).unwrap_or(u32::MAX), EVENTS, now)
    }

    /// Counts a message. Returns how long to wait before it is handled.
    pub(crate) fn count_message(&mut self, now: Instant) -> Duration {
        self.events.take(1, EVENTS, now)
    }

    /// Counts an event against the limits of its kind. Returns how long to wait before the hub is told.
    pub(crate) fn count_event(&mut self, event: &FromClient, now: Instant) -> Duration {
        match event {
            FromClient::Acted(Action::Post { .. }) => self.posts.take(1, self.post_rate, now),
            FromClient::Acted(Action::Watch | Action::Resync) => self.snapshots.take(1, SNAPSHOTS, now),
            FromClient::Acted(Action::Rename(_)) => self.names.take(1, NAMES, now),
            FromClient::Host { .. } => self.host_actions.take(1, HOST_ACTIONS, now),
            FromClient::Acted(action) if action.is_for_hosts() => {
                self.host_actions.take(1, HOST_ACTIONS, now)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::SecretHash;
    use crate::room::names::Name;

    fn waits(event: &FromClient, count: usize) -> Vec<Duration> {
        let now = Instant::now();
        let mut pace = Pace::new(&Limits { post_rate: 2, ..Limits::DEFAULT }, now);
        (0..count).map(|_| pace.count_event(event, now)).collect()
    }

    #[test]
    fn posts_snapshots_names_and_what_hosts_do_have_rates_of_their_own() {
        let post = FromClient::Acted(Action::Post { text: "text".to_owned(), reference: None });
        for (event, burst, step) in [
            (post, 10, Duration::from_millis(500)),
            (FromClient::Acted(Action::Watch), 10, Duration::from_secs(1)),
            (FromClient::Acted(Action::Resync), 10, Duration::from_secs(1)),
            (FromClient::Acted(Action::Rename(Name::parse("Ada", 40).unwrap())), 5, Duration::from_secs(1)),
            (FromClient::Acted(Action::Clear(None)), 50, Duration::from_millis(100)),
            (FromClient::Host { key: SecretHash::new(""), token: None }, 50, Duration::from_millis(100)),
        ] {
            let waits = waits(&event, burst + 2);
            assert!(waits[..burst].iter().all(Duration::is_zero), "{event:?}");
            assert_eq!(waits[burst..], [step, 2 * step], "{event:?}");
        }
    }

    #[test]
    fn many_bytes_count_as_events() {
        let now = Instant::now();
        let mut pace = Pace::new(&Limits::DEFAULT, now);
        let burst = EVENTS.burst as usize * BYTES_PER_EVENT;
        assert_eq!(pace.count_bytes(burst + BYTES_PER_EVENT - 1, now), Duration::ZERO);
        assert_eq!(pace.count_bytes(1, now), Duration::from_millis(4));
        assert_eq!(pace.count_message(now), Duration::from_millis(8));
    }
}
