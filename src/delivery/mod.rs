//! Delivery: from the events of a room to bytes on a connection.
//!
//! A [`batch`] contains what a room sends at once, [`framed`] in each encoding. A [`share`] is the part that one client
//! gets. An [`outbox`] writes shares to a [`transport`], however slow the client is: a [`stall`] is what it keeps while
//! the transport is full, with its [`backlog`], whose [memory](crate::base::memory) is counted for all clients
//! together. For a client that polls, [`polling`] is the transport, and [`payload`] turns frames into responses.
//! [`catch_up`] contains the texts that a slow client has missed. A thread that has a socket to itself uses it as a
//! [`deadline_stream`].

pub(crate) mod backlog;
pub(crate) mod batch;
pub(crate) mod catch_up;
pub(crate) mod client_transport;
pub(crate) mod deadline_stream;
pub(crate) mod framed;
pub(crate) mod outbox;
pub(crate) mod payload;
pub(crate) mod polling;
pub(crate) mod sent;
pub(crate) mod share;
pub(crate) mod stall;
pub(crate) mod transport;
