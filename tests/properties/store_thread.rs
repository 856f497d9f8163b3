//! A running store whose hub the test plays: when posts are removed, and what is loaded.

use crate::support::TIMEOUT;
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use typewall::internals::{
    Answer, ClientId, Load, NotStored, Now, Numbered, PendingPost, Post, RoomId, Store, StorePost, UserId,
    Write, start_store,
};
use typewall::{RoomName, StoreOptions};

/// A running store, its answers, the days that have passed, and the days by which the wall clock is ahead.
struct Running {
    store: Store,
    answers: Receiver<Answer>,
    days: Arc<AtomicU64>,
    days_ahead: Arc<AtomicU64>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn millis(days: u64) -> u64 {
    days * u64::try_from(DAY.as_millis()).unwrap()
}

fn start(options: &StoreOptions) -> Running {
    start_ahead(options, 0)
}

fn start_ahead(options: &StoreOptions, days_ahead: u64) -> Running {
    let (answer, answers): (Sender<Answer>, _) = unbounded();
    let (days, days_ahead) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(days_ahead)));
    let (start, passed, ahead) = (Instant::now(), Arc::clone(&days), Arc::clone(&days_ahead));
    let clock = move || {
        let passed = passed.load(Ordering::Relaxed);
        let instant = start + DAY * u32::try_from(passed).unwrap();
        Now { instant, unix_millis: millis(passed + ahead.load(Ordering::Relaxed)) }
    };
    let store = start_store(options, clock, move |said| answer.send(said).is_ok()).unwrap();
    Running { store, answers, days, days_ahead }
}

impl Running {
    fn send(&self, day: u64, text: &str) {
        self.send_after(0, day, text);
    }

    /// Sends a post to be stored in a room whose highest number is `after`.
    fn send_after(&self, after: u64, day: u64, text: &str) {
        let (name, text) = ("Ada".to_owned(), text.to_owned());
        let post = PendingPost { id: UserId(1), name, text, at: millis(day), reference: None };
        let name = RoomName::parse("r").unwrap();
        self.store
            .requests
            .writes
            .send(Write::Post(StorePost {
                room: RoomId(1),
                name,
                post,
                after,
                epoch: None,
                by: ClientId(1).into(),
            }))
            .unwrap();
    }

    fn answer(&self) -> Answer {
        self.answers.recv_timeout(TIMEOUT).expect("an answer")
    }

    fn post(&self, day: u64, text: &str) -> Post {
        self.post_after(0, day, text)
    }

