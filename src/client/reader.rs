//! Reading from one client's WebSocket.
//!
//! Architecture invariant: nothing here writes to the connection. tungstenite answers pings and close frames by itself,
//! and two writers would mix their frames, so the `write` of its stream passes the bytes to the hub.

use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::memory::{Charge, MemoryLimit};
use crate::base::window::Window;
use crate::client::incoming::{FREE_BYTES, Incoming};
use crate::client::pace::Pace;
use crate::client::validate;
use crate::delivery::transport::{Peer, SocketTransport};
use crate::hub::event::{Event, FromClient, QueuedEvent};
use crate::hub::shards::SocketEvent;
use crate::room::action::Action;
use crossbeam_channel::Sender;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Size of each client's read buffer, in bytes. Most frames are far smaller, and a larger frame takes several reads.
const READ_BUFFER: usize = 512;

/// Pause before a reader of a large message checks again whether there is memory for the rest.
const MEMORY_PAUSE: Duration = Duration::from_millis(50);

/// How long the last input of a client that sends nothing more may wait: for the hub, or for its pace. A script that
/// posts and closes loses nothing, and a flood ends soon after its clients have gone.
const REST_TIMEOUT: Duration = Duration::from_secs(2);

/// The same for a client whose connection has ended, and only while it waits for the hub.
const GONE_TIMEOUT: Duration = Duration::from_millis(200);

/// A client's membership in a hub. It ends when this is dropped, however the reader ends.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The client.
    pub client: ClientId,
    /// The client has closed with code 1000.
    goodbye: bool,
    hub: Sender<SocketEvent>,
}

impl Membership {
    /// The membership of a client that is about to connect to this hub.
    pub(crate) fn new(client: ClientId, hub: Sender<SocketEvent>) -> Self {
        Self { client, goodbye: false, hub }
    }

    /// Tells the hub what the client has done. Fails if the hub is gone.
    pub(crate) fn tell(&self, event: FromClient) -> io::Result<()> {
        self.send(Event::from_client(self.client, event))
    }

    /// Sends the hub an event. Fails if the hub is gone.
    pub(crate) fn send(&self, event: SocketEvent) -> io::Result<()> {
        self.hub.send(event).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // If the hub is gone, there is no membership to end.
        let _ = self.tell(FromClient::Closed { goodbye: self.goodbye });
    }
}

/// The stream that tungstenite uses: reads from the connection at the pace that the client is allowed, and writes to
/// the hub.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: SocketTransport,
    pace: Pace,
    incoming: Incoming,
    window: Window,
    /// Until when the last input is handled of a client that sends nothing more.
    rest_until: Option<Instant>,
    /// Messages and control frames that tungstenite has returned.
    returned: usize,
    membership: Membership,
}

impl Stream {
    /// Tells the hub what the client has done, when the hub has handled most of what it was told before. Fails if the
    /// connection ends before that; what it still holds is discarded.
    #[inline(never)]
    fn tell(&mut self, event: FromClient, charge: Option<Box<Charge>>) -> io::Result<()> {
        let Self { transport, rest_until, .. } = self;
        let is_over = || match transport.wait_for_close(Duration::ZERO) {
            Ok(Peer::Open) => false,
            Ok(Peer::Finished) => Instant::now() > rest_end(rest_until, REST_TIMEOUT),
            Ok(Peer::Gone) => Instant::now() > rest_end(rest_until, GONE_TIMEOUT),
            Err(_) => true,
        };
        let slot = self.window.wait(is_over).ok_or(ErrorKind::ConnectionAborted)?;
        let client = self.membership.client;
        self.membership.send(Event::FromClient(QueuedEvent { client, event, slot, charge, ack: None }))
    }

    /// The same, at the pace that is allowed for this kind of event. A user who has to wait is told.
    #[inline(never)] // its frame would stay on the stack while the reader waits for input
    fn tell_in_time(&mut self, event: FromClient, charge: Option<Box<Charge>>) -> io::Result<()> {
        let wait = self.pace.count_event(&event, Instant::now());
        if !wait.is_zero() && matches!(event, FromClient::Acted(Action::Post { .. })) {
            self.tell(FromClient::Paced { wait }, None)?;
        }
        self.pause(wait)?;
        self.tell(event, charge)
    }

