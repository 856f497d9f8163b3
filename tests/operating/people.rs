//! Somebody behind a proxy who only looks.

use crate::site::Person;

impl Person {
    /// Does nothing until the server has pinged twice, and is still there.
    pub(crate) fn stays_idle(mut self) {
        for ping in ["a ping", "another ping"] {
            self.receive_until(ping, |_, message| message.is_ping().then_some(()));
        }
        self.post_and_wait("still here");
    }

    /// The connection ends before the server pings.
    pub(crate) fn sees_its_end(mut self) {
        while let Ok(message) = self.try_next() {
            assert!(!message.is_ping(), "a ping came before the end");
        }
    }
}
