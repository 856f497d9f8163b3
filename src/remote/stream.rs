//! A connection to a host, encrypted or not. Encryption stays in one place, because only bytes cross to and from the
//! thread that reads the socket.

use crate::remote::address::Address;
use crate::remote::failure::Failure;
use crate::remote::pipe::{Pipe, connect};
use crate::remote::tls::Tls;
use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::time::Instant;

/// A connection, encrypted or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Pipe),
    Encrypted(Box<StreamOwned<ClientConnection, Pipe>>),
}

impl Stream {
    /// Connects to the host of an address. Until the deadline, reads block.
    pub(crate) fn open(address: &Address, tls: Option<&Tls>, deadline: Instant) -> Result<Self, Failure> {
        let lost = |error: io::Error| Failure::Lost(format!("The connection is lost: {error}."));
        let pipe = Pipe::new(connect(&address.host, address.port, deadline)?, deadline).map_err(lost)?;
        match tls.filter(|_| address.is_secure) {
            None => Ok(Self::Plain(pipe)),
            Some(tls) => {
                let encrypted = tls.connection(&address.host).map_err(Failure::Refused)?;
                Ok(Self::Encrypted(Box::new(StreamOwned::new(encrypted, pipe))))
            }
        }
    }

    /// The connection below.
    pub(crate) fn pipe(&mut self) -> &mut Pipe {
        match self {
            Self::Plain(pipe) => pipe,
            Self::Encrypted(stream) => &mut stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(pipe) => pipe.read(to),
            Self::Encrypted(stream) => stream.read(to),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(pipe) => pipe.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(pipe) => pipe.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}
