//! A hub with a store that the test plays, and a store with a hub that the test plays.

use crate::pipe::{Frame, Pipe};
use crate::support::TIMEOUT;
use crate::world::{LIMITS, new_client};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use typewall::internals::{
    Action, Answer, Change, ClientId, Encoding, Event, FromClient, Hub, Load, MAX_LOADING_ROOMS, Name,
    NotStored, Now, Numbered, PendingPost, Post, Record, Requests, RoomId, RoomRecord, Session, Shard,
    StateChange, Store, TextChange, UserId, Write, start_store,
};
use typewall::{HostMode, HostOptions, Limits, RoomName, StoreOptions};

pub(crate) fn now() -> Now {
    Now { instant: Instant::now(), unix_millis: 0 }
}

/// The hub's end of a store, and the rooms it asks for.
fn requests() -> (Requests, Receiver<Load>) {
    let (loads, asked) = unbounded();
    (Requests { loads, writes: unbounded().0 }, asked)
}

/// A hub with a store that the test plays: the rooms that are to be loaded, and what is to be written.
fn hub_with_store(hosts: HostOptions) -> (Hub<Pipe>, Receiver<Load>, Receiver<Write>) {
    let ((loads, asked), (writes, sent)) = (unbounded(), unbounded());
    (Hub::new(LIMITS, None, hosts, Some(Requests { loads, writes }), Shard::single()), asked, sent)
}

/// Connects a client to a room.
pub(crate) fn enter(hub: &mut Hub<Pipe>, n: u64, room: &str) -> Pipe {
    let pipe = Pipe::default();
    pipe.0.borrow_mut().space = usize::MAX;
    let room = RoomName::parse(room).unwrap();
    hub.handle(Event::Connected(new_client(ClientId(n), room, Encoding::PlainWhole, &pipe)), now());
    hub.write(now());
    pipe
}

#[test]
fn rooms_are_refused_while_too_many_are_being_loaded() {
    let (requests, asked) = requests();
    let mut hub = Hub::new(
        Limits { max_rooms: usize::MAX, ..LIMITS },
        None,
        HostOptions::default(),
        Some(requests),
        Shard::single(),
    );
    for n in 1..=MAX_LOADING_ROOMS as u64 {
        assert_eq!(enter(&mut hub, n, &n.to_string()).frames(), []);
    }
    let last = MAX_LOADING_ROOMS as u64 + 1;
    for n in last..last + 100 {
        assert_eq!(enter(&mut hub, n, "one more").frames(), [Frame::Close(1013)]);
    }
    assert_eq!(enter(&mut hub, 9_000, "1").frames(), [], "a client may enter a room that is open");
    load_next(&mut hub, &asked);
    assert_eq!(enter(&mut hub, 9_001, "one more").frames(), []);
    while !asked.is_empty() {
        load_next(&mut hub, &asked);
    }
    let room = RoomName::parse("one more").unwrap();
    let (reply_to, log) = unbounded();
    hub.handle(Event::HistoryRequest { room, reply_to }, now());
    assert_eq!(log.try_recv().unwrap().len(), 1, "every room is loaded");
}

/// The store has loaded a room with these posts.
pub(crate) fn loaded(room: RoomId, posts: Vec<Post>) -> Event<Pipe> {
    Event::Stored(Box::new(Answer::Loaded { room, record: Some(RoomRecord::default()), posts }))
}

/// The post that the store is asked for next.
pub(crate) fn sent_post(sent: &Receiver<Write>) -> Record {
    match sent.try_recv() {
        Ok(Write::Record(record)) => record,
        other => panic!("no post, but {other:?}"),
    }
}

/// Answers the hub's next request for a room. Returns the name of the room.
pub(crate) fn load_next(hub: &mut Hub<Pipe>, asked: &Receiver<Load>) -> String {
    let Load { room, name, .. } = asked.try_recv().expect("a room to load");
    let post = Post { n: 1, id: UserId(1), name: "Ada".to_owned(), text: "text".to_owned(), at: 1 };
    hub.handle(loaded(room, vec![post]), now());
    name.as_str().to_owned()
}

#[test]
fn rooms_are_loaded_in_turn_and_not_if_nobody_is_in_them_any_more() {
    let (requests, asked) = requests();
    let mut hub = Hub::<Pipe>::new(LIMITS, None, HostOptions::default(), Some(requests), Shard::single());
    for n in 1..=6 {
        enter(&mut hub, n, &n.to_string());
    }
    for n in [1, 4] {
        hub.handle(Event::from_client(ClientId(n), FromClient::Closed { goodbye: true }), now());
    }
    // The first was under way when its client left.
    for name in ["1", "2", "3", "5", "6"] {
        assert!(asked.len() <= 2, "the others wait in the hub");
        assert_eq!(load_next(&mut hub, &asked), name);
    }
    assert!(asked.is_empty());
}