    fn post_after(&self, after: u64, day: u64, text: &str) -> Post {
        self.send_after(after, day, text);
        loop {
            match self.answer() {
                Answer::PostStored { outcome: Ok(Numbered::New(post)), .. } => return post,
                Answer::Trimmed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The texts of the posts that the store loads.
    fn texts(&self) -> Vec<String> {
        let name = RoomName::parse("r").unwrap();
        self.store.requests.loads.send(Load { room: RoomId(1), name, count: 100, epoch: None }).unwrap();
        loop {
            match self.answer() {
                Answer::Loaded { posts, .. } => return posts.into_iter().map(|post| post.text).collect(),
                Answer::Trimmed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn old_posts_are_removed_while_new_ones_are_posted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let running = start(&StoreOptions { keep_days: Some(3), ..StoreOptions::new(file) });
    for day in 0..10 {
        running.days.store(day, Ordering::Relaxed);
        assert_eq!(running.post(day, &format!("a thought of day {day}")).n, day + 1);
        let kept: Vec<String> =
            (day.saturating_sub(3)..=day).map(|day| format!("a thought of day {day}")).collect();
        assert_eq!(running.texts(), kept);
    }
    running.days.store(100, Ordering::Relaxed);
    running.post(100, "the last thought");
    assert_eq!(running.texts(), ["the last thought"]);
    for name in ["wall.sqlite", "wall.sqlite-wal"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(!has(b"a thought of day "), "no removed post is left in {name}");
    }
    let Running { store: Store { requests, threads, .. }, .. } = running;
    drop(requests);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_full_store_takes_posts_again_once_old_ones_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        keep_days: Some(1),
        max_size: 1024 * 1024,
        ..StoreOptions::new(folder.path().join("wall.sqlite"))
    };
    let running = start(&options);
    let text = "x".repeat(100_000);
    let refusal = (0..100).find_map(|_| {
        running.send(0, &text);
        loop {
            match running.answer() {
                Answer::PostStored { outcome, .. } => return outcome.err(),
                Answer::Trimmed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(refusal, Some(NotStored::Full));
    running.days.store(3, Ordering::Relaxed);
    running.post(3, &text);
    assert_eq!(running.texts(), [text]);
}

#[test]
fn old_posts_are_removed_even_if_one_step_is_not_enough() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { keep_days: Some(1), ..StoreOptions::new(folder.path().join("wall.sqlite")) };
    let running = start(&options);
    let connection = rusqlite::Connection::open(&options.file).unwrap();
    running.post(0, "first");
    let copy = "WITH RECURSIVE copy(n) AS (VALUES (2) UNION ALL SELECT n + 1 FROM copy WHERE n < 2500)
                INSERT INTO post SELECT room, copy.n, user, name, text, at, mark FROM post, copy";
    connection.execute(copy, []).unwrap();
    running.days.store(2, Ordering::Relaxed);
    running.send(2, "new");
    // A post is stored between two steps. Only the last step sends `Trimmed`.
    assert!(matches!(running.answer(), Answer::PostStored { outcome: Ok(_), .. }));
    assert!(matches!(running.answer(), Answer::Trimmed { .. }));
    assert_eq!(running.texts(), ["new"]);
}

/// A store that keeps posts for a day, in a folder of its own.
fn short_lived() -> (TempDir, StoreOptions) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    (folder, StoreOptions { keep_days: Some(1), ..StoreOptions::new(file) })
}

#[test]
fn a_room_that_is_not_used_for_long_is_forgotten_but_numbers_that_a_page_shows_are_not_reused() {
    let (_folder, options) = short_lived();
    let running = start(&options);
    let number_on = |after: u64, day: u64| {
        running.days.store(day, Ordering::Relaxed);
        running.post_after(after, day, "text").n
    };
    assert_eq!([number_on(0, 0), number_on(0, 3)], [1, 2]);
    assert_eq!(number_on(0, 3 + 31), 3, "the posts are deleted, and the room is not");
    assert_eq!(number_on(0, 34 + 32), 1, "the room was forgotten");
    assert_eq!(number_on(500, 66 + 32), 501, "a page is open in it that shows post 500");
    assert_eq!([number_on(500, 98), number_on(600, 98), number_on(0, 98)], [502, 601, 602]);
}

#[test]
fn after_the_clock_jumps_nothing_is_deleted_before_it_was_steady_for_an_interval() {
    let (_folder, options) = short_lived();
    let running = start(&options);
    let other = rusqlite::Connection::open(&options.file).unwrap();
    let count = || other.query_row("SELECT count(*) FROM post", [], |row| row.get::<_, u64>(0)).unwrap();
    running.post(0, "old");
    running.days_ahead.store(1_000, Ordering::Relaxed);
    // Each post comes after a sweep.
    running.days.store(1, Ordering::Relaxed);
    running.post(1, "while the clock is wrong");
    assert_eq!(count(), 2);
    running.days_ahead.store(0, Ordering::Relaxed);
    running.days.store(3, Ordering::Relaxed);
    running.post(3, "the clock is right again");
    assert_eq!(count(), 1, "posts are deleted by the right clock");
    running.days_ahead.store(1_000, Ordering::Relaxed);
    for (day, expected) in [(4, 2), (5, 1)] {
        running.days.store(day, Ordering::Relaxed);
        running.post(day, "the jump was right");
        assert_eq!(count(), expected, "day {day}");
    }
}

#[test]
fn a_clock_that_is_far_ahead_at_the_start_deletes_nothing_at_once() {
    let (_folder, options) = short_lived();
    let running = start(&options);
    running.post(0, "old");
    drop(running.store.requests);
    running.store.threads.into_iter().for_each(|thread| thread.join().unwrap());
    let running = start_ahead(&options, 1_000);
    assert_eq!(running.post(0, "new").n, 2);
    let other = rusqlite::Connection::open(&options.file).unwrap();
    let count = || other.query_row("SELECT count(*) FROM post", [], |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(count(), 2);
    running.days.store(1, Ordering::Relaxed);
    running.post(1, "newer");
    assert_eq!(count(), 1, "the clock is steady");
}
