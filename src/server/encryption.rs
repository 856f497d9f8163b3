//! Encrypted connections: a handshake, and then a pump before the code that serves all connections.

use crate::base::permits::Permit;
use crate::delivery::transport::SocketTransport;
use crate::http::connection::{Connection, linger};
use crate::platform::socket_pair;
use crate::tls::certificate::Certificate;
use crate::tls::handshake::{HandshakeError, Turns, handshake};
use crate::tls::pump::{self, Pump};
use crate::tls::reload::watch;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustls::{ServerConfig, ServerConnection};
use std::convert::Infallible;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// The buffers of a pair of sockets, in bytes; Linux doubles them. What waits there cannot be replaced by later texts,
/// as in a [socket's own buffer](crate::server::acceptor), so it is small. Larger pieces take several turns.
const PAIR_BUFFER: usize = 16 * 1024;

/// How long pumps may take to send what was written last, once the hubs have ended. They need a few milliseconds, unless
/// a client does not read.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// What all encrypted connections share.
#[derive(Debug)]
pub(crate) struct Encryption {
    config: Arc<ServerConfig>,
    renewed: Receiver<Arc<ServerConfig>>,
    turns: Turns,
    running: Sender<Infallible>,
}

/// A connection before its handshake.
#[derive(Debug)]
pub(crate) struct EncryptedConnection {
    /// The connection as it will be. Until then it has the socket of the client.
    connection: Connection,
    config: Arc<ServerConfig>,
    turns: Turns,
    permit: Permit,
    running: Sender<Infallible>,
}

/// Waits until the pumps have sent everything, before the program ends. Those of idle connections stay, so there is a
/// limit.
pub(super) fn wait_for_pumps(pumps: &Receiver<Infallible>) {
    let _ = pumps.recv_timeout(FLUSH_TIMEOUT);
}

impl Encryption {
    /// Encrypts with this certificate, and with its successors until the server has stopped. The receiver is
    /// disconnected when there are no pumps any more.
    pub(crate) fn start(
        certificate: Certificate,
        stopped: &Arc<AtomicBool>,
    ) -> io::Result<(Self, Receiver<Infallible>)> {
        let (running, pumps) = bounded(0);
        let renewed = watch(certificate.files, Arc::clone(stopped))?;
        Ok((Self { config: certificate.config, renewed, turns: Turns::new(), running }, pumps))
    }

    /// A new connection. `None` if a limit leaves no permit for its pump.
    pub(crate) fn of(&mut self, connection: Connection) -> Option<EncryptedConnection> {
        if let Ok(config) = self.renewed.try_recv() {
            self.config = config;
        }
        Some(EncryptedConnection {
            permit: connection.permit.another()?,
            connection,
            config: Arc::clone(&self.config),
            turns: self.turns.clone(),
            running: self.running.clone(),
        })
    }
}

impl EncryptedConnection {
    /// Serves the connection, as a plain one is served, once its handshake is done.
    pub(crate) fn serve(self) {
        let Connection { transport, client, .. } = &self.connection;
        let deadline = Instant::now() + self.connection.timeout;
        match handshake(transport, Arc::clone(&self.config), &self.turns, deadline) {
            Ok(tls) => self.serve_behind_pump(tls),
            Err(HandshakeError::NotTls(bytes)) => self.connection.redirect(bytes),
            Err(HandshakeError::Lost(error)) => log::debug!("client {}: no handshake: {error}", client.0),
            Err(HandshakeError::Failed(error)) => {
                log::debug!("client {}: the handshake failed: {error}", client.0);
                linger(transport);
            }
        }
    }

    fn serve_behind_pump(self, tls: Box<ServerConnection>) {
        let Self { mut connection, permit, running, .. } = self;
        let number = connection.client.0;
        let spawned = socket_pair().and_then(|pair| {
            let [near, far] =
                pair.map(|socket| SocketTransport::with_buffers(socket, PAIR_BUFFER, PAIR_BUFFER));
            let network = mem::replace(&mut connection.transport, near);
            let timeout = connection.timeout;
            pump::spawn(Pump { tls, network, pair: far, timeout, permit, running }, number)
        });
        match spawned {
            Ok(()) => connection.serve(),
            Err(error) => log::warn!("client {number} is refused: {error}"),
        }
    }
}
