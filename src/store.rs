//! The store: an SQLite file with the posts of all rooms, and what is needed to number on and to know a post
//! again. Never what was not posted, never a session.
//!
//! Architecture invariant: the hub never waits for the disk. A thread of its own takes what is to be posted,
//! many posts in one commit, and answers with events; nobody is told of a post before it is committed.

use crate::clients::RoomId;
use crate::log::{Draft, Entry};
use crate::names::RoomName;
use crate::protocol::{Post, UserId};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Posts in one commit: bounds how long the first of them waits for the last.
const MAX_COMMIT: usize = 256;

/// How often posts that are too old are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// How long to wait for somebody else who holds the file, such as a backup.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// Where posts are stored, and how long they are kept.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file; it is made if it is not there.
    pub file: PathBuf,
    /// After how many days a post is dropped; never where it is `None`.
    pub keep_days: Option<u32>,
}

/// What the hub asks of the store.
#[derive(Debug)]
pub enum Request {
    /// A room has been entered: its last posts are wanted.
    Load {
        /// Who asks.
        room: RoomId,
        /// What it is called.
        name: RoomName,
        /// How many posts.
        count: usize,
    },
    /// A post is to be stored.
    Record {
        /// Where it was posted.
        room: RoomId,
        /// What that is called.
        name: RoomName,
        /// The post.
        draft: Draft,
    },
}

/// What the store answers.
#[derive(Debug)]
pub enum Answer {
    /// The last posts of a room, the oldest first.
    Loaded {
        /// Who asked.
        room: RoomId,
        /// The posts; none where they could not be read.
        log: Vec<Post>,
    },
    /// What became of a draft.
    Recorded {
        /// Where it was posted.
        room: RoomId,
        /// Who posted it.
        author: UserId,
        /// Their name for it.
        reference: Option<String>,
        /// `None` where it could not be stored.
        entry: Option<Entry>,
    },
}

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

/// Opens a store for writing, and makes it where there is none.
pub fn open(file: &Path) -> Result<Connection, OpenError> {
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
    Ok(connection)
}

/// Opens a store for reading, beside the server that may be writing it.
pub fn open_to_read(file: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_PATIENCE)?;
    Ok(connection)
}

/// Tells whether a file is a store that this version can use.
pub fn check(connection: &Connection) -> Result<(), OpenError> {
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

/// Calls `each` with every post of a room after number `after`, in their order, until it fails.
pub fn read_log(
    connection: &Connection,
    room: &RoomName,
    after: u64,
    mut each: impl FnMut(Post) -> io::Result<()>,
) -> io::Result<()> {
    let mut posts = connection
        .prepare(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND n > ?2 ORDER BY n",
        )
        .map_err(io::Error::other)?;
    let posts = posts.query_map(params![room.key(), after], post).map_err(io::Error::other)?;
    posts.map(|post| post.map_err(io::Error::other)).try_for_each(|post| each(post?))
}

fn post(row: &rusqlite::Row<'_>) -> rusqlite::Result<Post> {
    let [n, id, at] = [0, 1, 4].map(|column| row.get::<_, u64>(column));
    Ok(Post { n: n?, id: UserId(id?), name: row.get(2)?, text: row.get(3)?, at: at? })
}

/// The hub's end of the store.
#[derive(Debug)]
pub struct Store {
    /// Where to ask. The thread ends when this is dropped and all is stored.
    pub requests: Sender<Request>,
    /// The thread.
    pub thread: JoinHandle<()>,
}

/// Opens the store and starts its thread, which hands answers to `answer` until that returns false.
pub fn start(
    options: &StoreOptions,
    answer: impl FnMut(Answer) -> bool + Send + 'static,
) -> Result<Store, OpenError> {
    let connection = open(&options.file)?;
    let (requests, queue) = unbounded();
    let writer = Writer { connection, keep_days: options.keep_days, troubled: false, answer };
    let thread = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(&queue));
    let thread = thread.map_err(|error: io::Error| {
        OpenError::Other(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    })?;
    Ok(Store { requests, thread })
}

struct Writer<A> {
    connection: Connection,
    keep_days: Option<u32>,
    /// The last commit failed, which was logged.
    troubled: bool,
    answer: A,
}

impl<A: FnMut(Answer) -> bool> Writer<A> {
    fn run(mut self, queue: &Receiver<Request>) {
        self.sweep();
        loop {
            match queue.recv_timeout(SWEEP_EVERY) {
                Ok(first) => self.serve(first, queue),
                Err(RecvTimeoutError::Timeout) => self.sweep(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes a request and those that wait: drafts together, each room to be loaded after those before it.
    fn serve(&mut self, first: Request, queue: &Receiver<Request>) {
        let mut drafts = Vec::new();
        let waiting = queue.try_iter().take(MAX_COMMIT - 1);
        for request in std::iter::once(first).chain(waiting) {
            match request {
                Request::Record { room, name, draft } => drafts.push((room, name, draft)),
                Request::Load { room, name, count } => {
                    self.record(std::mem::take(&mut drafts));
                    let log = self.load(&name, count);
                    (self.answer)(Answer::Loaded { room, log });
                }
            }
        }
        self.record(drafts);
    }

    fn load(&self, name: &RoomName, count: usize) -> Vec<Post> {
        let load = || {
            let mut posts = self.connection.prepare_cached(
                "SELECT n, user, name, text, at FROM post WHERE room = (SELECT id FROM room WHERE key = ?1)
                 ORDER BY n DESC LIMIT ?2",
            )?;
            let mut log: Vec<Post> =
                posts.query_map(params![name.key(), count as u64], post)?.collect::<Result<_, _>>()?;
            log.reverse();
            Ok(log)
        };
        load().unwrap_or_else(|error: rusqlite::Error| {
            log::error!("a room's log cannot be read: {error}");
            Vec::new()
        })
    }

    /// Commits drafts, all or none, and answers.
    fn record(&mut self, drafts: Vec<(RoomId, RoomName, Draft)>) {
        if drafts.is_empty() {
            return;
        }
        let entries = self.commit(&drafts);
        if let Err(error) = &entries
            && !self.troubled
        {
            log::error!("posts are refused until this is over: {error}");
        }
        self.troubled = entries.is_err();
        let mut entries = entries.unwrap_or_default().into_iter();
        for (room, _, draft) in drafts {
            let reference = draft.reference.map(|(reference, _)| reference);
            let answer = Answer::Recorded { room, author: draft.id, reference, entry: entries.next() };
            (self.answer)(answer);
        }
    }

    fn commit(&mut self, drafts: &[(RoomId, RoomName, Draft)]) -> rusqlite::Result<Vec<Entry>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let entries = drafts
            .iter()
            .map(|(_, name, draft)| enter(&transaction, name, draft))
            .collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(entries)
    }

    /// Drops posts that are too old. Their numbers are not used again.
    fn sweep(&mut self) {
        let Some(days) = self.keep_days else { return };
        let kept = Duration::from_secs(u64::from(days) * 24 * 3600);
        let oldest = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(kept);
        let oldest = u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX);
        match self.connection.execute("DELETE FROM post WHERE at < ?1", [oldest]) {
            Ok(dropped) => log::debug!("{dropped} posts were older than {days} days"),
            Err(error) => log::error!("old posts cannot be dropped: {error}"),
        }
    }
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
