//! The server: accepts connections, reads their requests and routes them to the page or into a room.

use crate::batch::ClientId;
use crate::client::{self, SocketEvent, TextLimits};
use crate::hub::{Event, Hub, HubLimits};
use crate::names::RoomName;
use crate::page::Answer;
use crate::request::{Head, Timed, Unread, read_head};
use crate::room::RoomLimits;
use crossbeam_channel::{Sender, bounded};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::{create_response, write_response};
use tungstenite::http::{Method, Version, header};

/// How long a connection may be silent before its next request: long enough to reload, short enough for many.
const IDLE_PATIENCE: Duration = Duration::from_secs(15);

/// How long a request's head may take in all, and an answer.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// How long what a client still sends is thrown away after the last answer, so that a reset does not eat it.
const LINGER: Duration = Duration::from_secs(1);

/// How long the hub may take to say how it is.
const HEALTH_PATIENCE: Duration = Duration::from_secs(1);

/// Connections beyond the clients: for pages being loaded while the rooms are full.
const SPARE_CONNECTIONS: usize = 256;

/// Pause after a failed accept. Out of descriptors it fails at once, again and again, until one is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Events that wait for the hub. When they are so many, readers wait, and TCP makes their clients wait.
const EVENT_QUEUE: usize = 1024;

/// Bytes of a connection thread's stack, of which only those that are used take memory. What needs most is
/// JSON nested as deep as serde_json allows, in a debug build.
const STACK: usize = 256 * 1024;

/// Bytes of a socket's send buffer. The system would let it grow to megabytes, and a slow client would read
/// texts from long ago; what does not fit here is sent as it is when there is room.
const SEND_BUFFER: usize = 128 * 1024;

/// What can be set, and what it is where nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Users and viewers at once.
    pub max_clients: usize,
    /// Characters in a box or a post.
    pub max_text: usize,
    /// Characters in a user's name.
    pub max_name: usize,
    /// Posts that a room's log keeps.
    pub log_length: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_clients: 10_000,
            max_text: 10_000,
            max_name: 40,
            log_length: 200,
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopper: Stopper,
    hub: JoinHandle<()>,
    acceptor: JoinHandle<()>,
    stopped: Arc<AtomicBool>,
}

/// Stops a server, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Sender<SocketEvent>);

impl Stopper {
    /// Has the server close every client with code 1001 and end within two seconds.
    pub fn stop(&self) {
        // A hub that is gone has stopped already.
        let _ = self.0.send(Event::Stopped);
    }
}

/// The hub has panicked, and with it the server is gone.
#[derive(Debug)]
pub struct HubDied;

