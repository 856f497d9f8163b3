//! Reading the store, even while a server writes to it: the last posts of a room, or all of them page by page.

use crate::room::history::MAX_HISTORY_BYTES;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::state::RoomRecord;
use crate::store::error::{OpenError, StoreError};
use crate::store::room_list::StoredRoom;
use crate::store::schema::{self, BUSY_TIMEOUT, OPEN_TIMEOUT, post};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::io;
use std::path::Path;

/// Maximum number of posts in one read.
const PAGE_POSTS: usize = 100;

/// Size of the texts after which one read ends, in bytes. The last post may exceed it.
const PAGE_BYTES: usize = 256 * 1024;

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
        schema::check(&self.connection)
    }

    /// True if something was ever posted in a room.
    pub fn has_room(&self, room: &RoomName) -> Result<bool, OpenError> {
        let room = self.connection.query_row(
            "SELECT 1 FROM room WHERE key = ?1 AND last_n > 0",
            [room.key()],
            |_| Ok(()),
        );
        Ok(room.optional()?.is_some())
    }

    /// Makes each read wait no longer than [`BUSY_TIMEOUT`] for another program, for a caller that retries.
    pub fn use_short_timeout(&self) -> Result<(), OpenError> {
        Ok(self.connection.busy_timeout(BUSY_TIMEOUT)?)
    }

    /// A room's record; the default if there is none. If it is damaged, the room may have been hidden
    /// and locked, so it is.
    pub fn record(&self, room: &RoomName) -> Result<RoomRecord, StoreError> {
        let mut record = self.connection.prepare_cached("SELECT state FROM room WHERE key = ?1")?;
        let json =
            record.query_row([room.key()], |row| row.get::<_, Option<String>>(0)).optional()?.flatten();
        let parsed = json.map(|json| serde_json::from_str(&json)).transpose().unwrap_or_else(|error| {
            log::error!("a room opens hidden and locked, because its settings are damaged: {error}");
            Some(RoomRecord::closed())
        });
        Ok(parsed.unwrap_or_default())
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
        let mut log = take_page(posts, MAX_HISTORY_BYTES)?;
        log.reverse();
        Ok(log)
    }

    /// The rooms with posts, the one with the newest post first.
    pub fn rooms(&self) -> Result<Vec<StoredRoom>, OpenError> {
        let mut rooms = self.connection.prepare(
            "SELECT key, count(*), max(at) FROM room JOIN post ON post.room = room.id
             GROUP BY room.id ORDER BY max(at) DESC, key",
        )?;
        let room =
            |row: &Row<'_>| Ok(StoredRoom { name: row.get(0)?, posts: row.get(1)?, last_at: row.get(2)? });
        Ok(rooms.query_map([], room)?.collect::<Result<_, _>>()?)
    }

    /// The number of the last of `max` posts of a room after number `after`, if more posts follow it.
    pub(crate) fn page_end(&self, room: &RoomName, after: u64, max: usize) -> Result<Option<u64>, OpenError> {
        let mut numbers = self.connection.prepare_cached(
            "SELECT n FROM post WHERE room = (SELECT id FROM room WHERE key = ?1) AND n > ?2
             ORDER BY n LIMIT 2 OFFSET ?3",
        )?;
        let skipped = max.saturating_sub(1) as u64;
        let numbers = numbers.query_map(params![room.key(), after, skipped], |row| row.get(0))?;
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        Ok(numbers.first().copied().filter(|_| numbers.len() > 1))
    }

    /// Calls `each` with every post of a room after number `after`, in order, until a call fails.
    ///
    /// No read is open during the calls. An open read blocks checkpoints of the write-ahead log, and `each` may be as
    /// slow as a client's network.
    pub fn read(
        &self,
        room: &RoomName,
        after: u64,
        each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        self.read_some(room, after, usize::MAX, each)
    }

    /// The same with at most `max` posts.
    pub(crate) fn read_some(
        &self,
        room: &RoomName,
        mut after: u64,
        mut max: usize,
        mut each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let mut page = self.page(room, after).map_err(io::Error::other)?;
            page.truncate(max);
            max -= page.len();
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
        take_page(posts, PAGE_BYTES)
    }
}

