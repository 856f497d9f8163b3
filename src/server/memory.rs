//! How much memory the operating system allows this process.

use crate::server::control_group::{self, read_number};
use rlimit::Resource;
use std::fs;

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
    machine.into_iter().chain(of_groups.filter_map(read_number)).chain(resources).min()
}

/// The total in `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let kibibytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
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
    fn this_system_has_memory() {
        let memory = system_memory();
        assert!(memory.is_some() || !Path::new("/proc/meminfo").exists());
        assert!(memory.is_none_or(|bytes| bytes > 1024 * 1024));
    }
}
