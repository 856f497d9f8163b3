//! Several nodes with one room, and a model of Redis between them that delays what they say. Nodes are killed, suspended
//! and cut off while people write, post and move from one to another. In the end all pages show the same room, every
//! person has one seat and their last text, and every post is there once.

mod one_node;
mod redis;
mod sim;

use sim::{Fault, Sim};
use std::ops::Range;
use std::panic;

/// The seeds of what chance decides, one for each run.
const SEEDS: Range<u64> = 0..if cfg!(feature = "soak") { 150 } else { 4 };

fn run(faults: &[Fault]) {
    for seed in SEEDS {
        let run = || {
            let mut sim = Sim::new(seed, faults);
            sim.run();
            sim.check();
        };
        assert!(panic::catch_unwind(run).is_ok(), "the run of seed {seed} failed");
    }
}

#[test]
fn nodes_without_faults_have_the_same_room() {
    run(&[]);
}

#[test]
fn people_who_move_from_node_to_node_keep_seat_and_text() {
    run(&[Fault::Drop]);
}

#[test]
fn nodes_that_are_killed_lose_nothing() {
    run(&[Fault::Kill]);
}

#[test]
fn nodes_that_are_stopped_hand_their_rooms_over() {
    run(&[Fault::Stop, Fault::Drop]);
}

#[test]
fn nodes_that_are_suspended_come_back() {
    run(&[Fault::Suspend]);
}

#[test]
fn nodes_that_are_cut_off_come_back() {
    run(&[Fault::Cut]);
}

#[test]
fn nodes_that_miss_messages_notice_it() {
    run(&[Fault::Miss, Fault::Drop]);
}

#[test]
fn a_redis_that_is_away_for_a_while_changes_nothing() {
    run(&[Fault::Away, Fault::Drop]);
}

#[test]
fn a_redis_that_has_forgotten_is_told_again() {
    run(&[Fault::Forget, Fault::Drop]);
}

#[test]
fn all_faults_together() {
    run(&[Fault::Drop, Fault::Kill, Fault::Stop, Fault::Suspend, Fault::Cut, Fault::Miss, Fault::Away]);
}
