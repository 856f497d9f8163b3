//! The commands that use a server over the network: `write` and `read`. They know it only by docs/protocol.md, as any
//! script does.
//!
//! Each command is a thread that owns the connection and all state, and waits for several things at once. Other threads
//! only block for it, and hand over what they got: one reads the socket, one the input, one connects.

pub(crate) mod address;
mod box_writer;
mod boxes;
mod connection;
mod entry;
pub(crate) mod failure;
mod input;
mod line_writer;
mod lines;
pub(crate) mod link;
mod live;
mod messages;
mod older;
mod pipe;
mod posting;
mod printer;
pub(crate) mod read;
mod retries;
mod screen;
pub(crate) mod seen;
mod stream;
mod terminal;
pub(crate) mod tls;
pub(crate) mod write;
mod writer;
