//! One request whose body is read, or whose connection may become a WebSocket: what its route needs to serve it.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::permits::Permit;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use crate::http::cors::with_origin;
use crate::http::request::{Head, must_close};
use crate::http::response::Response;
use crate::http::responses::ResponseCounters;
use std::io;
use std::time::Duration;

/// One request, and the connection that it came over.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The request.
    pub head: &'a Head,
    /// The connection.
    pub transport: &'a SocketTransport,
    /// The bytes that were read after the head. Those of a body are removed.
    pub buffer: &'a mut Vec<u8>,
    /// The permit of the connection.
    pub permit: &'a Permit,
    /// The id of the client, if the request begins a session.
    pub client: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// How long a response may take to send.
    pub timeout: Duration,
    /// Counts responses.
    pub responses: &'a ResponseCounters,
}

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Another request may follow.
    Open,
    /// It is to be closed.
    Close,
    /// It has become a WebSocket.
    Upgraded,
}

impl Exchange<'_> {
    /// Sends a response. Another request may follow, unless `close`.
    pub(super) fn respond(&self, response: Response, close: bool) -> io::Result<Served> {
        let close = close || must_close(self.head);
        let response = with_origin(response, self.head);
        self.responses.note(response.status());
        response.write(DeadlineStream::with_timeout(self.transport, self.timeout), false, close)?;
        Ok(if close { Served::Close } else { Served::Open })
    }
}
