//! The wire of Socket.IO clients: [Engine.IO](engine) packets carry [Socket.IO](packet) packets, which carry the same
//! events as the plain wire.
//!
//! Source: the Engine.IO protocol, revision 4 (<https://socket.io/docs/v4/engine-io-protocol/>), and the Socket.IO
//! protocol, revision 5 (<https://socket.io/docs/v4/socket-io-protocol/>).

pub(crate) mod engine;
pub(crate) mod handshake;
pub(crate) mod packet;
