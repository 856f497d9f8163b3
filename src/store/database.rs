//! Writing the store's file: an SQLite database with the posts of all rooms, the last post number of each room, what
//! its hosts have set, and a key for each post that recognises a repeated one. It never holds what is in a box or a
//! session. [`crate::store`] decides when to read and write.

use crate::room::post::{Numbered, Post};
use crate::store::error::{OpenError, StoreError};
use crate::store::files::{self, OpenedFile};
use crate::store::request::{Change, Erase, Save, StorePost};
use crate::store::schema::{self, BUSY_TIMEOUT, OPEN_TIMEOUT, post};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs::File;
use std::path::Path;

/// Size to which SQLite truncates the write-ahead log (the `-wal` file) after a checkpoint, in bytes. It grows larger
/// only during a long read.
const WAL_SIZE: u32 = 4 * 1024 * 1024;

/// Largest write-ahead log to which another commit is added, of new posts or of deleted ones, in bytes. SQLite empties
/// the log every few megabytes, but not while another program reads an old version of the file, such as a backup that
/// was suspended.
const MAX_WAL_SIZE: u64 = 64 * 1024 * 1024;

/// The store, open for writing. Only one server can have it open.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    file: OpenedFile,
    /// Its write-ahead log.
    wal: OpenedFile,
    /// Locks out other servers. Dropped after the connection, because closing a file releases all POSIX locks that the
    /// process holds on it, SQLite's too.
    _lock: File,
}

