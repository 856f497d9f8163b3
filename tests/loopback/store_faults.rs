//! Faults of the store's file while it is served: posts are refused or wait, and the room works.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::test_store::TestStore;
use std::fs;
use std::time::Duration;
use typewall::Limits;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// A post is refused, because it cannot be stored.
fn is_refused(author: &mut Client, text: &str) {
    assert_eq!(author.try_post(text, text), Err("not_stored".to_owned()), "{text}");
}

/// Starts a server whose store waits for other programs for so long, with a user in the room `r`.
fn serve(lock_timeout: Duration) -> (TestStore, TestServer, Client) {
    let mut store = TestStore::new();
    store.options.lock_timeout = lock_timeout;
    let server = store.serve();
    let ada = server.join("r", "Ada");
    (store, server, ada)
}

#[test]
fn while_the_file_is_moved_away_posts_are_refused() {
    let (store, server, mut ada) = serve(LONG);
    ada.post_and_wait("before");
    let elsewhere = store.path("elsewhere.sqlite");
    fs::rename(&store.options.file, &elsewhere).unwrap();
    is_refused(&mut ada, "away");
    ada.write("still live");
    server.join("r", "Bob").sees("Ada", "still live");
    fs::rename(&elsewhere, &store.options.file).unwrap();
    assert_eq!(ada.try_post("back", "back"), Ok(2));
    fs::rename(&store.options.file, &elsewhere).unwrap();
    drop(ada);
    server.stop();
    fs::remove_file(store.path("wall.sqlite-wal")).unwrap();
    fs::rename(&elsewhere, &store.options.file).unwrap();
    assert_eq!(store.texts(), ["before", "back"], "also after a stop while the file was away");
}

#[test]
fn after_the_file_was_replaced_posts_are_refused_and_none_is_lost() {
    let (store, server, mut ada) = serve(LONG);
    ada.post_and_wait("before");
    let other = TestStore::new();
    let other_server = other.serve();
    other_server.join("r", "Other").post_and_wait("of the other");
    // While it is served, its posts are in the file that ends in -wal.
    for suffix in ["", "-wal", "-shm"] {
        let from = format!("{}{suffix}", other.options.file.display());
        fs::rename(&from, format!("{}{suffix}", store.options.file.display())).unwrap();
    }
    is_refused(&mut ada, "into nowhere");
    drop(ada);
    server.stop();
    assert_eq!(store.texts(), ["of the other"]);
}

#[test]
fn after_the_file_or_its_journal_was_deleted_posts_are_refused() {
    for deleted in ["wall.sqlite", "wall.sqlite-wal"] {
        let (store, _server, mut ada) = serve(LONG);
        ada.post_and_wait("before");
        fs::remove_file(store.path(deleted)).unwrap();
        is_refused(&mut ada, "into nowhere");
    }
}

#[test]
fn a_room_opens_while_another_program_holds_the_file() {
    let (store, server, mut ada) = serve(LONG);
    ada.post_and_wait("before");
    let holder = store.connect();
    for hold in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        holder.execute_batch(hold).unwrap();
        ada.post(hold);
        // Then the post is on its way to the store.
        ada.catch_up();
        let posts = server.join("s", "Bob").page.log.len();
        ada.catch_up();
        assert_eq!((posts, ada.page.errors.len(), ada.page.posts().contains(&hold)), (0, 0, false));
        holder.execute_batch("ROLLBACK").unwrap();
        ada.until("the post", |page| page.posts().contains(&hold));
    }
}

#[test]
fn a_room_that_everyone_has_left_stays_until_its_posts_are_stored() {
    let (store, server, mut ada) = serve(LONG);
    ada.post_and_wait("before");
    let holder = store.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    ada.post("on its way");
    ada.leave();
    let mut bob = server.join("r", "Bob");
    bob.post("at once");
    bob.catch_up();
    assert_eq!(bob.page.posts(), ["before"]);
    holder.execute_batch("ROLLBACK").unwrap();
    bob.until("three posts", |page| page.log.len() == 3);
    assert_eq!(bob.page.posts(), ["before", "on its way", "at once"]);
}

#[test]
fn a_post_that_waits_too_long_for_another_program_is_refused() {
    let (store, _server, mut ada) = serve(Duration::from_millis(100));
    let holder = store.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    is_refused(&mut ada, "while it is held");
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(ada.try_post("while it is held", "while it is held"), Ok(1), "the same ref may be sent again");
}

#[test]
fn a_server_stops_while_another_program_holds_the_file() {
    let (store, server, mut ada) = serve(LONG);
    let holder = store.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    ada.post("never confirmed");
    server.stopper.stop();
    assert_eq!(ada.closed(), 1001);
    server.wait();
    holder.execute_batch("ROLLBACK").unwrap();
    assert!(store.texts().is_empty());
}

#[test]
fn a_room_with_a_damaged_page_opens_without_its_posts() {
    let store = TestStore::new();
    let server = TestServer::with_store(Limits::DEFAULT, Some(&store.options));
    let mut ada = server.join("damaged", "Ada");
    (0..40).for_each(|_| ada.post_and_wait(&"x".repeat(5000)));
    ada.leave();
    server.stop();
    let server = store.serve();
    // The pages with the posts. The server forgets what it has read of them when another program writes.
    let page: u64 = 4096;
    let len = fs::metadata(&store.options.file).unwrap().len();
    let garbage = vec![0xA5; usize::try_from(len - 8 * page).unwrap()];
    let disk = fs::OpenOptions::new().write(true).open(&store.options.file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&disk, &garbage, 8 * page).unwrap();
    let other = store.connect();
    other.execute("CREATE TABLE note (text TEXT)", []).unwrap();
    let mut bob = server.join("damaged", "Bob");
    assert!(bob.page.log.is_empty(), "it cannot be read");
    bob.write("live");
    server.join("damaged", "Cem").sees("Bob", "live");
}
