//! The program under faults and attacks: each harms its own client at most, and nothing is left behind.

#[path = "../support/mod.rs"]
mod support;

mod exhaustion;
mod flood;
mod frames;
mod process;
mod stalled;