#[test]
fn a_room_removes_the_posts_that_the_store_has_removed() {
    let (requests, asked) = requests();
    let mut hub = Hub::<Pipe>::new(LIMITS, None, HostOptions::default(), Some(requests), Shard::single());
    enter(&mut hub, 1, "r");
    let room = asked.try_recv().expect("a room to load").room;
    let post = |n| Post { n, id: UserId(1), name: "Ada".to_owned(), text: "text".to_owned(), at: n * 1000 };
    hub.handle(loaded(room, (1..=4).map(post).collect()), now());
    hub.handle(Event::Stored(Box::new(Answer::Trimmed { before: 3000 })), now());
    let (reply_to, log) = unbounded();
    hub.handle(Event::HistoryRequest { room: RoomName::parse("r").unwrap(), reply_to }, now());
    let left: Vec<u64> = log.try_recv().unwrap().iter().map(|post| post.n).collect();
    assert_eq!(left, [3, 4]);
}

#[test]
fn a_post_waits_until_the_history_of_its_room_is_loaded() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    enter(&mut hub, 1, "r");
    let room = asked.try_recv().expect("a room to load").room;
    let (client, name) = (ClientId(1), Name::parse("Ada", 40).unwrap());
    let post = Action::Post { text: "early".to_owned(), reference: None };
    for action in [Action::Join { name, session: Session::random() }, post] {
        hub.handle(Event::from_client(client, FromClient::Acted(action)), now());
    }
    assert!(sent.is_empty(), "otherwise the post could be in the history as well, and be shown twice");
    hub.handle(loaded(room, Vec::new()), now());
    hub.write(now());
    assert_eq!(sent_post(&sent).post.text, "early");
}

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
            .send(Write::Record(Record { room: RoomId(1), name, post, after }))
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
                Answer::Recorded { outcome: Ok(Numbered::New(post)), .. } => return post,
                Answer::Trimmed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The texts of the posts that the store loads.
    fn texts(&self) -> Vec<String> {
        let name = RoomName::parse("r").unwrap();
        self.store.requests.loads.send(Load { room: RoomId(1), name, count: 100 }).unwrap();
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
    let Running { store: Store { requests, threads }, .. } = running;
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
                Answer::Recorded { outcome, .. } => return outcome.err(),
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
    assert!(matches!(running.answer(), Answer::Recorded { outcome: Ok(_), .. }));
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

#[test]
fn a_post_is_sent_with_the_highest_number_that_its_room_has_shown() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    enter(&mut hub, 1, "r");
    let room = asked.try_recv().expect("a room to load").room;
    let post = |n| Post { n, id: UserId(1), name: "Ada".to_owned(), text: "text".to_owned(), at: n };
    hub.handle(loaded(room, (1..=4).map(post).collect()), now());
    hub.handle(Event::Stored(Box::new(Answer::Trimmed { before: 1_000 })), now());
    let (client, name) = (ClientId(1), Name::parse("Ada", 40).unwrap());
    let post = Action::Post { text: "text".to_owned(), reference: None };
    for action in [Action::Join { name, session: Session::random() }, post] {
        hub.handle(Event::from_client(client, FromClient::Acted(action)), now());
    }
    assert_eq!(sent_post(&sent).after, 4);
}

#[test]
fn in_a_room_that_is_still_to_be_loaded_everything_waits_in_order() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    let pipe = enter(&mut hub, 1, "r");
    let viewer = enter(&mut hub, 2, "r");
    let act = |hub: &mut Hub<Pipe>, n: u64, action: Action| {
        hub.handle(Event::from_client(ClientId(n), FromClient::Acted(action)), now());
        hub.write(now());
    };
    let name = Name::parse("Ada", 40).unwrap();
    act(&mut hub, 1, Action::Join { name, session: Session::random() });
    act(&mut hub, 1, Action::Write(TextChange::Whole("a secret?".into())));
    act(&mut hub, 2, Action::Watch);
    assert_eq!((pipe.frames(), viewer.frames()), (vec![], vec![]));
    let Load { room, .. } = asked.try_recv().expect("a room to load");
    let change = StateChange { hidden: Some(true), ..StateChange::default() };
    hub.handle(
        Event::Stored(Box::new(Answer::Loaded { room, record: Some(hidden(change)), posts: vec![] })),
        now(),
    );
    hub.write(now());
    assert_eq!(pipe.page().text_of("Ada"), Some("a secret?"));
    assert!(viewer.frames().iter().any(|frame| frame.name() == "room_state"));
    let page = viewer.page();
    assert_eq!((page.text_of("Ada"), page.wrote.len(), page.state.hidden), (Some(""), 1, true));
    assert!(sent.is_empty());
}

