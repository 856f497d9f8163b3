//! Posts on disk: committed before anybody is told, there again after a restart, each once.

use crate::person::TestServer;
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use typewall::room::names::RoomName;
use typewall::store::database::{Database, Reader};
use typewall::store::error::OpenError;
use typewall::{Limits, StoreOptions};

/// A folder that goes with the test, and a store in it.
pub struct Files {
    folder: TempDir,
    pub options: StoreOptions,
}

impl Files {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = StoreOptions::new(folder.path().join("wall.sqlite"));
        Self { folder, options }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&self) -> TestServer {
        TestServer::with_store(Limits { log_length: 3, ..Limits::DEFAULT }, Some(&self.options))
    }
}

/// Stops a server, and waits until all is written.
pub fn stop(server: TestServer) {
    server.stopper.stop();
    server.wait();
}

#[test]
fn a_room_comes_back_with_its_log_and_numbers_on() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("physics", "Ada");
    for n in 1..=4 {
        ada.post(&format!("post {n}"));
    }
    ada.until("four posts", |ada| ada.log.len() == 4);
    stop(server);
    let server = files.start();
    let mut bob = server.join("PHYSICS", "Bob");
    assert_eq!(bob.posts(), ["post 2", "post 3", "post 4"]);
    assert_eq!(bob.log[2]["name"], "Ada");
    assert_ne!(bob.log[2]["id"].as_str(), bob.you.as_deref(), "ids are not used again");
    bob.post("post 5");
    bob.until("the post", |bob| bob.log.len() == 4);
    assert_eq!(bob.log[3]["n"], 5);
    assert!(server.join("chemistry", "Cem").log.is_empty());
}

#[test]
fn a_room_comes_back_when_all_have_left_it() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    ada.post("kept");
    ada.until("the post", |ada| !ada.log.is_empty());
    ada.leave();
    assert_eq!(server.join("r", "Bob").posts(), ["kept"]);
}

#[test]
fn a_post_is_posted_once_also_across_a_restart() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    let session = ada.session.clone().unwrap();
    let post = json!({"text": "once", "ref": "a1"});
    ada.send("message", post.clone());
    ada.until("the post", |ada| !ada.log.is_empty());
    let first = ada.log.remove(0);
    stop(server);
    let server = files.start();
    let mut ada = server.connect("r");
    ada.return_as("Ada", &session);
    ada.send("message", post);
    ada.until("the answer", |ada| ada.log.len() == 2);
    assert_eq!(ada.log[1], first);
    assert_eq!(server.join("r", "Bob").posts(), ["once"]);
    let mut other = server.join("r", "Other");
    other.send("message", json!({"text": "a ref of another", "ref": "a1"}));
    other.until("the post", |other| other.log.len() == 2);
}

#[test]
fn neither_sessions_nor_what_was_not_posted_are_in_the_file() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    ada.write("a secret that was never posted");
    ada.send("message", json!({"text": "posted by Ada", "ref": "1"}));
    ada.until("the post", |ada| !ada.log.is_empty());
    let session = ada.session.clone().unwrap();
    ada.write("never posted, and the one who wrote it is away");
    let mut bob = server.join("r", "Bob");
    drop(ada);
    bob.until("Ada away", |bob| bob.is_away("Ada") == Some(true));
    let search = |names: &[&str]| {
        let mut found: Vec<_> = fs::read_dir(files.folder.path()).unwrap().map(Result::unwrap).collect();
        found.sort_by_key(fs::DirEntry::file_name);
        assert!(found.iter().map(fs::DirEntry::file_name).eq(names.iter().copied()));
        let bytes = found.iter().flat_map(|file| fs::read(file.path()).unwrap()).collect::<Vec<u8>>();
        let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        let bits = u128::from_str_radix(&session, 16).unwrap();
        assert!(has(b"posted by Ada"), "what was posted can be found in this way");
        assert!(!has(b"never posted") && !has(session.as_bytes()));
        assert!(!has(&bits.to_le_bytes()) && !has(&bits.to_be_bytes()));
    };
    search(&["wall.sqlite", "wall.sqlite-shm", "wall.sqlite-wal"]);
    stop(server);
    search(&["wall.sqlite"]);
}

#[test]
fn a_large_store_opens_without_being_read_and_damage_in_it_is_met_later() {
    let files = Files::new();
    drop(Database::open(&files.options.file).unwrap());
    let connection = Connection::open(&files.options.file).unwrap();
    let large = "INSERT INTO room VALUES (1, 'r', 1), (2, 'sound', 0);
                 INSERT INTO post VALUES (1, 1, 1, 'Ada', hex(zeroblob(40000000)), 1, NULL);
                 PRAGMA wal_checkpoint(TRUNCATE)";
    connection.execute_batch(large).unwrap();
    drop(connection);
    let disk = fs::File::options().write(true).open(&files.options.file).unwrap();
    // Behind the first page of each table and index.
    disk.write_all_at(&[0xA5; 64 * 4096], 8 * 4096).unwrap();
    assert!(Reader::open(&files.options.file).unwrap().check().is_ok());
    let server = files.start();
    assert!(server.join("r", "Ada").log.is_empty(), "what cannot be read is not shown, and the room opens");
    let mut bob = server.join("sound", "Bob");
    bob.post("may lie beside what is damaged");
    bob.until("an answer", |bob| !bob.log.is_empty() || bob.errors == ["not_stored"]);
    bob.write("live");
    server.join("sound", "Cem").sees("Bob", "live");
}

