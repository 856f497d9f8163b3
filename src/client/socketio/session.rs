//! A session: what its packets mean, whatever they come over.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::client::incoming::FREE_BYTES;
use crate::client::outlet::{End, Outlet, Telling};
use crate::client::reader::Protocol;
use crate::client::socketio::application::{Application, Join, Message, Reaction};
use crate::client::socketio::events::EventDecoder;
use crate::client::socketio::heartbeat::{Heartbeat, SessionOptions};
use crate::client::socketio::mailbox::{Mailbox, Next, PROTOCOL_ERROR, Payload, Upgrade};
use crate::client::socketio::output::Output;
use crate::client::socketio::sessions::Entry;
use crate::client::teller::{Membership, Teller};
use crate::delivery::client_transport::ClientTransport;
use crate::delivery::transport::SocketTransport;
use crate::hub::event::{Event, FromClient, NewClient};
use crate::protocol::encoding::Encoding;
use crate::protocol::socketio::engine::EnginePacket;
use std::mem;
use std::time::{Duration, Instant};

/// How long a client that polls may take to get the last output before its session ends.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The shortest time-out of a read. The system takes zero for none.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// Packets and frames that a client may send before it has introduced itself, of whatever kind: answers to a few pings,
/// and the messages that its application allows. None of them waits for its turn, as those of a client in a room do.
const MAX_EARLY: usize = 64;

/// Who a session is with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The client.
    pub client: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// The limits that apply to it.
    pub limits: Limits,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session<A> {
    app: A,
    peer: Peer,
    heartbeat: Heartbeat,
    decoder: EventDecoder,
    /// Packets and frames that the client may still send before it has introduced itself.
    early_left: usize,
    entry: Entry,
}

impl<A: Application> Session<A> {
    /// A session that begins now.
    pub(crate) fn new(app: A, peer: Peer, options: SessionOptions, entry: Entry) -> Self {
        let heartbeat = Heartbeat::new(options, Instant::now());
        Self { app, peer, heartbeat, decoder: EventDecoder::new(peer.limits), early_left: MAX_EARLY, entry }
    }

    /// The session goes on over this WebSocket.
    pub(crate) fn upgrade(&self, socket: SocketTransport) {
        self.entry.upgrade(socket);
    }

    /// The limits that apply to the client.
    pub(crate) fn limits(&self) -> Limits {
        self.peer.limits
    }

    /// Handles what comes to the mailbox until the client upgrades, which this returns, or the session ends.
    pub(crate) fn run_polling(&mut self, mailbox: &mut Mailbox, outlet: &mut Outlet) -> Result<Upgrade, End> {
        loop {
            let due = self.due(mailbox.last_sign, outlet);
            match mailbox.next(due, outlet)? {
                Next::Payload(payload) => self.receive_payload(payload, mailbox, outlet)?,
                Next::Upgrade(upgrade) => return Ok(upgrade),
                Next::Timeout => {
                    mailbox.last_sign = Instant::now();
                    self.silence(outlet)?;
                }
            }
        }
    }

    /// Ends a session that polls: the client may still get what waits, and why.
    pub(crate) fn end_polling(&mut self, end: End, mailbox: &mut Mailbox, outlet: &mut Outlet) {
        let Some((code, reason)) = end else { return };
        match outlet {
            Outlet::Own(output) => output.close(code, reason),
            Outlet::Hub(teller) => {
                if teller.membership.tell(FromClient::ProtocolError { code, reason }).is_ok() {
                    mailbox.drain(Instant::now() + CLOSE_TIMEOUT, outlet);
                }
            }
        }
    }

    /// When [`silence`](Protocol::silence) is due.
    fn due(&self, last_sign: Instant, outlet: &Outlet) -> Instant {
        match outlet {
            Outlet::Own(_) => self.heartbeat.due(self.app.is_connected()),
            Outlet::Hub(_) => last_sign + self.peer.limits.max_silence,
        }
    }

    fn receive_payload(
        &mut self,
        payload: Payload,
        mailbox: &mut Mailbox,
        outlet: &mut Outlet,
    ) -> Result<(), End> {
        let Payload { body, charge, is_open, reply_to } = payload;
        let is_valid = EnginePacket::decode_payload(&body).all(|packet| packet.is_ok());
        if is_valid && EnginePacket::decode_payload(&body).any(|packet| packet == Ok(EnginePacket::Close)) {
            mailbox.wait_for_poll(outlet)?;
        }
        // Before the packets are handled, which can take long at the pace that is allowed. An error means that the
        // request has ended.
        drop(is_open);
        let _ = reply_to.try_send(is_valid);
        if !is_valid {
            return Err(PROTOCOL_ERROR);
        }
        outlet.count_bytes(body.len(), mailbox).map_err(|_| None)?;
        for packet in EnginePacket::decode_payload(&body).flatten() {
            outlet.count_message(mailbox).map_err(|_| None)?;
            self.count_early(outlet)?;
            let telling = self.receive(packet, outlet)?;
            // The hub may still hold the text when the payload is gone.
            let text_len = telling.as_ref().map_or(0, |telling| telling.event.text_len());
            let charge = charge.another(text_len, FREE_BYTES);
            outlet.tell(telling, charge, mailbox).map_err(|_| None)?;
        }
        Ok(())
    }

