//! The transport of a client: a socket, or polls.

use crate::delivery::polling::Polling;
use crate::delivery::transport::{SocketTransport, Transport};
use std::io::{self, IoSlice};
use std::net::Shutdown;

/// What a client is connected by.
#[derive(Debug)]
pub enum ClientTransport {
    /// A socket.
    Socket(SocketTransport),
    /// Polls.
    Polling(Polling),
}

impl From<SocketTransport> for ClientTransport {
    fn from(socket: SocketTransport) -> Self {
        Self::Socket(socket)
    }
}

impl Transport for ClientTransport {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.send(pieces),
            Self::Polling(polling) => polling.send(pieces),
        }
    }

    fn end_response(&self) {
        match self {
            Self::Socket(socket) => socket.end_response(),
            Self::Polling(polling) => polling.end_response(),
        }
    }

    fn is_mid_message(&self) -> bool {
        match self {
            Self::Socket(socket) => socket.is_mid_message(),
            Self::Polling(polling) => polling.is_mid_message(),
        }
    }

    fn is_polling(&self) -> bool {
        matches!(self, Self::Polling(_))
    }

    fn shutdown(&self, how: Shutdown) {
        match self {
            Self::Socket(socket) => socket.shutdown(how),
            Self::Polling(polling) => polling.shutdown(how),
        }
    }
}
