//! The beginning of a stop: no more connections, and then the hubs are told.

use crate::hub::shards::Shards;
use crossbeam_channel::Sender;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long all hubs together may take to receive the event that stops them. Only a hub that is stuck exceeds it.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the last connection may take to be made, which ends or wakes a thread that accepts connections.
const LAST_TIMEOUT: Duration = Duration::from_millis(100);

/// Stops a server, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    pub(super) shards: Shards,
    pub(super) last: LastConnection,
}

impl Stopper {
    /// Accepts no more connections, closes every client with code 1001 and ends the server: within two seconds, or five
    /// if the store is busy.
    pub fn stop(&self) {
        // First, so that clients that come back at once wait for the next server instead of being refused by this one.
        if let Err(error) = self.last.connect() {
            log::debug!("connections are accepted for a little longer: {error}");
        }
        self.shards.stop(STOP_TIMEOUT);
    }
}

/// Ends the acceptor by a connection. A mere flag would lose a client: the acceptor looks at a flag only after it has
/// accepted somebody.
#[derive(Debug, Clone)]
pub(super) struct LastConnection {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Tells the acceptor from where the connection comes.
    pub from: Sender<SocketAddr>,
}

impl LastConnection {
    pub(super) fn connect(&self) -> io::Result<()> {
        let server = reachable(self.listen);
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(server.ip(), 0).into())?;
        if let Some(from) = socket.local_addr()?.as_socket() {
            // The acceptor may have ended already.
            let _ = self.from.send(from);
        }
        socket.connect_timeout(&server.into(), LAST_TIMEOUT)
    }
}

/// Wakes the thread that accepts connections here. Returns false if none can be made.
pub(super) fn wake(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&reachable(address), LAST_TIMEOUT).is_ok()
}

/// An address at which this machine reaches a listener. One that listens on all interfaces is reached on loopback.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => address.ip(),
    };
    SocketAddr::new(host, address.port())
}
