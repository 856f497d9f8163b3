//! Delivery: from what happened in a room to bytes on a connection.
//!
//! A [`batch`] holds what a room sends at once, [`framed`] in each encoding; a [`share`] is what one client gets of it; an
//! [`outbox`] writes shares to a [`transport`], however slow it is; a client that was behind has to [`catch_up`].

pub(crate) mod batch;
pub(crate) mod catch_up;
pub(crate) mod framed;
pub(crate) mod outbox;
pub(crate) mod share;
pub(crate) mod transport;
