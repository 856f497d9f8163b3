//! The phase in which all connections break at once, and all clients come back through another node.

use super::Driver;
use crate::driver::job::Outcome;
use std::time::{Duration, Instant};

impl Driver {
    /// Breaks all connections, without a goodbye. Each client connects to the next node as fast as the nodes admit it,
    /// and takes its seat again. The start is the moment before.
    pub(super) fn reconnect(&mut self) -> Result<Outcome, String> {
        let before = self.meters.read()?;
        (self.bytes, self.reads, self.idle) = (0, 0, Duration::ZERO);
        self.start = Instant::now();
        self.clients.clear();
        self.inside = 0;
        self.moved = 1;
        self.join()?;
        let usage = self.meters.read()?.since(&before);
        Ok(self.outcome(usage))
    }
}
