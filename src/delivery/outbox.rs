//! Outboxes: the output of one client that could not be written yet.
//!
//! Architecture invariant: the hub never waits for a client. A send writes what the transport accepts and returns.
//! There is no writer thread and no lock, because only the hub writes to a client's connection.
//!
//! This is the whole policy for slow clients. Events are kept whole and in order. Texts and snapshots are state, and
//! not kept. The outbox remembers the [`Revision`] of the first text that the client missed, and that it is owed a
//! snapshot. When the transport accepts output again, the client gets the snapshot, encoded from what the room is then,
//! and the latest text of each box that has changed since then.
//!
//! A client is [too slow](Outcome::TooSlow) if its transport accepts nothing for [`MAX_STALL`], or if it is already
//! owed [too much](OutboxLimits::max_backlog) when more comes. One batch, however large, makes nobody too slow. What
//! all clients are owed together is bounded by [`MemoryLimit`].

use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::delivery::backlog::Backlog;
use crate::delivery::share::{INLINE_PIECES, Share};
use crate::delivery::stall::{Owed, Stall};
use crate::delivery::transport::{Transport, is_full};
use crate::room::boxes::Revision;
use bytes::Bytes;
use smallvec::SmallVec;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::mem;
use std::net::Shutdown;
use std::time::Instant;

/// Maximum number of pieces in one send. The system allows 1,024 (`IOV_MAX`).
const MAX_PIECES: usize = 64;

/// The limits of a hub's outboxes.
#[derive(Debug)]
pub(crate) struct OutboxLimits {
    /// A client that is owed more than this many bytes of events, including the list of them, is too slow when more
    /// comes. Clients that wait for the same events share their bytes.
    pub max_backlog: usize,
    /// The memory of all outboxes.
    pub memory: MemoryLimit,
    /// Bytes that all transports have accepted.
    sent: Cell<u64>,
}

/// What the hub keeps of one client's connection.
#[derive(Debug)]
pub(crate) struct Outbox<T> {
    transport: T,
    /// All states but the usual one are boxed, so that a batch touches little memory per client.
    state: State,
    /// When a full transport last accepted something.
    last_progress: Option<Instant>,
}

/// What waits for a client.
#[derive(Debug)]
enum State {
    /// Nothing waits: everything was sent.
    Ready,
    /// Frames wait for the next send.
    Queued(Box<Backlog>),
    /// The transport is full.
    Stalled(Box<Stall>),
}

/// The outcome of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    /// Everything was sent.
    Sent,
    /// The transport is full, or a snapshot is to be continued; [`Outbox::retry_at`] says when to try again.
    Stalled,
    /// The client reads too slowly and has to be closed.
    TooSlow,
    /// The connection is broken.
    Broken,
}

impl OutboxLimits {
    /// The configured limits, and the memory that counts.
    pub(crate) fn new(limits: &Limits, memory: MemoryLimit) -> Self {
        Self { max_backlog: limits.max_backlog, memory, sent: Cell::default() }
    }

    /// Bytes that all transports have accepted.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get()
    }
}

