//! The domain, pure: who is in a room, what is in the boxes, what was posted.
//!
//! [`rules`] decides what an action comes to and says it as a [`fact`]; [`view`] is the state that facts make.
//!
//! Architecture invariant: nothing in this folder knows a socket, a clock, a thread, a frame or the client of a
//! transport. Another process that applies the same facts has the same room.

pub mod action;
pub mod boxes;
pub mod error;
pub mod fact;
pub mod history;
pub mod names;
pub mod numbering;
pub mod post;
pub mod rules;
pub mod session;
pub mod splice;
pub mod text;
pub mod view;
