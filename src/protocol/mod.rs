//! The wire: the events that clients and server send each other, as JSON and as frames.
//!
//! Every event is a JSON array `["event", data]`, the argument list of an `emit`.

pub(crate) mod client_event;
pub(crate) mod close;
pub(crate) mod encoding;
pub(crate) mod error;
pub(crate) mod invitation;
#[cfg(test)]
mod labels_test;
pub(crate) mod post_refusal;
pub(crate) mod server_event;
pub(crate) mod snapshot;
pub(crate) mod socketio;
#[cfg(test)]
mod tests;
pub(crate) mod usage;
