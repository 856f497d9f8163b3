//! Control groups: where the limits of the groups that this process is in can be read.

use std::fs;
use std::path::{Path, PathBuf};

/// Reads a file that contains a number. `None` if it contains anything else, such as `max` for no limit.
pub(crate) fn read_number(file: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The folders of this process's control groups with this controller, and of the groups that contain them.
pub(crate) fn folders(controller: &str) -> Vec<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups.lines().flat_map(|line| folders_in(line, controller)).collect()
}

/// The folders of the control group in a line of `/proc/self/cgroup`, and of the groups that contain it. Version 2 has
/// one hierarchy for all controllers.
fn folders_in(line: &str, controller: &str) -> Vec<PathBuf> {
    let mut fields = line.splitn(3, ':').skip(1);
    let root = Path::new("/sys/fs/cgroup");
    let root = match fields.next() {
        Some("") => root.to_owned(),
        Some(name) if name == controller => root.join(name),
        _ => return Vec::new(),
    };
    let path = fields.next().unwrap_or_default().trim_start_matches('/');
    root.join(path).ancestors().take_while(|folder| folder.starts_with(&root)).map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_shares_the_limits_of_its_parents() {
        let folders =
            |line| folders_in(line, "pids").iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        assert_eq!(folders("0::/"), ["/sys/fs/cgroup/"]);
        assert_eq!(folders("0::/a/b"), ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]);
        assert_eq!(folders("8:pids:/a"), ["/sys/fs/cgroup/pids/a", "/sys/fs/cgroup/pids"]);
        assert_eq!(folders("4:memory:/a"), [""; 0]);
    }

    #[test]
    fn the_groups_of_this_process_are_found() {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let has_version_2 = groups.lines().any(|line| line.starts_with("0::"));
        assert_eq!(folders("pids").contains(&PathBuf::from("/sys/fs/cgroup")), has_version_2);
    }

    #[test]
    fn a_file_without_a_number_sets_no_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (content, number) in [("1234\n", Some(1234)), ("0\n", Some(0)), ("max\n", None), ("", None)] {
            fs::write(&file, content).unwrap();
            assert_eq!(read_number(&file), number, "{content:?}");
        }
        assert_eq!(read_number("/nowhere"), None);
    }
}
