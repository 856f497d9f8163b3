//! One client: the thread that reads its WebSocket, checks what it sends and tells the hub.
//!
//! Architecture invariant: nothing here writes to the socket. tungstenite answers pings and close frames by
//! itself, and two writers would interleave inside a frame; so its stream's `write` hands the bytes to the hub.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::passphrase::Passphrase;
use crate::base::permits::Permit;
use crate::delivery::batch::TextForm;
use crate::delivery::transport::SocketTransport;
use crate::hub::event::Event;
use crate::hub::registry::Arrival;
use crate::protocol::error::Refusal;
use crate::protocol::events::{ClientEvent, TextChange};
use crate::room::names::{Name, RoomName};
use crate::room::rules::Action;
use crate::room::session::{MAX_REF, Session};
use crate::room::splice::Splice;
use crossbeam_channel::Sender;
use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

/// The hub's events, with sockets to write to.
pub type SocketEvent = Event<SocketTransport>;

/// Bytes read at once, which every client costs. Most frames are far smaller; a larger one takes more reads.
const READ_BUFFER: usize = 512;

/// Bytes of a reader's stack. What it uses of it takes memory, for every client: two pages as long as nothing
/// large stands on it. That is why readers have threads of their own: the handshake leaves four pages used.
///
/// It is less than a quarter of a [connection's](crate::server::acceptor), so that glibc, which keeps the stacks of
/// ended threads for new ones, does not give a reader one that was used for a handshake.
const STACK: usize = 48 * 1024;

/// Bytes that JSON needs for one character at most: an astral one is two escapes, `\ud83d\ude00`.
const MAX_JSON_BYTES: usize = 12;

/// Bytes of an event beside its text: brackets, names of fields, white space.
const FRAME_OVERHEAD: usize = 1024;

/// Events a client may send a second for long. A page sends one a frame of its screen, and the fastest
/// screens have 240 of them. Beyond it the reader waits, so that TCP pushes back on the sender.
const EVENTS_PER_SECOND: u32 = 250;

/// Events a client may send at once before it has to wait.
const EVENT_BURST: u32 = 250;

/// Bytes that count as an event, in whatever frames they come: a second of the largest texts is a mebibyte.
const BYTES_PER_EVENT: usize = 4 * 1024;

/// What the limits say of what a client sends.
impl Limits {
    fn websocket(self) -> WebSocketConfig {
        let max_frame = self.max_text.max(self.max_name) * MAX_JSON_BYTES + FRAME_OVERHEAD;
        WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_frame_size(Some(max_frame))
            .max_message_size(Some(max_frame))
    }

    /// Reads and checks an event; what is wrong with it becomes an action too, for the room answers it.
    fn check(self, json: &str) -> Action {
        let mut reference = None;
        let checked = ClientEvent::decode(json).and_then(|event| {
            reference = event.reference().filter(|name| check_reference(name).is_ok()).map(str::to_owned);
            self.check_event(event)
        });
        checked.unwrap_or_else(|refusal| Action::Refused { refusal, reference })
    }

    fn check_event(self, event: ClientEvent<'_>) -> Result<Action, Refusal> {
        match event {
            ClientEvent::Unlock { passphrase } => Ok(Action::Unlock(Passphrase::new(&passphrase))),
            ClientEvent::GotANewUser { name, session } => {
                let name = Name::parse(&name, self.max_name)?;
                // What was never a session of ours, after an update of the server say, is one that is not known.
                let session = session.and_then(|hex| Session::parse(&hex)).unwrap_or_else(Session::random);
                Ok(Action::Join { name, session })
            }
            ClientEvent::Watch {} => Ok(Action::Watch),
            ClientEvent::Resync {} => Ok(Action::Resync),
            ClientEvent::UpdatedText(TextChange::Whole(text)) => self.check_text(text).map(Action::Write),
            ClientEvent::UpdatedText(TextChange::Splice(splice)) => self.check_splice(splice),
            ClientEvent::Message { text, reference } => {
                reference.as_deref().map(check_reference).transpose()?;
                Ok(Action::Post { text: self.check_post(text)?, reference: reference.map(Cow::into_owned) })
            }
        }
    }

    fn check_text(self, text: Cow<'_, str>) -> Result<String, Refusal> {
        // Only a text with more bytes than allowed characters has to be counted.
        if text.len() > self.max_text && text.chars().count() > self.max_text {
            return Err(Refusal::TextTooLong(self.max_text));
        }
        Ok(text.into_owned())
    }

