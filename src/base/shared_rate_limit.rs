//! A rate limit that threads share without a lock.

use crate::base::rate_limit::Rate;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A token bucket like [`RateLimit`](crate::base::rate_limit::RateLimit), from which any thread may take.
#[derive(Debug)]
pub struct SharedRateLimit {
    start: Instant,
    /// When the bucket would be full, in nanoseconds after `start`. They last for 584 years.
    full_at: AtomicU64,
}

impl SharedRateLimit {
    /// A full bucket.
    pub fn new(now: Instant) -> Self {
        Self { start: now, full_at: AtomicU64::new(0) }
    }

    /// Takes tokens. Returns how long to wait until the bucket has had them. Relaxed ordering suffices, because no
    /// other memory depends on the bucket.
    pub(crate) fn take(&self, tokens: u32, rate: Rate, now: Instant) -> Duration {
        let now = nanoseconds(now.saturating_duration_since(self.start));
        let cost = nanoseconds(rate.time(tokens));
        let after = |full_at: u64| full_at.max(now).saturating_add(cost);
        let update = |full_at| Some(after(full_at));
        let (Ok(before) | Err(before)) =
            self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        let burst = nanoseconds(rate.time(rate.burst));
        Duration::from_nanos(after(before).saturating_sub(now.saturating_add(burst)))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const RATE: Rate = Rate { per_second: 50, burst: 100 };

    #[test]
    fn whoever_takes_more_than_a_burst_has_to_wait() {
        let start = Instant::now();
        let limit = SharedRateLimit::new(start);
        let burst: Duration = (0..RATE.burst).map(|_| limit.take(1, RATE, start)).sum();
        assert_eq!(burst, Duration::ZERO);
        assert_eq!(limit.take(1, RATE, start), Duration::from_millis(20));
        assert_eq!(limit.take(2, RATE, start), Duration::from_millis(60));
        // It does not hold more than a burst, however long nobody takes any.
        let later = start + Duration::from_secs(3600);
        assert_eq!(limit.take(RATE.burst, RATE, later), Duration::ZERO);
        assert_eq!(limit.take(1, RATE, later), Duration::from_millis(20));
    }

    #[test]
    fn threads_share_one_burst() {
        let start = Instant::now();
        let limit = SharedRateLimit::new(start);
        let take =
            || (0..RATE.burst / 4).for_each(|_| assert_eq!(limit.take(1, RATE, start), Duration::ZERO));
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(take))));
        assert_eq!(limit.take(1, RATE, start), Duration::from_millis(20));
    }
}
