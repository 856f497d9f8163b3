//! Random input to every decoder, and random actions in rooms. Whatever people do, wherever batches end, and however
//! little the sockets accept, all clients end with the same users, texts and posts. The tests drive the whole hub
//! without sockets, threads or clocks.

mod decoders;
mod examples;
mod facts;
mod pipe;
mod store;
mod store_crashes;
#[path = "../support/mod.rs"]
mod support;
mod world;

use proptest::prelude::*;
use world::{PEOPLE, World, steps};

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