/// Takes posts until their texts have `max_bytes` bytes. The last one may exceed that.
fn take_page(
    posts: impl Iterator<Item = rusqlite::Result<Post>>,
    max_bytes: usize,
) -> rusqlite::Result<Vec<Post>> {
    let mut page = Vec::new();
    let mut bytes = 0;
    for post in posts {
        let post = post?;
        bytes += post.text.len();
        page.push(post);
        if bytes >= max_bytes {
            break;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ClientId, RoomId, UserId};
    use crate::room::history::History;
    use crate::room::post::{Numbered, PendingPost};
    use crate::store::database::Database;
    use crate::store::request::StorePost;

    fn record(room: &RoomName, text: &str) -> StorePost {
        let (name, text) = ("Ada".to_owned(), text.to_owned());
        let post = PendingPost { id: UserId(1), name, text, at: 1, reference: None };
        StorePost { room: RoomId(1), name: room.clone(), post, after: 0, epoch: None, by: ClientId(1).into() }
    }

    #[test]
    fn a_page_is_bounded_in_posts_and_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        let third = "x".repeat(PAGE_BYTES / 3 + 1);
        for (room, text, len) in [("short", "text", PAGE_POSTS), ("long", third.as_str(), 3)] {
            let room = RoomName::parse(room).unwrap();
            let post = record(&room, text);
            database.store_posts((0..2 * len).map(|_| &post)).unwrap();
            assert_eq!(reader.page(&room, 0).unwrap().len(), len);
        }
    }

    #[test]
    fn rooms_are_listed_with_their_posts_and_pages_end_where_more_follow() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        assert_eq!(reader.rooms().unwrap(), []);
        let [physics, other] = ["Physics", "other"].map(|name| RoomName::parse(name).unwrap());
        let post = |room, at| {
            let record = record(room, "text");
            StorePost { post: PendingPost { at, ..record.post }, ..record }
        };
        let posts = [post(&physics, 5), post(&physics, 9), post(&other, 7), post(&physics, 6)];
        database.store_posts(posts.iter()).unwrap();
        let room = |name: &str, posts, last_at| StoredRoom { name: name.to_owned(), posts, last_at };
        assert_eq!(reader.rooms().unwrap(), [room("physics", 3, 9), room("other", 1, 7)]);
        let end = |after, max| reader.page_end(&physics, after, max).unwrap();
        assert_eq!(
            [end(0, 1), end(0, 2), end(0, 3), end(1, 1), end(2, 1)],
            [Some(1), Some(2), None, Some(2), None]
        );
        let read = |after, max| {
            let mut numbers = Vec::new();
            let each = |post: Post| {
                numbers.push(post.n);
                Ok(())
            };
            reader.read_some(&physics, after, max, each).unwrap();
            numbers
        };
        assert_eq!([read(0, 2), read(2, 2), read(0, usize::MAX)], [vec![1, 2], vec![3], vec![1, 2, 3]]);
    }

    #[test]
    fn a_loaded_history_has_the_posts_that_the_room_had() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        const MAX: usize = MAX_HISTORY_BYTES;
        // As JSON, a line break takes two bytes.
        let sizes = [1, MAX / 2, MAX / 4, 2 * MAX, MAX, 1, MAX / 2, MAX / 2, 1, MAX + 1, 3, 4, 5, 6];
        for (len, letter) in [(3, "x"), (100, "x"), (100, "\n")] {
            let room = RoomName::parse(&format!("{len} {}", letter.escape_debug())).unwrap();
            let mut kept = History::new(len);
            for size in sizes {
                let posts = [record(&room, &letter.repeat(size))];
                for numbered in database.store_posts(posts.iter()).unwrap() {
                    let Numbered::New(post) = numbered else { panic!("a duplicate") };
                    kept.push(post);
                }
                let mut loaded = History::new(len);
                loaded.load(reader.last_posts(&room, len, 0).unwrap());
                assert!(loaded.posts_after(0).eq(kept.posts_after(0)), "{size} bytes, at most {len} posts");
            }
        }
    }

    #[test]
    fn a_room_whose_record_is_damaged_is_hidden_and_locked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        let room = RoomName::parse("r").unwrap();
        database.store_posts([&record(&room, "text")].into_iter()).unwrap();
        assert_eq!(reader.record(&room).unwrap(), RoomRecord::default(), "nothing is remembered");
        let other = Connection::open(&file).unwrap();
        for json in ["", "{", "[]", r#"{"state":{"hidden":false}}"#] {
            other.execute("UPDATE room SET state = ?1", [json]).unwrap();
            assert_eq!(reader.record(&room).unwrap(), RoomRecord::closed(), "{json:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_a_history_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let (mut database, reader) = (Database::open(&file).unwrap(), Reader::open(&file).unwrap());
        let room = RoomName::parse("r").unwrap();
        let third = record(&room, &"x".repeat(MAX_HISTORY_BYTES / 3 + 1));
        database.store_posts((0..10).map(|_| &third)).unwrap();
        assert_eq!(reader.last_posts(&room, 100, 0).unwrap().len(), 3);
        assert_eq!(reader.last_posts(&room, 2, 0).unwrap().len(), 2);
    }
}
