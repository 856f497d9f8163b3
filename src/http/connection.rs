//! One accepted connection while it speaks HTTP: reads its requests and sends the responses.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::permits::Permit;
use crate::base::rate_limit::{Rate, RateLimit};
use crate::client::spawn::{PendingUpgrade, spawn};
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::{SocketTransport, Transport};
use crate::http::cors::with_origin;
use crate::http::download::DownloadLimiter;
use crate::http::exchange::{Exchange, Served};
use crate::http::log_route::{LogRequest, LogStore};
use crate::http::post_route::PostRoute;
use crate::http::request::{Head, HeadError, MAX_HEAD, MAX_HEADERS, has_body, must_close, read_head};
use crate::http::response::Response;
use crate::http::routes::{Route, Router};
use crate::http::socketio::Endpoint;
use crate::http::upgrade::Upgrade;
use crate::http::wall_route::WallRequest;
use crate::platform::Peer;
use crossbeam_channel::Sender;
use std::convert::Infallible;
use std::io::{self, Read};
use std::net::{IpAddr, Shutdown};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::http::Method;

/// How long a connection may be idle before its next request: long enough for a reload, short enough to free its
/// thread soon.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Requests that one connection may make. A browser makes fewer than ten for a page; a proxy that sends the requests of
/// many clients on one connection opens another one while this one waits.
const REQUESTS_PER_CONNECTION: Rate = Rate { per_second: 50, burst: 100 };

/// How long to read and discard what a client still sends after the last response. Closing a socket with unread bytes
/// resets it, and the client could lose the response.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// An accepted connection that has not become a WebSocket.
#[derive(Debug)]
pub struct Connection {
    /// The socket. Its reads block.
    pub transport: SocketTransport,
    /// The address of the other end: a browser's or a proxy's.
    pub peer: IpAddr,
    /// The client's id if the connection becomes a WebSocket.
    pub client: ClientId,
    /// The limits that apply to the client.
    pub limits: Limits,
    /// Finds the route of each request.
    pub router: Arc<Router>,
    /// Serves Socket.IO clients.
    pub endpoint: Endpoint,
    /// Where posts are stored, if they are.
    pub store: Option<LogStore>,
    /// Limits the downloads of all connections.
    pub downloads: DownloadLimiter,
    /// How long a request head may take to arrive, and a response to send.
    pub timeout: Duration,
    /// Counts this connection's requests.
    pub requests: RateLimit,
    /// Dropped when the first request is answered. A server that stops waits for that.
    pub unanswered: Option<Sender<Infallible>>,
    /// Counts this connection until it ends.
    pub permit: Permit,
}

impl Connection {
    /// Responds to requests until the connection ends or becomes a WebSocket.
    pub fn serve(mut self) {
        let mut buffer = Vec::new();
        loop {
            let head = read_head(&self.transport, &mut buffer, IDLE_TIMEOUT, self.timeout);
            // The requests of a session have a pace of their own.
            let is_of_session = head.as_ref().is_ok_and(|head| self.endpoint.is_of_session(head));
            if matches!(head, Err(HeadError::Disconnected)) || !self.wait_for_turn(is_of_session) {
                return;
            }
            let head = match head {
                Ok(head) => head,
                Err(error) => return self.reject(&error),
            };
            let served = match self.router.route(&head, self.client, self.peer) {
                Route::Response(response) => {
                    // No route here takes a body, so none is read.
                    let close = must_close(&head) || has_body(&head);
                    let sent = self.send(response, is_head(&head), close);
                    sent.map(|()| if close { Served::Close } else { Served::Open })
                }
                Route::SocketIo(address) => self.serve_socket_io(&head, address, &mut buffer),
                Route::Post(address) => self.serve_post(&head, address, &mut buffer),
                Route::Log(request, address) => return self.send_log(&head, &request, address),
                Route::Boxes(request, address) => return self.send_boxes(&head, &request, address),
                Route::WebSocket(upgrade) => return self.upgrade(upgrade, buffer),
            };
            // Clients repeat a request by themselves if a connection ends that they have used before.
            self.unanswered = None;
            match served {
                Ok(Served::Open) => {}
                Ok(Served::Upgraded) => return,
                Ok(Served::Close) | Err(_) => return linger(&self.transport),
            }
        }
    }

    /// Answers a request that is not encrypted, although it has to be. `buffer` begins with its first bytes.
    pub(crate) fn redirect(self, mut buffer: Vec<u8>) {
        match read_head(&self.transport, &mut buffer, IDLE_TIMEOUT, self.timeout) {
            Ok(head) => {
                let response = self.router.redirect(&head);
                close_with(&self.transport, response, self.timeout, &self.router);
            }
            Err(error) => self.reject(&error),
        }
    }

    fn serve_socket_io(&self, head: &Head, address: Address, buffer: &mut Vec<u8>) -> io::Result<Served> {
        let exchange = self.exchange(head, address, buffer);
        self.endpoint.serve(exchange, || self.router.rooms(head, address, self.limits.max_name))
    }

