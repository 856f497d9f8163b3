//! The transport of a client that polls: its output goes into the response to its open poll.
//!
//! A poll is a channel to the thread of the request, which writes the response. Without an open poll, or while that
//! thread is behind, the transport is full, and the policy for full transports applies.

use crate::delivery::transport::Transport;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;

/// Bytes of a chunk at most, as many as a socket may have unsent.
const MAX_CHUNK: usize = 16 * 1024;

/// Chunks that wait for the thread of the request while it writes one.
const MAX_CHUNKS: usize = 1;

/// An open poll: where the output goes. The response ends when this is dropped.
#[derive(Debug)]
pub struct Poll {
    chunks: Sender<Vec<u8>>,
    /// It has got output.
    is_answered: bool,
}

impl Poll {
    /// A poll, and the chunks of its response: frames, as they are on a WebSocket.
    pub fn open() -> (Self, Receiver<Vec<u8>>) {
        let (chunks, response) = bounded(MAX_CHUNKS);
        (Self { chunks, is_answered: false }, response)
    }
}

/// Tells a client's session that its connection has ended.
pub trait EndSession: Send {
    /// Called once, and must not wait.
    fn end(&self);
}

/// The transport.
pub struct Polling {
    poll: RefCell<Option<Poll>>,
    session: Box<dyn EndSession>,
}
