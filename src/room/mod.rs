//! The domain, pure: the rules of a room, its users, boxes and log. No socket, clock, thread or frame.

pub mod boxes;
pub mod history;
pub mod names;
pub mod rules;
pub mod session;
pub mod splice;
