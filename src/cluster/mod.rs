//! Several processes that serve the same rooms.
//!
//! Each process is a node. One node owns a room: its rules decide. Every other node with clients in the room is a
//! mirror: it follows what the owner decides, and serves its own clients from that.

pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod room_link;
