//! Encryption of the connections that the server accepts.
//!
//! The reader of a client and the hub cannot share one encrypted connection without a lock. So a [`pump`] stands between
//! the client and a pair of sockets, decrypts and encrypts, and knows nothing of what it passes on: the code of a
//! connection, and the hub's policy for slow clients, are the same with and without encryption. Before that there is a
//! [`handshake`]. The [`certificate`] comes from two files; [`reload`] notices when they change. Its [`names`] are those
//! of the server.

pub(crate) mod certificate;
pub(crate) mod handshake;
pub(crate) mod names;
pub(crate) mod pump;
pub(crate) mod reload;
#[cfg(test)]
pub(crate) mod test_client;
