//! The transport of a client that polls: its output goes into the response to its open poll.
//!
//! A poll is a channel to the thread of the request, which writes the response. Without an open poll, or while that
//! thread is behind, the transport is full, and the policy for full transports applies.

use crate::base::memory::MemoryLimit;
use crate::delivery::payload::PayloadWriter;
use crate::delivery::transport::Transport;
use crate::protocol::socketio::engine::EnginePacket;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Bytes of a chunk at most, about as many as a socket takes at once.
const MAX_CHUNK: usize = 64 * 1024;

/// Chunks that wait while the thread of the request writes another one.
const MAX_CHUNKS: usize = 1;

/// Bytes after which a response ends with the current message. The client reads nothing of a response before its end.
const ENOUGH: usize = 64 * 1024;

/// An open poll: where the output goes. The response ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Poll {
    /// Dropped before `chunks`, whose end wakes the thread of the request: by the time the client has the response and
    /// polls again, its session must see that this poll has ended.
    is_open: Arc<()>,
    chunks: Sender<Bytes>,
    memory: Arc<MemoryLimit>,
    payload: PayloadWriter,
}

impl Poll {
    /// A poll, and the chunks of the response's body, which count as memory that waits.
    pub(crate) fn open(memory: Arc<MemoryLimit>) -> (Self, Receiver<Bytes>) {
        let (chunks, response) = bounded(MAX_CHUNKS);
        (Self { is_open: Arc::default(), chunks, memory, payload: PayloadWriter::default() }, response)
    }

    /// Tells whether the poll is still open: until no strong reference is left.
    pub(crate) fn watch(&self) -> Weak<()> {
        Arc::downgrade(&self.is_open)
    }

    /// Responds with one packet.
    pub(crate) fn answer(self, packet: &EnginePacket<'_>) {
        let mut payload = String::new();
        packet.encode(&mut payload);
        // An error means that the request has ended.
        let _ = self.chunks.try_send(self.memory.keep(payload.into_bytes()));
    }

    /// Ends the response, which must not be empty.
    fn end(self) {
        if !self.payload.has_output() {
            self.answer(&EnginePacket::Noop);
        }
    }

    /// Takes as many bytes of frames as fit a chunk. If the thread of the request is behind, waits for it so long.
    fn take(&mut self, pieces: &[IoSlice<'_>], wait: Duration) -> io::Result<usize> {
        if wait.is_zero() && self.chunks.is_full() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (mut chunk, mut taken) = (Vec::new(), 0);
        for piece in pieces {
            let part = &piece[..piece.len().min(MAX_CHUNK - taken)];
            let written = self.payload.write(part, ENOUGH, &mut chunk);
            taken += written;
            if written < piece.len() {
                break;
            }
        }
        if chunk.is_empty() {
            return Ok(taken); // only the head of a frame
        }
        // After an error, what the request has taken before may be lost.
        let sent = self.chunks.send_timeout(self.memory.keep(chunk), wait);
        sent.map(|()| taken).map_err(|_| ErrorKind::BrokenPipe.into())
    }
}

/// The transport.
#[derive(Debug)]
pub struct Polling {
    poll: RefCell<Option<Poll>>,
    /// Tells the client's thread that the connection has ended.
    end: Sender<()>,
}

impl Polling {
    /// A transport with this poll. `end` has space for one message.
    pub(crate) fn new(poll: Option<Poll>, end: Sender<()>) -> Self {
        Self { poll: RefCell::new(poll), end }
    }

    /// Sends as [`send`](Transport::send) does, but waits for a request that is behind. For a client's own thread.
    pub(crate) fn send_in_time(&self, pieces: &[IoSlice<'_>], timeout: Duration) -> io::Result<usize> {
        let mut poll = self.poll.borrow_mut();
        let Some(open) = poll.as_mut() else { return Err(ErrorKind::WouldBlock.into()) };
        let taken = open.take(pieces, timeout)?;
        if open.payload.is_complete(ENOUGH) {
            *poll = None;
        }
        Ok(taken)
    }

    fn end_poll(&self) {
        if let Some(poll) = self.poll.take() {
            poll.end();
        }
    }
}

impl Transport for Polling {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.send_in_time(pieces, Duration::ZERO)
    }

