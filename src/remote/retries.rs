//! When to connect again after a lost connection, and when to give up what fails.

use std::time::{Duration, Instant};

/// The longest wait before the first new attempt. Most connections that break do so alone.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait before any attempt: a server that is back is noticed in time.
const LONGEST: Duration = Duration::from_secs(15);

/// A connection that has lasted this long worked. The next one begins with a short wait.
const STABLE: Duration = Duration::from_secs(30);

/// How long to try to come back once there is no more input.
const AFTER_INPUT: Duration = Duration::from_secs(60);

/// Attempts to come back.
#[derive(Debug)]
pub(crate) struct Retries {
    /// For how long to try, if that is limited.
    limit: Option<Duration>,
    /// Attempts that failed, and connections that broke soon, in a row.
    failures: u32,
    connected_at: Instant,
    lost_at: Instant,
    /// When a connection was lost first since one has lasted.
    unstable_since: Instant,
    /// When the end of the input was noticed.
    ended_at: Option<Instant>,
}

impl Retries {
    pub(crate) fn new(limit: Option<Duration>, now: Instant) -> Self {
        Self { limit, failures: 0, connected_at: now, lost_at: now, unstable_since: now, ended_at: None }
    }

    /// There is a connection.
    pub(crate) fn connect(&mut self, now: Instant) {
        self.connected_at = now;
    }

    /// There is none any more.
    pub(crate) fn lose(&mut self, now: Instant) {
        if now.saturating_duration_since(self.connected_at) >= STABLE {
            self.failures = 0;
        }
        if self.failures == 0 {
            self.unstable_since = now;
        }
        self.failures = self.failures.saturating_add(1);
        self.lost_at = now;
    }

    /// An attempt has failed.
    pub(crate) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// How long to wait before the next attempt. `None` if it is time to give up. `random` is any number.
    pub(crate) fn wait(&mut self, has_input_ended: bool, random: u32, now: Instant) -> Option<Duration> {
        let ended_at = has_input_ended.then(|| *self.ended_at.get_or_insert(now));
        let wait = backoff(self.failures, random);
        let since = if self.limit.is_some() { self.lost_at } else { self.unstable_since };
        let Some(end) = give_up_at(self.limit, since, ended_at) else { return Some(wait) };
        (wait < end.saturating_duration_since(now)).then_some(wait)
    }
}

/// When to give up what has failed since then: after the limit. Without one, some time after the end of the input.
pub(crate) fn give_up_at(
    limit: Option<Duration>,
    since: Instant,
    ended_at: Option<Instant>,
) -> Option<Instant> {
    match (limit, ended_at) {
        (Some(limit), _) => Some(since + limit),
        (None, Some(ended_at)) => Some(since.max(ended_at) + AFTER_INPUT),
        (None, None) => None,
    }
}

/// A random wait within a time that doubles with every failure, so that the clients of a server that restarts do not all
/// come back at once.
fn backoff(failures: u32, random: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    let most = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    most.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(limit: Option<Duration>, now: Instant) -> Retries {
        let mut retries = Retries::new(limit, now);
        retries.lose(now);
        retries
    }

    #[test]
    fn waits_grow_to_a_limit_and_are_random() {
        let most = |failures| backoff(failures, u32::MAX);
        assert_eq!([1, 2, 3].map(most), [500, 1_000, 2_000].map(Duration::from_millis));
        assert_eq!([6, 7, u32::MAX].map(most), [LONGEST; 3]);
        assert_eq!(backoff(7, 0), Duration::ZERO);
        assert!((LONGEST / 3..LONGEST / 2).contains(&backoff(7, u32::MAX / 5 * 2)));
    }

    #[test]
    fn only_a_connection_that_lasted_makes_the_wait_short_again() {
        let now = Instant::now();
        let mut retries = lost(None, now);
        retries.fail();
        retries.connect(now);
        retries.lose(now + STABLE - Duration::from_secs(1));
        assert_eq!(retries.wait(false, u32::MAX, now), Some(4 * FIRST));
        retries.connect(now);
        retries.lose(now + STABLE);
        assert_eq!(retries.wait(false, u32::MAX, now), Some(FIRST));
    }

    #[test]
    fn it_is_given_up_after_the_limit() {
        let now = Instant::now();
        assert_eq!(lost(Some(Duration::ZERO), now).wait(false, 0, now), None);
        let mut retries = lost(Some(Duration::from_secs(5)), now);
        assert_eq!(retries.wait(true, 0, now + Duration::from_secs(4)), Some(Duration::ZERO));
        assert_eq!(retries.wait(true, 0, now + Duration::from_secs(5)), None);
    }

    #[test]
    fn without_a_limit_it_is_given_up_only_after_the_input() {
        let now = Instant::now();
        let day = now + Duration::from_secs(86_400);
        let mut retries = lost(None, now);
        assert!(retries.wait(false, 0, day).is_some());
        assert!(retries.wait(true, 0, day).is_some(), "the input has just ended");
        assert!(retries.wait(true, 0, day + AFTER_INPUT - Duration::from_secs(1)).is_some());
        assert_eq!(retries.wait(true, 0, day + AFTER_INPUT), None);
        retries.lose(day + AFTER_INPUT);
        assert!(retries.wait(true, 0, day + AFTER_INPUT).is_some(), "another connection");
    }

    #[test]
    fn a_server_that_lets_in_and_closes_again_and_again_is_given_up_after_the_input() {
        let start = Instant::now();
        let mut retries = Retries::new(None, start);
        let mut times = (0..=AFTER_INPUT.as_secs()).map(|seconds| start + Duration::from_secs(seconds));
        let given_up_at = times.find(|now| {
            retries.connect(*now);
            retries.lose(*now);
            retries.wait(true, 0, *now).is_none()
        });
        assert_eq!(given_up_at, Some(start + AFTER_INPUT));
    }
}
