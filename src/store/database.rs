//! The store's file: an SQLite database with the posts of all rooms, the last post number of each room, and a key for
//! each post that recognises a repeated one. It never holds unposted text or a session. [`crate::store`] decides when
//! to read and write.

use crate::base::ids::UserId;
use crate::room::history::MAX_HISTORY_BYTES;
use crate::room::names::RoomName;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::store::error::{OpenError, StoreError};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// SQLite's application id of a Typewall store: "TYPW".
const APPLICATION_ID: i64 = 0x5459_5057;

/// The version of the schema.
const SCHEMA_VERSION: i64 = 1;

/// `n` is the number of a post in its room. `mark` is its [`IdempotencyKey`](crate::room::session::IdempotencyKey).
/// `user` is the author's id on the wire.
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

/// How long opening waits for another program that has locked the file, a backup for example.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server waits for another one that uses the file. A server that is stopping may take as long.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one attempt to read or write waits for another program that has locked the file. The caller decides how
/// often to retry, and can do other work in between.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// Largest file that is checked for damage when it is opened, in bytes. The check takes a third of a second, or a few
/// seconds on a slow disk; for a gigabyte it would take minutes. In a larger file damage is found when it is read.
const MAX_CHECKED_SIZE: u64 = 64 * 1024 * 1024;

/// Size to which SQLite truncates the write-ahead log (the `-wal` file) after a checkpoint, in bytes. It grows larger
/// only during a long read.
const WAL_SIZE: u32 = 4 * 1024 * 1024;

/// Maximum number of posts in one read.
const PAGE_POSTS: usize = 100;

/// Size of the texts after which one read ends, in bytes. The last post may exceed it.
const PAGE_BYTES: usize = 256 * 1024;

/// The store, open for writing. Only one server can have it open.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    /// The file and its write-ahead log, as they were when the store was opened.
    files: [OpenedFile; 2],
    /// Locks out other servers. Dropped after the connection, because closing a file releases all POSIX locks that the
    /// process holds on it, SQLite's too.
    _lock: File,
}

impl Database {
    /// Opens a store for writing. Creates it if the file does not exist.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let lock = lock(file)?;
        // An absolute path, because SQLite treats names such as `:memory:` as commands.
        let file = file.canonicalize()?;
        let mut connection = Connection::open(&file)?;
        connection.busy_timeout(OPEN_TIMEOUT)?;
        // Checked before anything is written, so that a file of another program stays unchanged.
        let is_empty: bool =
            connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if !is_empty {
            check(&connection)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", WAL_SIZE)?;
        // Overwrites deleted posts in the file.
        connection.pragma_update(None, "secure_delete", true)?;
        // A post survives a power failure once users have seen it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_empty {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        transaction.commit()?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let mut wal = file.clone().into_os_string();
        wal.push("-wal");
        let files = [OpenedFile::new(file)?, OpenedFile::new(wal.into())?];
        Ok(Self { connection, files, _lock: lock })
    }

    /// Numbers and stores posts in one transaction: all of them or none.
    pub fn record<'a>(
        &mut self,
        posts: impl Iterator<Item = (&'a RoomName, &'a PendingPost)>,
    ) -> Result<Vec<Numbered>, StoreError> {
        if !self.files_are_in_place() {
            return Err(StoreError::Moved);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let numbered =
            posts.map(|(room, post)| insert(&transaction, room, post)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(numbered)
    }

    /// Deletes posts from before `at`, in milliseconds since 1970, but no more than `max`. Returns how many it deleted.
    /// Their numbers are never used again.
    pub fn delete_before(&mut self, at: u64, max: usize) -> Result<usize, StoreError> {
        let delete = "DELETE FROM post WHERE (room, n) IN (SELECT room, n FROM post WHERE at < ?1 LIMIT ?2)";
        Ok(self.connection.execute(delete, params![at, max as u64])?)
    }

    /// Moves everything from the write-ahead log into the file and truncates the log, which still holds deleted posts.
    /// Fails with [`StoreError::Locked`] if another connection blocks it, by reading for example.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        // SQLite reports this in the first column of the result, not as an error.
        let is_blocked =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_blocked { Err(StoreError::Locked) } else { Ok(()) }
    }

    fn files_are_in_place(&self) -> bool {
        self.files.iter().all(OpenedFile::is_in_place)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // When the connection closes, SQLite makes no checkpoint if the file was moved. The last posts would stay in a
        // write-ahead log that no longer belongs to any file.
        if !self.files_are_in_place()
            && let Err(error) = self.checkpoint()
        {
            log::error!("the last posts may be only in the store's -wal file: {error}");
        }
    }
}