    fn end_response(&self) {
        let has_output = self.poll.borrow().as_ref().is_some_and(|poll| poll.payload.has_output());
        if has_output {
            self.end_poll();
        }
    }

    fn is_mid_message(&self) -> bool {
        self.poll.borrow().as_ref().is_some_and(|poll| !poll.payload.is_at_end_of_message())
    }

    fn shutdown(&self, _how: Shutdown) {
        self.end_poll();
        // If a message waits there already, it says the same.
        let _ = self.end.try_send(());
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.end_poll();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::delivery::outbox::Outbox;
    use crossbeam_channel::TryRecvError;

    fn transport() -> (Polling, Receiver<Bytes>, Receiver<()>) {
        let (poll, response) = Poll::open(MemoryLimit::new(Counter::default(), usize::MAX, 1).into());
        let (end, ended) = bounded(1);
        (Polling::new(Some(poll), end), response, ended)
    }

    fn is_full(outcome: io::Result<usize>) -> bool {
        outcome.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    #[test]
    fn a_poll_takes_frames_until_its_response_ends_and_then_the_transport_is_full() {
        let (polling, response, _ended) = transport();
        assert_eq!(polling.send(&[IoSlice::new(b"\x81\x014"), IoSlice::new(b"\x81\x016")]).unwrap(), 6);
        assert!(is_full(polling.send(&[IoSlice::new(b"\x81\x014")])), "the thread of the request is behind");
        assert_eq!(response.try_recv().unwrap(), "4\u{1e}6");
        polling.end_response();
        assert_eq!(response.try_recv(), Err(TryRecvError::Disconnected));
        assert!(is_full(polling.send(&[IoSlice::new(b"\x81\x014")])));
    }

    #[test]
    fn a_poll_without_output_stays_open_until_its_transport_is_dropped() {
        let (polling, response, _ended) = transport();
        polling.end_response();
        assert!(response.is_empty() && polling.poll.borrow().is_some());
        drop(polling);
        assert_eq!(response.try_recv(), Ok("6".into()));
        assert_eq!(response.try_recv(), Err(TryRecvError::Disconnected));
    }

    #[test]
    fn a_long_response_ends_with_a_message() {
        let (polling, response, _ended) = transport();
        let frame = [&[0x81, 127][..], &70_000_u64.to_be_bytes(), &[b'x'; 70_000], b"\x81\x014"].concat();
        let sent = polling.send(&[IoSlice::new(&frame)]).unwrap();
        assert_eq!(sent, MAX_CHUNK);
        assert!(polling.is_mid_message());
        assert_eq!(response.try_recv().unwrap().len(), MAX_CHUNK - 10);
        assert_eq!(polling.send(&[IoSlice::new(&frame[sent..])]).unwrap(), frame.len() - sent - 3);
        assert!(!polling.is_mid_message());
        assert_eq!(response.try_iter().map(|chunk| chunk.len()).sum::<usize>(), 70_000 + 10 - MAX_CHUNK);
    }

    #[test]
    fn a_client_that_leaves_a_poll_in_the_middle_of_a_message_is_disconnected() {
        let head = [&[0x81, 127][..], &70_000_u64.to_be_bytes()].concat();
        for (sent, is_whole) in [(&b"\x81\x014"[..], true), (&head, false)] {
            let ((earlier, _response, _), (later, _later_response, ended)) = (transport(), transport());
            assert_eq!(earlier.send(&[IoSlice::new(sent)]).unwrap(), sent.len());
            Outbox::new(earlier).replace_transport(later);
            assert_eq!(ended.is_empty(), is_whole);
        }
    }

    #[test]
    fn a_request_that_has_gone_breaks_the_transport() {
        let (polling, response, ended) = transport();
        drop(response);
        assert_eq!(polling.send(&[IoSlice::new(b"\x81\x014")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        polling.shutdown(Shutdown::Both);
        assert!(ended.try_recv().is_ok());
    }
}