/// What a room remembers after this change.
fn hidden(change: StateChange) -> RoomRecord {
    let mut record = RoomRecord::default();
    record.state = change.apply(&record.state);
    record
}

#[test]
fn a_client_that_goes_before_its_room_is_loaded_keeps_it_only_if_it_has_posted() {
    for (posts, rooms) in [(false, 0), (true, 1)] {
        let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
        enter(&mut hub, 1, "r");
        let name = Name::parse("Ada", 40).unwrap();
        let join = FromClient::Acted(Action::Join { name, session: Session::random() });
        let text = if posts { "a post" } else { "" };
        let post = FromClient::Acted(Action::Post { text: text.to_owned(), reference: None });
        for event in [join, post].into_iter().take(1 + usize::from(posts)) {
            hub.handle(Event::from_client(ClientId(1), event), now());
        }
        hub.handle(Event::from_client(ClientId(1), FromClient::Closed { goodbye: true }), now());
        hub.write(now());
        let (reply_to, health) = unbounded();
        hub.handle(Event::HealthCheck { reply_to }, now());
        assert_eq!(health.try_recv().unwrap().rooms, rooms);
        let Load { room, .. } = asked.try_recv().expect("a room to load");
        hub.handle(loaded(room, Vec::new()), now());
        hub.write(now());
        assert_eq!(sent.len(), rooms, "the post is stored");
    }
}

#[test]
fn a_state_takes_effect_once_the_store_has_it_or_cannot_take_it() {
    let hosts = HostOptions { mode: HostMode::First, key: None };
    let (mut hub, asked, sent) = hub_with_store(hosts);
    let [ada, bob] = [1, 2].map(|n| enter(&mut hub, n, "r"));
    load_next(&mut hub, &asked);
    let act = |hub: &mut Hub<Pipe>, n: u64, action: Action| {
        hub.handle(Event::from_client(ClientId(n), FromClient::Acted(action)), now());
        hub.write(now());
    };
    for n in [1, 2] {
        let name = Name::parse("Ada", 40).unwrap();
        act(&mut hub, n, Action::Join { name, session: Session::random() });
    }
    let next_save = || match sent.try_recv() {
        Ok(Write::Change(Change::Save(save))) => save,
        other => panic!("nothing to save, but {other:?}"),
    };
    let answer = |hub: &mut Hub<Pipe>, room: RoomId, is_kept: bool| {
        hub.handle(Event::Stored(Box::new(Answer::Saved { room, is_kept })), now());
        hub.write(now());
    };
    let room = next_save().room;
    assert_eq!(bob.page().hosts.len(), 1, "nobody relies on who the host is after a restart");
    answer(&mut hub, room, true);
    let set = |hub: &mut Hub<Pipe>, change: StateChange| act(hub, 1, Action::SetRoom(change));
    let hide = |hidden| StateChange { hidden: Some(hidden), ..StateChange::default() };
    for hidden in [true, false, true] {
        set(&mut hub, hide(hidden));
    }
    set(&mut hub, StateChange { locked: Some(true), ..StateChange::default() });
    let write = |hub: &mut Hub<Pipe>, text: &str| {
        act(hub, 1, Action::Write(TextChange::Whole(text.to_owned().into())))
    };
    write(&mut hub, "before");
    let state = next_save().record.state;
    assert!(state.hidden && !state.locked && sent.is_empty(), "one save is under way, the first");
    assert!(!bob.page().state.hidden && bob.page().text_of("Ada") == Some("before"));
    answer(&mut hub, room, true);
    let state = next_save().record.state;
    assert!(state.hidden && state.locked, "the next save has all that has changed meanwhile");
    assert!(bob.page().state.hidden && !bob.page().state.locked, "what was saved is told, whatever follows");
    write(&mut hub, "a secret");
    assert_eq!((bob.page().text_of("Ada"), bob.page().wrote.len()), (Some(""), 1));
    answer(&mut hub, room, false);
    assert!(bob.page().state.hidden && bob.page().state.locked);
    assert_eq!((ada.page().errors, bob.page().errors), (vec!["state_not_stored".to_owned()], vec![]));
}
