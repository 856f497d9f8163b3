//! What Linux has in common with other Unix systems.

use rlimit::Resource;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

/// The signals that ask the program to stop: SIGINT and SIGTERM.
#[derive(Debug)]
pub struct StopSignal(Signals);

impl StopSignal {
    /// From now on, such a signal does not end the process by itself.
    pub fn register() -> io::Result<Self> {
        Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    /// Blocks until one comes.
    pub fn wait(mut self) {
        self.0.forever().next();
    }
}

/// Sets the limits and signals of the process: many files may be open, a limit of file sizes does not end it, and nothing
/// about users is in a core file.
pub(crate) fn set_limits(core_dumps: bool) {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files cannot be raised: {error}");
    }
    // A core file would hold texts that were never posted.
    let no_core = |(_, hard)| rlimit::setrlimit(Resource::CORE, 0, hard);
    if !core_dumps && let Err(error) = rlimit::getrlimit(Resource::CORE).and_then(no_core) {
        log::warn!("core dumps cannot be switched off: {error}");
    }
    // By default, this signal ends the process when the store reaches a limit of file sizes (ulimit -f). Once it is
    // handled, the write fails and posts are refused, as on a full disk.
    if let Err(error) = flag::register(SIGXFSZ, Arc::default()) {
        log::warn!("a limit of file sizes would end the server: {error}");
    }
}

/// The limit of open files, which the program has raised as far as it may.
pub(crate) fn open_files() -> Option<u64> {
    Resource::NOFILE.get_soft().ok()
}

/// Makes a file that these options create one that only its owner can read and write.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Whether other users may open a file.
pub fn is_open_to_others(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

/// What tells a file from all others: the numbers of its device and its inode.
pub(crate) type FileId = (u64, u64);

/// The identity of the file that a path leads to.
pub(crate) fn file_id(path: &Path) -> io::Result<FileId> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The file whose lock protects a store: the store itself.
pub(crate) fn lock_of(store: File, _path: &Path) -> io::Result<File> {
    Ok(store)
}

/// Whether this process or the system has no descriptor left.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Whether the system has no memory for what is to be sent.
pub(crate) fn is_out_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// A descriptor to hold in reserve.
pub(crate) fn spare_descriptor() -> Option<File> {
    File::open("/dev/null").ok()
}
