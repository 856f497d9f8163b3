//! What one client, or one room, can make the hub hold or make others wait for.

use crate::examples::{joined, pass, room};
use crate::pipe::{Frame, Pipe};
use crate::world::{LIMITS, World, new_client};
use crossbeam_channel::unbounded;
use std::net::Shutdown;
use std::time::{Duration, Instant};
use typewall::internals::{Action, ClientId, Encoding, Event, FromClient, Hub, Name, Session, Shard};
use typewall::{HostOptions, Limits, RoomName};

pub(crate) fn is_closed(pipe: &Pipe) -> bool {
    pipe.0.borrow().shut.is_some() || matches!(pipe.frames().last(), Some(Frame::Close(_)))
}

#[test]
fn one_batch_makes_nobody_too_slow() {
    let mut world = joined(&["Ada", "Bob"]);
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 100;
    for _ in 0..15 {
        world.post(0, &"x".repeat(LIMITS.max_backlog / 10), None);
    }
    world.hub.write(world.now);
    world.settle();
    assert!(!is_closed(&bob));
    world.check();
}

#[test]
fn what_a_client_has_read_is_no_longer_owed() {
    let mut world = joined(&["Ada", "Bob"]);
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 0;
    let post = "x".repeat(LIMITS.max_backlog / 8);
    // Bob is always one or two posts behind, and reads more in all than may be owed.
    for n in 0..20 {
        world.post(0, &post, None);
        world.hub.write(world.now);
        bob.0.borrow_mut().space = if n == 0 { 0 } else { post.len() };
        world.cut(Duration::from_millis(100));
        assert!(!is_closed(&bob), "after {n} posts");
    }
    world.settle();
    assert_eq!(bob.page().received.len(), 20);
    world.check();
}

#[test]
fn viewers_who_ask_for_snapshots_and_read_nothing_hold_little_memory() {
    const VIEWERS: usize = 30;
    const BOXES: usize = 20;
    let mut world = joined(&[""; BOXES].map(|_| "Ada"));
    (0..BOXES).for_each(|n| world.write(n, &"x".repeat(40_000)));
    world.people.extend(World::new(VIEWERS).people);
    for viewer in BOXES..BOXES + VIEWERS {
        world.enter(viewer, 0);
        world.pipe(viewer).0.borrow_mut().space = 1_000; // so that a part is begun
        world.act(viewer, Action::Watch);
        world.write(0, &viewer.to_string().repeat(10_000)); // each has another version of the room
        world.hub.write(world.now);
    }
    for _ in 0..10 {
        for viewer in BOXES..BOXES + VIEWERS {
            world.act(viewer, Action::Resync);
            world.now.instant += Duration::from_millis(100);
            world.hub.write(world.now);
        }
    }
    let waiting = world.health().waiting;
    let snapshots = VIEWERS * BOXES * 40_000;
    assert!(waiting < snapshots / 5, "{waiting} bytes wait, and {snapshots} were asked for");
    // One write sends only so much state, so that other events have their turn.
    let is_idle = (0..100).any(|_| {
        world.settle();
        world.health().waiting == 0
    });
    assert!(is_idle, "{} bytes still wait", world.health().waiting);
    world.check();
}

#[test]
fn a_snapshot_of_any_size_reaches_a_client_that_reads_slowly() {
    let mut world = joined(&[""; 50].map(|_| "Ada"));
    (0..50).for_each(|n| world.write(n, &"x".repeat(10_000)));
    world.people.extend(World::new(1).people);
    world.enter(50, 0);
    world.act(50, Action::Watch);
    let pipe = world.pipe(50);
    for n in 0..100 {
        world.write(n % 50, &"y".repeat(9_000));
        world.post(0, "while it is sent", None);
        pass(&mut world, &pipe, 1, Duration::from_secs(1), 6_000);
    }
    assert!(!is_closed(&pipe));
    world.settle();
    world.check();
}

#[test]
fn a_client_that_was_never_seen_to_read_is_gone_after_one_silence() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    let client = world.people[1].line.as_ref().unwrap().client;
    world.write(0, "text");
    world.hub.write(world.now);
    pass(&mut world, &pipes[1], 5, Duration::from_secs(1), 0);
    world.hub.handle(Event::from_client(client, FromClient::ReadTimeout), world.now);
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Both));
}