    /// Whether it fits the text in the box, the room will see; then that has this length.
    fn check_splice(self, Splice { at, cut, put, length }: Splice<'_>) -> Result<Action, Refusal> {
        if length > self.max_text {
            return Err(Refusal::TextTooLong(self.max_text));
        }
        let put = Cow::Owned(put.into_owned());
        Ok(Action::Splice(Splice { at, cut, put, length }))
    }

    fn check_post(self, text: Cow<'_, str>) -> Result<String, Refusal> {
        if text.trim().is_empty() {
            return Err(Refusal::PostEmpty);
        }
        self.check_text(text)
    }
}

fn check_reference(reference: &str) -> Result<(), Refusal> {
    match reference.chars().count() {
        1..=MAX_REF => Ok(()),
        _ => Err(Refusal::BadRef(MAX_REF)),
    }
}

/// A place in a room. It ends when this is dropped, however the reader came to its end.
struct Membership {
    client: ClientId,
    /// The client has closed with code 1000.
    goodbye: bool,
    hub: Sender<SocketEvent>,
}

impl Membership {
    /// Tells the hub something. An error means that the server is gone.
    fn tell(&self, event: SocketEvent) -> io::Result<()> {
        self.hub.send(event).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // Without a hub there is nothing to end.
        let _ = self.hub.send(Event::Closed { client: self.client, goodbye: self.goodbye });
    }
}

/// Reads from the socket at its client's pace, writes to the hub.
struct Stream {
    transport: SocketTransport,
    pace: Pace,
    /// Bytes read that have not been counted as an event yet.
    uncounted: usize,
    membership: Membership,
}