impl Database {
    /// Opens a store for writing. Creates it if the file does not exist.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let lock = files::lock(file)?;
        // An absolute path, because SQLite treats names such as `:memory:` as commands.
        let file = file.canonicalize()?;
        let mut connection = Connection::open(&file)?;
        connection.busy_timeout(OPEN_TIMEOUT)?;
        // Checked before anything is written, so that a file of another program stays unchanged.
        let is_empty: bool =
            connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
        if !is_empty {
            schema::check(&connection)?;
        }
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", WAL_SIZE)?;
        // Overwrites deleted posts in the file.
        connection.pragma_update(None, "secure_delete", true)?;
        // A post survives a power failure once users have seen it.
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if is_empty {
            schema::create(&transaction)?;
        }
        schema::migrate(&transaction)?;
        transaction.commit()?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        files::warn_of_readers(&file);
        let (wal, file) = (OpenedFile::new(files::wal(&file))?, OpenedFile::new(file)?);
        Ok(Self { connection, file, wal, _lock: lock })
    }

    /// Limits the size of the file, in bytes. A file that is larger already does not grow. Deleted posts make room for
    /// new ones.
    pub fn limit_size(&self, max: u64) -> Result<(), OpenError> {
        let page_size: u64 = self.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        // SQLite's own guard, because nothing else knows how many pages a commit takes.
        self.connection.pragma_update(None, "max_page_count", max / page_size)?;
        Ok(())
    }

    /// Numbers and stores posts in one transaction: all of them or none.
    pub fn store_posts<'a>(
        &mut self,
        records: impl Iterator<Item = &'a StorePost>,
    ) -> Result<Vec<Numbered>, StoreError> {
        self.ensure_space()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let numbered = records.map(|record| insert(&transaction, record)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(numbered)
    }

    /// Makes changes in one transaction: all of them or none, except that it ends after `max_size` bytes, which the
    /// last one may exceed. Returns for each that it made whether there was anything to change.
    pub fn change<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
        max_size: usize,
    ) -> Result<Vec<bool>, StoreError> {
        self.ensure_space()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (mut found, mut size) = (Vec::new(), 0);
        for change in changes {
            let written = match change {
                Change::Save(change) => Some(save(&transaction, change)?),
                Change::Erase(change) => erase(&transaction, change)?,
            };
            found.push(written.is_some());
            size += written.unwrap_or(0);
            if size >= max_size {
                break;
            }
        }
        transaction.commit()?;
        Ok(found)
    }

    /// Deletes the oldest posts from before `at`, in milliseconds since 1970: at most `max`, and none after `max_size`
    /// bytes of text, which the last one may exceed. Returns how many it deleted. Their numbers are never used again.
    pub fn delete_before(&mut self, at: u64, max: usize, max_size: usize) -> Result<usize, StoreError> {
        // SQLite knows the length of a text without reading it.
        let delete = "DELETE FROM post WHERE (room, n) IN (
            SELECT room, n FROM (
                SELECT room, n, total(size) OVER (
                    ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS size_before FROM (
                    SELECT room, n, at, octet_length(text) AS size FROM post WHERE at < ?1 ORDER BY at LIMIT ?2
                )
            ) WHERE size_before < ?3
        )";
        self.ensure_space()?;
        Ok(self.connection.execute(delete, params![at, max as u64, max_size as u64])?)
    }

    /// Whether there is a post from before `at`, in milliseconds since 1970.
    pub fn has_posts_before(&self, at: u64) -> Result<bool, StoreError> {
        let find = "SELECT EXISTS (SELECT 1 FROM post WHERE at < ?1)";
        Ok(self.connection.query_row(find, [at], |row| row.get(0))?)
    }

    /// Deletes rooms without posts that were last used before `at`, but no more than `max`. Returns how many it
    /// deleted. Their numbers begin at 1 again, unless a record says which come after.
    pub fn delete_rooms_before(&mut self, at: u64, max: usize) -> Result<usize, StoreError> {
        let delete = "DELETE FROM room WHERE id IN (
            SELECT id FROM room
            WHERE last_at < ?1 AND NOT EXISTS (SELECT 1 FROM post WHERE post.room = room.id) LIMIT ?2
        )";
        self.ensure_space()?;
        Ok(self.connection.execute(delete, params![at, max as u64])?)
    }

    /// The time of the newest post, in milliseconds since 1970. `None` if there is no post.
    pub fn newest_post(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.connection.query_row("SELECT max(at) FROM post", [], |row| row.get(0))?)
    }

    /// Moves everything from the write-ahead log into the file and truncates the log, which still holds deleted posts.
    /// Fails with [`StoreError::Locked`] if another connection blocks it, by reading for example.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        // SQLite reports this in the first column of the result, not as an error.
        let is_blocked =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_blocked { Err(StoreError::Locked) } else { Ok(()) }
    }

    /// Checks that the files are in place and that the write-ahead log may grow. Empties the log if it is too large.
    /// Deleting needs it too: the pages of deleted posts are overwritten, and so they go through the log.
    fn ensure_space(&mut self) -> Result<(), StoreError> {
        if !self.files_are_in_place() {
            return Err(StoreError::Moved);
        }
        if self.wal.size() > MAX_WAL_SIZE && self.checkpoint().is_err() {
            return Err(StoreError::LogFull);
        }
        Ok(())
    }

    fn files_are_in_place(&self) -> bool {
        self.file.is_in_place() && self.wal.is_in_place()
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

/// Stores a post under the next number of its room. If it was stored before, returns that post.
fn insert(transaction: &Transaction<'_>, record: &StorePost) -> rusqlite::Result<Numbered> {
    let StorePost { name: room, post: pending, after, .. } = record;
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
            "INSERT INTO room (key, last_n, last_at) VALUES (?1, ?2 + 1, ?3)
             ON CONFLICT (key) DO UPDATE SET last_n = max(last_n, ?2) + 1, last_at = ?3 RETURNING id, last_n",
        )?
        .query_row(params![room.key(), after, pending.at], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Post { n, id, name, text, at } = pending.clone().numbered(n);
    transaction
        .prepare_cached(
            "INSERT INTO post (room, n, user, name, text, at, mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![room, n, id.0, name, text, at, mark])?;
    Ok(Numbered::New(Post { n, id, name, text, at }))
}

/// Stores a room's record. Returns its size in bytes. A room with an empty record that never had a post leaves no
/// trace.
fn save(transaction: &Transaction<'_>, Save { name, record, at, .. }: &Save) -> rusqlite::Result<usize> {
    if record.is_empty() {
        transaction.prepare_cached("UPDATE room SET state = NULL WHERE key = ?1")?.execute([name.key()])?;
        transaction
            .prepare_cached("DELETE FROM room WHERE key = ?1 AND last_n = 0")?
            .execute([name.key()])?;
        return Ok(0);
    }
    let json = serde_json::to_string(record)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached(
            "INSERT INTO room (key, last_n, last_at, state) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET last_at = max(last_at, ?2), state = ?3",
        )?
        .execute(params![name.key(), at, json])?;
    Ok(json.len())
}

/// Overwrites the text of a post. Returns its size in bytes; `None` if there is no such post.
fn erase(transaction: &Transaction<'_>, Erase { name, n, .. }: &Erase) -> rusqlite::Result<Option<usize>> {
    // SQLite knows the length of a text without reading it.
    let find = "SELECT room, octet_length(text) FROM post WHERE room = (SELECT id FROM room WHERE key = ?1) AND n = ?2";
    let found = transaction
        .prepare_cached(find)?
        .query_row(params![name.key(), n], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, usize>(1)?)))
        .optional()?;
    let Some((room, size)) = found else { return Ok(None) };
    transaction
        .prepare_cached("UPDATE post SET text = '' WHERE room = ?1 AND n = ?2")?
        .execute(params![room, n])?;
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClientId, RoomId, UserId};
    use crate::room::post::PendingPost;
    use crate::room::room_name::RoomName;
    use crate::room::state::RoomRecord;

    fn record(text: &str) -> StorePost {
        let (name, text) = ("Ada".to_owned(), text.to_owned());
        let post = PendingPost { id: UserId(1), name, text, at: 1, reference: None };
        StorePost {
            room: RoomId(1),
            name: RoomName::parse("r").unwrap(),
            post,
            after: 0,
            epoch: None,
            by: ClientId(1).into(),
        }
    }

    #[test]
    fn a_room_that_remembers_nothing_any_more_leaves_no_trace_unless_it_has_posts() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = Database::open(&folder.path().join("wall.sqlite")).unwrap();
        database.store_posts([&record("text")].into_iter()).unwrap();
        let save = |database: &mut Database, name: &str, record: RoomRecord| {
            let name = RoomName::parse(name).unwrap();
            let save = Change::Save(Save { room: RoomId(1), name, record, at: 5, epoch: None });
            database.change([&save].into_iter(), 1).unwrap();
            let rooms = "SELECT group_concat(key || ' ' || last_n || ' ' || (state IS NOT NULL)) FROM room";
            database.connection.query_row(rooms, [], |row| row.get::<_, String>(0)).unwrap()
        };
        assert_eq!(save(&mut database, "r", RoomRecord::closed()), "r 1 1");
        assert_eq!(save(&mut database, "other", RoomRecord::closed()), "r 1 1,other 0 1");
        assert_eq!(save(&mut database, "r", RoomRecord::default()), "r 1 0,other 0 1");
        assert_eq!(save(&mut database, "other", RoomRecord::default()), "r 1 0");
    }

    #[test]
    fn a_checkpoint_that_a_reader_blocks_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let mut database = Database::open(&file).unwrap();
        let reader = Connection::open(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM post").unwrap();
        database.store_posts([&record("text")].into_iter()).unwrap();
        assert!(matches!(database.checkpoint(), Err(StoreError::Locked)));
        reader.execute_batch("COMMIT").unwrap();
        assert!(database.checkpoint().is_ok());
    }

    #[test]
    fn a_full_store_takes_posts_again_once_old_ones_are_deleted() {
        const MAX: u64 = 1024 * 1024;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let mut database = Database::open(&file).unwrap();
        database.limit_size(MAX).unwrap();
        let post = record(&"x".repeat(50_000));
        let record = |database: &mut Database| database.store_posts([&post].into_iter());
        for _ in 0..2 {
            let mut outcomes = (0..100).map(|_| record(&mut database));
            assert!(matches!(outcomes.find(Result::is_err), Some(Err(StoreError::Full))));
            drop(outcomes);
            database.checkpoint().unwrap();
            assert!(file.metadata().unwrap().len() <= MAX);
            assert!(database.delete_before(2, 100, 10_000_000).unwrap() > 10);
        }
        assert!(record(&mut database).is_ok());
    }

    #[test]
    fn the_write_ahead_log_has_a_maximum_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let mut database = Database::open(&file).unwrap();
        let reader = Connection::open(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM post").unwrap();
        let post = record(&"x".repeat(1024 * 1024));
        let mut outcomes = (0..100).map(|_| database.store_posts([&post].into_iter()));
        assert!(matches!(outcomes.find(Result::is_err), Some(Err(StoreError::LogFull))));
        drop(outcomes);
        assert!(database.wal.size() < MAX_WAL_SIZE + 2 * 1024 * 1024);
        assert!(matches!(database.delete_before(2, 1, 1), Err(StoreError::LogFull)));
        assert!(matches!(database.delete_rooms_before(2, 1), Err(StoreError::LogFull)));
        reader.execute_batch("COMMIT").unwrap();
        assert_eq!(database.delete_before(2, 1, 1).unwrap(), 1);
        assert!(database.store_posts([&post].into_iter()).is_ok());
        assert!(database.wal.size() < MAX_WAL_SIZE, "the log is emptied");
    }

    #[test]
    fn posts_are_deleted_up_to_a_number_and_a_size_the_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = Database::open(&folder.path().join("wall.sqlite")).unwrap();
        // Two bytes a character.
        let mut posts: Vec<StorePost> = (0..6).map(|_| record(&"é".repeat(500))).collect();
        for (post, at) in posts.iter_mut().zip([6, 5, 4, 3, 2, 1]) {
            post.post.at = at;
        }
        database.store_posts(posts.iter()).unwrap();
        let mut delete = |max, max_size| {
            let deleted = database.delete_before(6, max, max_size).unwrap();
            let left = "SELECT count(*) || ' to ' || max(n) FROM post";
            let left: String = database.connection.query_row(left, [], |row| row.get(0)).unwrap();
            (deleted, left, database.has_posts_before(6).unwrap())
        };
        assert_eq!(delete(10, 1001), (2, "4 to 4".to_owned(), true), "the last one may exceed the size");
        assert_eq!(delete(10, 1), (1, "3 to 3".to_owned(), true), "one alone always may");
        assert_eq!(delete(1, 9999), (1, "2 to 2".to_owned(), true));
        assert_eq!(delete(10, 9999), (1, "1 to 1".to_owned(), false), "the newest stays");
    }

    #[test]
    fn nothing_is_deleted_while_the_file_is_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let [file, elsewhere] = ["wall.sqlite", "elsewhere.sqlite"].map(|name| folder.path().join(name));
        let mut database = Database::open(&file).unwrap();
        database.store_posts([&record("text")].into_iter()).unwrap();
        std::fs::rename(&file, &elsewhere).unwrap();
        assert!(matches!(database.delete_before(2, 1, 1), Err(StoreError::Moved)));
        std::fs::rename(&elsewhere, &file).unwrap();
        assert_eq!(database.delete_before(2, 1, 1).unwrap(), 1);
    }
}
