//! Posted payloads.

use crate::client::socketio::mailbox::{Mail, Payload};
use crate::client::socketio::session_id::SessionId;
use crate::client::validate::max_message_size;
use crate::http::body::{LengthError, body_length, read_body};
use crate::http::exchange::{Exchange, Served};
use crate::http::response::Response;
use crate::http::socketio::{Endpoint, MAX_PAYLOAD};
use crate::protocol::socketio::handshake::RequestError;
use crossbeam_channel::bounded;
use std::io;
use std::sync::Arc;
use std::time::Instant;

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
        let length = match body_length(exchange.head, max) {
            Ok(length) => length,
            Err(error) => return exchange.respond(rejection(error, max), true),
        };
        let is_open = Arc::new(());
        self.sessions.pass(id, Mail::Post(Arc::downgrade(&is_open)));
        let deadline = Instant::now() + self.limits.message_timeout;
        let (body, charge) = read_body(exchange.transport, exchange.buffer, length, &self.memory, deadline)?;
        let Ok(body) = String::from_utf8(body) else { return exchange.refuse(RequestError::BadRequest) };
        let (reply_to, reply) = bounded(1);
        self.sessions.pass(id, Mail::Payload(Payload { body, charge, is_open, reply_to }));
        match exchange.wait(&reply)? {
            Some(true) => exchange.respond(Response::ok(), false),
            Some(false) => exchange.refuse(RequestError::BadRequest),
            None => exchange.refuse(RequestError::UnknownSession),
        }
    }
}

/// The response to a payload that is not read, because it may have `max` bytes.
fn rejection(error: LengthError, max: usize) -> Response {
    match error {
        LengthError::Missing => Response::text(411, "Send the length of the payload as Content-Length."),
        LengthError::Invalid => Response::text(400, "Content-Length is not a length."),
        LengthError::TooLong => Response::text(413, format!("A payload may have at most {max} bytes.")),
    }
}
