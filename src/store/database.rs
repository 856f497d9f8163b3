//! The store's file: an SQLite database with the posts of all rooms, and what is needed to number on and to know
//! a post again. Never what was not posted, never a session. Who reads and writes it when is in [`crate::store::thread`].

use crate::base::ids::UserId;
use crate::room::history::MAX_HISTORY_BYTES;
use crate::room::names::RoomName;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::store::error::{OpenError, Trouble};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Marks a file as ours: "TYPW".
const APPLICATION_ID: i64 = 0x5459_5057;

/// The version of the tables below.
const SCHEMA_VERSION: i64 = 1;

/// `n` counts within a room. `mark` is [`IdempotencyKey`](crate::room::session::IdempotencyKey); `user` is who posted, as on the wire.
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

/// How long to wait at the start for somebody else who holds the file, such as a backup.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);

/// How long a server waits for another that has the file, which may just be ending: it takes as long as that.
const SUCCESSION_PATIENCE: Duration = Duration::from_secs(2);

/// How long one try to read or write waits for them. Who tries again decides how often, and does other things
/// between.
const BUSY_PATIENCE: Duration = Duration::from_millis(50);

/// Bytes of the file up to which every page of it is looked at when it is opened: a third of a second, or a few
/// from a slow disk, where a gigabyte would take minutes. In a larger one damage is found when it is met.
const MAX_QUICK_CHECK: u64 = 64 * 1024 * 1024;

/// Bytes that are left of the journal (the file with `-wal` behind its name) when it has been worked off. It
/// grows beyond that only while somebody reads the same state for long.
const JOURNAL_BYTES: u32 = 4 * 1024 * 1024;

/// Posts that are read at a time.
const PAGE_POSTS: usize = 100;

/// Bytes of text that are read at a time, and the rest of the last post.
const PAGE_BYTES: usize = 256 * 1024;

/// The file, open for writing by this server alone.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    /// The file and its journal, where they were found when it was opened.
    known: [KnownFile; 2],
    /// Keeps other servers away. Closed after the connection, because a file that is closed takes all POSIX locks
    /// of its process with it, SQLite's too.
    _lock: File,
}

impl Database {
    /// Opens a store for writing, and makes it where there is none.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let lock = lock(file)?;
        // By its full name, because SQLite takes some of the others for commands.
        let file = file.canonicalize()?;
        let mut connection = Connection::open(&file)?;
        connection.busy_timeout(OPEN_PATIENCE)?;
        // Before anything is written: a file that is not ours must stay as it is.
        let is_empty: bool =
            connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if !is_empty {
            check(&connection)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        // What is dropped is overwritten, and not only forgotten.
        connection.pragma_update(None, "secure_delete", true)?;
        // A post that people were told of survives the power as well.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_empty {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        transaction.commit()?;
        connection.busy_timeout(BUSY_PATIENCE)?;
        let mut journal = file.clone().into_os_string();
        journal.push("-wal");
        let known = [KnownFile::of(file)?, KnownFile::of(journal.into())?];
        Ok(Self { connection, known, _lock: lock })
    }

