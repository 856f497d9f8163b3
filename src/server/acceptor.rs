//! The accept loop: every connection gets a permit and a thread, or a 503.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::permits::{ConnectionLimiter, Permit};
use crate::base::rate_limit::RateLimit;
use crate::base::warning::Warning;
use crate::delivery::transport::{SocketTransport, Transport};
use crate::http::connection::Connection;
use crate::http::download::DownloadLimiter;
use crate::http::log_route::LogStore;
use crate::http::request::REQUEST_TIMEOUT;
use crate::http::response::Response;
use crate::http::responses::ResponseCounters;
use crate::http::routes::Router;
use crate::http::socketio::Endpoint;
use crate::platform::{is_exhaustion, spare_descriptor};
use crate::server::encryption::Encryption;
use crossbeam_channel::{Receiver, Sender};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Pause after a failed accept. Without a free descriptor accept fails at once, again and again, until one is closed.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Stack of a connection's thread, in bytes. Only the part in use takes memory.
const STACK_SIZE: usize = 256 * 1024;

/// A socket's send buffer, in bytes; Linux doubles it. By default the system lets it grow to megabytes, and a slow
/// client reads texts from long ago. Texts that do not fit are sent later, in their latest version.
///
/// Measured with 400 updates a second and a client that reads 20 kB of their 100 kB a second: the text it reads is 6 s
/// old, 11 s with twice the buffer, 3 s with half of it, and older and older with the system's default. Clients that
/// keep up notice no difference, except that what 200 users type at once does not fit half of it and takes half as long
/// again.
const SEND_BUFFER: usize = 64 * 1024;

/// A socket's receive buffer, in bytes: what a client can have sent before the server has read it. Small, so that TCP
/// slows a flood down early.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// Accepts connections until the server stops.
pub(crate) struct Acceptor {
    /// Encrypts connections, if there is a certificate.
    pub encryption: Option<Encryption>,
    /// Issues a permit to each connection.
    pub limiter: ConnectionLimiter,
    /// The limits that apply to clients.
    pub limits: Limits,
    /// Finds the routes of requests.
    pub router: Arc<Router>,
    /// Serves Socket.IO clients.
    pub endpoint: Endpoint,
    /// Where posts are stored, if they are.
    pub store: Option<LogStore>,
    /// Limits downloads of logs.
    pub downloads: DownloadLimiter,
    /// Each connection keeps a clone until its first request is answered.
    pub unanswered: Sender<Infallible>,
    /// The address from which the server itself connects, to end the loop.
    pub last: Receiver<SocketAddr>,
    /// Set once the server has stopped.
    pub stopped: Arc<AtomicBool>,
}

