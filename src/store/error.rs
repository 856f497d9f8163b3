//! Errors of the store: why a file cannot be opened, and why posts cannot be read or written.

use rusqlite::ErrorCode;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why a file cannot be opened as the store.
#[derive(Debug)]
pub enum OpenError {
    /// The file is not a database, or one of another program.
    NotAStore,
    /// A newer version of Typewall has written it.
    NewerVersion,
    /// The store is damaged. The text is what SQLite reports first.
    Damaged(String),
    /// The permissions of the file or its folder do not allow it.
    PermissionDenied,
    /// Another server uses it.
    InUse,
    /// Another program has locked it, a backup for example.
    Locked,
    /// The disk is full.
    DiskFull,
    /// The path is a folder or a device.
    NotAFile,
    /// The file does not exist, or the folder to create it in does not.
    NotFound,
    /// Any other error of the system.
    Io(io::Error),
    /// Any other error of SQLite.
    Sqlite(rusqlite::Error),
}

/// A clause about the file: what is wrong, and what to do.
impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAStore => write!(f, "it is not a Typewall store; choose another file"),
            Self::NewerVersion => {
                write!(f, "it was written by a newer version of Typewall; use that version")
            }
            Self::Damaged(found) => {
                write!(f, "it is damaged ({found}); restore a backup, or choose another file")
            }
            Self::PermissionDenied => {
                write!(f, "permission denied; check the permissions of the file and its folder")
            }
            Self::InUse => {
                write!(f, "another Typewall server is using it; stop it, or choose another file")
            }
            Self::Locked => write!(f, "another program has locked it; try again when that program is done"),
            Self::DiskFull => {
                write!(f, "the disk is full; free some space, or choose a file on another disk")
            }
            Self::NotAFile => write!(f, "it is not a regular file; choose another file"),
            Self::NotFound => write!(f, "the file or its folder does not exist; check the path"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Sqlite(error) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotAStore,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            // The file itself is open by then; the error is about the files that SQLite creates next to it.
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::PermissionDenied
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Sqlite(error),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::PermissionDenied,
            ErrorKind::IsADirectory => Self::NotAFile,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::StorageFull => Self::DiskFull,
            _ => Self::Io(error),
        }
    }
}

/// Why posts cannot be read or written.
#[derive(Debug)]
pub enum StoreError {
    /// Another program has locked the file. A retry may succeed.
    Locked,
    /// The file or its write-ahead log was moved, deleted or replaced. Posts written now would be lost.
    Moved,
    /// The file has its maximum size, or the disk is full.
    Full,
    /// The write-ahead log has its maximum size, because another program reads the store all the time.
    LogFull,
    /// Any other error of SQLite.
    Sqlite(rusqlite::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => write!(f, "another program has locked the store"),
            Self::Moved => write!(
                f,
                "the store or its -wal file was moved, deleted or replaced; move it back, or restart the server"
            ),
            Self::Full => write!(f, "the file has its maximum size (--store-limit), or the disk is full"),
            Self::LogFull => write!(f, "another program has been reading the store for too long; stop it"),
            Self::Sqlite(error) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}