    /// Numbers and commits posts, all or none.
    pub fn record<'a>(
        &mut self,
        posts: impl Iterator<Item = (&'a RoomName, &'a PendingPost)>,
    ) -> Result<Vec<Numbered>, Trouble> {
        if !self.is_in_place() {
            return Err(Trouble::Moved);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let numbered =
            posts.map(|(room, post)| number(&transaction, room, post)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(numbered)
    }

    /// Drops posts from before a time, in milliseconds since 1970, as many as `max`, and says how many. Their
    /// numbers are not used again.
    pub fn drop_before(&mut self, at: u64, max: usize) -> Result<usize, Trouble> {
        let drop = "DELETE FROM post WHERE (room, n) IN (SELECT room, n FROM post WHERE at < ?1 LIMIT ?2)";
        Ok(self.connection.execute(drop, params![at, max as u64])?)
    }

    /// Works off the journal, where what was dropped can still be read.
    pub fn empty_journal(&mut self) -> Result<(), Trouble> {
        Ok(self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?)
    }

    fn is_in_place(&self) -> bool {
        self.known.iter().all(KnownFile::holds)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SQLite leaves the journal of a file as it is that has been moved, which would leave the last posts
        // in a journal that nobody finds.
        if !self.is_in_place()
            && let Err(trouble) = self.empty_journal()
        {
            log::error!("the store's last posts may be in its -wal only: {trouble}");
        }
    }
}

/// Opens or makes a file and locks it against other servers. The system takes the lock back when the process
/// ends, however it ends; nothing is left behind. It is apart from the locks that SQLite uses.
fn lock(file: &Path) -> Result<File, OpenError> {
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
    if !lock.metadata()?.is_file() {
        return Err(OpenError::NoFile);
    }
    let deadline = Instant::now() + SUCCESSION_PATIENCE;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(BUSY_PATIENCE),
            Err(Errno::WOULDBLOCK) => return Err(OpenError::InUse),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

/// A file's name and which file that was: its device and its number there.
#[derive(Debug)]
struct KnownFile {
    name: PathBuf,
    file: (u64, u64),
}

impl KnownFile {
    fn of(name: PathBuf) -> io::Result<Self> {
        let file = identity(&name)?;
        Ok(Self { name, file })
    }

    /// Whether it is still that file.
    fn holds(&self) -> bool {
        identity(&self.name).is_ok_and(|file| file == self.file)
    }
}

fn identity(name: &Path) -> io::Result<(u64, u64)> {
    name.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The file, open for reading, beside the server that may be writing it.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens a store that is there.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let file = file.canonicalize()?;
        if !file.metadata()?.is_file() {
            return Err(OpenError::NoFile);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(OPEN_PATIENCE)?;
        Ok(Self { connection })
    }

    /// Tells whether the file is a store that this version can use.
    pub fn check(&self) -> Result<(), OpenError> {
        check(&self.connection)
    }

    /// Whether anything was ever posted in a room.
    pub fn has_room(&self, room: &RoomName) -> Result<bool, OpenError> {
        let room = self.connection.query_row("SELECT 1 FROM room WHERE key = ?1", [room.key()], |_| Ok(()));
        Ok(room.optional()?.is_some())
    }

    /// Has each read wait for other programs only for a moment. The caller tries again.
    pub fn use_short_waits(&self) -> Result<(), OpenError> {
        Ok(self.connection.busy_timeout(BUSY_PATIENCE)?)
    }

    /// The last posts of a room, the oldest first: so many, none from before a time (in milliseconds since 1970), and no
    /// more bytes of text than a history may have.
    pub fn last_posts(&self, room: &RoomName, count: usize, not_before: u64) -> Result<Vec<Post>, Trouble> {
        let mut posts = self.connection.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND at >= ?3 ORDER BY n DESC LIMIT ?2",
        )?;
        let posts = posts.query_map(params![room.key(), count as u64, not_before], post)?;
        let mut log = take_page(posts, count, MAX_HISTORY_BYTES)?;
        log.reverse();
        Ok(log)
    }

    /// Calls `each` with every post of a room after number `after`, in their order, until it fails.
    ///
    /// While `each` is called the file is not being read, because a reader keeps what is written from being
    /// moved out of the journal, and `each` may be as slow as somebody's network.
    pub fn read(
        &self,
        room: &RoomName,
        mut after: u64,
        mut each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let page = self.page(room, after).map_err(io::Error::other)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.n;
            page.into_iter().try_for_each(&mut each)?;
        }
    }

    /// The next posts of a room after number `after`; none if that is the last.
    fn page(&self, room: &RoomName, after: u64) -> rusqlite::Result<Vec<Post>> {
        let mut posts = self.connection.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND n > ?2 ORDER BY n LIMIT ?3",
        )?;
        let posts = posts.query_map(params![room.key(), after, PAGE_POSTS as u64], post)?;
        take_page(posts, PAGE_POSTS, PAGE_BYTES)
    }
}

/// Takes posts up to so many, or so many bytes of their texts and the one that goes over that.
fn take_page(
    posts: impl Iterator<Item = rusqlite::Result<Post>>,
    max_posts: usize,
    max_bytes: usize,
) -> rusqlite::Result<Vec<Post>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for post in posts {
        let post = post?;
        bytes += post.text.len();
        page.push(post);
        if bytes >= max_bytes || page.len() >= max_posts {
            break;
        }
    }
    Ok(page)
}

fn check(connection: &Connection) -> Result<(), OpenError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    if pragma("user_version")? > SCHEMA_VERSION {
        return Err(OpenError::Newer);
    }
    // Fails where a table or a column is missing, which only damage can have done.
    for used in ["SELECT id, key, last_n FROM room", "SELECT room, n, user, name, text, at, mark FROM post"] {
        connection.prepare(used).map_err(|error| OpenError::Damaged(error.to_string()))?;
    }
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_QUICK_CHECK) {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged(found)) }
}

fn post(row: &rusqlite::Row<'_>) -> rusqlite::Result<Post> {
    let [n, id, at] = [0, 1, 4].map(|column| row.get::<_, u64>(column));
    Ok(Post { n: n?, id: UserId(id?), name: row.get(2)?, text: row.get(3)?, at: at? })
}

/// Numbers a post in its room, or finds the one that it became the first time.
fn number(
    transaction: &Transaction<'_>,
    room: &RoomName,
    pending: &PendingPost,
) -> rusqlite::Result<Numbered> {
    let mark = pending.reference.as_ref().map(|(_, key)| key.0);
    if let Some(mark) = mark {
        let mut known = transaction.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND mark = ?2",
        )?;
        if let Some(known) = known.query_row(params![room.key(), mark], post).optional()? {
            return Ok(Numbered::Duplicate(known));
        }
    }
    let (room, n): (i64, u64) = transaction
        .prepare_cached(
            "INSERT INTO room (key, last_n) VALUES (?1, 1)
             ON CONFLICT (key) DO UPDATE SET last_n = last_n + 1 RETURNING id, last_n",
        )?
        .query_row([room.key()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Post { n, id, name, text, at } = pending.clone().numbered(n);
    transaction
        .prepare_cached(
            "INSERT INTO post (room, n, user, name, text, at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![room, n, id.0, name, text, at, mark])?;
    Ok(Numbered::New(Post { n, id, name, text, at }))
}
