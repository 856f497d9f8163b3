//! The domain, pure: the users, boxes and posts of a room.
//!
//! [`rules`] turns actions into [`fact`]s; [`view`] is the state that facts produce.
//!
//! Architecture invariant: nothing in this folder refers to a socket, a clock, a thread, a frame or a client id.
//! Another process that applies the same facts has the same room.

pub(crate) mod action;
pub(crate) mod boxes;
pub(crate) mod copy;
pub(crate) mod error;
pub(crate) mod fact;
pub(crate) mod history;
pub(crate) mod marks;
pub(crate) mod names;
pub(crate) mod numbering;
pub(crate) mod post;
pub(crate) mod room_name;
pub(crate) mod rules;
pub(crate) mod session;
pub(crate) mod splice;
pub(crate) mod state;
pub(crate) mod text;
pub(crate) mod unique_names;
pub(crate) mod view;
