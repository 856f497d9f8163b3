//! Rate limits: token buckets.

use std::time::{Duration, Instant};

/// How fast a bucket fills, and how many tokens it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens per second; at least one.
    pub per_second: u32,
    /// Tokens in a full bucket.
    pub burst: u32,
}

/// A token bucket that fills with time. It may be overdrawn, and then takes longer until it has a token again.
#[derive(Debug, Clone, Copy)]
pub struct RateLimit {
    /// When the bucket would be full.
    pub(super) full_at: Instant,
}

impl Rate {
    /// The time in which a bucket gains these tokens.
    pub(super) fn time(self, tokens: u32) -> Duration {
        Duration::from_secs(tokens.into()) / self.per_second.max(1)
    }
}

impl RateLimit {
    /// A full bucket.
    pub fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes tokens. Returns how long to wait until the bucket has had them.
    pub(crate) fn take(&mut self, tokens: u32, rate: Rate, now: Instant) -> Duration {
        self.full_at = self.full_at.max(now) + rate.time(tokens);
        self.wait(rate, now)
    }

    /// Takes tokens only if the bucket has them. Returns how long to wait until it has them.
    pub(super) fn take_or_wait(&mut self, tokens: u32, rate: Rate, now: Instant) -> Duration {
        let mut after = *self;
        let wait = after.take(tokens, rate, now);
        if wait.is_zero() {
            *self = after;
        }
        wait
    }

    /// The same. Returns whether the bucket had them.
    pub(super) fn try_take(&mut self, tokens: u32, rate: Rate, now: Instant) -> bool {
        self.take_or_wait(tokens, rate, now).is_zero()
    }

    /// How long to wait until the bucket is not overdrawn.
    pub(crate) fn wait(&self, rate: Rate, now: Instant) -> Duration {
        self.full_at.saturating_duration_since(now + rate.time(rate.burst))
    }

    /// Whether the bucket is full.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_more_than_a_burst_has_to_wait() {
        let (rate, start) = (Rate { per_second: 4, burst: 10 }, Instant::now());
        let mut limit = RateLimit::new(start);
        let burst: Duration = (0..rate.burst).map(|_| limit.take(1, rate, start)).sum();
        assert_eq!(burst, Duration::ZERO);
        assert_eq!(limit.take(2, rate, start), Duration::from_millis(500));
        assert_eq!(limit.wait(rate, start + Duration::from_millis(400)), Duration::from_millis(100));
        let later = start + Duration::from_secs(60);
        assert!(limit.is_full(later) && !limit.is_full(start));
        assert_eq!(limit.take(rate.burst, rate, later), Duration::ZERO);
    }
}
