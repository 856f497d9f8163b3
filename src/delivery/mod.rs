//! Delivery: from what happened in a room to bytes on a connection.
//!
//! A [`batch`] holds what a room sends at once, [`framed`] in each encoding; a [`share`] is what one client gets of it; an
//! [`outbox`] writes shares to a [`transport`], however slow it is; a client that was behind has to [`catch_up`].

pub mod batch;
pub mod catch_up;
pub mod framed;
pub mod outbox;
pub mod share;
pub mod transport;
