//! The memory that all clients together can make the hub hold.

use crate::bounded::is_closed;
use crate::examples::pass;
use crate::pipe::{Frame, Pipe};
use crate::world::{LIMITS, World};
use std::time::Duration;
use typewall::Limits;
use typewall::internals::{Action, Event, FromClient, MIN_STAY, TextChange};

/// A room of users for whom a mebibyte may wait.
fn with_little_memory(users: usize) -> World {
    let mut world = World::with(Limits { max_waiting: 1024 * 1024, ..LIMITS }, users);
    for n in 0..users {
        world.enter(n, 0);
        world.join(n, "Ada");
    }
    world.settle();
    world
}

#[test]
fn beyond_the_memory_for_what_waits_those_who_have_read_nothing_for_longest_are_closed() {
    let mut world = with_little_memory(10);
    world.now.instant += MIN_STAY; // so that those who are closed are away
    let pipes: Vec<Pipe> = (0..10).map(|n| world.pipe(n)).collect();
    for pipe in &pipes[1..] {
        pipe.0.borrow_mut().space = 0;
        world.now.instant += Duration::from_millis(10);
        world.write(0, "a text that the next one misses");
        world.hub.write(world.now);
    }
    // Each client has its own frames waiting, and none has too many by itself.
    let away = |world: &World| world.pipe(0).page().users.values().filter(|user| user.away).count();
    for _ in 0..700 {
        for n in 1..10 {
            let client = world.people[n].line.as_ref().unwrap().client;
            let pong = FromClient::Frames([&[0x8A, 125][..], &[0; 125]].concat());
            world.hub.handle(Event::from_client(client, pong), world.now);
        }
        world.hub.write(world.now);
        let waiting = world.health().waiting;
        assert!(waiting <= 1024 * 1024, "{waiting} bytes wait");
    }
    assert!((1..5).contains(&away(&world)), "{} clients were closed", away(&world));
    pipes.iter().for_each(|pipe| pipe.0.borrow_mut().space = usize::MAX);
    pass(&mut world, &pipes[0], 3, Duration::from_secs(1), usize::MAX);
    assert_eq!(pipes[1].frames().last(), Some(&Frame::Close(4002)), "the one that waited longest");
    assert!(!is_closed(&pipes[9]), "the one that waited shortest");
}

#[test]
fn who_reads_steadily_outlasts_those_who_read_nothing() {
    let mut world = with_little_memory(12);
    let pipes: Vec<Pipe> = (0..12).map(|n| world.pipe(n)).collect();
    // The phone's transport is full before those of the others, and never catches up.
    for pipe in &pipes[1..] {
        pipe.0.borrow_mut().space = 0;
        world.now.instant += Duration::from_millis(10);
        world.post(0, &"x".repeat(1_000), None);
        world.hub.write(world.now);
    }
    let phone = &pipes[1];
    for _ in 0..700 {
        phone.0.borrow_mut().space = 50;
        world.now.instant += Duration::from_millis(10);
        for n in 1..12 {
            let client = world.people[n].line.as_ref().unwrap().client;
            let pong = FromClient::Frames([&[0x8A, 125][..], &[0; 125]].concat());
            world.hub.handle(Event::from_client(client, pong), world.now);
        }
        world.hub.write(world.now);
    }
    pipes.iter().for_each(|pipe| pipe.0.borrow_mut().space = usize::MAX);
    pass(&mut world, phone, 3, Duration::from_secs(1), usize::MAX);
    assert!(!is_closed(phone), "the phone read all the time");
    assert_eq!(pipes[2].frames().last(), Some(&Frame::Close(4002)), "the one that read nothing for longest");
}

#[test]
fn clients_that_share_what_waits_are_closed_without_a_copy_of_it_for_each() {
    const LIMIT: usize = 256 * 1024;
    const GROUPS: usize = 20;
    const VIEWERS: usize = 10;
    let mut world = World::with(Limits { max_waiting: LIMIT, ..LIMITS }, 100 + GROUPS * VIEWERS);
    for n in 0..100 {
        world.enter(n, 0);
        world.join(n, "Ada");
        world.write(n, &"x".repeat(1_000));
    }
    world.settle();
    for group in 0..GROUPS {
        // The viewers of a group share a part of a snapshot, and each has read the beginning of it.
        world.now.instant += Duration::from_millis(100);
        world.write(0, &group.to_string());
        for viewer in 0..VIEWERS {
            let viewer = 100 + group * VIEWERS + viewer;
            world.enter(viewer, 0);
            world.pipe(viewer).0.borrow_mut().space = 10_000;
            world.act(viewer, Action::Watch);
        }
        world.hub.write(world.now);
        let waiting = world.health().waiting;
        assert!(waiting <= LIMIT, "{waiting} bytes wait");
    }
    let ended = (100..100 + GROUPS * VIEWERS).filter(|&n| world.pipe(n).0.borrow().shut.is_some()).count();
    assert!((VIEWERS..GROUPS * VIEWERS / 2).contains(&ended), "{ended} viewers were closed");
}

#[test]
fn beyond_the_memory_for_texts_no_box_grows_and_logs_get_shorter() {
    const MIB: usize = 1024 * 1024;
    let mut world = World::with(Limits { max_texts: MIB, log_length: 1_000, ..LIMITS }, 2);
    for n in 0..2 {
        world.enter(n, 0);
        world.join(n, "Ada");
    }
    world.settle();
    for _ in 0..200 {
        world.post(0, &"x".repeat(10_000), None);
        world.hub.write(world.now);
    }
    world.settle();
    let posts = world.pipe(1).page().received.len();
    assert_eq!(posts, 200, "shortening takes nothing from those who are there");
    assert!(world.health().texts < MIB + 20_000, "{} bytes of texts", world.health().texts);
    world.write(1, &"y".repeat(2 * MIB));
    world.hub.write(world.now);
    world.act(0, Action::Write(TextChange::Whole("refused".repeat(1_000).into())));
    world.settle();
    assert_eq!(world.pipe(0).page().errors, ["memory_full"]);
    world.write(0, "a short text is always accepted");
    world.write(1, "shorter");
    world.hub.write(world.now);
    world.write(0, "accepted");
    world.settle();
    world.check();
}

#[test]
fn the_refs_of_posts_take_memory_for_texts_and_are_forgotten_when_it_is_short() {
    const POSTS: usize = 5_000;
    let texts_after_posts = |max_texts| {
        let mut world = World::with(Limits { max_texts, ..LIMITS }, 1);
        world.enter(0, 0);
        world.join(0, "Ada");
        for n in 0..POSTS {
            world.act(0, Action::Post { text: "text".to_owned(), reference: Some(n.to_string()) });
            world.hub.write(world.now);
        }
        world.health().texts
    };
    let all = texts_after_posts(usize::MAX);
    assert!(all > POSTS * 64, "{all} bytes");
    let short = texts_after_posts(all / 2);
    assert!(short <= all / 2, "{short} of {all} bytes");
}
