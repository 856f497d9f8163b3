//! How many events a client may send: a token bucket.

use std::time::{Duration, Instant};

/// Events a client may send per second in the long run. A page sends one per frame of its screen, and the fastest
/// screens have 240 of them. Beyond that the reader waits, so that TCP slows the client down.
const EVENTS_PER_SECOND: u32 = 250;

/// Events a client may send at once before it has to wait.
const EVENT_BURST: u32 = 250;

/// Bytes that count as one event, whatever their frames. A second of the largest texts is 1 MiB.
pub(crate) const BYTES_PER_EVENT: usize = 4 * 1024;

/// A token bucket that fills with time, and says how long a reader has to wait.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// When the bucket would be full.
    full_at: Instant,
}

impl RateLimit {
    /// The time in which the bucket gains one token.
    const STEP: Duration = Duration::from_nanos(1_000_000_000 / EVENTS_PER_SECOND as u64);

    /// A full bucket.
    pub(crate) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes tokens. Returns how long to wait until the bucket has them.
    pub(crate) fn take(&mut self, tokens: u32, now: Instant) -> Duration {
        self.full_at = self.full_at.max(now) + Self::STEP * tokens;
        self.full_at.saturating_duration_since(now + Self::STEP * EVENT_BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_waits_after_its_burst() {
        let start = Instant::now();
        let mut limit = RateLimit::new(start);
        let burst: Duration = (0..EVENT_BURST).map(|_| limit.take(1, start)).sum();
        assert_eq!(burst, Duration::ZERO);
        assert_eq!(limit.take(2, start), 2 * RateLimit::STEP);
        let later = start + Duration::from_secs(60);
        assert_eq!(limit.take(EVENT_BURST, later), Duration::ZERO);
    }
}