    /// Counts a packet or a frame of a client that has not introduced itself.
    fn count_early(&mut self, outlet: &Outlet) -> Result<(), End> {
        if matches!(outlet, Outlet::Own(_)) && !self.app.is_connected() {
            self.early_left = self.early_left.checked_sub(1).ok_or(PROTOCOL_ERROR)?;
        }
        Ok(())
    }

    /// Handles a packet. Returns what the hub is to be told.
    fn receive(&mut self, packet: EnginePacket<'_>, outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        match packet {
            EnginePacket::Message(text) => self.receive_message(Message::Text(&text), outlet),
            EnginePacket::Binary(bytes) => self.receive_message(Message::Binary(&bytes), outlet),
            EnginePacket::Pong(_) => {
                self.heartbeat.note_pong();
                Ok(None)
            }
            EnginePacket::Noop => Ok(None),
            // Not a goodbye, which is DISCONNECT: socket.io-client also sends it when its network fails.
            EnginePacket::Close => Err(None),
            EnginePacket::Open(_) | EnginePacket::Ping(_) | EnginePacket::Upgrade => Err(PROTOCOL_ERROR),
        }
    }

    fn receive_message(&mut self, message: Message<'_>, outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        let Outlet::Own(output) = outlet else { return self.decoder.decode(message, outlet) };
        match self.app.receive(message, output).map_err(|_| PROTOCOL_ERROR)? {
            Reaction::Stay => {
                output.flush().map_err(|_| None)?;
                if self.app.is_connected() {
                    self.entry.introduce();
                }
                Ok(None)
            }
            Reaction::Join(join) => {
                // First, so that a client which the hub lets in is hardly ever disconnected as one that is in no room.
                self.entry.introduce();
                self.join(*join, outlet)
            }
        }
    }

    /// Has the client join a room. From here on only the hub writes to it.
    #[inline(never)] // its frame would be on the stack while the client says which room
    fn join(&mut self, join: Join, outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        let Peer { client, address, limits } = self.peer;
        let Join { room, hub, is_admitted, host, seat } = join;
        let teller = Teller::new(Membership::new(client, hub), &limits);
        let Outlet::Own(output) = mem::replace(outlet, Outlet::Hub(teller)) else { return Err(None) };
        let (transport, handshake) = output.into_parts();
        if let ClientTransport::Socket(socket) = &transport {
            socket.set_read_timeout(Some(limits.max_silence)).map_err(|_| None)?;
        }
        let new = NewClient {
            id: client,
            address,
            room,
            encoding: Encoding::SOCKET_IO,
            transport,
            handshake,
            admitted: is_admitted,
        };
        let Outlet::Hub(teller) = outlet else { return Err(None) };
        teller.membership.connect(Event::Connected(new)).map_err(|_| None)?;
        let Some(seat) = seat else { return Ok(host.map(Into::into)) };
        self.decoder.note_introduction();
        // First the key, because a host may enter a locked room.
        host.map_or(Ok(()), |host| teller.membership.tell(host)).map_err(|_| None)?;
        Ok(Some(seat.into()))
    }

    /// Sets how long the next read of a WebSocket may take that belongs to no hub yet.
    pub(crate) fn set_read_timeout(&self, outlet: &Outlet) -> Result<(), End> {
        if let Outlet::Own(output) = outlet
            && let ClientTransport::Socket(socket) = output.transport()
        {
            let due = self.heartbeat.due(self.app.is_connected());
            let timeout = due.saturating_duration_since(Instant::now()).max(MIN_TIMEOUT);
            socket.set_read_timeout(Some(timeout)).map_err(|_| None)?;
        }
        Ok(())
    }

    /// A frame has come over a WebSocket. However many come, the client is pinged, and late, in time.
    fn keep_time(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        self.count_early(outlet)?;
        let Outlet::Own(output) = outlet else { return Ok(()) };
        if self.heartbeat.due(self.app.is_connected()) <= Instant::now() {
            self.tick(output)?;
        }
        self.set_read_timeout(outlet)
    }

    fn tick(&mut self, output: &mut Output) -> Result<(), End> {
        self.heartbeat.tick(self.app.is_connected(), output, Instant::now())?;
        output.flush().map_err(|_| None)
    }
}

/// Over a WebSocket.
impl<A: Application> Protocol for Session<A> {
    fn text(&mut self, text: &str, outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        let packet = EnginePacket::decode(text).map_err(|_| PROTOCOL_ERROR)?;
        let telling = self.receive(packet, outlet)?;
        self.keep_time(outlet)?;
        Ok(telling)
    }

    fn binary(&mut self, bytes: &[u8], outlet: &mut Outlet) -> Result<Option<Telling>, End> {
        let telling = self.receive_message(Message::Binary(bytes), outlet)?;
        self.keep_time(outlet)?;
        Ok(telling)
    }

    fn control(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        self.keep_time(outlet)
    }

    fn silence(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        match outlet {
            Outlet::Own(output) => self.tick(output)?,
            Outlet::Hub(_) => return outlet.note_silence(),
        }
        self.set_read_timeout(outlet)
    }
}
