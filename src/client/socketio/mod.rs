//! Socket.IO clients: a session for each, which outlives its connections.
//!
//! A session has one thread from its handshake to its end, as any client has. A client that polls gives it polls and
//! posted payloads through a [`mailbox`], and the [directory](sessions) knows the mailbox of each session. When the
//! client upgrades, or if it begins with a WebSocket, the thread reads that. Until the client has entered a room, an
//! [`application`] handles its messages, and the thread itself writes the [`output`]. From then on they are [`events`]
//! for the hub, which alone writes to the client.

pub(crate) mod application;
mod early;
pub(crate) mod events;
pub(crate) mod heartbeat;
pub(crate) mod mailbox;
pub(crate) mod output;
pub(crate) mod rooms;
pub(crate) mod session;
pub(crate) mod session_id;
pub(crate) mod sessions;
pub(crate) mod spawn;
