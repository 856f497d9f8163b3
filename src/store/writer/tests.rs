//! Tests of the writer.

use super::*;
use crate::base::ids::{ClientId, RoomId, UserId};
use crate::room::post::PendingPost;
use crate::room::room_name::RoomName;
use crate::room::state::RoomRecord;
use std::cell::{Cell, RefCell};
use std::path::Path;

/// Stores posts with this text. Returns how many posts were stored after each commit.
fn commits(posts: usize, text: &str) -> Vec<usize> {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::new(folder.path().join("wall.sqlite"));
    let (records, queue) = crossbeam_channel::unbounded();
    for _ in 0..posts {
        let (name, text) = ("Ada".to_owned(), text.to_owned());
        let post = PendingPost { id: UserId(1), name, text, at: 1, reference: None };
        let name = RoomName::parse("r").unwrap();
        records
            .send(Write::Post(StorePost {
                room: RoomId(1),
                name,
                post,
                after: 0,
                epoch: None,
                by: ClientId(1).into(),
            }))
            .unwrap();
    }
    drop(records);
    let database = Database::open(&options.file).unwrap();
    let observer = rusqlite::Connection::open(&options.file).unwrap();
    let committed = RefCell::new(Vec::new());
    let answer = |_: Answer| {
        let count = observer.query_row("SELECT count(*) FROM post", [], |row| row.get::<_, usize>(0));
        committed.borrow_mut().push(count.unwrap());
        true
    };
    Writer::new(database, options, Now::read, answer).run(&queue);
    let mut committed = committed.into_inner();
    committed.dedup();
    committed
}

#[test]
fn a_commit_has_a_maximum_number_of_posts() {
    assert_eq!(commits(2 * MAX_COMMIT + 1, "text"), [MAX_COMMIT, 2 * MAX_COMMIT, 2 * MAX_COMMIT + 1]);
}

#[test]
fn a_commit_has_a_maximum_size() {
    assert_eq!(commits(5, &"x".repeat(MAX_COMMIT_SIZE / 2)), [2, 4, 5]);
    assert_eq!(commits(2, &"x".repeat(2 * MAX_COMMIT_SIZE)), [1, 2]);
}

const DAY: u64 = 24 * 3600 * 1000;

/// A writer that keeps posts for a day, and its store with these posts.
fn sweeper(
    file: &Path,
    posts: &[(u64, &str)],
) -> Writer<impl Fn() -> Now + use<>, impl Fn(Answer) -> bool + use<>> {
    let mut database = Database::open(file).unwrap();
    for &(at, text) in posts {
        let (name, text) = ("Ada".to_owned(), text.to_owned());
        let post = PendingPost { id: UserId(1), name, text, at, reference: None };
        let name = RoomName::parse("r").unwrap();
        database
            .store_posts(
                [&StorePost { room: RoomId(1), name, post, after: 0, epoch: None, by: ClientId(1).into() }]
                    .into_iter(),
            )
            .unwrap();
    }
    let options = StoreOptions { keep_days: Some(1), ..StoreOptions::new(file.to_owned()) };
    let now = Now { instant: Instant::now(), unix_millis: 2 * DAY };
    Writer::new(database, options, move || now, |_| true)
}

#[test]
fn a_sweep_has_a_maximum_size() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let text = "x".repeat(MAX_SWEPT_SIZE / 2);
    let mut writer = sweeper(&file, &[(0, &text), (0, &text), (0, &text), (DAY, "new")]);
    let observer = rusqlite::Connection::open(&file).unwrap();
    let mut sweep = || {
        writer.sweep();
        let count = observer.query_row("SELECT count(*) FROM post", [], |row| row.get::<_, usize>(0));
        (count.unwrap(), writer.pause())
    };
    assert_eq!(sweep(), (2, Duration::ZERO), "it is due again at once");
    assert_eq!(sweep(), (1, SWEEP_INTERVAL));
}

#[test]
fn a_sweep_that_fails_is_not_due_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let mut writer = sweeper(&file, &[(0, "old"), (DAY, "new")]);
    std::fs::rename(&file, folder.path().join("elsewhere.sqlite")).unwrap();
    writer.sweep();
    assert_eq!(writer.pause(), SWEEP_RETRY);
}

