//! Reading from one client's WebSocket.
//!
//! Architecture invariant: nothing here writes to the connection. tungstenite answers pings and close frames by itself,
//! and two writers would mix their frames, so the `write` of its stream passes the bytes to the hub.

use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::client::incoming::{FREE_BYTES, Incoming};
use crate::client::outlet::{End, Outlet, Telling};
use crate::client::teller::{Membership, Source};
use crate::client::validate;
use crate::delivery::transport::SocketTransport;
use crate::hub::event::FromClient;
use crate::platform::Peer;
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

/// A socket that a client's messages come from.
#[derive(Debug)]
struct SocketSource {
    transport: SocketTransport,
    /// Until when the last input is handled of a client that sends nothing more.
    rest_until: Option<Instant>,
}

impl Source for SocketSource {
    #[inline(never)]
    fn pause(&mut self, wait: Duration, _membership: &Membership) -> io::Result<()> {
        self.pause_reading(wait)
    }

    fn is_over(&mut self, _membership: &Membership) -> bool {
        match self.transport.wait_for_close(Duration::ZERO) {
            Ok(Peer::Open) => false,
            Ok(Peer::Finished) => Instant::now() > rest_end(&mut self.rest_until, REST_TIMEOUT),
            Ok(Peer::Gone) => Instant::now() > rest_end(&mut self.rest_until, GONE_TIMEOUT),
            Err(_) => true,
        }
    }
}

impl SocketSource {
    /// Waits. Fails if the connection ends meanwhile; what it still holds is discarded.
    fn pause_reading(&mut self, wait: Duration) -> io::Result<()> {
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
}

/// The stream that tungstenite uses: reads from the connection at the pace that the client is allowed, and writes to
/// the hub, or to the connection while it is not yet the hub's.
#[derive(Debug)]
pub(crate) struct Stream {
    source: SocketSource,
    incoming: Incoming,
    /// Messages and control frames that tungstenite has returned.
    returned: usize,
    /// Where the messages lead.
    pub outlet: Outlet,
}

impl Stream {
    /// The connection.
    pub(crate) fn transport(&self) -> &SocketTransport {
        &self.source.transport
    }
}

/// The end of the time for the last input, which begins now if it has not begun.
fn rest_end(rest_until: &mut Option<Instant>, timeout: Duration) -> Instant {
    *rest_until.get_or_insert_with(|| Instant::now() + timeout)
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.incoming.must_wait() {
            self.source.pause_reading(MEMORY_PAUSE)?;
            self.incoming.check_time(Instant::now())?;
        }
        let max = buffer.len().min(self.incoming.max_read());
        let read = (&self.source.transport).read(&mut buffer[..max])?;
        let now = Instant::now();
        self.incoming.read(&buffer[..read], now);
        self.incoming.check_time(now)?;
        self.outlet.count_bytes(read, &mut self.source)?;
        Ok(read)
    }
}

impl Write for Stream {
    /// tungstenite, without a write buffer, writes whole frames.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        match &mut self.outlet {
            Outlet::Hub(teller) => {
                teller.tell(FromClient::Frames(frames.to_vec()), None, None, &mut self.source)?;
            }
            Outlet::Own(output) => output.write_frames(frames)?,
        }
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The WebSocket of a client.
pub(crate) type ClientSocket = Box<WebSocket<Box<Stream>>>;

