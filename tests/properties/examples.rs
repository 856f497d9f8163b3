//! Examples: what the hub sends to which client, in how many sends, and which clients it closes.

use crate::pipe::{Frame, Pipe};
use crate::world::{LIMITS, World, new_client};
use crossbeam_channel::unbounded;
use serde_json::Value;
use std::net::Shutdown;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;
use typewall::internals::{
    Action, ClientId, Encoding, Event, FromClient, Health, Hub, MAX_STALL, MIN_STAY, Name, NewClient,
    PASSPHRASE_TIMEOUT, Session, Shard, TextChange,
};
use typewall::{HostOptions, RoomName, SecretHash};

/// What a client may be owed.
const MAX_BACKLOG: usize = LIMITS.max_backlog;

/// A hub with one room, in which clients have joined with these names.
pub(crate) fn joined(names: &[&str]) -> World {
    let mut world = World::new(names.len());
    for (n, name) in names.iter().enumerate() {
        world.enter(n, 0);
        world.join(n, name);
    }
    world.settle();
    // From now on their seats are kept when their connections break.
    world.now.instant += MIN_STAY;
    world
}

/// The same, and the clients' pipes: emptied, and with endless space.
pub(crate) fn room(names: &[&str]) -> (World, Vec<Pipe>) {
    let world = joined(names);
    let pipes: Vec<Pipe> = (0..names.len()).map(|n| world.pipe(n)).collect();
    for pipe in &pipes {
        pipe.0.borrow_mut().bytes.clear();
        pipe.0.borrow_mut().sends = 0;
        pipe.0.borrow_mut().pieces = 0;
    }
    (world, pipes)
}

#[test]
fn a_batch_is_one_send_to_each_client_with_the_latest_texts() {
    let (mut world, pipes) = room(&["Ada", "Bob", "Cem"]);
    world.write(0, "a");
    world.post(0, "posted", None);
    world.write(1, "b");
    world.write(0, "ab");
    world.hub.write(world.now);
    let events = |pipe: &Pipe| -> Vec<(String, String)> {
        // A splice of an empty text inserts the whole text.
        let text = |data: &Value| data["text"].as_str().or(data["put"].as_str()).unwrap().to_owned();
        pipe.frames()
            .iter()
            .map(|frame| match frame {
                Frame::Event(event, data) => (event.clone(), text(data)),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let pair = |event: &str, text: &str| (event.to_owned(), text.to_owned());
    assert_eq!(
        events(&pipes[2]),
        [pair("data", "posted"), pair("text_update", "ab"), pair("text_update", "b")]
    );
    assert_eq!(events(&pipes[0]), [pair("data", "posted"), pair("text_update", "b")]);
    assert_eq!(events(&pipes[1]), [pair("data", "posted"), pair("text_update", "ab")]);
    assert!(pipes.iter().all(|pipe| pipe.0.borrow().sends == 1));
}

#[test]
fn a_text_is_sent_in_one_piece() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    for text in ["a", "ab"] {
        world.write(0, text);
        world.hub.write(world.now);
    }
    assert_eq!(pipes[1].0.borrow().sends, 2);
    assert_eq!(pipes[1].0.borrow().pieces, 2, "no empty piece is sent");
}

#[test]
fn a_new_user_is_sent_its_name_before_the_snapshot_and_nothing_earlier() {
    let (mut world, _) = room(&["Ada"]);
    world.people.extend(World::new(1).people);
    world.post(0, "before", None);
    world.write(0, "latest");
    world.enter(1, 0);
    world.join(1, "ADA");
    world.settle();
    let frames = world.pipe(1).frames();
    let [Frame::Event(first, new_user), Frame::Event(second, snapshot)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("new_user", "existing_users"));
    assert_eq!(new_user["new_user_name"], "ADA 2");
    assert_eq!(snapshot["name"], "ADA 2");
    assert_eq!(snapshot["users"]["1"]["text"], "latest");
    assert_eq!(snapshot["log"][0]["text"], "before");
}

#[test]
fn a_full_socket_gets_the_latest_text_and_not_the_missed_ones() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    for n in 0..1000 {
        world.write(0, &format!("text {n}"));
        world.hub.write(world.now);
    }
    world.settle();
    let frames = pipes[1].frames();
    assert_eq!(frames.len(), 1, "of a thousand texts only the last is sent");
    assert!(matches!(&frames[0], Frame::Event(_, data) if data["text"] == "text 999"));
}

#[test]
fn a_slow_socket_that_takes_a_little_at_a_time_gets_every_box_in_turn() {
    let names: Vec<String> = (0..50).map(|n| format!("user {n}")).collect();
    let (mut world, pipes) = room(&names.iter().map(String::as_str).collect::<Vec<_>>());
    pipes[0].0.borrow_mut().space = 0;
    let long = "x".repeat(10_000);
    for n in 1..50 {
        world.write(n, &format!("{long} {n}"));
    }
    world.hub.write(world.now);
    for _ in 0..100 {
        pipes[0].0.borrow_mut().space = 30_000;
        world.now.instant += Duration::from_secs(1);
        world.hub.write(world.now);
    }
    let texts = pipes[0].frames().len();
    assert_eq!(texts, 49, "each box was sent once, although the socket never had space for all of them");
}

#[test]
fn a_client_over_the_backlog_is_closed_and_its_room_is_told() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 100;
    for _ in 0..MAX_BACKLOG / 10_000 + 2 {
        world.post(0, &"x".repeat(10_000), None);
        world.hub.write(world.now);
    }
    let left =
        pipes[0].frames().iter().any(|frame| matches!(frame, Frame::Event(event, _) if event == "user_away"));
    assert!(left, "the room is told");
    pipes[1].0.borrow_mut().space = usize::MAX;
    world.now.instant += Duration::from_secs(1);
    world.hub.write(world.now);
    assert_eq!(pipes[1].frames().last(), Some(&Frame::Close(4002)));
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Write));
}

