//! Random input to every decoder; and random rooms: whatever people do, however the batches are cut and
//! however little their sockets take, everyone ends up with the same users, texts and posts. The whole hub,
//! without sockets, threads or clocks.

mod decoders;
mod examples;
mod facts;
mod pipe;
mod store;
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod world;

use proptest::prelude::*;
use world::{PEOPLE, World, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everyone_ends_with_the_same_room(steps in steps()) {
        let mut world = World::new(PEOPLE);
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
    }
}
