//! How many clients the operating system allows.
//!
//! The server asks at the start, because it could not recover later: near the system's limit a new thread may get no
//! memory for its signal stack, and then the standard library aborts the process.

use crate::base::permits::SPARE_CONNECTIONS;
use crate::http::download::MAX_DOWNLOADS;
use crate::platform::{self, SystemLimits};
use std::fmt;

/// Descriptors and threads for everything but connections: the listener, the store, the server's own threads, and for
/// each download three files of the store and a socket.
const RESERVED: u64 = 64 + 4 * MAX_DOWNLOADS as u64;

/// Descriptors of a connection: its socket, and if it is encrypted, the two of the pair behind its pump.
const DESCRIPTORS: [u64; 2] = [1, 3];

/// Threads of a connection: its own, and if it is encrypted, its pump.
const THREADS: [u64; 2] = [1, 2];

/// Memory mappings of a thread: its stack and its signal stack, each with a guard page.
const MAPPINGS_PER_THREAD: u64 = 4;

/// Memory mappings for everything else: the program, its libraries, its heap.
const RESERVED_MAPPINGS: u64 = 2048;

/// How many clients the system allows, and which of its limits is the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// The number of clients.
    pub clients: usize,
    /// The limit to raise for more clients.
    pub limit: SystemLimit,
    /// The limit's current value.
    pub value: u64,
}

/// A limit of the system on clients, each of which has a descriptor and a thread, or more if they are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemLimit {
    /// `RLIMIT_NOFILE`, which the program has raised as far as it may.
    OpenFiles,
    /// `kernel.threads-max`, which all processes share.
    Threads,
    /// `kernel.pid_max`, because each thread has a process id. All processes share it.
    ProcessIds,
    /// `pids.max` of the control group, which its processes share.
    ControlGroup,
    /// `vm.max_map_count`.
    Mappings,
}

impl Capacity {
    /// Reads the system's limits. `None` if none can be read.
    pub fn of_system(is_encrypted: bool) -> Option<Self> {
        let [descriptors, threads_each] = [DESCRIPTORS, THREADS].map(|each| each[usize::from(is_encrypted)]);
        let SystemLimits { open_files, threads, process_ids, existing_threads, of_group, mappings } =
            platform::limits();
        let (group_max, in_group) = of_group.unzip();
        Self::lowest([
            (SystemLimit::OpenFiles, open_files, RESERVED, descriptors),
            (SystemLimit::Threads, threads, existing_threads + RESERVED, threads_each),
            (SystemLimit::ProcessIds, process_ids, existing_threads + RESERVED, threads_each),
            (SystemLimit::ControlGroup, group_max, in_group.unwrap_or(0) + RESERVED, threads_each),
            (SystemLimit::Mappings, mappings, RESERVED_MAPPINGS, MAPPINGS_PER_THREAD * threads_each),
        ])
    }

    /// The capacity under the lowest limit. Each limit comes with its value, what is reserved of it, and what a
    /// connection needs of it.
    fn lowest(limits: [(SystemLimit, Option<u64>, u64, u64); 5]) -> Option<Self> {
        let capacities = limits.into_iter().filter_map(|(limit, value, reserved, each)| {
            let connections = value?.saturating_sub(reserved) / each;
            let clients = connections.saturating_sub(SPARE_CONNECTIONS as u64);
            Some(Self { clients: usize::try_from(clients).unwrap_or(usize::MAX), limit, value: value? })
        });
        capacities.min_by_key(|capacity| capacity.clients)
    }
}

/// A clause such as "kernel.threads-max is 1000".
impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = match self.limit {
            SystemLimit::OpenFiles => "the limit of open files (ulimit -n)",
            SystemLimit::Threads => "kernel.threads-max",
            SystemLimit::ProcessIds => "kernel.pid_max",
            SystemLimit::ControlGroup => "pids.max of the control group",
            SystemLimit::Mappings => "vm.max_map_count",
        };
        write!(f, "{limit} is {}", self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_counts() {
        let lowest = |files, mappings| {
            Capacity::lowest([
                (SystemLimit::OpenFiles, files, 100, 1),
                (SystemLimit::Threads, Some(50_000), 500, 1),
                (SystemLimit::ProcessIds, None, 500, 1),
                (SystemLimit::ControlGroup, Some(u64::MAX), 500, 1),
                (SystemLimit::Mappings, mappings, 2_000, 4),
            ])
            .map(|capacity| (capacity.clients, capacity.limit))
        };
        assert_eq!(lowest(Some(1_024), Some(65_530)), Some((1_024 - 100 - 256, SystemLimit::OpenFiles)));
        assert_eq!(lowest(Some(100_000), Some(65_530)), Some((15_882 - 256, SystemLimit::Mappings)));
        assert_eq!(lowest(Some(100_000), None), Some((49_500 - 256, SystemLimit::Threads)));
        assert_eq!(lowest(Some(300), None), Some((0, SystemLimit::OpenFiles)));
    }

    #[test]
    fn this_system_allows_clients() {
        let capacity = Capacity::of_system(false);
        assert!(capacity.is_some() || cfg!(windows), "a limit of open files");
        assert!(capacity.is_none_or(|capacity| capacity.clients > 0 && capacity.value > 0), "{capacity:?}");
        let encrypted = Capacity::of_system(true).map(|capacity| capacity.clients);
        assert!(
            encrypted.is_none() || encrypted < capacity.map(|capacity| capacity.clients),
            "{encrypted:?}"
        );
    }
}