#[test]
fn old_posts_are_dropped_and_their_numbers_are_not() {
    let mut files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    ada.post("old");
    ada.post("new");
    ada.until("two posts", |ada| ada.log.len() == 2);
    stop(server);
    let connection = Connection::open(&files.options.file).unwrap();
    connection.execute("UPDATE post SET at = 0 WHERE text = 'old'", []).unwrap();
    drop(connection);
    files.options.keep_days = Some(1);
    let server = files.start();
    let mut bob = server.join("r", "Bob");
    assert_eq!(bob.posts(), ["new"]);
    bob.post("newer");
    bob.until("the post", |bob| bob.log.len() == 2);
    assert_eq!(bob.log[1]["n"], 3);
}

#[test]
fn while_nothing_can_be_stored_authors_are_told_and_service_goes_on() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let breaker = Connection::open(&files.options.file).unwrap();
    let fail = "CREATE TRIGGER full BEFORE INSERT ON post BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    breaker.execute(fail, []).unwrap();
    ada.send("message", json!({"text": "lost?", "ref": "7"}));
    let (event, data) = loop {
        let event = ada.receive().expect("an event");
        if event.0 == "error" {
            break event;
        }
    };
    assert_eq!((event.as_str(), &data["code"], &data["ref"]), ("error", &json!("not_stored"), &json!("7")));
    ada.write("still live");
    bob.sees("Ada", "still live");
    breaker.execute("DROP TRIGGER full", []).unwrap();
    ada.send("message", json!({"text": "lost?", "ref": "7"}));
    bob.until("the post", |bob| bob.posts() == ["lost?"]);
    assert_eq!(bob.log[0]["n"], 1, "what was refused has no number");
}

#[test]
fn the_log_is_read_from_the_file_while_it_is_served() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    for n in 1..=5 {
        ada.post(&n.to_string());
    }
    ada.until("five posts", |ada| ada.log.len() == 5);
    let body = crate::http::body(&server, "/log?room=r&format=json&after=1");
    let posts: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
    let texts: Vec<&str> = posts.iter().map(|post| post["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["2", "3", "4", "5"], "more than the three that the room keeps");
}

#[test]
fn whoever_reads_slowly_does_not_keep_the_journal_from_being_emptied() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    // More than is read at a time, by number and by bytes.
    for n in 0..110 {
        ada.post(&format!("{n} {}", "x".repeat(if n < 40 { 9000 } else { 1 })));
    }
    ada.until("all posts", |ada| ada.log.len() == 110);
    let reader = Reader::open(&files.options.file).unwrap();
    let other = Connection::open(&files.options.file).unwrap();
    let mut read = Vec::new();
    let each = |post: typewall::room::post::Post| {
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
    let files = Files::new();
    let first = Database::open(&files.options.file).unwrap();
    assert!(matches!(refused(&files.options.file), OpenError::InUse));
    assert!(Reader::open(&files.options.file).unwrap().check().is_ok());
    // Reading it in the same process must not take the lock away.
    assert!(matches!(refused(&files.options.file), OpenError::InUse));
    drop(first);
    assert!(Database::open(&files.options.file).is_ok());
    let names = fs::read_dir(files.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["wall.sqlite"], "nothing is left behind");
}

fn refused(file: &Path) -> OpenError {
    Database::open(file).expect_err("it is no store")
}

#[test]
fn what_is_no_store_is_told_apart_and_left_as_it_is() {
    let files = Files::new();
    let text = files.path("notes.txt");
    fs::write(&text, "These are notes of some length, and no database at all.".repeat(20)).unwrap();
    assert!(matches!(refused(&text), OpenError::NotAStore));
    let foreign = files.path("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(refused(&foreign), OpenError::NotAStore));
    assert_eq!(fs::read(&foreign).unwrap(), before);
    let newer = files.path("newer.sqlite");
    drop(Database::open(&newer).unwrap());
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(refused(&newer), OpenError::NewerVersion));
    let missing = files.path("no folder").join("wall.sqlite");
    assert!(matches!(refused(&missing), OpenError::NotFound));
}

#[test]
fn a_damaged_store_is_found_at_the_start() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    for _ in 0..50 {
        ada.post(&"x".repeat(5000));
    }
    ada.until("the posts", |ada| ada.log.len() == 50);
    stop(server);
    let mut bytes = fs::read(&files.options.file).unwrap();
    let end = bytes.len();
    bytes[8192..end].fill(0xA5);
    fs::write(&files.options.file, bytes).unwrap();
    assert!(matches!(refused(&files.options.file), OpenError::Damaged(_)));
    let reader = Reader::open(&files.options.file).unwrap();
    assert!(matches!(reader.check(), Err(OpenError::Damaged(_))));
}
