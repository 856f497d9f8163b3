//! WebSockets of Socket.IO clients: those that begin a session, and those that take one over.

use crate::client::socketio::application::Application;
use crate::client::socketio::mailbox::{Mail, Upgrade};
use crate::client::socketio::output::text_frame;
use crate::client::socketio::session_id::SessionId;
use crate::client::socketio::spawn::spawn_websocket;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::http::exchange::{Exchange, Served};
use crate::http::response::Response;
use crate::http::socketio::Endpoint;
use crate::http::upgrade::accept;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::handshake::RequestError;
use crossbeam_channel::bounded;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tungstenite::protocol::frame::FrameSocket;

/// How long a WebSocket may take to take over a session.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// A close frame without a reason (RFC 6455, section 5.5.1).
const CLOSE: [u8; 2] = [0x88, 0];

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
        let new = self.session(exchange, app);
        let open = self.handshake(new.id, &[]);
        let upgrade = exchange.take_websocket();
        let permit = exchange.permit.another().ok_or(ErrorKind::QuotaExceeded.into());
        let spawned = permit.and_then(|permit| spawn_websocket(new, upgrade, handshake, open, permit));
        match spawned {
            Ok(()) => Ok(Served::Upgraded),
            Err(error) => {
                log::debug!("client {} is refused: {error}", exchange.client.0);
                exchange.respond(Response::too_many_connections(), true)
            }
        }
    }

    /// Lets a WebSocket take over a session that polls. Closes it if the session has one, or is about to.
    pub(super) fn probe(&self, exchange: &mut Exchange<'_>, id: SessionId) -> io::Result<Served> {
        let Ok(handshake) = accept(exchange.head) else { return exchange.refuse(RequestError::BadRequest) };
        if self.sessions.find(id).is_none() {
            return exchange.refuse(RequestError::UnknownSession);
        }
        let (reply_to, reply) = bounded(1);
        let is_open = Arc::new(()); // until this returns
        self.sessions.pass(id, Mail::Candidate(Arc::downgrade(&is_open), reply_to));
        let is_candidate = exchange.wait(&reply)?.is_some();
        let mut stream = DeadlineStream::with_timeout(exchange.transport, UPGRADE_TIMEOUT);
        if !is_candidate {
            stream.write_all(&[&handshake[..], &CLOSE].concat())?;
            return Ok(Served::Close);
        }
        let already_read = mem::take(exchange.buffer);
        let taken = stream.write_all(&handshake).and_then(|()| self.take_over(id, stream, already_read));
        *exchange.buffer = taken.inspect_err(|_| self.sessions.pass(id, Mail::CandidateEnded))?;
        self.sessions.pass(id, Mail::Upgrade(exchange.take_websocket()));
        Ok(Served::Upgraded)
    }

    /// Waits for a probe, answers it, and waits for the packet by which the WebSocket takes over. Returns the bytes
    /// that followed it.
    fn take_over(
        &self,
        id: SessionId,
        stream: DeadlineStream<'_>,
        already_read: Vec<u8>,
    ) -> io::Result<Vec<u8>> {
        let mut frames = FrameSocket::from_partially_read(stream, already_read);
        expect_packet(&mut frames, "2probe")?;
        self.sessions.pass(id, Mail::Probe);
        frames.get_mut().write_all(&text_frame(&EnginePacket::Pong("probe")))?;
        expect_packet(&mut frames, "5")?;
        Ok(frames.into_inner().1.to_vec())
    }
}

/// Reads this packet, as a text frame.
fn expect_packet(frames: &mut FrameSocket<DeadlineStream<'_>>, expected: &str) -> io::Result<()> {
    let frame = frames.read(Some(MAX_PACKET)).map_err(io::Error::other)?;
    let frame = frame.ok_or(ErrorKind::UnexpectedEof)?;
    let mask = frame.header().mask.ok_or(ErrorKind::InvalidData)?;
    let unmasked = frame.payload().iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    if unmasked.eq(expected.bytes()) { Ok(()) } else { Err(ErrorKind::InvalidData.into()) }
}

impl Exchange<'_> {
    /// The connection, which is a WebSocket now.
    fn take_websocket(&mut self) -> Upgrade {
        Upgrade { transport: self.transport.clone(), already_read: mem::take(self.buffer) }
    }
}
