//! How many clients the system has room for. It is asked at the start, because where threads end, a new one
//! may find no memory for its signal stack, and then the standard library ends the process.

use crate::base::permits::SPARE_CONNECTIONS;
use crate::http::log_route::MAX_DOWNLOADS;
use rlimit::Resource;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Descriptors and threads for everything but connections: the listener, the store, the threads of the server
/// itself, and three files of the store and a socket for each log being saved.
const OTHERS: u64 = 64 + 4 * MAX_DOWNLOADS as u64;

/// Mappings of memory that a thread takes: its stack and its signal stack, each with a guard page.
const MAPPINGS_A_THREAD: u64 = 4;

/// Mappings for everything else: the program, its libraries, its heap.
const OTHER_MAPPINGS: u64 = 2048;

/// How many clients there is room for, and what bounds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Clients.
    pub clients: usize,
    /// What would have to be raised for more.
    pub bound: Bound,
    /// What it is now.
    pub value: u64,
}

/// What bounds clients: each has a descriptor and a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `RLIMIT_NOFILE`, after it was raised as far as it may be.
    OpenFiles,
    /// `kernel.threads-max`, of which others have some.
    Threads,
    /// `kernel.pid_max`, because a thread has a process number; others have some.
    ProcessNumbers,
    /// `pids.max` of the control group, of which others in it have some.
    ControlGroup,
    /// `vm.max_map_count`.
    Mappings,
}

impl Capacity {
    /// Asks the system. `None` where it names no bound.
    pub fn of_system() -> Option<Self> {
        // "0.00 0.00 0.00 1/234 567": the fourth is how many of all threads run.
        let threads = fs::read_to_string("/proc/loadavg").ok();
        let threads = threads.and_then(|line| line.split(['/', ' ']).nth(4)?.parse().ok()).unwrap_or(0);
        let (group, in_group) = control_group().unwrap_or((u64::MAX, 0));
        let open_files = Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
        Self::least([
            (Bound::OpenFiles, Some(open_files), OTHERS, 1),
            (Bound::Threads, number("/proc/sys/kernel/threads-max"), threads + OTHERS, 1),
            (Bound::ProcessNumbers, number("/proc/sys/kernel/pid_max"), threads + OTHERS, 1),
            (Bound::ControlGroup, Some(group), in_group + OTHERS, 1),
            (Bound::Mappings, number("/proc/sys/vm/max_map_count"), OTHER_MAPPINGS, MAPPINGS_A_THREAD),
        ])
    }

    /// Of bounds, each with its value, how much of that others need, and how much a connection needs.
    fn least(bounds: [(Bound, Option<u64>, u64, u64); 5]) -> Option<Self> {
        let capacities = bounds.into_iter().filter_map(|(bound, value, others, each)| {
            let connections = value?.saturating_sub(others) / each;
            let clients = connections.saturating_sub(SPARE_CONNECTIONS as u64);
            Some(Self { clients: usize::try_from(clients).unwrap_or(usize::MAX), bound, value: value? })
        });
        capacities.min_by_key(|capacity| capacity.clients)
    }
}

/// As the end of a sentence: what bounds them, and what it is now.
impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::OpenFiles => "the limit of open files (ulimit -n)",
            Bound::Threads => "kernel.threads-max",
            Bound::ProcessNumbers => "kernel.pid_max",
            Bound::ControlGroup => "pids.max of the control group",
            Bound::Mappings => "vm.max_map_count",
        };
        write!(f, "{bound} is {}", self.value)
    }
}

fn number(file: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// How many threads the control group may have that has the least left, and how many it has.
fn control_group() -> Option<(u64, u64)> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let groups = groups.lines().flat_map(group_folders);
    let limits = groups
        .filter_map(|group| Some((number(group.join("pids.max"))?, number(group.join("pids.current"))?)));
    limits.min_by_key(|(max, now)| max.saturating_sub(*now))
}

/// Where a line of `/proc/self/cgroup` says that the group is, and those around it.
fn group_folders(line: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let root = match fields.next() {
        Some("") => "/sys/fs/cgroup",
        Some("pids") => "/sys/fs/cgroup/pids",
        _ => return Vec::new(),
    };
    let path = fields.next().unwrap_or_default().trim_start_matches('/');
    let root = Path::new(root);
    root.join(path).ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_bounds() {
        let bounds = |files, mappings| {
            Capacity::least([
                (Bound::OpenFiles, files, 100, 1),
                (Bound::Threads, Some(50_000), 500, 1),
                (Bound::ProcessNumbers, None, 500, 1),
                (Bound::ControlGroup, Some(u64::MAX), 500, 1),
                (Bound::Mappings, mappings, 2_000, 4),
            ])
            .map(|capacity| (capacity.clients, capacity.bound))
        };
        assert_eq!(bounds(Some(1_024), Some(65_530)), Some((1_024 - 100 - 256, Bound::OpenFiles)));
        assert_eq!(bounds(Some(100_000), Some(65_530)), Some((15_882 - 256, Bound::Mappings)));
        assert_eq!(bounds(Some(100_000), None), Some((49_500 - 256, Bound::Threads)));
        assert_eq!(bounds(Some(300), None), Some((0, Bound::OpenFiles)));
    }

    #[test]
    fn this_system_has_bounds() {
        let capacity = Capacity::of_system().expect("at least of open files");
        assert!(capacity.clients > 0 && capacity.value > 0, "{capacity:?}");
    }

    #[test]
    fn a_control_group_is_bounded_by_those_around_it() {
        let folders =
            |line| group_folders(line).iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(folders("0::/"), ["/sys/fs/cgroup/"]);
        assert_eq!(folders("0::/a/b"), ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]);
        assert_eq!(folders("8:pids:/a"), ["/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids"]);
        assert_eq!(folders("4:memory:/a"), [""; 0]);
    }
}
