//! One accepted connection while it speaks HTTP: reads its requests and sends the responses.

use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::permits::Permit;
use crate::client::spawn::{PendingUpgrade, spawn};
use crate::delivery::transport::{SocketTransport, Transport};
use crate::http::deadline_stream::DeadlineStream;
use crate::http::log_route::{DownloadLimiter, LogRequest};
use crate::http::request::{Head, HeadError, MAX_HEAD, MAX_HEADERS, REQUEST_TIMEOUT, has_body, read_head};
use crate::http::response::Response;
use crate::http::routes::{Route, Router};
use crate::http::upgrade::Upgrade;
use std::io::{self, Read};
use std::net::{IpAddr, Shutdown};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tungstenite::http::{Method, Version, header};

/// How long a connection may be idle before its next request: long enough for a reload, short enough to free its
/// thread soon.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

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
    /// The store's file, if the server has a store.
    pub store: Option<Arc<Path>>,
    /// Limits the downloads of all connections.
    pub downloads: DownloadLimiter,
    /// Counts this connection until it ends.
    pub permit: Permit,
}

impl Connection {
    /// Responds to requests until the connection ends or becomes a WebSocket.
    pub fn serve(self) {
        let mut buffer = Vec::new();
        loop {
            let head = match read_head(&self.transport, &mut buffer, IDLE_TIMEOUT, REQUEST_TIMEOUT) {
                Ok(head) => head,
                Err(error) => return self.reject(&error),
            };
            match self.router.route(&head, self.client, self.peer) {
                Route::Response(response) => {
                    let close = must_close(&head);
                    if send(&self.transport, response, is_head(&head), close).is_err() || close {
                        return linger(&self.transport);
                    }
                }
                Route::Log(request) => return self.send_log(&head, &request),
                Route::WebSocket(upgrade) => return self.upgrade(upgrade, buffer),
            }
        }
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
        close_with(&self.transport, response);
    }

    /// Sends a log and closes the connection.
    fn send_log(self, head: &Head, request: &LogRequest) {
        let sent = match request.open(self.store.as_deref(), &self.router.shards, &self.downloads) {
            Ok(log) => Response::chunked(request.format.content_type())
                .write(DeadlineStream::with_timeout(&self.transport, REQUEST_TIMEOUT), true, true)
                .and_then(|()| if is_head(head) { Ok(()) } else { log.send(&self.transport) }),
            Err(response) => send(&self.transport, response, is_head(head), true),
        };
        match sent {
            Ok(()) => linger(&self.transport),
            // The client notices, because the last chunk is missing.
            Err(error) => log::debug!("client {}: the log was not sent completely: {error}", self.client.0),
        }
    }

    /// Turns the connection into a WebSocket. From here on only the hub writes to it.
    fn upgrade(self, upgrade: Upgrade, already_read: Vec<u8>) {
        let Self { transport, client, limits, router, permit, .. } = self;
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
            close_with(&transport, Response::too_many_connections());
        }
    }
}

/// Sends a last response and closes the connection.
fn close_with(transport: &SocketTransport, response: Response) {
    if send(transport, response, false, true).is_ok() {
        linger(transport);
    }
}

fn send(transport: &SocketTransport, response: Response, head_only: bool, close: bool) -> io::Result<()> {
    response.write(DeadlineStream::with_timeout(transport, REQUEST_TIMEOUT), head_only, close)
}

/// Closes a connection so that the last response arrives even if the client is still sending.
fn linger(transport: &SocketTransport) {
    transport.shutdown(Shutdown::Write);
    let mut discarded = [0; 1024];
    let mut stream = DeadlineStream::with_timeout(transport, LINGER_TIMEOUT);
    while matches!(stream.read(&mut discarded), Ok(n) if n > 0) {}
}

fn is_head(head: &Head) -> bool {
    head.method() == Method::HEAD
}

/// True if no request can follow on the same connection: the client asks to close it, or the request has a body. No
/// route takes a body, so none is read.
fn must_close(head: &Head) -> bool {
    let values = head.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = values.flat_map(|value| value.split(','));
    has_body(head)
        || head.version() < Version::HTTP_11
        || options.any(|option| option.trim().eq_ignore_ascii_case("close"))
}