impl<T: Transport> Outbox<T> {
    /// An outbox in which nothing waits.
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, state: State::Ready, last_progress: None }
    }

    /// Adds frames that belong to no batch, to be sent with the next [`flush`](Self::flush) or
    /// [`deliver`](Self::deliver). All are control frames, or none is: while a snapshot is being sent, control frames
    /// may stand between its parts, and others follow it.
    pub(crate) fn queue(&mut self, frames: Bytes, limits: &OutboxLimits) {
        match &mut self.state {
            State::Ready => {
                let mut backlog = Box::<Backlog>::default();
                backlog.push(frames);
                self.state = State::Queued(backlog);
            }
            State::Queued(backlog) => backlog.push(frames),
            State::Stalled(stall) => stall.queue(&frames, &limits.memory),
        }
    }

    /// Sends what was queued.
    pub(crate) fn flush(&mut self, limits: &OutboxLimits, now: Instant) -> Outcome {
        self.deliver(&Share::default(), limits, now)
    }

    /// Sends a share of a batch, after everything that waits.
    pub(crate) fn deliver(&mut self, share: &Share<'_>, limits: &OutboxLimits, now: Instant) -> Outcome {
        let waiting = match &mut self.state {
            State::Ready => None,
            State::Queued(backlog) => Some(&**backlog),
            State::Stalled(stall) if stall.debt() > limits.max_backlog => return Outcome::TooSlow,
            State::Stalled(stall) => {
                stall.keep(share, 0, None, &limits.memory);
                return Outcome::Stalled;
            }
        };
        let Ok(sent) = send(&self.transport, waiting, share, limits) else { return Outcome::Broken };
        let before = waiting.map_or(0, Backlog::len);
        let is_sent = sent == before + share.len();
        if is_sent && !share.has_more() {
            self.state = State::Ready;
            return Outcome::Sent;
        }
        let mut backlog = match mem::replace(&mut self.state, State::Ready) {
            State::Queued(backlog) => *backlog,
            State::Ready | State::Stalled(_) => Backlog::default(),
        };
        backlog.advance(sent.min(before));
        let mut stall = Stall::new(backlog, now, &limits.memory);
        stall.keep(share, sent.saturating_sub(before), None, &limits.memory);
        if is_sent {
            stall.retry_at = now;
        }
        self.state = State::Stalled(Box::new(stall));
        Outcome::Stalled
    }

    /// Tries a full transport again. Once it has accepted the whole backlog, [`owed`](Self::owed) tells what else the
    /// client is to get.
    pub(crate) fn retry(&mut self, limits: &OutboxLimits, now: Instant) -> Outcome {
        let State::Stalled(stall) = &mut self.state else { return self.flush(limits, now) };
        let Ok(sent) = send(&self.transport, Some(&stall.backlog), &Share::default(), limits) else {
            return Outcome::Broken;
        };
        stall.advance(sent, now);
        let is_sent = stall.backlog.is_empty();
        self.settle(sent, is_sent, now)
    }

    /// What the client gets of the room's state, when nothing else waits.
    pub(crate) fn owed(&self) -> Owed {
        match &self.state {
            State::Stalled(stall) => stall.owed(),
            State::Ready | State::Queued(_) => Owed::Nothing,
        }
    }

    /// Sends the next parts of a snapshot that the client is [owed](Self::owed).
    pub(crate) fn send_parts(&mut self, parts: &Share<'_>, limits: &OutboxLimits, now: Instant) -> Outcome {
        let State::Stalled(stall) = &mut self.state else { return Outcome::Sent };
        let Ok(sent) = send(&self.transport, None, parts, limits) else { return Outcome::Broken };
        stall.sent_parts(parts, sent, now, &limits.memory);
        self.settle(sent, sent == parts.len(), now)
    }

    /// Sends texts that the client is [owed](Self::owed). `missed` is the first missed text that is not among them.
    pub(crate) fn catch_up(
        &mut self,
        texts: &Share<'_>,
        missed: Option<Revision>,
        limits: &OutboxLimits,
        now: Instant,
    ) -> Outcome {
        let State::Stalled(stall) = &mut self.state else { return Outcome::Sent };
        let Ok(sent) = send(&self.transport, None, texts, limits) else { return Outcome::Broken };
        stall.sent_texts(texts, sent, missed, now, &limits.memory);
        self.settle(sent, sent == texts.len(), now)
    }

    fn settle(&mut self, sent: usize, is_sent: bool, now: Instant) -> Outcome {
        if sent > 0 {
            self.last_progress = Some(now);
        }
        match &mut self.state {
            State::Stalled(stall) if !is_sent => match stall.wait_longer(sent, now) {
                true => Outcome::TooSlow,
                false => Outcome::Stalled,
            },
            _ => Outcome::Sent,
        }
    }

    /// The transport accepts more, but it is other clients' turn, or what follows is not ready. Tries it again then.
    pub(crate) fn pause(&mut self, until: Instant) -> Outcome {
        if let State::Stalled(stall) = &mut self.state {
            stall.retry_at = until;
        }
        Outcome::Stalled
    }

    /// The transport has accepted everything, and the client is owed nothing.
    pub(crate) fn resume(&mut self) {
        self.state = State::Ready;
    }

    /// Discards everything that the client is owed, except at most `max_rest` bytes of a frame that was begun. Returns
    /// whether a close frame may follow.
    pub(crate) fn discard(&mut self, max_rest: usize, limits: &OutboxLimits) -> bool {
        match &mut self.state {
            State::Stalled(stall) => stall.discard(max_rest, &limits.memory),
            State::Ready | State::Queued(_) => true,
        }
    }

    /// When a full transport last accepted something; `None` if it never did.
    pub(crate) fn last_progress(&self) -> Option<Instant> {
        self.last_progress
    }

    /// Since when a full transport has accepted nothing; `None` if it is not full.
    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        self.stall().map(|stall| stall.progress)
    }

    /// What the client is owed in events, in bytes, while its transport is full.
    pub(crate) fn debt(&self) -> usize {
        self.stall().map_or(0, Stall::debt)
    }

    /// When to try a full transport again; `None` if it is not full.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.stall().map(|stall| stall.retry_at)
    }

    /// The client has another transport now. What waits goes there. A client that leaves the earlier one in the middle
    /// of a message breaks the protocol: nothing can follow, so this ends the connection.
    pub(crate) fn replace_transport(&mut self, transport: T) {
        let earlier = mem::replace(&mut self.transport, transport);
        if earlier.is_mid_message() {
            self.transport.shutdown(Shutdown::Both);
        }
    }

    /// Whether its client polls.
    pub(crate) fn is_polling(&self) -> bool {
        self.transport.is_polling()
    }

    /// Everything that waited was sent.
    pub(crate) fn end_response(&self) {
        self.transport.end_response();
    }

    fn stall(&self) -> Option<&Stall> {
        match &self.state {
            State::Stalled(stall) => Some(stall),
            State::Ready | State::Queued(_) => None,
        }
    }

    /// Ends the connection in one direction or both.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        self.transport.shutdown(how);
    }
}

/// Sends what waits, then a share, and counts the bytes. Returns how many the transport accepted.
fn send<T: Transport>(
    transport: &T,
    waiting: Option<&Backlog>,
    share: &Share<'_>,
    limits: &OutboxLimits,
) -> io::Result<usize> {
    let sent = send_pieces(transport, waiting, share)?;
    limits.sent.set(limits.sent.get() + sent as u64);
    Ok(sent)
}

/// The same without counting. Stops where the transport is full, because going through a long backlog at every retry
/// would cost too much.
fn send_pieces<T: Transport>(
    transport: &T,
    waiting: Option<&Backlog>,
    share: &Share<'_>,
) -> io::Result<usize> {
    let waiting = waiting.into_iter().flat_map(Backlog::pieces);
    let mut pieces = waiting.chain(share.pieces()).map(IoSlice::new);
    let mut sent = 0;
    loop {
        let some: SmallVec<[_; INLINE_PIECES]> = pieces.by_ref().take(MAX_PIECES).collect();
        if some.is_empty() {
            return Ok(sent);
        }
        let len: usize = some.iter().map(|piece| piece.len()).sum();
        match transport.send(&some) {
            Ok(taken) if taken == len => sent += taken,
            Ok(taken) => return Ok(sent + taken),
            Err(error) if is_full(&error) => return Ok(sent),
            Err(error) => return Err(error),
        }
    }
}
