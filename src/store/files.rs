//! The files of a store on the disk: who can read them, the lock that only one server can have, and whether the files
//! are still in their places.

use crate::store::error::OpenError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server waits for another one that uses the file. A server that is stopping may take as long.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two attempts to lock the file.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The permissions of a new store: only its owner can read it. Whoever can read it can also lock it, and keep the
/// server from starting. SQLite gives the `-wal` and the `-shm` file the permissions of the store.
const MODE: u32 = 0o600;

/// The write-ahead log of a store.
pub(crate) fn wal(file: &Path) -> PathBuf {
    beside(file, "-wal")
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Warns if other users can read the store. An existing one keeps its permissions, which may be deliberate.
pub(crate) fn warn_of_readers(file: &Path) {
    let is_open_to_others =
        |path: &PathBuf| path.metadata().is_ok_and(|file| file.permissions().mode() & 0o077 != 0);
    let open = [file.to_owned(), wal(file), beside(file, "-shm")].into_iter().filter(is_open_to_others);
    let open: Vec<String> = open.map(|path| path.display().to_string()).collect();
    if !open.is_empty() {
        log::warn!("other users can open the store; run chmod {MODE:o} {}", open.join(" "));
    }
}

/// Opens or creates a file and locks it against other servers. The system releases the lock when the process ends, even
/// after a crash. The lock is independent of SQLite's own.
pub(crate) fn lock(file: &Path) -> Result<File, OpenError> {
    let lock = File::options().read(true).write(true).create(true).truncate(false).mode(MODE).open(file)?;
    if !lock.metadata()?.is_file() {
        return Err(OpenError::NotAFile);
    }
    let deadline = Instant::now() + TAKEOVER_TIMEOUT;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(LOCK_PAUSE),
            Err(Errno::WOULDBLOCK) => return Err(OpenError::InUse),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

/// A path, and the device and inode numbers of the file that it led to.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    id: (u64, u64),
}

impl OpenedFile {
    /// The file that this path leads to now.
    pub(crate) fn new(path: PathBuf) -> io::Result<Self> {
        let id = file_id(&path)?;
        Ok(Self { path, id })
    }

    /// The size of the file that the path leads to now, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// True if the path still leads to the same file.
    pub(crate) fn is_in_place(&self) -> bool {
        file_id(&self.path).is_ok_and(|id| id == self.id)
    }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}
