//! The program ends while people post and hosts run their rooms.

mod hosts;
mod posts;
#[path = "../support/mod.rs"]
mod support;
