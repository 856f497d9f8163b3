//! Trouble with the store's file, in sentences: why it cannot be opened, and why it takes nothing at the moment.

use rusqlite::ErrorCode;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why a file cannot be the store.
#[derive(Debug)]
pub enum OpenError {
    /// It holds something else.
    Foreign,
    /// A later version of Typewall has written it.
    Newer,
    /// It is ours and damaged; what SQLite found first.
    Damaged(String),
    /// The rights of it or its folder do not allow it.
    Forbidden,
    /// Another server has it open.
    InUse,
    /// Another program holds it, such as a backup.
    Locked,
    /// There is no room on the disk.
    Full,
    /// It is a folder or a device.
    NoFile,
    /// It is not there, or the folder it should be made in is not.
    Missing,
    /// Anything else that the system says.
    System(io::Error),
    /// Anything else that SQLite says.
    Other(rusqlite::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => write!(f, "it is a file of another program; name one that Typewall may make"),
            Self::Newer => write!(f, "a newer Typewall has written it; use that one"),
            Self::Damaged(found) => {
                write!(f, "it is damaged ({found}); restore it from a backup, or name another")
            }
            Self::Forbidden => {
                write!(f, "its rights or those of its folder do not allow it; change them, or name another")
            }
            Self::InUse => write!(f, "another Typewall is using it; stop that one, or name another file"),
            Self::Locked => write!(f, "another program is holding it; try again when that is done"),
            Self::Full => write!(f, "the disk is full; make room, or name a file on another"),
            Self::NoFile => write!(f, "it is a folder or a device; name a file"),
            Self::Missing => write!(f, "it is not there; name a file in a folder that is there"),
            Self::System(error) => write!(f, "{error}"),
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            // The file is open by then, but not what SQLite puts beside it.
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::Forbidden
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Other(error),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Forbidden,
            ErrorKind::IsADirectory => Self::NoFile,
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::StorageFull => Self::Full,
            _ => Self::System(error),
        }
    }
}

/// Why the file gives or takes nothing at the moment.
#[derive(Debug)]
pub enum Trouble {
    /// Another program holds it, perhaps not for long.
    Locked,
    /// It is not where it was opened any more, or its journal is not: what is written now would be lost.
    Moved,
    /// What SQLite says.
    Failed(rusqlite::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => write!(f, "another program is holding the store"),
            Self::Moved => write!(
                f,
                "the store, or the -wal beside it, was moved, deleted or replaced; move it back, or start again"
            ),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ => Self::Failed(error),
        }
    }
}
