//! Warnings about what can happen many times a second.

use std::time::{Duration, Instant};

/// How often such a warning is logged at most.
const INTERVAL: Duration = Duration::from_secs(60);

/// When a warning was last logged.
#[derive(Debug, Default)]
pub(crate) struct Warning(Option<Instant>);

impl Warning {
    /// Logs the warning, unless it was logged less than a minute ago.
    pub(crate) fn log(&mut self, now: Instant, text: impl FnOnce() -> String) {
        if self.0.is_none_or(|at| now.saturating_duration_since(at) >= INTERVAL) {
            let text = text();
            log::warn!("{text}");
            self.0 = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_logged_once_a_minute() {
        let (mut warning, start, mut logged) = (Warning::default(), Instant::now(), 0);
        for second in 0..=120 {
            warning.log(start + Duration::from_secs(second), || {
                logged += 1;
                String::new()
            });
        }
        assert_eq!(logged, 3);
    }
}