#[test]
fn a_client_that_pings_and_does_not_read_is_closed_before_the_answers_take_much_memory() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    let client = world.people[1].line.as_ref().unwrap().client;
    // Each takes far more memory than its two bytes.
    for _ in 0..MAX_BACKLOG / 64 + 2 {
        world.hub.handle(Event::from_client(client, FromClient::Frames(vec![0x8A, 0])), world.now);
        world.hub.write(world.now);
    }
    assert!(pipes[0].frames().iter().any(|frame| frame.name() == "user_away"), "the room is told");
}

#[test]
fn a_client_that_reads_nothing_for_too_long_is_closed_and_then_cut() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    world.write(0, "a");
    let start = world.now.instant;
    world.hub.write(world.now);
    while pipes[1].0.borrow().shut.is_none() {
        world.now.instant = world.hub.due().expect("a deadline is set until the client is cut");
        world.hub.write(world.now);
    }
    assert!((MAX_STALL..2 * MAX_STALL).contains(&(world.now.instant - start)));
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Both));
    let frames = pipes[0].frames();
    let events: Vec<&str> = frames.iter().map(Frame::name).collect();
    assert_eq!(events, ["user_away", "disconnect_user"]);
}

#[test]
fn an_empty_room_is_forgotten() {
    let (mut world, _) = room(&["Ada"]);
    world.post(0, "gone", None);
    world.leave(0, true);
    let Health { clients, rooms, .. } = world.health();
    assert_eq!((clients, rooms), (0, 0));
    world.enter(0, 0);
    world.act(0, Action::Watch);
    world.settle();
    let frames = world.pipe(0).frames();
    assert!(matches!(&frames[..], [Frame::Event(_, data)] if data["log"].as_array().unwrap().is_empty()));
}

/// Lets time pass in steps. In each step, the pipe accepts `bytes` bytes.
pub(crate) fn pass(world: &mut World, pipe: &Pipe, steps: usize, step: Duration, bytes: usize) {
    for _ in 0..steps {
        pipe.0.borrow_mut().space = bytes;
        world.now.instant += step;
        world.hub.write(world.now);
    }
}

