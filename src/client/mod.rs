//! One client: the thread that reads its WebSocket, checks what it sends and tells the hub.

pub(crate) mod incoming;
pub(crate) mod outlet;
pub(crate) mod pace;
pub(crate) mod reader;
pub(crate) mod socketio;
pub(crate) mod spawn;
pub(crate) mod teller;
pub(crate) mod validate;
