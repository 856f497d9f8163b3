//! Polls: a GET that waits for output.

use crate::client::socketio::mailbox::Mail;
use crate::client::socketio::session_id::SessionId;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::polling::Poll;
use crate::http::cors::with_origin;
use crate::http::exchange::{Exchange, Served};
use crate::http::request::must_close;
use crate::http::response::Response;
use crate::http::socketio::Endpoint;
use crate::platform::Peer;
use crate::protocol::socketio::handshake::RequestError;
use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

/// How often a request that waits for its session looks whether its client has gone.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

impl Endpoint {
    /// Waits for output, and responds with it.
    pub(super) fn poll(&self, exchange: &Exchange<'_>, id: SessionId) -> io::Result<Served> {
        let (poll, chunks) = Poll::open(self.memory.clone());
        let _open = self.sessions.open_poll(id, poll);
        let sent = match exchange.wait(&chunks) {
            Ok(None) => return exchange.refuse(RequestError::UnknownSession),
            Ok(Some(first)) => exchange.send_chunks(first, &chunks),
            Err(error) => Err(error),
        };
        // What the client did not get is lost, so its session cannot go on.
        sent.inspect_err(|_| self.sessions.pass(id, Mail::Broken))
    }
}

impl Exchange<'_> {
    /// Waits for what a session sends here. `None` if it sends nothing more, or is not known. Fails if the client has
    /// gone.
    pub(super) fn wait<T>(&self, sent: &Receiver<T>) -> io::Result<Option<T>> {
        loop {
            match sent.recv_timeout(CHECK_INTERVAL) {
                Ok(sent) => return Ok(Some(sent)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => match self.transport.wait_for_close(Duration::ZERO)? {
                    Peer::Open => {}
                    Peer::Finished | Peer::Gone => return Err(ErrorKind::ConnectionAborted.into()),
                },
            }
        }
    }

    fn send_chunks(&self, first: Bytes, chunks: &Receiver<Bytes>) -> io::Result<Served> {
        // Usually the poll has ended with its first chunk.
        let Some(second) = self.wait(chunks)? else {
            return self.respond(Response::payload(first), false);
        };
        let close = must_close(self.head);
        let head = with_origin(Response::chunked_payload(), self.head);
        self.responses.note(head.status());
        head.write(DeadlineStream::with_timeout(self.transport, self.timeout), true, close)?;
        self.send_chunk(&first)?;
        let mut next = Some(second);
        while let Some(chunk) = next {
            self.send_chunk(&chunk)?;
            next = self.wait(chunks)?;
        }
        self.send_chunk(&[])?;
        Ok(if close { Served::Close } else { Served::Open })
    }

    /// Sends a chunk of a body (RFC 9112, section 7.1). An empty one is the last.
    fn send_chunk(&self, chunk: &[u8]) -> io::Result<()> {
        let mut stream = DeadlineStream::with_timeout(self.transport, self.timeout);
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")
    }
}
