//! Reading from one client's WebSocket.
//!
//! Architecture invariant: nothing here writes to the connection. tungstenite answers pings and close frames by itself,
//! and two writers would mix their frames, so the `write` of its stream passes the bytes to the hub.

use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::client::rate_limit::{BYTES_PER_EVENT, RateLimit};
use crate::client::validate;
use crate::delivery::transport::SocketTransport;
use crate::hub::event::Event;
use crate::hub::shards::SocketEvent;
use crossbeam_channel::Sender;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// Size of each client's read buffer, in bytes. Most frames are far smaller, and a larger frame takes several reads.
const READ_BUFFER: usize = 512;

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

    /// Sends the hub an event. Fails if the hub is gone.
    pub(crate) fn send(&self, event: SocketEvent) -> io::Result<()> {
        self.hub.send(event).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // If the hub is gone, there is no membership to end.
        let _ = self.hub.send(Event::Closed { client: self.client, goodbye: self.goodbye });
    }
}

/// The stream that tungstenite uses: reads from the connection at the rate the client is allowed, and writes to the
/// hub.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: SocketTransport,
    rate_limit: RateLimit,
    /// Bytes read that have not been counted as an event yet.
    uncounted: usize,
    membership: Membership,
}

impl Stream {
    /// Counts events, and waits if there are too many. Fails if the connection ends during the wait; what it still
    /// holds is discarded.
    fn count(&mut self, events: u32) -> io::Result<()> {
        let wait = self.rate_limit.take(events, Instant::now());
        if !wait.is_zero() && self.transport.wait_for_close(wait)? {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// The connection and the membership.
    pub(crate) fn parts(&self) -> (&SocketTransport, &Membership) {
        (&self.transport, &self.membership)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&self.transport).read(buffer)?;
        self.uncounted += read;
        let events = self.uncounted / BYTES_PER_EVENT;
        self.uncounted %= BYTES_PER_EVENT;
        self.count(u32::try_from(events).unwrap_or(u32::MAX))?;
        Ok(read)
    }
}

impl Write for Stream {
    /// tungstenite, without a write buffer, writes whole frames.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        let event = Event::ControlFrames { client: self.membership.client, frames: frames.to_vec() };
        self.membership.send(event)?;
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
) -> Box<WebSocket<Stream>> {
    let rate_limit = RateLimit::new(Instant::now());
    let stream = Stream { transport, rate_limit, uncounted: 0, membership };
    already_read.shrink_to_fit(); // it becomes the read buffer
    let max_size = Some(validate::max_message_size(limits));
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_frame_size(max_size)
        .max_message_size(max_size);
    Box::new(WebSocket::from_partially_read(stream, already_read, Role::Server, Some(config)))
}

/// Reads until the connection ends. Returns the code and the reason of a close frame if the client made an error.
pub(crate) fn read(websocket: &mut WebSocket<Stream>, limits: &Limits) -> Option<(CloseCode, &'static str)> {
    loop {
        let message = match websocket.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                let membership = &websocket.get_ref().membership;
                membership.send(Event::ReadTimeout { client: membership.client }).ok()?;
                continue;
            }
            Err(error) => return close_reason(&error),
        };
        let stream = websocket.get_mut();
        stream.count(1).ok()?;
        let membership = &mut stream.membership;
        match message {
            Message::Text(json) => {
                membership.send(validate::event(membership.client, &json, limits)).ok()?;
            }
            Message::Binary(_) => return Some((CloseCode::Unsupported, "events are text frames")),
            Message::Close(frame) => {
                membership.goodbye = frame.is_some_and(|frame| frame.code == CloseCode::Normal);
            }
            // tungstenite has passed an answer to the hub.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// The close frame for a client's error, which tungstenite leaves to its caller; `None` if the connection has ended.
fn close_reason(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Utf8(_) => Some((CloseCode::Invalid, "a text frame is not UTF-8")),
        Error::Capacity(_) => Some((CloseCode::Size, "a message is too large")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "a frame breaks the WebSocket protocol")),
        _ => None,
    }
}
