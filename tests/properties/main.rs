//! Random input to every decoder, and random actions in rooms. Whatever people do, wherever batches end, and however
//! little the sockets accept, all clients end with the same users, texts and posts. The tests drive the whole hub
//! without sockets, threads or clocks.

mod bounded;
mod class;
mod cluster;
mod decoders;
mod examples;
mod facts;
mod first_host;
mod host_records;
mod hosts;
mod memory;
mod passphrase;
mod pipe;
mod place;
mod post_requests;
mod seats;
mod socketio;
mod store;
mod store_crashes;
mod store_limits;
mod store_thread;
#[path = "../support/mod.rs"]
mod support;
mod viewers;
mod world;

use proptest::prelude::*;
use world::{PEOPLE, Step, World, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_clients_end_with_the_same_room(steps in steps()) {
        let mut world = World::new(PEOPLE);
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Most boxes are as large as a part of a snapshot, so that a snapshot comes in several, and the room changes in
    /// between.
    #[test]
    fn all_clients_end_with_the_same_large_room(steps in steps()) {
        let mut world = World::new(PEOPLE);
        for step in steps {
            world.take(enlarged(step));
        }
        world.settle();
        world.check();
    }
}

/// A step with as many times larger texts, and as many times larger reads.
fn enlarged(step: Step) -> Step {
    const TIMES: usize = 2_000;
    match step {
        Step::Write { person, text } => Step::Write { person, text: text.repeat(TIMES) },
        Step::Splice { person, text } => Step::Splice { person, text: text.repeat(TIMES) },
        Step::Read { person, bytes } => Step::Read { person, bytes: bytes * TIMES / 4 },
        step => step,
    }
}