impl Stream {
    /// Counts events, and waits if there are too many of them. An error means that the connection ended
    /// meanwhile, and what it still holds is not worth the wait.
    fn count(&mut self, events: u32) -> io::Result<()> {
        let wait = self.pace.wait(events, Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        match self.transport.wait_for_close(wait)? {
            true => Err(ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
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
    /// tungstenite, with no write buffer, writes whole frames.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.membership.tell(Event::Answered { client: self.membership.client, frames: frames.to_vec() })?;
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a WebSocket's handshake has come to.
#[derive(Debug)]
pub struct Handshake {
    /// The answer to it, which the hub sends.
    pub greeting: Vec<u8>,
    /// What came behind it.
    pub already_read: Vec<u8>,
    /// Where the client comes from.
    pub address: Address,
    /// Where the client wants to be.
    pub room: RoomName,
    /// In which form it wants texts.
    pub form: TextForm,
}

/// A client whose handshake is not answered yet.
#[derive(Debug)]
pub struct Newcomer {
    /// Its socket, on which reads block.
    pub transport: SocketTransport,
    /// What it asked for.
    pub handshake: Handshake,
    /// Who it will be.
    pub client: ClientId,
    /// What it may send.
    pub limits: Limits,
    /// The hub that its room is on.
    pub hub: Sender<SocketEvent>,
    /// Its place among all connections, which it keeps. Where no thread can be started it is free a moment before the
    /// connection ends.
    pub permit: Permit,
}

impl Newcomer {
    /// Starts a thread that tells the hub of it and reads until its WebSocket ends. Where there is none to be had,
    /// nobody has heard of it, and it can still be refused.
    pub fn start(self) -> io::Result<()> {
        let thread = thread::Builder::new().name(format!("client {}", self.client.0)).stack_size(STACK);
        thread.spawn(move || self.run()).map(drop)
    }

    fn run(self) {
        let Self { transport, handshake, client, limits, hub, permit: _permit } = self;
        let membership = Membership { client, goodbye: false, hub };
        let Some(mut websocket) = connect(transport, handshake, membership, limits) else { return };
        let Some((code, reason)) = read(&mut websocket, limits) else { return };
        let Stream { transport, membership, .. } = websocket.get_ref();
        if membership.tell(Event::Violated { client, code, reason }).is_ok() {
            drain(transport);
        }
    }
}

/// Tells the hub of a client; `None` where it has ended already, or the server has.
#[inline(never)] // or what it puts on the stack would stay there
fn connect(
    transport: SocketTransport,
    handshake: Handshake,
    membership: Membership,
    limits: Limits,
) -> Option<Box<WebSocket<Stream>>> {
    let Handshake { greeting, mut already_read, address, room, form } = handshake;
    // Without the time-out a client whose network is gone would stay for ever.
    transport.set_read_timeout(Some(limits.max_silence)).ok()?;
    let arrival = Arrival { address, transport: transport.clone(), greeting, form };
    membership.tell(Event::Connected { client: membership.client, room, arrival }).ok()?;
    let stream = Stream { transport, pace: Pace::new(Instant::now()), uncounted: 0, membership };
    already_read.shrink_to_fit(); // it becomes the buffer that is read into
    let config = Some(limits.websocket());
    Some(Box::new(WebSocket::from_partially_read(stream, already_read, Role::Server, config)))
}

/// Reads to the end; returns with what the client is to be closed, if it did not go by itself.
fn read(websocket: &mut WebSocket<Stream>, limits: Limits) -> Option<(CloseCode, &'static str)> {
    loop {
        let message = match websocket.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                let membership = &websocket.get_ref().membership;
                membership.tell(Event::Silent { client: membership.client }).ok()?;
                continue;
            }
            Err(error) => return violation(&error),
        };
        let stream = websocket.get_mut();
        stream.count(1).ok()?;
        let client = stream.membership.client;
        match message {
            Message::Text(json) => {
                let action = limits.check(&json);
                stream.membership.tell(Event::Acted { client, action }).ok()?;
            }
            Message::Binary(_) => return Some((CloseCode::Unsupported, "Events are text frames.")),
            Message::Close(frame) => {
                stream.membership.goodbye = frame.is_some_and(|frame| frame.code == CloseCode::Normal);
            }
            // tungstenite has answered, or rather the hub has.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// The close frame for an error of the client's, which tungstenite leaves to its caller; `None` where the
/// connection has ended.
fn violation(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Utf8(_) => Some((CloseCode::Invalid, "A text frame was not UTF-8.")),
        Error::Capacity(_) => Some((CloseCode::Size, "A message was too large.")),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some((CloseCode::Protocol, "A frame broke the WebSocket protocol.")),
        _ => None,
    }
}

/// Reads on and throws away, so that a close frame is not lost to the reset which unread bytes cause.
/// Ends with the connection, which the hub cuts in time.
#[inline(never)] // its buffer would stand on the stack of every reader
fn drain(mut transport: &SocketTransport) {
    let mut rest = [0; 1024];
    while matches!(transport.read(&mut rest), Ok(n) if n > 0) {}
}

/// A token bucket for events, which fills with time: it says how long a reader has to wait.
struct Pace {
    /// When the bucket would be full.
    full_at: Instant,
}

impl Pace {
    const STEP: Duration = Duration::from_nanos(1_000_000_000 / EVENTS_PER_SECOND as u64);

    fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes tokens; returns how long to wait until they are there.
    fn wait(&mut self, tokens: u32, now: Instant) -> Duration {
        self.full_at = self.full_at.max(now) + Self::STEP * tokens;
        self.full_at.saturating_duration_since(now + Self::STEP * EVENT_BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_text: 5, ..Limits::DEFAULT };

    #[test]
    fn checks_events_before_the_hub_sees_them() {
        let refused = |json: &str| match LIMITS.check(json) {
            Action::Refused { refusal, .. } => refusal.code(),
            action => panic!("{json} was taken as {action:?}"),
        };
        assert_eq!(LIMITS.check(r#"["updated_text",{"text":"😀😀😀😀😀"}]"#), Action::Write("😀".repeat(5)));
        assert_eq!(refused(r#"["updated_text",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(refused(r#"["message",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(refused(r#"["message",{"text":" \n"}]"#), "post_empty");
        assert_eq!(refused(r#"["got_a_new_user",{"name":" "}]"#), "name_empty");
    }

    #[test]
    fn the_longest_text_fits_a_frame_however_it_is_escaped() {
        let json = format!(r#"["updated_text",{{"text":"{}"}}]"#, r"\ud83d\ude00".repeat(LIMITS.max_text));
        assert!(json.len() <= LIMITS.websocket().max_frame_size.unwrap());
        assert_eq!(LIMITS.check(&json), Action::Write("😀".repeat(5)));
    }

    #[test]
    fn paces_a_flood() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let burst: Duration = (0..EVENT_BURST).map(|_| pace.wait(1, start)).sum();
        assert_eq!(burst, Duration::ZERO);
        assert_eq!(pace.wait(2, start), 2 * Pace::STEP);
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.wait(EVENT_BURST, later), Duration::ZERO);
    }
}
