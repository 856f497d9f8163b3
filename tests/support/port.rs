//! Ports for programs that cannot be told to choose one.

use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;

/// A port of loopback on which a program can listen that cannot be told to choose one.
///
/// A socket is bound to it, so nobody else is given the port. Linux lets the program bind it too, because both sockets
/// have `SO_REUSEADDR`, and this one does not listen.
pub(crate) struct Port {
    _socket: Socket,
    pub number: u16,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let number = socket.local_addr().unwrap().as_socket().unwrap().port();
        Self { _socket: socket, number }
    }
}
