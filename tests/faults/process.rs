//! A program as the system sees it: memory, threads and descriptors; and how it answers a request when it has none
//! left.

use crate::support::program::{Program, server};
use crate::support::{http::Response, wait_until};
use std::fs;
use std::io::{ErrorKind, Write};
use std::process::Command;

/// Starts the program with no grace period, for tests that count what a client leaves behind.
pub(crate) fn start(command: Command) -> Program {
    start_for(20, command)
}

/// Starts the program with no grace period, for at most `clients` clients.
pub(crate) fn start_for(clients: usize, mut command: Command) -> Program {
    Program::start(command.args(["--grace", "0", "--max-clients", &clients.to_string()]))
}

/// Starts the built program.
pub(crate) fn start_server() -> Program {
    start(server())
}

impl Program {
    /// The status of the response to a request. `None` if the connection ends without a response.
    pub(crate) fn try_get(&self) -> Option<u16> {
        let mut socket = self.dial();
        // A refused one may be closed before it asks.
        let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        match Response::try_read(&mut socket) {
            Ok(response) => Some(response.status),
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no response in time"),
            Err(_) => None,
        }
    }

    /// Bytes of memory that it has: `VmRSS` are those in use, `VmSize` all that are mapped.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a process");
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).expect("a size") * 1024
    }

    /// How many threads and descriptors it has.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let count = |what| fs::read_dir(format!("/proc/{}/{what}", self.pid())).expect("a process").count();
        (count("task"), count("fd"))
    }

    /// Waits until there are as many threads and descriptors again.
    pub(crate) fn until_counts_are(&self, before: (usize, usize)) {
        wait_until("as many threads and descriptors as before", || self.counts() == before);
    }
}