#[test]
fn a_room_with_too_many_events_does_not_delay_another_room() {
    let mut world = joined(&["Ada", "Bob"]);
    world.people.extend(World::new(2).people);
    for person in [2, 3] {
        world.enter(person, 1);
        world.join(person, "Cem");
    }
    world.settle();
    let (bob, other) = (world.pipe(1), world.pipe(3));
    let before = bob.frames().len();
    // Far more than the share of a turn, in one drain. Each text is followed by a post, so that none replaces another.
    for n in 0..100 {
        world.write(0, &"x".repeat(100_000));
        world.post(0, &n.to_string(), None);
    }
    world.write(2, "the other room");
    world.hub.write(world.now);
    assert_eq!(other.page().text_of("Cem"), Some("the other room"));
    assert!(bob.frames().len() - before < 60, "the rest waits for later turns");
    assert!(world.hub.due().is_some_and(|due| due <= Instant::now()), "the next turn waits for no event");
    world.settle();
    world.check();
    assert_eq!(bob.page().posts().last(), Some(&"99"), "in order, and none is lost");
}

#[test]
fn posts_beyond_the_budget_of_a_room_wait_and_their_authors_are_told() {
    let mut world = World::with(Limits { room_burst: 100_000, ..LIMITS }, 3);
    for (n, name) in ["Ada", "Bob", "Cem"].into_iter().enumerate() {
        world.enter(n, 0);
        world.join(n, name);
    }
    world.settle();
    for _ in 0..20 {
        world.post(0, &"x".repeat(10_000), None);
    }
    world.post(1, "of somebody else", None);
    world.write(2, "texts do not wait");
    world.hub.write(world.now);
    let posts = |world: &World| world.pipe(2).page().received.len();
    assert!((10..15).contains(&posts(&world)), "{} posts", posts(&world));
    assert!(world.pipe(0).page().slowed_down > 0);
    assert_eq!(world.pipe(1).page().text_of("Cem"), Some("texts do not wait"));
    while posts(&world) < 21 {
        world.now.instant = world.hub.due().expect("posts wait");
        world.hub.write(world.now);
    }
    let received = world.pipe(2).page();
    let other = received.log.iter().position(|post| post["text"] == "of somebody else");
    assert!(other < Some(15), "who has posted little is next, and not number {other:?}");
    world.settle();
    world.check();
}

/// A room with 50 full boxes, just entered by viewers who read.
fn watched_by(viewers: usize) -> World {
    let mut world = joined(&[""; 50].map(|_| "Ada"));
    (0..50).for_each(|n| world.write(n, &"x".repeat(40_000)));
    world.hub.write(world.now);
    world.people.extend(World::new(viewers).people);
    for viewer in 50..50 + viewers {
        world.enter(viewer, 0);
        world.pipe(viewer).0.borrow_mut().space = usize::MAX;
        world.act(viewer, Action::Watch);
    }
    world.hub.write(world.now);
    world
}

/// How many bytes each viewer of such a room has got.
fn sent_to_viewers(world: &World) -> Vec<usize> {
    (50..world.people.len()).map(|n| world.pipe(n).0.borrow().bytes.len()).collect()
}

#[test]
fn one_write_sends_only_so_much_state_to_one_client_and_in_all() {
    const VIEWERS: usize = 20;
    const PART: usize = 64 * 1024;
    let mut world = watched_by(VIEWERS);
    let sent = sent_to_viewers(&world);
    // The first part goes out with the batch, and the last part of the others may exceed their limit.
    let largest = 3 * PART / 2;
    assert!(sent.iter().all(|&bytes| bytes < largest + 256 * 1024 + largest), "{sent:?}");
    let all: usize = sent.iter().sum();
    assert!(all < VIEWERS * largest + 1024 * 1024 + 256 * 1024 + largest, "{all} bytes in one write");
    (0..5).for_each(|_| world.settle());
    world.check();
}

#[test]
fn clients_that_wait_for_state_get_some_of_it_in_turn() {
    const VIEWERS: usize = 20;
    let mut world = watched_by(VIEWERS);
    // One write has state for four of them.
    for _ in 0..VIEWERS / 4 {
        world.now.instant += Duration::from_millis(1);
        world.hub.write(world.now);
    }
    let sent = sent_to_viewers(&world);
    assert!(sent.iter().all(|&bytes| (256 * 1024..1024 * 1024).contains(&bytes)), "{sent:?}");
    (0..5).for_each(|_| world.settle());
    world.check();
}

