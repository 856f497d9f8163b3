//! The store: posts are committed before any client is sent them. After a restart each of them is there once.

use crate::support::http::Response;
use crate::test_store::TestStore;
use chunked_transfer::Decoder;
use rusqlite::Connection;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use typewall::internals::Database;
use typewall::{OpenError, Reader, RoomName};

#[test]
fn after_a_restart_a_room_has_its_log_and_goes_on_numbering() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("physics", "Ada");
    for n in 1..=4 {
        ada.post(&format!("post {n}"));
    }
    ada.until("four posts", |page| page.log.len() == 4);
    server.stop();
    let server = store.serve();
    let mut bob = server.join("PHYSICS", "Bob");
    assert_eq!(bob.page.posts(), ["post 2", "post 3", "post 4"]);
    assert_eq!(bob.page.log[2]["name"], "Ada");
    assert_ne!(bob.page.log[2]["id"].as_str(), bob.page.you.as_deref(), "ids are not reused");
    bob.post_and_wait("post 5");
    assert_eq!(bob.page.log[3]["n"], 5);
    assert!(server.join("chemistry", "Cem").page.log.is_empty());
}

#[test]
fn a_room_that_was_empty_has_its_log_again() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("kept");
    ada.leave();
    assert_eq!(server.join("r", "Bob").page.posts(), ["kept"]);
}

#[test]
fn a_ref_that_is_repeated_after_a_restart_posts_nothing() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    let session = ada.page.session.clone().unwrap();
    ada.post_as("a1", "once");
    let first = ada.wait_for("data");
    server.stop();
    let server = store.serve();
    let mut ada = server.rejoin("r", "Ada", &session);
    ada.post_as("a1", "once");
    assert_eq!(ada.wait_for("data"), first);
    assert_eq!(server.join("r", "Bob").page.posts(), ["once"]);
    let mut other = server.join("r", "Other");
    assert_eq!(other.try_post("a1", "the same ref of another user"), Ok(2));
}

#[test]
fn neither_sessions_nor_unposted_texts_are_in_the_files() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    ada.write("a secret that was never posted");
    ada.try_post("1", "posted by Ada").unwrap();
    let session = ada.page.session.clone().unwrap();
    ada.write("never posted, and its author is away");
    let mut bob = server.join("r", "Bob");
    drop(ada);
    bob.sees_away("Ada", true);
    let search = |names: &[&str]| {
        let mut found: Vec<_> = fs::read_dir(store.folder()).unwrap().map(Result::unwrap).collect();
        found.sort_by_key(fs::DirEntry::file_name);
        assert!(found.iter().map(fs::DirEntry::file_name).eq(names.iter().copied()));
        let bytes = found.iter().flat_map(|file| fs::read(file.path()).unwrap()).collect::<Vec<u8>>();
        let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        let bits = u128::from_str_radix(&session, 16).unwrap();
        assert!(has(b"posted by Ada"), "the search finds what was posted");
        assert!(!has(b"never posted") && !has(session.as_bytes()));
        assert!(!has(&bits.to_le_bytes()) && !has(&bits.to_be_bytes()));
    };
    search(&["wall.sqlite", "wall.sqlite-shm", "wall.sqlite-wal"]);
    server.stop();
    search(&["wall.sqlite"]);
}

#[test]
fn a_large_store_opens_without_being_read_and_damage_is_found_later() {
    let store = TestStore::new();
    drop(Database::open(&store.options.file).unwrap());
    let connection = store.connect();
    let large = "INSERT INTO room VALUES (1, 'r', 1, 1, NULL), (2, 'sound', 0, 1, NULL);
                 INSERT INTO post VALUES (1, 1, 1, 'Ada', hex(zeroblob(40000000)), 1, NULL);
                 PRAGMA wal_checkpoint(TRUNCATE)";
    connection.execute_batch(large).unwrap();
    drop(connection);
    let disk = fs::File::options().write(true).open(&store.options.file).unwrap();
    // Behind the first page of each table and index.
    disk.write_all_at(&[0xA5; 64 * 4096], 8 * 4096).unwrap();
    assert!(Reader::open(&store.options.file).unwrap().check().is_ok());
    let server = store.serve();
    assert!(server.join("r", "Ada").page.log.is_empty(), "a room opens without posts that cannot be read");
    let mut bob = server.join("sound", "Bob");
    bob.post("may be next to damaged pages");
    bob.until("an answer", |page| !page.log.is_empty() || page.errors == ["not_stored"]);
    bob.write("live");
    server.join("sound", "Cem").sees("Bob", "live");
}

