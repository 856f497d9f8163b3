//! Viewers: whatever people do, every page knows how many there are in the end, and no room is told more than once a
//! second.

use crate::examples::room;
use crate::pipe::{Frame, Pipe};
use crate::world::{PEOPLE, World, steps};
use proptest::prelude::*;
use std::time::Duration;

/// How long changes of the number are collected.
const INTERVAL: Duration = Duration::from_secs(1);

/// The numbers that a client was told, other than in snapshots.
fn told(pipe: &Pipe) -> Vec<u64> {
    let count = |frame: Frame| match frame {
        Frame::Event(event, data) if event == "viewers" => data["count"].as_u64(),
        _ => None,
    };
    pipe.frames().into_iter().filter_map(count).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_page_ends_with_the_number_of_viewers(steps in steps()) {
        let mut world = World::new(PEOPLE);
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.cut(INTERVAL);
        let lines: Vec<_> = world.people.iter().filter_map(|person| person.line.as_ref()).collect();
        for line in &lines {
            let viewers = lines.iter().filter(|other| other.room == line.room && !other.joined).count() as u64;
            let page = line.pipe.page();
            prop_assert!(page.room.is_none() || page.viewers == viewers, "{} and not {viewers}", page.viewers);
        }
    }
}

#[test]
fn a_storm_of_viewers_is_told_once_a_second_and_one_that_is_over_not_at_all() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    world.cut(INTERVAL);
    let first = world.people.len();
    world.people.extend(World::new(100).people);
    for viewer in first..first + 100 {
        world.enter(viewer, 0);
        world.cut(INTERVAL * 15 / 1000);
    }
    assert_eq!(told(&pipes[0]).len(), 1, "once in 1.5 s, although viewers come all the time");
    world.cut(INTERVAL);
    assert_eq!(told(&pipes[0])[1..], [100]);
    for viewer in first..first + 50 {
        world.leave(viewer, true);
        world.enter(viewer, 0);
    }
    for _ in 0..3 {
        world.cut(INTERVAL);
    }
    assert_eq!(told(&pipes[1])[1..], [100], "as many as before");
    (first..first + 99).for_each(|viewer| world.leave(viewer, true));
    world.join(first + 99, "Cem");
    world.cut(INTERVAL);
    assert_eq!(told(&pipes[0])[1..], [100, 0], "a viewer who joins is no longer one");
}
