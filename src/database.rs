//! The store's file: an SQLite database with the posts of all rooms, and what is needed to number on and to know
//! a post again. Never what was not posted, never a session. Who reads and writes it when is in [`crate::store`].

use crate::log::{Draft, Entry};
use crate::names::RoomName;
use crate::protocol::{Post, UserId};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Marks a file as ours: "TYPW".
const APPLICATION_ID: i32 = 0x5459_5057;

/// The version of the tables below.
const SCHEMA_VERSION: i32 = 1;

/// `n` counts within a room. `mark` is [`Mark`](crate::session::Mark); `user` is who posted, as on the wire.
const SCHEMA: &str = "
    CREATE TABLE room (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        last_n INTEGER NOT NULL
    );
    CREATE TABLE post (
        room INTEGER NOT NULL REFERENCES room,
        n INTEGER NOT NULL,
        user INTEGER NOT NULL,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        at INTEGER NOT NULL,
        mark BLOB,
        PRIMARY KEY (room, n)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX post_mark ON post (room, mark) WHERE mark IS NOT NULL;
    CREATE INDEX post_at ON post (at);
";

/// How long to wait for somebody else who holds the file, such as a backup.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// Why a file cannot be the store.
#[derive(Debug)]
pub enum OpenError {
    /// It holds something else.
    Foreign,
    /// A later version of Typewall has written it.
    Newer,
    /// It is ours and damaged; what SQLite found first.
    Damaged(String),
    /// It, or the folder it is in, cannot be written.
    ReadOnly,
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
            Self::ReadOnly => write!(f, "it cannot be written; change its rights, or name another"),
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            _ => Self::Other(error),
        }
    }
}

/// The file, open for writing.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens a store for writing, and makes it where there is none.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let mut connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_PATIENCE)?;
        // Before anything is written: a file that is not ours must stay as it is.
        let is_empty: bool =
            connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if !is_empty {
            check(&connection)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A post that people were told of survives the power as well.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_empty {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        transaction.commit()?;
        Ok(Self { connection })
    }

    /// The last posts of a room, the oldest first.
    pub fn last_posts(&self, room: &RoomName, count: usize) -> rusqlite::Result<Vec<Post>> {
        let mut posts = self.connection.prepare_cached(
            "SELECT n, user, name, text, at FROM post WHERE room = (SELECT id FROM room WHERE key = ?1)
             ORDER BY n DESC LIMIT ?2",
        )?;
        let mut log: Vec<Post> =
            posts.query_map(params![room.key(), count as u64], post)?.collect::<Result<_, _>>()?;
        log.reverse();
        Ok(log)
    }

    /// Commits drafts of rooms, all or none.
    pub fn record<'a>(
        &mut self,
        drafts: impl Iterator<Item = (&'a RoomName, &'a Draft)>,
    ) -> rusqlite::Result<Vec<Entry>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let entries =
            drafts.map(|(room, draft)| enter(&transaction, room, draft)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(entries)
    }

    /// Drops posts from before a time, in milliseconds since 1970, and says how many. Their numbers are not used
    /// again.
    pub fn drop_before(&mut self, at: u64) -> rusqlite::Result<usize> {
        self.connection.execute("DELETE FROM post WHERE at < ?1", [at])
    }
}

/// The file, open for reading, beside the server that may be writing it.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens a store that is there.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(BUSY_PATIENCE)?;
        Ok(Self { connection })
    }

    /// Tells whether the file is a store that this version can use.
    pub fn check(&self) -> Result<(), OpenError> {
        check(&self.connection)
    }

    /// Calls `each` with every post of a room after number `after`, in their order, until it fails.
    pub fn read(
        &self,
        room: &RoomName,
        after: u64,
        mut each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut posts = self
            .connection
            .prepare(
                "SELECT n, user, name, text, at FROM post
                 WHERE room = (SELECT id FROM room WHERE key = ?1) AND n > ?2 ORDER BY n",
            )
            .map_err(io::Error::other)?;
        let posts = posts.query_map(params![room.key(), after], post).map_err(io::Error::other)?;
        posts.map(|post| post.map_err(io::Error::other)).try_for_each(|post| each(post?))
    }
}

fn check(connection: &Connection) -> Result<(), OpenError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if pragma("user_version")? > SCHEMA_VERSION {
        return Err(OpenError::Newer);
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged(found)) }
}

fn post(row: &rusqlite::Row<'_>) -> rusqlite::Result<Post> {
    let [n, id, at] = [0, 1, 4].map(|column| row.get::<_, u64>(column));
    Ok(Post { n: n?, id: UserId(id?), name: row.get(2)?, text: row.get(3)?, at: at? })
}

/// Numbers a draft in its room, or finds the post that it became before.
fn enter(transaction: &Transaction<'_>, room: &RoomName, draft: &Draft) -> rusqlite::Result<Entry> {
    let mark = draft.reference.as_ref().map(|(_, mark)| mark.0);
    if let Some(mark) = mark {
        let mut known = transaction.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND mark = ?2",
        )?;
        if let Some(known) = known.query_row(params![room.key(), mark], post).optional()? {
            return Ok(Entry::Known(known));
        }
    }
    let (room, n): (i64, u64) = transaction
        .prepare_cached(
            "INSERT INTO room (key, last_n) VALUES (?1, 1)
             ON CONFLICT (key) DO UPDATE SET last_n = last_n + 1 RETURNING id, last_n",
        )?
        .query_row([room.key()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Draft { id, name, text, at, .. } = draft.clone();
    transaction
        .prepare_cached(
            "INSERT INTO post (room, n, user, name, text, at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![room, n, id.0, name, text, at, mark])?;
    Ok(Entry::New(Post { n, id, name, text, at }))
}
