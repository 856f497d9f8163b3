//! The wire: the events that clients and server send each other, as JSON and as frames.
//!
//! Every event is a JSON array `["event", data]`, the argument list of an `emit`.

pub mod client_event;
pub mod close;
pub mod encoding;
pub mod error;
pub mod invitation;
pub mod server_event;
pub mod snapshot;
pub mod usage;
