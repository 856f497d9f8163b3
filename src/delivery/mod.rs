//! From a room's events to bytes on a connection: batches, slow clients, transports.

pub mod batch;
pub mod outbox;
pub mod transport;