#[test]
fn old_posts_are_dropped_and_their_numbers_are_not_reused() {
    let mut store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("old");
    ada.post_and_wait("new");
    server.stop();
    store.connect().execute("UPDATE post SET at = 0 WHERE text = 'old'", []).unwrap();
    store.options.keep_days = Some(1);
    let server = store.serve();
    let mut bob = server.join("r", "Bob");
    assert_eq!(bob.page.posts(), ["new"]);
    bob.post_and_wait("newer");
    assert_eq!(bob.page.log[1]["n"], 3);
}

#[test]
fn while_nothing_can_be_stored_posts_are_refused_and_the_room_works() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let breaker = store.connect();
    let fail = "CREATE TRIGGER full BEFORE INSERT ON post BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    breaker.execute(fail, []).unwrap();
    assert_eq!(ada.try_post("7", "again"), Err("not_stored".to_owned()));
    ada.write("still live");
    bob.sees("Ada", "still live");
    breaker.execute("DROP TRIGGER full", []).unwrap();
    assert_eq!(ada.try_post("7", "again"), Ok(1), "the refused post took no number");
    bob.until("the post", |page| page.posts() == ["again"]);
}

#[test]
fn the_log_over_http_is_read_from_the_file() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    for n in 1..=5 {
        ada.post(&n.to_string());
    }
    ada.until("five posts", |page| page.log.len() == 5);
    let body = server.get_chunked("/log?room=r&format=json&after=1", "");
    let posts: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
    let texts: Vec<&str> = posts.iter().map(|post| post["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["2", "3", "4", "5"], "more than the three that the room keeps");
}

#[test]
fn a_log_that_cannot_be_read_to_its_end_does_not_look_complete() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    for n in 1..=110 {
        ada.post(&n.to_string());
    }
    ada.until("all posts", |page| page.log.len() == 110);
    // In the second read.
    store.connect().execute("UPDATE post SET text = x'FF' WHERE n = 110", []).unwrap();
    let mut socket = server.dial();
    socket.write_all(b"GET /log?room=r HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 200);
    let mut log = String::new();
    Decoder::new(socket).read_to_string(&mut log).expect_err("no last chunk");
}

#[test]
fn a_slow_reader_does_not_block_checkpoints() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    // More posts and more bytes than are read at a time.
    for n in 0..110 {
        ada.post(&format!("{n} {}", "x".repeat(if n < 40 { 9000 } else { 1 })));
    }
    ada.until("all posts", |page| page.log.len() == 110);
    let reader = Reader::open(&store.options.file).unwrap();
    let other = store.connect();
    let mut read = Vec::new();
    let each = |post: typewall::internals::Post| {
        if [1, 50, 101].contains(&post.n) {
            other.execute("UPDATE room SET key = key", []).unwrap();
            let is_held: bool =
                other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
            assert!(!is_held, "at post {}", post.n);
        }
        read.push(post.n);
        Ok(())
    };
    reader.read(&RoomName::parse("r").unwrap(), 0, each).unwrap();
    assert!(read.into_iter().eq(1..=110));
}

#[test]
fn a_store_has_one_server_and_any_number_of_readers() {
    let store = TestStore::new();
    let first = Database::open(&store.options.file).unwrap();
    assert!(matches!(refused(&store.options.file), OpenError::InUse));
    assert!(Reader::open(&store.options.file).unwrap().check().is_ok());
    // Reading it in the same process must not take the lock away.
    assert!(matches!(refused(&store.options.file), OpenError::InUse));
    drop(first);
    assert!(Database::open(&store.options.file).is_ok());
    let names = fs::read_dir(store.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["wall.sqlite"], "nothing is left behind");
}

fn refused(file: &Path) -> OpenError {
    Database::open(file).expect_err("it cannot be served")
}

