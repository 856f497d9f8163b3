//! Threads that wait for each other.

use crate::support::TIMEOUT;
use std::sync::{Condvar, Mutex};

/// The standard library's barrier, except that it does not wait for ever for a thread that has failed.
pub(crate) struct Barrier {
    threads: usize,
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Barrier {
    /// A barrier that opens each time `threads` threads wait at it.
    pub(crate) fn new(threads: usize) -> Self {
        Self { threads, arrived: Mutex::new(0), changed: Condvar::new() }
    }

    /// Waits for all the others.
    pub(crate) fn wait(&self) {
        let mut arrived = self.arrived.lock().unwrap();
        *arrived += 1;
        let opens_at = arrived.next_multiple_of(self.threads);
        self.changed.notify_all();
        let waits = |arrived: &mut usize| *arrived < opens_at;
        let (arrived, timeout) = self.changed.wait_timeout_while(arrived, TIMEOUT, waits).unwrap();
        drop(arrived);
        assert!(!timeout.timed_out(), "not all threads arrived");
    }
}
