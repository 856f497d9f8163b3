//! Threads that wait for each other.

use crate::person::PATIENCE;
use std::sync::{Condvar, Mutex};

/// A barrier that does not wait for ever for a thread that has failed.
pub struct Gate {
    expected: usize,
    passed: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    /// Opens each time that so many threads wait at it.
    pub fn for_all(expected: usize) -> Self {
        Self { expected, passed: Mutex::new(0), changed: Condvar::new() }
    }

    /// Waits for all the others.
    pub fn wait(&self) {
        let mut passed = self.passed.lock().unwrap();
        *passed += 1;
        let opens_at = passed.next_multiple_of(self.expected);
        self.changed.notify_all();
        let waits = |passed: &mut usize| *passed < opens_at;
        let (passed, timeout) = self.changed.wait_timeout_while(passed, PATIENCE, waits).unwrap();
        drop(passed);
        assert!(!timeout.timed_out(), "not all came");
    }
}