/// Opens or creates a file and locks it against other servers. The system releases the lock when the process ends, even
/// after a crash. The lock is independent of SQLite's own.
fn lock(file: &Path) -> Result<File, OpenError> {
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(file)?;
    if !lock.metadata()?.is_file() {
        return Err(OpenError::NotAFile);
    }
    let deadline = Instant::now() + TAKEOVER_TIMEOUT;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(BUSY_TIMEOUT),
            Err(Errno::WOULDBLOCK) => return Err(OpenError::InUse),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

/// A path, and the device and inode numbers of the file that it led to.
#[derive(Debug)]
struct OpenedFile {
    path: PathBuf,
    id: (u64, u64),
}

impl OpenedFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let id = file_id(&path)?;
        Ok(Self { path, id })
    }

    /// True if the path still leads to the same file.
    fn is_in_place(&self) -> bool {
        file_id(&self.path).is_ok_and(|id| id == self.id)
    }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The store, open for reading, even while a server writes to it.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

impl Reader {
    /// Opens an existing file.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let file = file.canonicalize()?;
        if !file.metadata()?.is_file() {
            return Err(OpenError::NotAFile);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(OPEN_TIMEOUT)?;
        Ok(Self { connection })
    }

    /// Checks that the file is a store that this version can read.
    pub fn check(&self) -> Result<(), OpenError> {
        check(&self.connection)
    }

    /// True if something was ever posted in a room.
    pub fn has_room(&self, room: &RoomName) -> Result<bool, OpenError> {
        let room = self.connection.query_row("SELECT 1 FROM room WHERE key = ?1", [room.key()], |_| Ok(()));
        Ok(room.optional()?.is_some())
    }

    /// Makes each read wait no longer than [`BUSY_TIMEOUT`] for another program, for a caller that retries.
    pub fn use_short_timeout(&self) -> Result<(), OpenError> {
        Ok(self.connection.busy_timeout(BUSY_TIMEOUT)?)
    }

    /// The last posts of a room, oldest first: at most `count`, none from before `not_before` (in milliseconds since
    /// 1970), and no more text than a history may hold.
    pub fn last_posts(
        &self,
        room: &RoomName,
        count: usize,
        not_before: u64,
    ) -> Result<Vec<Post>, StoreError> {
        let mut posts = self.connection.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND at >= ?3 ORDER BY n DESC LIMIT ?2",
        )?;
        let posts = posts.query_map(params![room.key(), count as u64, not_before], post)?;
        let mut log = take_page(posts, count, MAX_HISTORY_BYTES)?;
        log.reverse();
        Ok(log)
    }

    /// Calls `each` with every post of a room after number `after`, in order, until a call fails.
    ///
    /// No read is open during the calls. An open read blocks checkpoints of the write-ahead log, and `each` may be as
    /// slow as a client's network.
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

    /// The next posts of a room after number `after`. Empty at the end of the log.
    fn page(&self, room: &RoomName, after: u64) -> rusqlite::Result<Vec<Post>> {
        let mut posts = self.connection.prepare_cached(
            "SELECT n, user, name, text, at FROM post
             WHERE room = (SELECT id FROM room WHERE key = ?1) AND n > ?2 ORDER BY n LIMIT ?3",
        )?;
        let posts = posts.query_map(params![room.key(), after, PAGE_POSTS as u64], post)?;
        take_page(posts, PAGE_POSTS, PAGE_BYTES)
    }
}

/// Takes posts until there are `max_posts`, or their texts have `max_bytes` bytes. The last one may exceed that.
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
        return Err(OpenError::NotAStore);
    }
    if pragma("user_version")? > SCHEMA_VERSION {
        return Err(OpenError::NewerVersion);
    }
    // Fails if a table or a column is missing, which means damage.
    for query in ["SELECT id, key, last_n FROM room", "SELECT room, n, user, name, text, at, mark FROM post"]
    {
        connection.prepare(query).map_err(|error| OpenError::Damaged(error.to_string()))?;
    }
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_CHECKED_SIZE) {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged(found)) }
}

fn post(row: &rusqlite::Row<'_>) -> rusqlite::Result<Post> {
    let [n, id, at] = [0, 1, 4].map(|column| row.get::<_, u64>(column));
    Ok(Post { n: n?, id: UserId(id?), name: row.get(2)?, text: row.get(3)?, at: at? })
}

/// Stores a post under the next number of its room. If it was stored before, returns that post.
fn insert(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn post(text: &str) -> PendingPost {
        PendingPost { id: UserId(1), name: "Ada".to_owned(), text: text.to_owned(), at: 1, reference: None }
    }

    #[test]
    fn a_page_is_bounded_in_posts_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        let third = "x".repeat(PAGE_BYTES / 3 + 1);
        for (room, text, len) in [("short", "text", PAGE_POSTS), ("long", third.as_str(), 3)] {
            let room = RoomName::parse(room).unwrap();
            let posts = vec![post(text); 2 * len];
            database.record(posts.iter().map(|post| (&room, post))).unwrap();
            assert_eq!(reader.page(&room, 0).unwrap().len(), len);
        }
    }

    #[test]
    fn a_checkpoint_that_a_reader_blocks_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let mut database = Database::open(&file).unwrap();
        let reader = Connection::open(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM post").unwrap();
        let room = RoomName::parse("r").unwrap();
        database.record([(&room, &post("text"))].into_iter()).unwrap();
        assert!(matches!(database.checkpoint(), Err(StoreError::Locked)));
        reader.execute_batch("COMMIT").unwrap();
        assert!(database.checkpoint().is_ok());
    }
}
