//! The program under faults and attacks. Each one harms at most its own client, and leaks nothing.

#[path = "../support/mod.rs"]
mod support;

mod encrypted;
mod exhaustion;
mod flood;
mod frames;
#[cfg(feature = "soak")]
mod guess_attacks;
mod hostile;
mod process;
mod reopening;
#[cfg(feature = "soak")]
mod seat_attacks;
mod stalled;
