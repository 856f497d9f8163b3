//! The phases in which the host hides texts, and shows them to all.

use super::Driver;
use crate::driver::job::Outcome;
use std::time::{Duration, Instant};

impl Driver {
    /// The host hides the texts. Waits until all clients have been told.
    pub(super) fn hide(&mut self) -> Result<(), String> {
        self.set_hidden(true)?;
        self.until(|driver| driver.ledger.all_know_hidden())
    }

    /// The host shows the texts. Waits until all clients have them. The start is the moment before.
    pub(super) fn show(&mut self) -> Result<Outcome, String> {
        let before = self.meters.read()?;
        (self.bytes, self.reads, self.idle) = (0, 0, Duration::ZERO);
        self.start = Instant::now();
        self.ledger.show();
        self.set_hidden(false)?;
        self.until(|driver| driver.ledger.all_ended(false))?;
        self.complete(&before)
    }

    /// The observer, who is the host, hides or shows the texts.
    fn set_hidden(&mut self, hidden: bool) -> Result<(), String> {
        let frame = self.job.scenario.carrier.set_hidden(hidden);
        self.send(self.job.scenario.observer(), &frame)
    }
}
