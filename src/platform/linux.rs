//! Linux. A client's reader blocks on its socket, and the hub sends on the same socket without blocking: each send says
//! so itself, which takes neither a second descriptor nor a wake-up.

mod control_group;
pub(crate) mod socket;

pub(crate) use crate::platform::posix::{
    FileId, HangUp, file_id, is_exhaustion, is_out_of_buffers, lock_of, private, socket_pair,
    spare_descriptor,
};
pub use crate::platform::posix::{
    StopSignal, has_own_console, inherited_listener, is_open_to_others, shows_unicode,
};

use crate::platform::{SystemLimits, posix};
use control_group::read_number;
use rlimit::Resource;
use rustix::time::ClockId;
use std::fs;
use std::io;
use std::time::Duration;

/// Prepares the process for serving: free memory goes back to the system, many files may be open, and nothing about
/// users is in a core file.
pub fn set_up_process(core_dumps: bool) {
    return_memory();
    posix::set_limits(core_dumps);
}

/// Makes the allocator return large blocks of memory to the system when they are freed.
///
/// By default glibc does so only from a threshold on, which it raises to the size of each larger block that is freed,
/// up to 32 MiB (mallopt(3)). After an attack the program would keep most of the memory that it took.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "there is no safe interface to the settings of the allocator")]
fn return_memory() {
    use libc::{M_MMAP_MAX, M_MMAP_THRESHOLD, c_int, mallopt};
    /// The threshold, in bytes. Long texts and incoming messages exceed it; parts of snapshots and most batches do not.
    const LARGE: c_int = 32 * 1024;
    /// Most large blocks at a time. Each is a memory mapping, which the system limits (`vm.max_map_count`), and a
    /// thread that gets none for its stack aborts the program.
    const MAX_MAPPED: c_int = 1024;
    // SAFETY: mallopt takes no pointers and checks its arguments.
    let is_set = unsafe { mallopt(M_MMAP_THRESHOLD, LARGE) == 1 && mallopt(M_MMAP_MAX, MAX_MAPPED) == 1 };
    if !is_set {
        log::warn!("the allocator refused its settings, so freed memory may not return to the system");
    }
}

/// Other C libraries have no such setting.
#[cfg(not(target_env = "gnu"))]
fn return_memory() {}

/// The time by a clock that also runs while the machine is suspended.
pub(crate) fn boot_time() -> Duration {
    posix::time(ClockId::Boottime)
}

/// Lowers the priority of this thread as far as possible.
pub(crate) fn lower_priority() -> io::Result<()> {
    rustix::process::nice(19)?;
    Ok(())
}

/// The memory that this process may use, in bytes: that of the machine, or less if a control group or a resource limit
/// allows less. `None` if nothing can be read.
pub fn system_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.as_deref().and_then(total);
    let groups = control_group::folders("memory").into_iter();
    let of_groups =
        groups.flat_map(|group| ["memory.max", "memory.limit_in_bytes"].map(|file| group.join(file)));
    let resources =
        [Resource::AS, Resource::DATA].into_iter().filter_map(|resource| resource.get_soft().ok());
    let resources = resources.filter(|limit| *limit != rlimit::INFINITY);
    machine.into_iter().chain(of_groups.filter_map(read_number)).chain(resources).min()
}

/// The total in `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let kibibytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The system's limits.
pub(crate) fn limits() -> SystemLimits {
    // In "0.00 0.00 0.00 1/234 567", 234 threads exist.
    let threads = fs::read_to_string("/proc/loadavg").ok();
    let threads = threads.and_then(|line| line.split(['/', ' ']).nth(4)?.parse().ok());
    SystemLimits {
        open_files: posix::open_files(),
        threads: read_number("/proc/sys/kernel/threads-max"),
        process_ids: read_number("/proc/sys/kernel/pid_max"),
        existing_threads: threads.unwrap_or(0),
        of_group: most_threads_of_group(),
        mappings: read_number("/proc/sys/vm/max_map_count"),
    }
}

/// The most threads that a control group of this process allows, and how many it has. Of nested groups, the one that
/// allows the fewest more.
fn most_threads_of_group() -> Option<(u64, u64)> {
    let limits = control_group::folders("pids").into_iter().filter_map(|group| {
        Some((read_number(group.join("pids.max"))?, read_number(group.join("pids.current"))?))
    });
    limits.min_by_key(|(max, current)| max.saturating_sub(*current))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_total_is_given_in_kibibytes() {
        assert_eq!(total("MemTotal:       24683240 kB\nMemFree: 1 kB\n"), Some(24_683_240 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_memory_of_this_system_can_be_read() {
        assert!(system_memory().is_some() || !Path::new("/proc/meminfo").exists());
    }
}
