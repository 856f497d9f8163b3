//! Every rule of the Engine.IO protocol, revision 4, and of the Socket.IO protocol, revision 5, against the example for
//! the conformance suites: raw HTTP, and raw WebSocket frames.

#[path = "../../examples/socketio_conformance.rs"]
#[allow(dead_code, reason = "its command line has no use here")]
mod example;
#[path = "../support/mod.rs"]
mod support;

mod client;
mod engine;
mod heartbeat;
mod messages;
mod packets;
mod session;
mod upgrade;
