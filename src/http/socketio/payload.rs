//! Posted payloads.

use crate::base::memory::Charge;
use crate::client::socketio::mailbox::{Mail, Payload};
use crate::client::socketio::session_id::SessionId;
use crate::client::validate::max_message_size;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::http::response::Response;
use crate::http::socketio::{Endpoint, Exchange, MAX_PAYLOAD, Served};
use crate::platform::Peer;
use crate::protocol::socketio::handshake::RequestError;
use crossbeam_channel::bounded;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::http::header;

/// Pause before a payload is read on while the memory for what arrives is used up.
const MEMORY_PAUSE: Duration = Duration::from_millis(50);

/// Bytes that are read at once.
const READ_LENGTH: usize = 16 * 1024;

impl Endpoint {
    /// Reads a payload and passes it to its session. Nothing is read for a session that does not exist: anybody could
    /// hold the memory of all.
    pub(super) fn post(&self, exchange: &mut Exchange<'_>, id: SessionId) -> io::Result<Served> {
        let session = self.sessions.find(id).filter(|session| session.is_polling);
        let Some(session) = session else { return exchange.refuse(RequestError::UnknownSession) };
        let max = match session.is_early {
            true => max_message_size(&self.limits).min(MAX_PAYLOAD),
            false => MAX_PAYLOAD,
        };
        let length = match body_length(exchange, max) {
            Ok(length) => length,
            Err(response) => return exchange.respond(response, true),
        };
        let is_open = Arc::new(());
        self.sessions.pass(id, Mail::Post(Arc::downgrade(&is_open)));
        let mut charge = self.memory.charge();
        let body = self.read_body(exchange, length, &mut charge)?;
        let Ok(body) = String::from_utf8(body) else { return exchange.refuse(RequestError::BadRequest) };
        let (reply_to, reply) = bounded(1);
        self.sessions.pass(id, Mail::Payload(Payload { body, charge, is_open, reply_to }));
        match exchange.wait(&reply)? {
            Some(true) => exchange.respond(Response::ok(), false),
            Some(false) => exchange.refuse(RequestError::BadRequest),
            None => exchange.refuse(RequestError::UnknownSession),
        }
    }

    fn read_body(
        &self,
        exchange: &mut Exchange<'_>,
        length: usize,
        charge: &mut Charge,
    ) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + self.limits.message_timeout;
        let buffered = exchange.buffer.len().min(length);
        let mut body: Vec<u8> = exchange.buffer.drain(..buffered).collect();
        let mut stream = DeadlineStream::new(exchange.transport, deadline);
        while body.len() < length {
            charge.set(body.len() + READ_LENGTH);
            while self.memory.is_over() {
                // A client that has closed its side may have sent the rest before, so the wait goes on for it.
                if exchange.transport.wait_for_end(MEMORY_PAUSE)? == Peer::Gone {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                if Instant::now() > deadline {
                    return Err(ErrorKind::TimedOut.into());
                }
            }
            let (start, end) = (body.len(), length.min(body.len() + READ_LENGTH));
            body.resize(end, 0);
            let read = stream.read(&mut body[start..])?;
            body.truncate(start + read);
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        charge.set(body.capacity());
        Ok(body)
    }
}

/// The length of a request's body, which may have `max` bytes, or the response that rejects it.
fn body_length(exchange: &Exchange<'_>, max: usize) -> Result<usize, Response> {
    let headers = exchange.head.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Response::text(411, "Send the length of the payload as Content-Length."));
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (Some(length), None) => {
            length.to_str().ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        }
        (None, _) => return Err(Response::text(411, "Send the length of the payload as Content-Length.")),
        (Some(_), Some(_)) => None,
    };
    match length.map(str::parse::<u64>) {
        Some(Ok(length)) if length <= max as u64 => Ok(length as usize),
        Some(Ok(_)) => Err(Response::text(413, format!("A payload may have at most {max} bytes."))),
        Some(Err(_)) | None => Err(Response::text(400, "Content-Length is not a length.")),
    }
}