#[test]
fn a_drain_has_a_maximum_number_of_events() {
    let (events, queue) = unbounded();
    let transport = Pipe::default();
    transport.0.borrow_mut().space = usize::MAX;
    let (client, room) = (ClientId(1), RoomName::from_query("").unwrap());
    events.send(Event::Connected(new_client(client, room, Encoding::PLAIN_WHOLE, &transport))).unwrap();
    let join = Action::Join { name: Name::parse("Ada", 40).unwrap(), session: Session::random() };
    events.send(Event::from_client(client, FromClient::Acted(join))).unwrap();
    for n in 0..3_000 {
        let post = Action::Post { text: n.to_string(), reference: None };
        events.send(Event::from_client(client, FromClient::Acted(post))).unwrap();
    }
    drop(events);
    Hub::new(LIMITS, None, HostOptions::default(), None, Shard::single()).run(&queue);
    assert!((3..=4).contains(&transport.0.borrow().sends), "{} sends", transport.0.borrow().sends);
    assert_eq!(transport.page().received.len(), 3_000);
}

/// Ada, whose posts have used up the budget of her room and wait, and Bob.
fn with_waiting_posts() -> World {
    let mut world = World::with(Limits { room_burst: 100_000, ..LIMITS }, 2);
    for (n, name) in ["Ada", "Bob"].into_iter().enumerate() {
        world.enter(n, 0);
        world.join(n, name);
    }
    world.settle();
    for _ in 0..20 {
        world.post(0, &"x".repeat(10_000), None);
    }
    world.hub.write(world.now);
    assert!(world.pipe(1).page().received.len() < 20, "posts wait");
    world
}

#[test]
fn while_a_post_waits_a_ping_is_answered() {
    let mut world = with_waiting_posts();
    let client = world.people[0].line.as_ref().unwrap().client;
    let pong = FromClient::Frames(vec![0x8A, 0]);
    world.hub.handle(Event::from_client(client, pong), world.now);
    world.hub.write(world.now);
    assert_eq!(world.pipe(0).frames().last(), Some(&Frame::Pong));
}

#[test]
fn a_client_that_has_gone_does_not_stay_because_its_post_waits() {
    let mut world = with_waiting_posts();
    let client = world.people[0].line.as_ref().unwrap().client;
    world.hub.handle(Event::from_client(client, FromClient::Closed { goodbye: true }), world.now);
    world.hub.write(world.now);
    assert_eq!(world.pipe(1).frames().last().map(Frame::name), Some("disconnect_user"));
    assert_eq!(world.health().clients, 1);
}

#[test]
fn posts_that_wait_are_posted_when_the_server_stops() {
    let mut world = with_waiting_posts();
    world.hub.handle(Event::Stop, world.now);
    world.hub.write(world.now);
    assert_eq!(world.pipe(1).page().received.len(), 20);
    assert_eq!(world.pipe(1).frames().last(), Some(&Frame::Close(1001)));
}

#[test]
fn what_is_rejected_takes_nothing_of_the_budget() {
    let mut world = World::with(Limits { room_burst: 5_000, max_users: 2, ..LIMITS }, 3);
    for (n, name) in ["Ada", "Bob"].into_iter().enumerate() {
        world.enter(n, 0);
        world.join(n, name);
    }
    world.enter(2, 0);
    world.settle();
    for _ in 0..100 {
        world.act(2, Action::Post { text: "x".repeat(10_000), reference: None });
        for n in [1, 2] {
            let name = Name::parse("again, or into a full room", 40).unwrap();
            world.act(n, Action::Join { name, session: Session::random() });
        }
    }
    world.post(0, "at once", None);
    world.hub.write(world.now);
    assert_eq!(world.pipe(1).page().posts(), ["at once"]);
}

#[test]
fn whoever_enters_does_not_wait_until_all_others_have_every_text() {
    const BUSY: usize = 20;
    let mut world = joined(&[""; 50].map(|_| "Ada"));
    (0..BUSY).for_each(|n| world.pipe(n).0.borrow_mut().space = 0);
    (0..50).for_each(|n| world.write(n, &"x".repeat(40_000)));
    world.hub.write(world.now);
    world.people.extend(World::new(1).people);
    world.enter(50, 0);
    world.act(50, Action::Watch);
    world.hub.write(world.now);
    // The busy ones read again, and there is much that they have missed.
    (0..=50).for_each(|n| world.pipe(n).0.borrow_mut().space = usize::MAX);
    for _ in 0..10 {
        world.now.instant += Duration::from_millis(64);
        world.hub.write(world.now);
    }
    assert!(world.pipe(50).page().room.is_some(), "the whole snapshot has come");
}