    fn serve_post(&self, head: &Head, address: Address, buffer: &mut Vec<u8>) -> io::Result<Served> {
        let Router { shards, posts: places, .. } = &*self.router;
        PostRoute { shards, limits: &self.limits, places }.serve(self.exchange(head, address, buffer))
    }

    fn exchange<'a>(&'a self, head: &'a Head, address: Address, buffer: &'a mut Vec<u8>) -> Exchange<'a> {
        Exchange {
            head,
            transport: &self.transport,
            buffer,
            permit: &self.permit,
            client: self.client,
            address,
            timeout: self.timeout,
            responses: &self.router.responses,
        }
    }

    /// Waits until this connection may make another request, and then, unless it is of a session, for its turn among
    /// those from its address. TCP slows the client down meanwhile. False if the client closes the connection during the
    /// wait, even in one direction only.
    fn wait_for_turn(&mut self, is_of_session: bool) -> bool {
        let wait = self.requests.take(1, REQUESTS_PER_CONNECTION, Instant::now());
        if !self.pause(wait) {
            return false;
        }
        let Some(mut turn) = self.permit.ticket().filter(|_| !is_of_session) else { return true };
        loop {
            match turn.take(Instant::now()) {
                Duration::ZERO => return true,
                wait if self.pause(wait) => {}
                _ => return false,
            }
        }
    }

    fn pause(&self, wait: Duration) -> bool {
        wait.is_zero() || matches!(self.transport.wait_for_close(wait), Ok(Peer::Open))
    }

    fn reject(self, error: &HeadError) {
        let response = match error {
            HeadError::Disconnected => return,
            HeadError::Timeout => Response::text(408, "The request did not arrive in time."),
            HeadError::TooLarge => Response::text(
                431,
                format!("A request head may have at most {MAX_HEAD} bytes and {MAX_HEADERS} headers."),
            ),
            HeadError::Malformed => Response::text(400, "This is not an HTTP/1.1 request."),
        };
        close_with(&self.transport, response, self.timeout, &self.router);
    }

    fn send(&self, response: Response, head_only: bool, close: bool) -> io::Result<()> {
        self.router.responses.note(response.status());
        send(&self.transport, response, head_only, close, self.timeout)
    }

    /// Sends a log and closes the connection.
    fn send_log(self, head: &Head, request: &LogRequest, address: Address) {
        let permit = self.downloads.acquire(address);
        let sent = match request.open(self.store.as_ref(), &self.router.shards, permit) {
            Ok(log) => self
                .send(log.head(), true, true)
                .and_then(|()| if is_head(head) { Ok(()) } else { log.send(&self.transport, self.timeout) }),
            Err(response) => self.send(response, is_head(head), true),
        };
        self.end_download(sent);
    }

    /// Sends the boxes of a room and closes the connection.
    fn send_boxes(self, head: &Head, request: &WallRequest, address: Address) {
        let permit = self.downloads.acquire(address);
        let sent = match request.open(&self.router.shards, permit) {
            Ok(wall) => self
                .send(with_origin(request.head(), head), true, true)
                .and_then(|()| if is_head(head) { Ok(()) } else { wall.send(&self.transport, self.timeout) }),
            Err(response) => self.send(with_origin(response, head), is_head(head), true),
        };
        self.end_download(sent);
    }

    fn end_download(&self, sent: io::Result<()>) {
        match sent {
            Ok(()) => linger(&self.transport),
            // The client notices, because the last chunk is missing.
            Err(error) => log::debug!("client {}: a download ended early: {error}", self.client.0),
        }
    }

    /// Turns the connection into a WebSocket. From here on only the hub writes to it.
    fn upgrade(self, upgrade: Upgrade, already_read: Vec<u8>) {
        let Self { transport, client, limits, router, timeout, permit, .. } = self;
        let Upgrade { response: handshake, room, encoding, address } = upgrade;
        let pending = PendingUpgrade {
            hub: router.shards.of_room(&room).clone(),
            transport: transport.clone(),
            client,
            address,
            room,
            encoding,
            handshake,
            already_read,
            limits,
            memory: router.shards.input.clone(),
            permit,
        };
        if let Err(error) = spawn(pending) {
            log::warn!("client {} is refused because no thread can be started: {error}", client.0);
            close_with(&transport, Response::too_many_connections(), timeout, &router);
        }
    }
}

/// Sends a last response and closes the connection.
fn close_with(transport: &SocketTransport, response: Response, timeout: Duration, router: &Router) {
    router.responses.note(response.status());
    if send(transport, response, false, true, timeout).is_ok() {
        linger(transport);
    }
}

/// Sends a response. Fails if the client has not read it, but for what the system buffers, within `timeout`.
fn send(
    transport: &SocketTransport,
    response: Response,
    head_only: bool,
    close: bool,
    timeout: Duration,
) -> io::Result<()> {
    response.write(DeadlineStream::with_timeout(transport, timeout), head_only, close)
}

