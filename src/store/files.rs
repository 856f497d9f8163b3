//! The files of a store on the disk: the lock that only one server can have, and whether the files are still in their
//! places.

use crate::store::error::OpenError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server waits for another one that uses the file. A server that is stopping may take as long.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two attempts to lock the file.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Opens or creates a file and locks it against other servers. The system releases the lock when the process ends, even
/// after a crash. The lock is independent of SQLite's own.
pub(crate) fn lock(file: &Path) -> Result<File, OpenError> {
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
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

    /// True if the path still leads to the same file.
    pub(crate) fn is_in_place(&self) -> bool {
        file_id(&self.path).is_ok_and(|id| id == self.id)
    }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}