#[test]
fn a_ping_that_finds_a_full_socket_is_sent_when_there_is_room() {
    let (mut world, pipes) = room(&["Ada"]);
    pass(&mut world, &pipes[0], 1, 2 * LIMITS.ping_every, 0);
    assert_eq!(pipes[0].0.borrow().bytes, b"");
    pass(&mut world, &pipes[0], 1, Duration::from_millis(10), usize::MAX);
    assert_eq!(pipes[0].0.borrow().bytes, b"\x89\0");
}

#[test]
fn a_client_that_keeps_reading_a_little_is_never_closed() {
    let mut world = joined(&["Ada", "Bob"]);
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 0;
    for n in 0..40 {
        world.write(0, &format!("{n} {}", "x".repeat(9_000)));
        world.post(0, &"y".repeat(1_000), None);
        // Two seconds for each text, more than a minute in total, and never caught up.
        pass(&mut world, &bob, 4, Duration::from_millis(500), 700);
    }
    assert!(world.now.instant.duration_since(Instant::now()) > MAX_STALL);
    assert_eq!(bob.0.borrow().shut, None);
    world.settle();
    world.check();
}

#[test]
fn a_client_that_missed_many_boxes_gets_each_of_them_once() {
    let names: Vec<String> = (0..50).map(|n| format!("user {n}")).collect();
    let mut world = joined(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let pipe = world.pipe(0);
    let before = pipe.frames().len();
    pipe.0.borrow_mut().space = 0;
    for n in 1..50 {
        world.write(n, &"x".repeat(10_000));
    }
    world.hub.write(world.now);
    pass(&mut world, &pipe, 1, Duration::from_secs(1), 100_000);
    world.settle();
    assert_eq!(pipe.frames().len() - before, 49);
    world.check();
}

#[test]
fn a_snapshot_does_not_count_as_backlog() {
    let mut world = joined(&["Ada"]);
    let long = "x".repeat(9_000);
    for _ in 0..3 {
        world.write(0, &long.repeat(100)); // nearly MAX_BACKLOG
        world.people.extend(World::new(1).people);
        let newcomer = world.people.len() - 1;
        world.enter(newcomer, 0);
        world.act(newcomer, Action::Watch);
        world.hub.write(world.now);
        world.join(newcomer, "Bob");
        world.hub.write(world.now);
        for _ in 0..20 {
            world.post(0, &long, None);
            world.hub.write(world.now);
        }
        assert_eq!(world.pipe(newcomer).0.borrow().shut, None, "two snapshots and some posts");
        world.settle();
        world.check();
    }
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 0;
    for _ in 0..MAX_BACKLOG / long.len() + 2 {
        world.post(0, &long, None);
        world.hub.write(world.now);
    }
    bob.0.borrow_mut().space = usize::MAX;
    pass(&mut world, &bob, 2, Duration::from_secs(1), usize::MAX);
    assert_eq!(
        bob.frames().last(),
        Some(&Frame::Close(4002)),
        "the snapshots do not raise the bound for later"
    );
}

#[test]
fn nothing_follows_a_close_frame_and_nothing_before_it_is_lost() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    let client = world.people[1].line.as_ref().unwrap().client;
    let pong = || Event::from_client(client, FromClient::Frames(vec![0x8A, 0]));
    let violation =
        Event::from_client(client, FromClient::ProtocolError { code: CloseCode::Unsupported, reason: "" });
    for event in [pong(), violation, pong()] {
        world.hub.handle(event, world.now);
    }
    world.hub.write(world.now);
    world.hub.handle(pong(), world.now);
    world.hub.write(world.now);
    assert_eq!(pipes[1].frames(), [Frame::Pong, Frame::Close(1003)]);
}

#[test]
fn a_pong_comes_after_all_that_happened_before_its_ping() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    let client = world.people[1].line.as_ref().unwrap().client;
    world.write(0, "before");
    world.hub.handle(Event::from_client(client, FromClient::Frames(vec![0x8A, 0])), world.now);
    world.hub.write(world.now);
    let frames = pipes[1].frames();
    let names: Vec<&str> = frames.iter().map(Frame::name).collect();
    assert_eq!(names, ["text_update", "pong"]);
}

