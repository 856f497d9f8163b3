//! A hub with a store that the test plays.

use crate::pipe::{Frame, Pipe};
use crate::world::{LIMITS, new_client};
use crossbeam_channel::{Receiver, unbounded};
use std::net::Shutdown;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Answer, ClientId, Encoding, Event, FromClient, Hub, Load, MAX_LOADING_ROOMS, Name, Now, Post,
    Requests, RoomId, RoomRecord, Session, Shard, StateChange, StorePost, TextChange, UserId, Write,
};
use typewall::{HostOptions, Limits, RoomName};

pub(crate) fn now() -> Now {
    Now { instant: Instant::now(), unix_millis: 0 }
}

/// The hub's end of a store, and the rooms it asks for.
fn requests() -> (Requests, Receiver<Load>) {
    let (loads, asked) = unbounded();
    (Requests { loads, writes: unbounded().0 }, asked)
}

/// A hub with a store that the test plays: the rooms that are to be loaded, and what is to be written.
pub(crate) fn hub_with_store(hosts: HostOptions) -> (Hub<Pipe>, Receiver<Load>, Receiver<Write>) {
    let ((loads, asked), (writes, sent)) = (unbounded(), unbounded());
    (Hub::new(LIMITS, None, hosts, Some(Requests { loads, writes }), Shard::single()), asked, sent)
}

/// Connects a client to a room.
pub(crate) fn enter(hub: &mut Hub<Pipe>, n: u64, room: &str) -> Pipe {
    let pipe = Pipe::default();
    pipe.0.borrow_mut().space = usize::MAX;
    let room = RoomName::parse(room).unwrap();
    hub.handle(Event::Connected(new_client(ClientId(n), room, Encoding::PLAIN_WHOLE, &pipe)), now());
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
    Event::Stored(Box::new(Answer::Loaded { room, epoch: None, record: Some(RoomRecord::default()), posts }))
}

/// The post that the store is asked for next.
pub(crate) fn sent_post(sent: &Receiver<Write>) -> StorePost {
    match sent.try_recv() {
        Ok(Write::Post(record)) => record,
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
fn a_store_that_does_not_answer_does_not_keep_the_server_from_stopping() {
    let (mut hub, asked, _sent) = hub_with_store(HostOptions::default());
    let pipe = enter(&mut hub, 1, "r");
    assert_eq!(asked.len(), 1);
    let mut now = now();
    hub.handle(Event::Stop, now);
    hub.write(now);
    assert_eq!(pipe.frames(), [], "the room may hold posts");
    let end = now.instant + Duration::from_secs(5);
    while let Some(due) = hub.due().filter(|due| *due < end) {
        now.instant = due;
        hub.write(now);
    }
    assert_eq!(pipe.frames().last(), Some(&Frame::Close(1001)));
    assert_eq!(pipe.0.borrow().shut, Some(Shutdown::Both), "it has not answered");
}

#[test]
fn a_ping_is_answered_while_the_store_loads_the_room() {
    let (mut hub, asked, _sent) = hub_with_store(HostOptions::default());
    let pipe = enter(&mut hub, 1, "r");
    for event in [FromClient::Acted(Action::Watch), FromClient::Ping] {
        hub.handle(Event::from_client(ClientId(1), event), now());
    }
    hub.write(now());
    let names = || pipe.frames().iter().map(|frame| frame.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(), ["pong"]);
    load_next(&mut hub, &asked);
    hub.write(now());
    assert_eq!(names(), ["pong", "existing_users"]);
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
    let Load { room, epoch, .. } = asked.try_recv().expect("a room to load");
    let change = StateChange { hidden: Some(true), ..StateChange::default() };
    hub.handle(
        Event::Stored(Box::new(Answer::Loaded { room, epoch, record: Some(hidden(change)), posts: vec![] })),
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