/// A WebSocket on a connection whose handshake is done. Inlined, because its frame would be on top of its caller's, which
/// is the largest that a reader needs. `already_read` holds the bytes that followed the handshake.
#[inline(always)]
pub(crate) fn websocket(
    transport: SocketTransport,
    outlet: Outlet,
    mut already_read: Vec<u8>,
    limits: &Limits,
    memory: Arc<MemoryLimit>,
) -> ClientSocket {
    let mut incoming = Incoming::new(limits.message_timeout, memory);
    incoming.read(&already_read, Instant::now());
    let source = SocketSource { transport, rest_until: None };
    let stream = Box::new(Stream { source, incoming, returned: 0, outlet });
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

/// What the messages of a WebSocket mean.
pub(crate) trait Protocol {
    /// A text message has come.
    fn text(&mut self, text: &str, outlet: &mut Outlet) -> Result<Option<Telling>, End>;

    /// A binary message has come.
    fn binary(&mut self, bytes: &[u8], outlet: &mut Outlet) -> Result<Option<Telling>, End>;

    /// A ping or a pong of the WebSocket has come, which means nothing else.
    fn control(&mut self, _outlet: &mut Outlet) -> Result<(), End> {
        Ok(())
    }

    /// Nothing has come for as long as a read may take.
    fn silence(&mut self, outlet: &mut Outlet) -> Result<(), End>;
}

/// The plain wire: each text message is an event.
pub(crate) struct Plain<'a>(pub &'a Limits);

impl Protocol for Plain<'_> {
    fn text(&mut self, json: &str, _outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        Ok(Some(validate::event(json, self.0).into()))
    }

    fn binary(&mut self, _bytes: &[u8], _outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        Err(Some((CloseCode::Unsupported, "events are text frames")))
    }

    fn silence(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        outlet.note_silence()
    }
}

/// Reads until the connection ends. Returns its stream.
pub(crate) fn read(
    mut websocket: ClientSocket,
    limits: &Limits,
    protocol: &mut impl Protocol,
) -> (Box<Stream>, End) {
    loop {
        match read_message(websocket, limits, protocol) {
            Ok(next) => websocket = next,
            Err(ended) => return ended,
        }
    }
}

/// Waits for the next message, and tells the hub. Returns the WebSocket, or its stream and why reading ended.
#[inline(never)] // its frame would be on the stack while the client connects, which takes the most
fn read_message(
    mut websocket: ClientSocket,
    limits: &Limits,
    protocol: &mut impl Protocol,
) -> Result<ClientSocket, (Box<Stream>, End)> {
    let telling = match next(&mut websocket, protocol) {
        Ok(telling) => telling,
        Err(end) => return Err(((*websocket).into_inner(), end)),
    };
    let charge = websocket.get_mut().incoming.take_charge();
    if charge.is_some() {
        websocket = with_small_buffer(websocket, limits);
    }
    let text_len = telling.as_ref().map_or(0, |telling| telling.event.text_len());
    let charge = charge.and_then(|charge| charge.reduced_to(text_len, FREE_BYTES));
    let Stream { source, outlet, .. } = &mut **websocket.get_mut();
    match outlet.tell(telling, charge, source) {
        Ok(()) => Ok(websocket),
        Err(_) => Err(((*websocket).into_inner(), None)),
    }
}

/// Waits for the next message. Returns what the hub is to be told of it.
#[inline(always)] // two frames would take more
fn next(
    websocket: &mut WebSocket<Box<Stream>>,
    protocol: &mut impl Protocol,
) -> Result<Option<Telling>, End> {
    let message = match websocket.read() {
        Ok(message) => message,
        Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
            return protocol.silence(&mut websocket.get_mut().outlet).map(|()| None);
        }
        Err(error) => return Err(close_reason(&error)),
    };
    let stream = websocket.get_mut();
    stream.returned += 1;
    let Stream { source, outlet, .. } = &mut **stream;
    outlet.count_message(source).map_err(|_| None)?;
    match message {
        Message::Text(text) => protocol.text(&text, outlet),
        Message::Binary(bytes) => protocol.binary(&bytes, outlet),
        Message::Close(frame) => {
            if frame.is_some_and(|frame| frame.code == CloseCode::Normal) {
                outlet.note_goodbye();
            }
            Ok(None)
        }
        // tungstenite has passed an answer to the hub.
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => protocol.control(outlet).map(|()| None),
    }
}

/// Frees the buffer of a WebSocket that has read a large message. It would stay as long as the connection.
#[inline(never)]
fn with_small_buffer(websocket: ClientSocket, limits: &Limits) -> ClientSocket {
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