#[test]
fn the_hub_handles_all_waiting_events_before_it_writes() {
    let (events, queue) = unbounded();
    let pipes = [Pipe::default(), Pipe::default()];
    for (n, transport) in (1..).zip(pipes.clone()) {
        transport.0.borrow_mut().space = usize::MAX;
        let (client, room) = (ClientId(n), RoomName::from_query("").unwrap());
        let new = new_client(client, room, Encoding::PLAIN_WHOLE, &transport);
        events.send(Event::Connected(NewClient { handshake: b"hello ".to_vec(), ..new })).unwrap();
        let join = Action::Join { name: Name::parse("Ada", 40).unwrap(), session: Session::random() };
        events.send(Event::from_client(client, FromClient::Acted(join))).unwrap();
        for text in 0..100 {
            let write = Action::Write(TextChange::Whole(text.to_string().into()));
            events.send(Event::from_client(client, FromClient::Acted(write))).unwrap();
        }
    }
    drop(events);
    Hub::new(LIMITS, None, HostOptions::default(), None, Shard::single()).run(&queue);
    for pipe in pipes {
        let line = pipe.0.borrow();
        assert!(line.bytes.starts_with(b"hello "));
        assert_eq!(line.sends, 1, "the handshake and the whole batch");
        assert_eq!(line.shut, Some(Shutdown::Both), "no hub is left that would write to it");
    }
}

#[test]
fn a_silent_client_that_is_still_reading_stays() {
    let mut world = joined(&["Ada", "Bob"]);
    let (bob, client) = (world.pipe(1), world.people[1].line.as_ref().unwrap().client);
    bob.0.borrow_mut().space = 0;
    world.write(0, &"x".repeat(9_000));
    world.hub.write(world.now);
    for _ in 0..100 {
        pass(&mut world, &bob, 1, Duration::from_secs(1), 50);
        world.hub.handle(Event::from_client(client, FromClient::ReadTimeout), world.now);
        assert_eq!(bob.0.borrow().shut, None);
    }
    pass(&mut world, &bob, 13, Duration::from_secs(1), 0);
    world.hub.handle(Event::from_client(client, FromClient::ReadTimeout), world.now);
    world.hub.write(world.now);
    assert_eq!(bob.0.borrow().shut, Some(Shutdown::Both), "it is silent and does not read");
    pass(&mut world, &bob, 2, LIMITS.grace, 0);
    let names: Vec<String> = world.pipe(0).frames().iter().map(|frame| frame.name().to_owned()).collect();
    assert_eq!(names[names.len() - 2..], ["user_away", "disconnect_user"], "each once");
}

#[test]
fn ids_are_not_reused_when_a_room_is_created_again() {
    let mut world = World::new(3);
    let mut ids = Vec::new();
    for person in [0, 1, 2, 0, 1, 2] {
        world.enter(person, 0);
        world.join(person, "Ada");
        world.settle();
        ids.push(world.pipe(person).page().you.expect("an id"));
        world.leave(person, true);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "{ids:?}");
}

#[test]
fn a_client_that_sends_no_passphrase_in_time_is_closed() {
    let (mut hub, mut now) = (
        Hub::new(LIMITS, Some(SecretHash::new("right")), HostOptions::default(), None, Shard::single()),
        World::new(0).now,
    );
    let pipes = [Pipe::default(), Pipe::default()];
    for (n, transport) in (1..).zip(pipes.clone()) {
        transport.0.borrow_mut().space = usize::MAX;
        let (client, room) = (ClientId(n), RoomName::from_query("").unwrap());
        hub.handle(Event::Connected(new_client(client, room, Encoding::PLAIN_WHOLE, &transport)), now);
    }
    let unlock = FromClient::Unlock { passphrase: SecretHash::new("right"), token: None };
    hub.handle(Event::from_client(ClientId(1), unlock), now);
    hub.write(now);
    now.instant += PASSPHRASE_TIMEOUT;
    assert!(hub.due().is_some_and(|due| due <= now.instant));
    hub.write(now);
    let last = |pipe: &Pipe| pipe.frames().into_iter().rfind(|frame| frame.name() != "viewers");
    assert!(matches!(last(&pipes[0]), Some(Frame::Event(event, _)) if event == "unlocked"));
    assert!(matches!(last(&pipes[1]), Some(Frame::Close(4003))), "{:?}", last(&pipes[1]));
}
