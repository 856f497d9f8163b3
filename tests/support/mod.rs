//! What all Rust tests share: one launcher of the program, one encoder of WebSocket frames, one client, and one model
//! of what a page shows. A module and not a crate, because only a test target of this package is told where the built
//! program is.

#![allow(dead_code, reason = "each test target compiles this module, and uses a part of it")]

pub(crate) mod client;
pub(crate) mod frame;
pub(crate) mod http;
pub(crate) mod metrics;
pub(crate) mod page;
pub(crate) mod poller;
pub(crate) mod port;
pub(crate) mod program;
pub(crate) mod relay;
pub(crate) mod tls;

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for anything before it fails: far longer than it takes, because machines are busy.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// Runs something that may block for ever, and fails when it takes too long.
pub(crate) fn bounded<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(what()));
    outcome.recv_timeout(TIMEOUT).expect("an outcome in time")
}

/// Asks again until the answer is yes, for a state that announces itself by no event. Fails when that takes too long.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        thread::yield_now();
    }
}