#[test]
fn files_that_are_no_store_are_told_apart_and_not_changed() {
    let store = TestStore::new();
    let text = store.path("notes.txt");
    fs::write(&text, "These are notes of some length, and no database at all.".repeat(20)).unwrap();
    assert!(matches!(refused(&text), OpenError::NotAStore));
    let foreign = store.path("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(refused(&foreign), OpenError::NotAStore));
    assert_eq!(fs::read(&foreign).unwrap(), before);
    let newer = store.path("newer.sqlite");
    drop(Database::open(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(refused(&newer), OpenError::NewerVersion));
    let missing = store.path("no folder").join("wall.sqlite");
    assert!(matches!(refused(&missing), OpenError::NotFound));
}

#[test]
fn damage_is_found_at_the_start() {
    let store = TestStore::new();
    let server = store.serve();
    let mut ada = server.join("r", "Ada");
    for _ in 0..50 {
        ada.post(&"x".repeat(5000));
    }
    ada.until("the posts", |page| page.log.len() == 50);
    server.stop();
    let mut bytes = fs::read(&store.options.file).unwrap();
    let end = bytes.len();
    bytes[8192..end].fill(0xA5);
    fs::write(&store.options.file, bytes).unwrap();
    assert!(matches!(refused(&store.options.file), OpenError::Damaged(_)));
    let reader = Reader::open(&store.options.file).unwrap();
    assert!(matches!(reader.check(), Err(OpenError::Damaged(_))));
}

/// A store of the first version with two rooms. The last post of one of them was deleted.
fn first_version(file: &Path) {
    let old = "CREATE TABLE room (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, last_n INTEGER NOT NULL);
               CREATE TABLE post (
                   room INTEGER NOT NULL REFERENCES room, n INTEGER NOT NULL, user INTEGER NOT NULL,
                   name TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, mark BLOB, PRIMARY KEY (room, n)
               ) WITHOUT ROWID;
               CREATE UNIQUE INDEX post_mark ON post (room, mark) WHERE mark IS NOT NULL;
               CREATE INDEX post_at ON post (at);
               PRAGMA application_id = 0x54595057;
               PRAGMA user_version = 1;
               INSERT INTO room VALUES (1, 'r', 2), (2, 'swept', 7);
               INSERT INTO post VALUES (1, 1, 9, 'Ada', 'one', 1000, NULL), (1, 2, 9, 'Ada', 'two', 2000, NULL);";
    Connection::open(file).unwrap().execute_batch(old).unwrap();
}

#[test]
fn a_store_of_the_first_version_is_read_as_it_is_and_served_as_one_of_this_version() {
    let store = TestStore::new();
    first_version(&store.options.file);
    let reader = Reader::open(&store.options.file).unwrap();
    reader.check().unwrap();
    assert_eq!(reader.last_posts(&RoomName::parse("r").unwrap(), 9, 0).unwrap().len(), 2);
    let server = store.serve();
    assert_eq!(server.join("r", "Bob").page.posts(), ["one", "two"]);
    assert_eq!(server.join("swept", "Bob").try_post("1", "eight"), Ok(8));
    assert_eq!(server.join("r", "Bob").try_post("1", "three"), Ok(3));
    server.stop();
    let connection = store.connect();
    let used = |room: &str| {
        let last_at = "SELECT last_at > 2000 FROM room WHERE key = ?1";
        connection.query_row(last_at, [room], |row| row.get::<_, bool>(0)).unwrap()
    };
    assert!(used("r") && used("swept"));
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 3);
    Reader::open(&store.options.file).unwrap().check().unwrap();
}

#[test]
fn a_migrated_room_counts_as_used_when_its_last_post_was_or_else_now() {
    let store = TestStore::new();
    first_version(&store.options.file);
    let mut database = Database::open(&store.options.file).unwrap();
    assert_eq!(database.delete_rooms_before(2_001, 10).unwrap(), 0, "a room with posts stays");
    assert_eq!([0, 1, 10].map(|max| database.delete_before(2_001, max, 1_000).unwrap()), [0, 1, 1]);
    assert_eq!(database.delete_rooms_before(2_000, 10).unwrap(), 0);
    assert_eq!([0, 1].map(|max| database.delete_rooms_before(2_001, max).unwrap()), [0, 1], "the room r");
    let now = typewall::internals::Now::read().unix_millis;
    assert_eq!(database.delete_rooms_before(now - 3_600_000, 10).unwrap(), 0);
    assert_eq!(database.delete_rooms_before(now + 3_600_000, 10).unwrap(), 1);
}
