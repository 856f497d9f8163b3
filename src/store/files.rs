//! The files of a store on the disk: who can read them, the lock that only one server can have, and whether the files
//! are still in their places.

use crate::platform::{FileId, file_id, is_open_to_others, lock_of, private};
use crate::store::error::OpenError;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server waits for another one that uses the file. A server that is stopping may take as long.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two attempts to lock the file.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

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
    let files = [file.to_owned(), wal(file), beside(file, "-shm")].into_iter();
    let open = files.filter(|file| is_open_to_others(file));
    let open: Vec<String> = open.map(|path| path.display().to_string()).collect();
    if !open.is_empty() {
        log::warn!("other users can open the store; run chmod 600 {}", open.join(" "));
    }
}

/// Opens or creates a file and locks it against other servers. The system releases the lock when the process ends, even
/// after a crash. The lock is independent of SQLite's own.
///
/// Only its owner can read a new store. Whoever can read it can also lock it, and keep the server from starting. SQLite
/// gives the `-wal` and the `-shm` file the permissions of the store.
pub(crate) fn lock(file: &Path) -> Result<File, OpenError> {
    let store = private(File::options().read(true).write(true).create(true).truncate(false)).open(file)?;
    if !store.metadata()?.is_file() {
        return Err(OpenError::NotAFile);
    }
    let lock = lock_of(store, file)?;
    let deadline = Instant::now() + TAKEOVER_TIMEOUT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// A path, and the identity of the file that it led to.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    id: FileId,
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
