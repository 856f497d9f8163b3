//! WebSockets of Socket.IO clients: those that begin a session, and those that take one over.

use crate::client::socketio::application::Application;
use crate::client::socketio::mailbox::{Mail, Upgrade};
use crate::client::socketio::output::text_frame;
use crate::client::socketio::sessions::SessionId;
use crate::client::socketio::spawn::spawn_websocket;
use crate::http::deadline_stream::DeadlineStream;
use crate::http::response::Response;
use crate::http::socketio::{Endpoint, Exchange, Served};
use crate::http::upgrade::accept;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::handshake::RequestError;
use crossbeam_channel::bounded;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::time::Duration;
use tungstenite::protocol::frame::FrameSocket;

/// How long a WebSocket may take to take over a session.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the longest packet before it has: `2probe`.
const MAX_PACKET: usize = 6;

impl Endpoint {
    /// Begins a session over a WebSocket.
    pub(super) fn open_websocket<A: Application>(
        &self,
        exchange: &mut Exchange<'_>,
        app: A,
    ) -> io::Result<Served> {
        let Ok(handshake) = accept(exchange.head) else { return exchange.refuse(RequestError::BadRequest) };
        let open = self.handshake(SessionId::random(), &[]);
        let upgrade = exchange.take_websocket();
        let spawned = exchange.permit.another().ok_or(ErrorKind::QuotaExceeded.into()).and_then(|permit| {
            spawn_websocket(self.session(exchange, app), upgrade, handshake, open, permit)
        });
        match spawned {
            Ok(()) => Ok(Served::Upgraded),
            Err(error) => {
                log::debug!("client {} is refused: {error}", exchange.client.0);
                exchange.respond(Response::too_many_connections(), true)
            }
        }
    }

    /// Lets a WebSocket take over a session that polls.
    pub(super) fn probe(&self, exchange: &mut Exchange<'_>, id: SessionId) -> io::Result<Served> {
        let Ok(handshake) = accept(exchange.head) else { return exchange.refuse(RequestError::BadRequest) };
        let mut stream = DeadlineStream::with_timeout(exchange.transport, UPGRADE_TIMEOUT);
        stream.write_all(&handshake)?;
        let mut frames = FrameSocket::from_partially_read(stream, mem::take(exchange.buffer));
        if read_packet(&mut frames)? != "2probe" {
            return Err(ErrorKind::InvalidData.into());
        }
        let (reply_to, reply) = bounded(1);
        self.sessions.pass(id, Mail::Probe(reply_to));
        // Not if the session is unknown, or has been asked by another WebSocket.
        reply.recv().map_err(|_| ErrorKind::ConnectionRefused)?;
        let taken = take_over(frames);
        if taken.is_err() {
            self.sessions.pass(id, Mail::ProbeEnded);
        }
        *exchange.buffer = taken?;
        self.sessions.pass(id, Mail::Upgrade(exchange.take_websocket()));
        Ok(Served::Upgraded)
    }
}

/// Answers a probe and waits for the packet by which the WebSocket takes over. Returns the bytes that followed it.
fn take_over(mut frames: FrameSocket<DeadlineStream<'_>>) -> io::Result<Vec<u8>> {
    frames.get_mut().write_all(&text_frame(&EnginePacket::Pong("probe")))?;
    match read_packet(&mut frames)?.as_str() {
        "5" => Ok(frames.into_inner().1.to_vec()),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Reads a packet, as a text frame.
fn read_packet(frames: &mut FrameSocket<DeadlineStream<'_>>) -> io::Result<String> {
    let frame = frames.read(Some(MAX_PACKET)).map_err(io::Error::other)?;
    let frame = frame.ok_or(ErrorKind::UnexpectedEof)?;
    let mask = frame.header().mask.ok_or(ErrorKind::InvalidData)?;
    let unmasked = frame.payload().iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    String::from_utf8(unmasked.collect()).map_err(|_| ErrorKind::InvalidData.into())
}

impl Exchange<'_> {
    /// The connection, which is a WebSocket now.
    fn take_websocket(&mut self) -> Upgrade {
        Upgrade { transport: self.transport.clone(), already_read: mem::take(self.buffer) }
    }
}