#[test]
fn a_checkpoint_that_a_reader_blocks_is_tried_again_until_no_erased_text_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let clock = Cell::new(Now { instant: Instant::now(), unix_millis: 0 });
    let database = Database::open(&file).unwrap();
    let mut writer = Writer::new(database, StoreOptions::new(file.clone()), || clock.get(), |_| true);
    let name = RoomName::parse("r").unwrap();
    let (room, text) = (RoomId(1), "a secret".to_owned());
    let post = PendingPost { id: UserId(1), name: "Ada".to_owned(), text, at: 1, reference: None };
    writer.take(Write::Post(StorePost {
        room,
        name: name.clone(),
        post,
        after: 0,
        epoch: None,
        by: ClientId(1).into(),
    }));
    writer.store(Duration::ZERO);
    let is_left = || {
        let mut files = [file.clone(), folder.path().join("wall.sqlite-wal")].into_iter();
        files.any(|file| std::fs::read(file).unwrap().windows(8).any(|bytes| bytes == b"a secret"))
    };
    let reader = rusqlite::Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM post").unwrap();
    writer.take(Write::Change(Change::Erase(Erase {
        room,
        name,
        n: 1,
        epoch: None,
        by: ClientId(1).into(),
    })));
    writer.sweep();
    writer.store(Duration::ZERO);
    assert!(is_left(), "the reader needs it");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(writer.pause(), CHECKPOINT_PAUSE, "it does not wait for another request");
    clock.set(Now { instant: clock.get().instant + CHECKPOINT_PAUSE, unix_millis: 0 });
    writer.store(Duration::ZERO);
    assert!(!is_left());
    assert_eq!(writer.pause(), SWEEP_INTERVAL - CHECKPOINT_PAUSE);
}

/// A record of about as many bytes as the question has.
fn record_with(prompt: usize) -> RoomRecord {
    let mut record = RoomRecord::default();
    record.state.prompt = "x".repeat(prompt);
    record
}

fn save(room: u64, record: RoomRecord) -> Write {
    let name = RoomName::parse(&format!("room {room}")).unwrap();
    Write::Change(Change::Save(Save { room: RoomId(room), name, record, at: 1, epoch: None }))
}

#[test]
fn a_commit_of_changes_has_a_maximum_number_and_a_maximum_size() {
    for (changes, prompt, expected) in [
        (2 * MAX_CHANGES + 1, 1, [MAX_CHANGES, 2 * MAX_CHANGES, 2 * MAX_CHANGES + 1].to_vec()),
        (5, MAX_COMMIT_SIZE / 2, [2, 4, 5].to_vec()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wall.sqlite");
        let database = Database::open(&file).unwrap();
        let observer = rusqlite::Connection::open(&file).unwrap();
        let committed = RefCell::new(Vec::new());
        let answer = |answer: Answer| {
            assert!(matches!(answer, Answer::Saved { is_kept: true, .. }), "{answer:?}");
            let count = observer.query_row("SELECT count(*) FROM room", [], |row| row.get::<_, usize>(0));
            committed.borrow_mut().push(count.unwrap());
            true
        };
        let mut writer = Writer::new(database, StoreOptions::new(file), Now::read, answer);
        (0..changes).for_each(|n| writer.take(save(n as u64, record_with(prompt))));
        writer.store(Duration::ZERO);
        drop(writer);
        let mut committed = committed.into_inner();
        committed.dedup();
        assert_eq!(committed, expected);
    }
}

#[test]
fn a_change_that_does_not_fit_keeps_no_other_from_being_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let database = Database::open(&file).unwrap();
    database.limit_size(1024 * 1024).unwrap();
    let kept = RefCell::new(Vec::new());
    let answer = |answer: Answer| {
        let Answer::Saved { room, is_kept } = answer else { panic!("{answer:?}") };
        kept.borrow_mut().push((room.0, is_kept));
        true
    };
    let mut writer = Writer::new(database, StoreOptions::new(file), Now::read, answer);
    for (room, prompt) in [(1, 10), (2, 2 * 1024 * 1024), (3, 10)] {
        writer.take(save(room, record_with(prompt)));
    }
    writer.store(Duration::ZERO);
    drop(writer);
    assert_eq!(kept.into_inner(), [(1, true), (2, false), (3, true)]);
}