impl Server {
    /// Starts to serve on a listener.
    pub fn start(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (events, queue) = bounded(EVENT_QUEUE);
        let room = RoomLimits {
            max_name: limits.max_name,
            log_length: limits.log_length,
        };
        let hub = Hub::new(HubLimits {
            max_clients: limits.max_clients,
            room,
        });
        let hub = thread::Builder::new()
            .name("hub".to_owned())
            .spawn(move || hub.run(&queue))?;
        let stopped = Arc::new(AtomicBool::new(false));
        let acceptor = Acceptor {
            max_connections: limits.max_clients.saturating_add(SPARE_CONNECTIONS),
            texts: TextLimits {
                max_text: limits.max_text,
                max_name: limits.max_name,
            },
            hub: events.clone(),
            stopped: Arc::clone(&stopped),
        };
        let acceptor = thread::Builder::new()
            .name("acceptor".to_owned())
            .spawn(move || acceptor.run(&listener))?;
        Ok(Self {
            address,
            stopper: Stopper(events),
            hub,
            acceptor,
            stopped,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it was stopped and its clients are closed.
    pub fn join(self) -> Result<(), HubDied> {
        let outcome = self.hub.join().map_err(|_| HubDied);
        self.stopped.store(true, Ordering::Relaxed);
        // A connection wakes the acceptor, so that it sees that; if there can be none, it is not accepting.
        if TcpStream::connect(reachable(self.address)).is_ok() {
            let _ = self.acceptor.join();
        }
        outcome
    }
}

/// An address at which this machine reaches a listener, which may listen on all of them.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        _ => address.ip(),
    };
    SocketAddr::new(host, address.port())
}

struct Acceptor {
    max_connections: usize,
    texts: TextLimits,
    hub: Sender<SocketEvent>,
    stopped: Arc<AtomicBool>,
}

impl Acceptor {
    /// Accepts until the server has stopped. No error ends it: each harms one connection at most.
    fn run(self, listener: &TcpListener) {
        let connections = Arc::new(());
        let mut troubled = false;
        for (n, accepted) in (1..).zip(listener.incoming()) {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let outcome = accepted.and_then(|socket| {
                // Every thread holds one of the counted, besides this one.
                if Arc::strong_count(&connections) > self.max_connections {
                    return refuse(&socket);
                }
                self.spawn(ClientId(n), socket, Arc::clone(&connections))
            });
            match outcome {
                Ok(()) => troubled = false,
                Err(error) => {
                    if !troubled {
                        log::warn!("connections are lost until this is over: {error}");
                    }
                    troubled = true;
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
    }

    fn spawn(&self, client: ClientId, socket: TcpStream, counted: Arc<()>) -> io::Result<()> {
        socket.set_nodelay(true)?;
        SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
        let (texts, hub) = (self.texts, self.hub.clone());
        let serve = move || {
            let _counted = counted;
            Connection {
                socket,
                client,
                texts,
                hub,
            }
            .serve();
        };
        thread::Builder::new()
            .name(format!("client {}", client.0))
            .stack_size(STACK)
            .spawn(serve)
            .map(drop)
    }
}

/// Says that there are too many connections, as far as that can be done without waiting.
fn refuse(socket: &TcpStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let answer = Answer::sentence(
        503,
        "The server has as many connections as it can; please try again later.",
    );
    // It fits an empty send buffer; a client that has gone already needs no answer.
    let _ = answer.write(socket, false, true);
    Ok(())
}

/// One accepted connection, while it still speaks HTTP.
struct Connection {
    socket: TcpStream,
    client: ClientId,
    texts: TextLimits,
    hub: Sender<SocketEvent>,
}

/// Where a request leads.
enum Route {
    Answer(Answer),
    Room(RoomName),
}

impl Connection {
    /// Answers requests until the connection ends or becomes a WebSocket.
    fn serve(self) {
        let mut buffer = Vec::new();
        loop {
            let head = match read_head(&self.socket, &mut buffer, IDLE_PATIENCE, REQUEST_PATIENCE) {
                Ok(head) => head,
                Err(unread) => return self.refuse(&unread),
            };
            match self.route(&head) {
                Route::Room(room) => return self.upgrade(&head, room, buffer),
                Route::Answer(answer) => {
                    let last = is_last(&head);
                    if self
                        .write(answer, head.method() == Method::HEAD, last)
                        .is_err()
                        || last
                    {
                        return self.linger();
                    }
                }
            }
        }
    }

    fn refuse(self, unread: &Unread) {
        let answer = match unread {
            Unread::Gone => return,
            Unread::Late => Answer::sentence(408, "The request took too long."),
            Unread::TooLarge => Answer::sentence(431, "The request's head is too large."),
            Unread::Malformed => Answer::sentence(400, "That was not an HTTP/1.1 request."),
        };
        if self.write(answer, false, true).is_ok() {
            self.linger();
        }
    }

    fn route(&self, head: &Head) -> Route {
        let method = head.method();
        let readable = method == Method::GET || method == Method::HEAD;
        let answer = match head.uri().path() {
            "/" if readable => Answer::page(),
            "/healthz" if readable => self.examine(),
            "/ws" if method == Method::GET => match enter(head) {
                Ok(room) => return Route::Room(room),
                Err(answer) => answer,
            },
            "/ws" => Answer::sentence(405, "A WebSocket is opened with GET.").with("Allow", "GET"),
            "/" | "/healthz" => Answer::sentence(405, "Only GET and HEAD are served here.")
                .with("Allow", "GET, HEAD"),
            _ => Answer::sentence(
                404,
                "There is nothing here; the page is at the address without a path.",
            ),
        };
        Route::Answer(answer)
    }

    fn examine(&self) -> Answer {
        let (asker, health) = bounded(1);
        let asked = self
            .hub
            .send_timeout(Event::Examined(asker), HEALTH_PATIENCE);
        Answer::health(
            asked
                .ok()
                .and_then(|()| health.recv_timeout(HEALTH_PATIENCE).ok()),
        )
    }

    /// Makes the connection a WebSocket. From here on only the hub writes to it.
    fn upgrade(self, head: &Head, room: RoomName, already_read: Vec<u8>) {
        let open = || -> Result<(), Error> {
            let mut response = Vec::new();
            write_response(&mut response, &create_response(head)?)?;
            self.timed(REQUEST_PATIENCE).write_all(&response)?;
            self.socket.set_read_timeout(None)?;
            Ok(self.socket.set_write_timeout(None)?)
        };
        match open() {
            Ok(()) => client::serve(
                self.socket,
                already_read,
                self.client,
                room,
                self.texts,
                self.hub,
            ),
            Err(error) => log::debug!("client {} went while it came: {error}", self.client.0),
        }
    }

    fn write(&self, answer: Answer, head_only: bool, last: bool) -> io::Result<()> {
        answer.write(self.timed(REQUEST_PATIENCE), head_only, last)
    }

    /// Ends the connection so that the last answer arrives even if the client is still sending.
    fn linger(self) {
        if self.socket.shutdown(Shutdown::Write).is_ok() {
            let mut rest = [0; 1024];
            let mut timed = self.timed(LINGER);
            while matches!(timed.read(&mut rest), Ok(n) if n > 0) {}
        }
    }

    fn timed(&self, patience: Duration) -> Timed<'_> {
        Timed {
            socket: &self.socket,
            deadline: Instant::now() + patience,
        }
    }
}

/// Which room a request for a WebSocket leads to, or why it does not.
fn enter(head: &Head) -> Result<RoomName, Answer> {
    create_response(head).map_err(|error| match error {
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => Answer::sentence(
            426,
            "This address is for WebSockets; the page is beside it.",
        )
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket"),
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            Answer::sentence(426, "Only version 13 of WebSocket is spoken here.")
                .with("Connection", "Upgrade")
                .with("Upgrade", "websocket")
                .with("Sec-WebSocket-Version", "13")
        }
        error => Answer::sentence(400, format!("That is no WebSocket handshake: {error}.")),
    })?;
    let room = RoomName::from_query(head.uri().query().unwrap_or_default());
    room.map_err(|error| Answer::sentence(400, error.to_string()))
}

/// True when nothing can follow a request on its connection: it asks for that, or it has a body, which is
/// not read because nothing here takes one.
fn is_last(head: &Head) -> bool {
    let has_body = head.headers().contains_key(header::TRANSFER_ENCODING)
        || head
            .headers()
            .get(header::CONTENT_LENGTH)
            .is_some_and(|len| len != "0");
    let asks = head
        .headers()
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let closes = asks
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case("close"));
    has_body || closes || head.version() < Version::HTTP_11
}