/// Closes a connection so that the last response arrives even if the client is still sending.
pub fn linger(transport: &SocketTransport) {
    transport.shutdown(Shutdown::Write);
    let mut discarded = [0; 1024];
    let mut stream = DeadlineStream::with_timeout(transport, LINGER_TIMEOUT);
    while matches!(stream.read(&mut discarded), Ok(n) if n > 0) {}
}

fn is_head(head: &Head) -> bool {
    head.method() == Method::HEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::permits::ConnectionLimiter;
    use crate::base::shared_rate_limit::Ticket;
    use crate::http::access::Access;
    use crate::http::qr::QrCodes;
    use crate::hub::shards::{Shard, Shards};
    use crossbeam_channel::bounded;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    const TIMEOUT: Duration = Duration::from_secs(20);

    const REQUEST: &str = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    /// The query of a request of a session that does not exist.
    const UNKNOWN_SESSION: &str = "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA";

    /// A connection and its client, and another permit for the same address.
    fn connection() -> (TcpStream, Connection, Permit) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        let client = TcpStream::connect(listen).unwrap();
        client.set_read_timeout(Some(TIMEOUT)).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let shards = Shards::new(vec![bounded(1).0], &Shard::single(), 0);
        let endpoint = Endpoint::for_rooms(Limits::DEFAULT, &shards).unwrap();
        let router = Router::new(listen, Access::default(), shards, QrCodes::start().unwrap());
        let mut limiter = ConnectionLimiter::new(2, None);
        let [permit, other] = [(); 2].map(|()| limiter.acquire(Address::of(peer.ip())).unwrap());
        let connection = Connection {
            transport: SocketTransport::with_buffers(socket, 4096, 64 * 1024),
            peer: peer.ip(),
            client: ClientId(1),
            limits: Limits::DEFAULT,
            router: router.into(),
            endpoint,
            store: None,
            downloads: DownloadLimiter::default(),
            timeout: TIMEOUT,
            requests: RateLimit::new(Instant::now()),
            unanswered: None,
            permit,
        };
        (client, connection, other)
    }

    /// Serves a connection, and waits for its end.
    fn serve(connection: Connection) {
        let (done, end) = bounded(1);
        thread::spawn(move || {
            connection.serve();
            done.send(())
        });
        end.recv_timeout(TIMEOUT).expect("the connection ends");
    }

    /// The response to a request on this connection. Its client closes its side, which ends any wait without a
    /// response.
    fn response(client: TcpStream, connection: Connection) -> String {
        response_to(REQUEST, client, connection)
    }

    fn response_to(request: &str, mut client: TcpStream, connection: Connection) -> String {
        client.write_all(request.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        serve(connection);
        let mut response = String::new();
        client.read_to_string(&mut response).unwrap();
        response
    }

    /// Turns of an address that has made as many requests as it may make at once, and of many that wait.
    fn many_turns(permit: &Permit) -> Vec<Ticket<'_>> {
        let mut turns: Vec<_> = (0..100_000).filter_map(|_| permit.ticket()).collect();
        let now = Instant::now();
        turns.iter_mut().for_each(|turn| _ = turn.take(now));
        turns
    }

    #[test]
    fn a_request_waits_if_its_connection_or_its_address_has_made_too_many() {
        let (client, new, _) = connection();
        assert!(response(client, new).starts_with("HTTP/1.1 404 "));
        let (client, mut by_connection, _) = connection();
        by_connection.requests.take(1_000_000, REQUESTS_PER_CONNECTION, Instant::now());
        assert_eq!(response(client, by_connection), "");
        let (client, by_address, other) = connection();
        let _waiting = many_turns(&other);
        assert_eq!(response(client, by_address), "");
    }

    #[test]
    fn a_request_waits_for_its_turn_even_if_it_names_a_session_that_does_not_exist() {
        for path in ["/nothing", "/socket.io/"] {
            let (client, connection, other) = connection();
            let _waiting = many_turns(&other);
            let request = REQUEST.replace("/nothing", &format!("{path}?{UNKNOWN_SESSION}"));
            assert_eq!(response_to(&request, client, connection), "", "{path}");
        }
    }

    #[test]
    fn a_request_does_not_wait_for_connections_that_have_gone() {
        let (mut client, connection, other) = connection();
        drop(many_turns(&other));
        client.write_all(REQUEST.as_bytes()).unwrap();
        thread::spawn(|| connection.serve());
        let mut status = [0; 13];
        client.read_exact(&mut status).expect("a response in time");
        assert_eq!(&status, b"HTTP/1.1 404 ");
    }

    #[test]
    fn a_client_that_reads_no_response_is_dropped() {
        let (mut client, connection, _) = connection();
        // Far more responses than the system buffers.
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.write_all(request.repeat(100).as_bytes()).unwrap();
        serve(Connection { timeout: Duration::from_millis(50), ..connection });
    }
}
