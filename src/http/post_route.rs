//! Posts over HTTP: `curl -d TEXT 'http://host:8080/post?room=ROOM&name=NAME'`.

use crate::base::limits::Limits;
use crate::base::memory::Charge;
use crate::client::validate::{check_post, check_reference};
use crate::delivery::deadline_stream::DeadlineStream;
use crate::http::body::{LengthError, body_length, read_body};
use crate::http::exchange::{Exchange, Served};
use crate::http::response::Response;
use crate::hub::event::Event;
use crate::hub::post_request::{PostPlaces, PostRequest, PostRequester};
use crate::hub::shards::{HUB_TIMEOUT, Shards};
use crate::protocol::error::EventError;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::error::RoomError;
use crate::room::names::Name;
use crate::room::room_name::RoomName;
use crate::room::session::MAX_REFERENCE;
use crossbeam_channel::{RecvTimeoutError, bounded};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};
use tungstenite::http::header;

/// How long a post may wait for its room to be loaded, for the room's budget and for the store, which gives up after
/// 2 s. A person who looks at the output of a script waits for about as long.
pub(crate) const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a character in UTF-8, at most.
const MAX_CHAR_BYTES: usize = 4;

/// Bytes of the line break at the end of a text, at most.
const MAX_LINE_BREAK: usize = 2;

/// The header for the `ref` of a post.
const KEY_HEADER: &str = "idempotency-key";

/// What tells the client to send a body for which it waits (RFC 9110, section 10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The response to a post that is in the log.
#[derive(Debug, Serialize)]
struct Posted {
    n: u64,
}

/// What takes posts.
#[derive(Debug)]
pub(super) struct PostRoute<'a> {
    /// Where they go.
    pub shards: &'a Shards,
    /// How long they may be.
    pub limits: &'a Limits,
    /// How many may wait.
    pub places: &'a PostPlaces,
}

/// What the head of a request says.
struct Parts {
    room: RoomName,
    name: Name,
    reference: Option<String>,
    length: usize,
}

impl PostRoute<'_> {
    /// Reads a post, passes it to the hub of its room, and responds with its number.
    pub(super) fn serve(&self, mut exchange: Exchange<'_>) -> io::Result<Served> {
        // After a refusal of the head, the body is still to come.
        let parts = match self.parts(&exchange) {
            Ok(parts) => parts,
            Err(refusal) => return refuse(&exchange, &refusal, true),
        };
        let (body, charge) = match self.read(&mut exchange, parts.length) {
            Ok(read) => read,
            Err(error) => return Self::respond_to_late(&exchange, error),
        };
        match self.post(&exchange, parts, body, charge) {
            Ok(n) => exchange.respond(Response::json(&Posted { n }), false),
            Err(refusal) => refuse(&exchange, &refusal, false),
        }
    }

    fn parts(&self, exchange: &Exchange<'_>) -> Result<Parts, PostRefusal> {
        let query = exchange.head.uri().query().unwrap_or_default();
        let max = self.limits.max_text.saturating_mul(MAX_CHAR_BYTES).saturating_add(MAX_LINE_BREAK);
        let length = body_length(exchange.head, max).map_err(|error| match error {
            LengthError::Missing => PostRefusal::LengthNeeded,
            LengthError::Invalid => PostRefusal::BadLength,
            LengthError::TooLong => EventError::TextTooLong(self.limits.max_text).into(),
        })?;
        let room = RoomName::from_query(query).map_err(|_| PostRefusal::RoomNameTooLong)?;
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let name = fields.find(|(field, _)| field == "name").map_or(Cow::default(), |(_, name)| name);
        let name = Name::parse(&name, self.limits.max_name)?;
        Ok(Parts { room, name, reference: reference(exchange)?, length })
    }

    fn read(&self, exchange: &mut Exchange<'_>, length: usize) -> io::Result<(Vec<u8>, Charge)> {
        let Exchange { head, transport, timeout, .. } = *exchange;
        if head.headers().get(header::EXPECT).is_some() && exchange.buffer.is_empty() {
            DeadlineStream::with_timeout(transport, timeout).write_all(CONTINUE)?;
        }
        let deadline = Instant::now() + self.limits.message_timeout;
        read_body(transport, exchange.buffer, length, &self.shards.input, deadline)
    }

    /// Tells a client whose text has not arrived in time.
    fn respond_to_late(exchange: &Exchange<'_>, error: io::Error) -> io::Result<Served> {
        let refusal = match error.kind() {
            ErrorKind::OutOfMemory => EventError::MemoryFull.into(),
            ErrorKind::TimedOut | ErrorKind::WouldBlock => PostRefusal::Late,
            _ => return Err(error),
        };
        refuse(exchange, &refusal, true)
    }

    /// Posts, and returns the number of the post.
    fn post(
        &self,
        exchange: &Exchange<'_>,
        parts: Parts,
        body: Vec<u8>,
        charge: Charge,
    ) -> Result<u64, PostRefusal> {
        let Parts { room, name, reference, .. } = parts;
        let body = String::from_utf8(body).map_err(|_| PostRefusal::NotUtf8)?;
        let text = check_post(without_line_break(&body).into(), self.limits)?;
        let address = exchange.address;
        let place = self.places.acquire(address).ok_or(PostRefusal::Busy)?;
        let until = Instant::now() + POST_TIMEOUT;
        let (reply_to, reply) = bounded(1);
        let from = PostRequester { reply_to, place: Some(place), charge: Some(charge) };
        let hub = self.shards.of_room(&room);
        let request = Box::new(PostRequest { room, name, text, reference, address, until, from });
        let event = Event::PostRequest { connection: exchange.client, request };
        hub.send_timeout(event, HUB_TIMEOUT).map_err(|_| PostRefusal::Busy)?;
        // What the hub has not begun by then, it drops.
        match reply.recv_deadline(until + HUB_TIMEOUT) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Disconnected) => Err(PostRefusal::Busy),
            Err(RecvTimeoutError::Timeout) => Err(PostRefusal::Unanswered),
        }
    }
}

