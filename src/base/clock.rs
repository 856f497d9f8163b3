//! The clock. It is read in one place, and the time is passed to the code that needs it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time, by the monotonic clock and by the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic, for intervals.
    pub instant: Instant,
    /// Wall-clock time, in milliseconds since 1970.
    pub unix_millis: u64,
}

impl Now {
    /// Reads the system's clocks.
    pub fn read() -> Self {
        // A clock before 1970 counts as 1970, because a wrong clock must not stop a room.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        Self { instant: Instant::now(), unix_millis }
    }
}

/// Seconds to tell a client that has to wait. Rounds up, so that a client that waits this long has waited long enough.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (nanoseconds, seconds) in [(0, 0), (1, 1), (1_000_000_000, 1), (1_000_000_001, 2)] {
            assert_eq!(whole_seconds(Duration::from_nanos(nanoseconds)), seconds);
        }
    }
}
