//! What differs between operating systems: sockets that the hub never waits for, the signals that stop the program,
//! files that only their owner can read, and what the system allows this process.
//!
//! There is a file for each system, and all have the same items; this one chooses. No other folder asks which system it
//! is on. `posix` is what Linux has in common with other Unix systems, `nonblocking` what these have in common with
//! Windows.
//!
//! Linux can be built as if it were another Unix system, with `--cfg typewall_portable`, so that all tests can run on
//! the code that other systems use.

#[cfg(all(target_os = "linux", not(typewall_portable)))]
mod linux;
#[cfg(any(not(target_os = "linux"), typewall_portable, test))]
pub(crate) mod nonblocking;
#[cfg(unix)]
mod posix;
pub(crate) mod readiness;
#[cfg(all(unix, any(not(target_os = "linux"), typewall_portable)))]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(all(target_os = "linux", not(typewall_portable)))]
use linux as system;
#[cfg(all(unix, any(not(target_os = "linux"), typewall_portable)))]
use unix as system;
#[cfg(windows)]
use windows as system;

pub(crate) use system::{
    FileId, HangUp, boot_time, file_id, is_exhaustion, is_out_of_buffers, limits, lock_of, lower_priority,
    private, socket, socket_pair, spare_descriptor,
};
pub use system::{
    StopSignal, has_own_console, inherited_listener, is_open_to_others, set_up_process, shows_unicode,
    system_memory,
};

/// The state of the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// It may still send.
    Open,
    /// It sends nothing more. What it has sent may not have been read yet, and it may still read.
    Finished,
    /// The connection has ended.
    Gone,
}

/// The system's limits on descriptors, threads and mappings. `None` for one that the system does not have, or does not
/// tell.
#[derive(Debug, Default)]
pub(crate) struct SystemLimits {
    /// Open files of this process.
    pub open_files: Option<u64>,
    /// Threads of all processes.
    pub threads: Option<u64>,
    /// Process ids, of which each thread has one, of all processes.
    pub process_ids: Option<u64>,
    /// Threads that exist, of all processes.
    pub existing_threads: u64,
    /// The threads that this process and others of its group may have, and how many they have.
    pub of_group: Option<(u64, u64)>,
    /// Memory mappings of this process.
    pub mappings: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn this_system_has_memory_and_a_limit_of_open_files() {
        assert!(system_memory().is_none_or(|bytes| bytes > 1024 * 1024));
        assert!(limits().open_files.is_none_or(|files| files > 0));
    }

    #[test]
    fn the_time_since_the_start_of_the_system_grows_with_every_other_time() {
        let (before, started) = (boot_time(), Instant::now());
        while boot_time() == before {
            assert!(started.elapsed() < Duration::from_secs(10), "it stands still");
        }
        assert!(boot_time() > before);
    }

    #[test]
    fn a_connection_that_was_lost_is_no_sign_of_exhaustion() {
        assert!(!is_exhaustion(&std::io::ErrorKind::ConnectionAborted.into()));
        assert!(spare_descriptor().is_some());
    }
}