    /// Waits. Fails if the connection ends meanwhile; what it still holds is discarded.
    #[inline(never)]
    fn pause(&mut self, wait: Duration) -> io::Result<()> {
        let until = Instant::now() + wait;
        let peer = match wait.is_zero() {
            true => Peer::Open,
            false => self.transport.wait_for_close(wait)?,
        };
        let peer = match peer {
            Peer::Finished if until > rest_end(&mut self.rest_until, REST_TIMEOUT) => Peer::Gone,
            Peer::Finished => self.transport.wait_for_end(until.saturating_duration_since(Instant::now()))?,
            peer => peer,
        };
        if peer == Peer::Gone { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// The connection and the membership.
    pub(crate) fn parts(&self) -> (&SocketTransport, &Membership) {
        (&self.transport, &self.membership)
    }
}

/// The end of the time for the last input, which begins now if it has not begun.
fn rest_end(rest_until: &mut Option<Instant>, timeout: Duration) -> Instant {
    *rest_until.get_or_insert_with(|| Instant::now() + timeout)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.incoming.must_wait() {
            self.pause(MEMORY_PAUSE)?;
            self.incoming.check_time(Instant::now())?;
        }
        let max = buffer.len().min(self.incoming.max_read());
        let read = (&self.transport).read(&mut buffer[..max])?;
        let now = Instant::now();
        self.incoming.read(&buffer[..read], now);
        self.incoming.check_time(now)?;
        let wait = self.pace.count_bytes(read, now);
        self.pause(wait)?;
        Ok(read)
    }
}

impl Write for Stream {
    /// tungstenite, without a write buffer, writes whole frames.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.tell(FromClient::Frames(frames.to_vec()), None)?;
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A WebSocket on a connection whose handshake is done. `already_read` holds the bytes that followed the handshake.
pub(crate) fn websocket(
    transport: SocketTransport,
    membership: Membership,
    mut already_read: Vec<u8>,
    limits: &Limits,
    memory: Arc<MemoryLimit>,
) -> Box<WebSocket<Box<Stream>>> {
    let mut incoming = Incoming::new(limits.message_timeout, memory);
    incoming.read(&already_read, Instant::now());
    let stream = Box::new(Stream {
        transport,
        pace: Pace::new(limits, Instant::now()),
        incoming,
        window: Window::of_this_thread(),
        rest_until: None,
        returned: 0,
        membership,
    });
    already_read.shrink_to_fit(); // it becomes the read buffer
    Box::new(WebSocket::from_partially_read(stream, already_read, Role::Server, Some(config(limits))))
}

fn config(limits: &Limits) -> WebSocketConfig {
    let max_size = Some(validate::max_message_size(limits));
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_frame_size(max_size)
        .max_message_size(max_size)
}

/// Why reading ended: the code and the reason of a close frame if the client made an error; `None` if the connection
/// has ended.
pub(crate) type End = Option<(CloseCode, &'static str)>;

/// Reads until the connection ends. Returns its stream.
pub(crate) fn read(mut websocket: Box<WebSocket<Box<Stream>>>, limits: &Limits) -> (Box<Stream>, End) {
    loop {
        let event = match next(&mut websocket, limits) {
            Ok(event) => event,
            Err(end) => return ((*websocket).into_inner(), end),
        };
        let charge = websocket.get_mut().incoming.take_charge();
        if charge.is_some() {
            websocket = with_small_buffer(websocket, limits);
        }
        let told = event.map_or(Ok(()), |event| {
            let charge = charge.and_then(|charge| charge.reduced_to(event.text_len(), FREE_BYTES));
            websocket.get_mut().tell_in_time(event, charge)
        });
        if told.is_err() {
            return ((*websocket).into_inner(), None);
        }
    }
}

/// Waits for the next message. Returns what the hub is to be told of it, if anything.
#[inline(never)] // its frame would be on the stack while the client connects, which takes the most
fn next(websocket: &mut WebSocket<Box<Stream>>, limits: &Limits) -> Result<Option<FromClient>, End> {
    let message = match websocket.read() {
        Ok(message) => message,
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
            return websocket
                .get_ref()
                .membership
                .tell(FromClient::ReadTimeout)
                .map(|()| None)
                .map_err(|_| None);
        }
        Err(error) => return Err(close_reason(&error)),
    };
    let stream = websocket.get_mut();
    stream.returned += 1;
    let wait = stream.pace.count_message(Instant::now());
    stream.pause(wait).map_err(|_| None)?;
    match message {
        Message::Text(json) => Ok(Some(validate::event(&json, limits))),
        Message::Binary(_) => Err(Some((CloseCode::Unsupported, "events are text frames"))),
        Message::Close(frame) => {
            stream.membership.goodbye = frame.is_some_and(|frame| frame.code == CloseCode::Normal);
            Ok(None)
        }
        // tungstenite has passed an answer to the hub.
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

/// Frees the buffer of a WebSocket that has read a large message. It would stay as long as the connection.
#[inline(never)]
fn with_small_buffer(websocket: Box<WebSocket<Box<Stream>>>, limits: &Limits) -> Box<WebSocket<Box<Stream>>> {
    let stream = websocket.get_ref();
    if !stream.incoming.is_empty_after(stream.returned) {
        return websocket;
    }
    let stream = (*websocket).into_inner();
    Box::new(WebSocket::from_raw_socket(stream, Role::Server, Some(config(limits))))
}

/// The close frame for a client's error, which tungstenite leaves to its caller; `None` if the connection has ended.
fn close_reason(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Utf8(_) => Some((CloseCode::Invalid, "a text frame is not UTF-8")),
        Error::Capacity(_) => Some((CloseCode::Size, "a message is too large")),
        Error::Io(error) if error.kind() == ErrorKind::TimedOut => {
            Some((CloseCode::Policy, "a message takes too long to arrive"))
        }
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "a frame breaks the WebSocket protocol")),
        _ => None,
    }
}
