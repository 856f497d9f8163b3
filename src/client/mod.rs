//! One client: the thread that reads its WebSocket, checks what it sends and tells the hub.

pub mod rate_limit;
pub mod reader;
pub mod spawn;
pub mod validate;
