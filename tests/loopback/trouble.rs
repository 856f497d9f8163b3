//! What can happen to the store's file while it is served: authors are told, and service goes on.

use crate::person::{PATIENCE, Person, TestServer};
use crate::store::{Files, stop};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Posts, and returns what the author is told about that.
fn answer(author: &mut Person, text: &str, reference: &str) -> (String, Value) {
    author.send("message", json!({"text": text, "ref": reference}));
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match author.receive() {
            Some((event, data)) if data["ref"] == reference => return (event, data),
            _ => {}
        }
    }
    panic!("{text:?} was not answered in time");
}

fn is_refused(author: &mut Person, text: &str) {
    let (event, data) = answer(author, text, text);
    assert_eq!((event.as_str(), &data["code"]), ("error", &json!("not_stored")), "{text}");
}

/// Returns the post's number.
fn is_posted(author: &mut Person, text: &str) -> u64 {
    let (event, data) = answer(author, text, text);
    assert_eq!((event.as_str(), &data["text"]), ("data", &json!(text)));
    data["n"].as_u64().unwrap()
}

/// The texts in a store that nobody serves any more.
fn texts(files: &Files) -> Vec<String> {
    let connection = Connection::open(&files.options.file).unwrap();
    let mut posts = connection.prepare("SELECT text FROM post ORDER BY n").unwrap();
    posts.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_file_that_is_moved_away_takes_no_posts_until_it_is_back() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    is_posted(&mut ada, "before");
    let elsewhere = files.path("elsewhere.sqlite");
    fs::rename(&files.options.file, &elsewhere).unwrap();
    is_refused(&mut ada, "away");
    ada.write("still live");
    server.join("r", "Bob").sees("Ada", "still live");
    fs::rename(&elsewhere, &files.options.file).unwrap();
    assert_eq!(is_posted(&mut ada, "back"), 2);
    fs::rename(&files.options.file, &elsewhere).unwrap();
    drop(ada);
    stop(server);
    fs::remove_file(files.path("wall.sqlite-wal")).unwrap();
    fs::rename(&elsewhere, &files.options.file).unwrap();
    assert_eq!(texts(&files), ["before", "back"], "also if it is stopped while it is away");
}

#[test]
fn a_file_that_is_replaced_takes_no_posts_and_loses_none() {
    let files = Files::new();
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    is_posted(&mut ada, "before");
    let other = Files::new();
    let own = other.start();
    is_posted(&mut own.join("r", "Other"), "of the other");
    // As after a kill: its posts are in the -wal beside it.
    for suffix in ["", "-wal", "-shm"] {
        let from = format!("{}{suffix}", other.options.file.display());
        fs::rename(&from, format!("{}{suffix}", files.options.file.display())).unwrap();
    }
    is_refused(&mut ada, "into nowhere");
    drop(ada);
    stop(server);
    assert_eq!(texts(&files), ["of the other"]);
}

#[test]
fn a_deleted_file_or_journal_takes_no_posts() {
    for deleted in ["wall.sqlite", "wall.sqlite-wal"] {
        let files = Files::new();
        let server = files.start();
        let mut ada = server.join("r", "Ada");
        is_posted(&mut ada, "before");
        fs::remove_file(files.path(deleted)).unwrap();
        is_refused(&mut ada, "into nowhere");
    }
}

#[test]
fn a_room_opens_while_another_program_holds_the_file() {
    let mut files = Files::new();
    files.options.lock_timeout = Duration::from_secs(3600);
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    is_posted(&mut ada, "before");
    let holder = Connection::open(&files.options.file).unwrap();
    for hold in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        holder.execute_batch(hold).unwrap();
        ada.send("message", json!({"text": hold, "ref": hold}));
        // Behind it, so that the post is under way.
        ada.catch_up();
        let posts = server.join("s", "Bob").log.len();
        ada.catch_up();
        assert_eq!((posts, ada.errors.len(), ada.posts().contains(&hold)), (0, 0, false));
        holder.execute_batch("ROLLBACK").unwrap();
        ada.until("the post", |ada| ada.posts().contains(&hold));
    }
}

#[test]
fn a_room_that_everyone_has_left_stays_until_its_posts_are_stored() {
    let mut files = Files::new();
    files.options.lock_timeout = Duration::from_secs(3600);
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    is_posted(&mut ada, "before");
    let holder = Connection::open(&files.options.file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    ada.post("under way");
    ada.leave();
    let mut bob = server.join("r", "Bob");
    bob.post("at once");
    bob.catch_up();
    assert_eq!(bob.posts(), ["before"]);
    holder.execute_batch("ROLLBACK").unwrap();
    bob.until("three posts", |bob| bob.log.len() == 3);
    assert_eq!(bob.posts(), ["before", "under way", "at once"]);
}

#[test]
fn a_post_waits_for_another_program_only_so_long() {
    let mut files = Files::new();
    files.options.lock_timeout = Duration::from_millis(100);
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    let holder = Connection::open(&files.options.file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_refused(&mut ada, "while it is held");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(is_posted(&mut ada, "while it is held"), 1, "the same ref may be tried again");
}

#[test]
fn a_server_stops_while_another_program_holds_the_file() {
    let mut files = Files::new();
    files.options.lock_timeout = Duration::from_secs(3600);
    let server = files.start();
    let mut ada = server.join("r", "Ada");
    let holder = Connection::open(&files.options.file).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    ada.post("never told of");
    server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    server.wait();
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(texts(&files).is_empty());
}

#[test]
fn a_damaged_page_costs_what_is_on_it_and_not_the_service() {
    let files = Files::new();
    let server = TestServer::with_store(typewall::Limits::DEFAULT, Some(&files.options));
    let mut ada = server.join("damaged", "Ada");
    for n in 0..40 {
        let text = "x".repeat(5000);
        assert_eq!(answer(&mut ada, &text, &n.to_string()).0, "data");
    }
    ada.leave();
    stop(server);
    let server = files.start();
    // Where the posts are. What the server has read of it, it forgets when another program writes.
    let page: u64 = 4096;
    let len = fs::metadata(&files.options.file).unwrap().len();
    let garbage = vec![0xA5; usize::try_from(len - 8 * page).unwrap()];
    let disk = fs::OpenOptions::new().write(true).open(&files.options.file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&disk, &garbage, 8 * page).unwrap();
    let other = Connection::open(&files.options.file).unwrap();
    other.execute("CREATE TABLE note (text TEXT)", []).unwrap();
    let mut bob = server.join("damaged", "Bob");
    assert!(bob.log.is_empty(), "it cannot be read");
    bob.write("live");
    server.join("damaged", "Cem").sees("Bob", "live");
}