impl Acceptor {
    /// Runs the loop. No error ends it: each harms one connection at most. Everyone who has connected before the last
    /// connection is served. Later connections stay in the queue, for the process that listens on the same socket next, if
    /// there is one.
    pub(crate) fn run(mut self, listener: &TcpListener) {
        let (mut spare, mut last) = (spare_descriptor(), None);
        let mut warning = Warning::default();
        for n in 1.. {
            let accept_next = || {
                listener.accept().map(|(socket, peer)| {
                    (SocketTransport::with_buffers(socket, SEND_BUFFER, RECEIVE_BUFFER), peer)
                })
            };
            let accepted = accept(accept_next, &mut spare, &self.router.responses);
            last = self.last.try_iter().last().or(last);
            let is_last = match &accepted {
                Ok((_, peer)) => Some(*peer) == last,
                Err(_) => self.stopped.load(Ordering::Relaxed),
            };
            if is_last {
                return;
            }
            let outcome = accepted.and_then(|(transport, peer)| self.spawn(ClientId(n), transport, peer));
            if let Err(error) = outcome {
                warning.log(Instant::now(), || format!("connections are being lost: {error}"));
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }

    /// Starts a connection's thread. Refuses the connection if a limit is reached, or if no thread can be started.
    fn spawn(&mut self, client: ClientId, transport: SocketTransport, peer: SocketAddr) -> io::Result<()> {
        let Some(permit) = self.limiter.acquire(Address::of(peer.ip())) else {
            self.refuse(&transport);
            return Ok(());
        };
        let connection = self.connection(client, transport.clone(), peer, permit);
        let name = format!("connection {}", client.0);
        let thread = thread::Builder::new().name(name).stack_size(STACK_SIZE);
        let spawned = match &mut self.encryption {
            None => thread.spawn(move || connection.serve()),
            Some(encryption) => match encryption.of(connection) {
                Some(encrypted) => thread.spawn(move || encrypted.serve()),
                None => return Ok(()),
            },
        };
        spawned.map(drop).inspect_err(|_| self.refuse(&transport))
    }

    /// Refuses a connection. The browser of a client that expects encryption says by itself that there is none.
    fn refuse(&self, transport: &SocketTransport) {
        if self.encryption.is_none() {
            refuse(transport, &self.router.responses);
        }
    }

    fn connection(
        &self,
        client: ClientId,
        transport: SocketTransport,
        peer: SocketAddr,
        permit: Permit,
    ) -> Connection {
        Connection {
            client,
            peer: peer.ip(),
            transport,
            limits: self.limits,
            router: Arc::clone(&self.router),
            endpoint: self.endpoint.clone(),
            store: self.store.clone(),
            downloads: self.downloads.clone(),
            timeout: REQUEST_TIMEOUT,
            requests: RateLimit::new(Instant::now()),
            unanswered: Some(self.unanswered.clone()),
            permit,
        }
    }
}

/// Accepts a connection. If no descriptor is free, gives up `spare` to accept one and refuse it.
fn accept(
    mut accept: impl FnMut() -> io::Result<(SocketTransport, SocketAddr)>,
    spare: &mut Option<File>,
    responses: &ResponseCounters,
) -> io::Result<(SocketTransport, SocketAddr)> {
    // Another thread may have taken the last spare descriptor while it was given up.
    if spare.is_none() {
        *spare = spare_descriptor();
    }
    let exhausted = match accept() {
        Err(error) if is_exhaustion(&error) => error,
        accepted => return accepted,
    };
    *spare = None;
    let accepted = accept();
    *spare = spare_descriptor();
    let (transport, peer) = accepted?;
    if spare.is_some() {
        return Ok((transport, peer)); // descriptors became free while nobody connected
    }
    refuse(&transport, responses);
    drop(transport);
    *spare = spare_descriptor();
    Err(exhausted)
}

/// Responds with 503 and closes, as far as that is possible without blocking. Reads what the client has sent already,
/// because closing a socket with unread bytes resets it, and the response would be lost.
pub(super) fn refuse(transport: &SocketTransport, responses: &ResponseCounters) {
    let (response, mut bytes) = (Response::too_many_connections(), Vec::new());
    responses.note(response.status());
    // Writing to a Vec does not fail. The response fits an empty send buffer; a client that has gone needs none.
    let _ = response.write(&mut bytes, false, true);
    let _ = transport.send(&[IoSlice::new(&bytes)]);
    transport.shutdown(Shutdown::Write);
    let _ = transport.read_now(&mut [0; 4096]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::access::Access;
    use crate::http::qr::QrCodes;
    use crate::hub::shards::{Shard, Shards};
    use crossbeam_channel::{RecvTimeoutError, TryRecvError, bounded};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// A connection from this process to itself.
    fn connection() -> (SocketTransport, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        (SocketTransport::new(socket), peer)
    }

    /// An acceptor, how to tell it of the last connection, and what tells when all connections have had a response.
    fn acceptor(listen: SocketAddr) -> (Acceptor, Sender<SocketAddr>, Receiver<Infallible>) {
        let shards = Shards::new(vec![bounded(1).0], &Shard::single(), 0);
        let ((from, last), (pending, unanswered)) = (bounded(1), bounded(0));
        let acceptor = Acceptor {
            encryption: None,
            limiter: ConnectionLimiter::new(10, None),
            limits: Limits::DEFAULT,
            endpoint: Endpoint::for_rooms(Limits::DEFAULT, &shards).unwrap(),
            router: Arc::new(Router::new(listen, Access::default(), shards, QrCodes::start().unwrap())),
            store: None,
            downloads: DownloadLimiter::default(),
            unanswered: pending,
            last,
            stopped: Arc::default(),
        };
        (acceptor, from, unanswered)
    }

    #[test]
    fn who_connects_before_the_last_connection_is_served_and_who_comes_after_it_is_not_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        let (acceptor, from, unanswered) = acceptor(listen);
        let [mut before, last, after] = [(); 3].map(|()| TcpStream::connect(listen).unwrap());
        from.send(last.local_addr().unwrap()).unwrap();
        acceptor.run(&listener);
        assert_eq!(listener.accept().unwrap().1, after.local_addr().unwrap());
        assert_eq!(unanswered.try_recv(), Err(TryRecvError::Empty), "nothing is answered");
        before.set_read_timeout(Some(REQUEST_TIMEOUT)).unwrap();
        before.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut status = [0; 15];
        before.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        assert_eq!(unanswered.recv_timeout(REQUEST_TIMEOUT), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn a_lost_spare_descriptor_is_replaced() {
        let mut spare = None;
        accept(|| Ok(connection()), &mut spare, &ResponseCounters::default()).unwrap();
        assert!(spare.is_some());
    }

    #[test]
    fn the_spare_descriptor_comes_back_when_it_was_given_up_in_vain() {
        let mut spare = spare_descriptor();
        let mut errors = [libc::EMFILE, libc::ECONNABORTED].into_iter();
        let fail = || Err(io::Error::from_raw_os_error(errors.next().expect("two attempts")));
        let error = accept(fail, &mut spare, &ResponseCounters::default()).expect_err("no connection");
        assert_eq!(error.raw_os_error(), Some(libc::ECONNABORTED));
        assert!(spare.is_some());
    }

    #[test]
    fn an_error_of_one_connection_gives_up_no_descriptor() {
        let mut spare = spare_descriptor();
        let mut errors = [libc::ECONNABORTED].into_iter();
        let fail = || Err(io::Error::from_raw_os_error(errors.next().expect("one attempt")));
        let error = accept(fail, &mut spare, &ResponseCounters::default()).expect_err("no connection");
        assert_eq!(error.raw_os_error(), Some(libc::ECONNABORTED));
    }

    #[test]
    fn a_connection_is_kept_if_there_is_another_spare_descriptor() {
        let mut spare = spare_descriptor();
        let mut attempts = 0;
        let fail_once = || {
            attempts += 1;
            if attempts == 1 { Err(io::Error::from_raw_os_error(libc::EMFILE)) } else { Ok(connection()) }
        };
        assert!(accept(fail_once, &mut spare, &ResponseCounters::default()).is_ok() && spare.is_some());
    }
}