/// The `ref` of a post.
fn reference(exchange: &Exchange<'_>) -> Result<Option<String>, PostRefusal> {
    let mut keys = exchange.head.headers().get_all(KEY_HEADER).iter();
    let key = match (keys.next(), keys.next()) {
        (None, _) => return Ok(None),
        (Some(key), None) => std::str::from_utf8(key.as_bytes()).ok(),
        (Some(_), Some(_)) => None,
    };
    let key = key.ok_or(EventError::BadReference(MAX_REFERENCE))?;
    check_reference(key)?;
    Ok(Some(key.to_owned()))
}

/// A text without the line break at its end, which `echo` and editors add.
fn without_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Tells the client why its text is not posted.
fn refuse(exchange: &Exchange<'_>, refusal: &PostRefusal, close: bool) -> io::Result<Served> {
    exchange.responses.note_refusal(refusal);
    exchange.respond(response(refusal), close)
}

fn response(refusal: &PostRefusal) -> Response {
    let response = Response::json(refusal).with_status(status(refusal));
    match refusal.wait() {
        Some(seconds) => response.with_header("Retry-After", seconds.to_string()),
        None => response,
    }
}

fn status(refusal: &PostRefusal) -> u16 {
    match refusal {
        PostRefusal::Rejected(EventError::TextTooLong(_)) => 413,
        PostRefusal::Rejected(EventError::Room(RoomError::NameTaken)) => 409,
        PostRefusal::Rejected(EventError::Room(_)) => 403,
        PostRefusal::Rejected(EventError::NotStored(_) | EventError::MemoryFull) => 503,
        PostRefusal::Rejected(_)
        | PostRefusal::RoomNameTooLong
        | PostRefusal::NotUtf8
        | PostRefusal::BadLength => 400,
        PostRefusal::LengthNeeded => 411,
        PostRefusal::Late => 408,
        PostRefusal::Wait(_) => 429,
        PostRefusal::RoomsFull | PostRefusal::Busy | PostRefusal::Unanswered | PostRefusal::Stopping => 503,
    }
}
