//! The domain, pure: who is in a room, what is in the boxes, what was posted.
//!
//! [`rules`] decides what an action comes to and says it as a [`fact`]; [`view`] is the state that facts make.
//!
//! Architecture invariant: nothing in this folder knows a socket, a clock, a thread, a frame or the client of a
//! transport. Another process that applies the same facts has the same room.

pub(crate) mod action;
pub(crate) mod boxes;
pub(crate) mod error;
pub(crate) mod fact;
pub(crate) mod history;
pub(crate) mod names;
pub(crate) mod numbering;
pub(crate) mod post;
pub(crate) mod rules;
pub(crate) mod session;
pub(crate) mod splice;
pub(crate) mod text;
pub(crate) mod view;
