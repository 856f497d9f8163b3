//! The time, read in one place and handed to those who need it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When something happens: the one for intervals, the other for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For intervals.
    pub instant: Instant,
    /// For people, in milliseconds since 1970.
    pub unix_millis: u64,
}

impl Now {
    /// Asks the system's clocks.
    pub fn read() -> Self {
        // A clock set before 1970 shows as 1970 rather than stopping a room.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix_millis = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        Self { instant: Instant::now(), unix_millis }
    }
}
