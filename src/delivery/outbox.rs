//! Outboxes: the output of one client that could not be written yet.
//!
//! Architecture invariant: the hub never waits for a client. A send writes what the transport accepts and returns.
//! There is no writer thread and no lock, because only the hub writes to a client's connection.
//!
//! This is the whole policy for slow clients. Events are kept whole and in order, up to [`MAX_BACKLOG`] bytes. Texts
//! are not kept. The outbox remembers the [`Revision`] of the first text that the client missed. When the transport
//! accepts output again, the client gets the latest text of each box that has changed since then. A client that exceeds
//! the bound, or reads nothing for [`MAX_STALL`], is [too slow](Outcome::TooSlow).

use crate::delivery::share::{INLINE_PIECES, Share};
use crate::delivery::transport::{Transport, is_full};
use crate::room::boxes::Revision;
use bytes::{Buf, Bytes};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Maximum size of the events that wait for one client, in bytes, including the list of them: a hundred of the longest
/// posts in ASCII, or thousands of joins. Snapshots are not counted, so that a client on a slow line can enter a large
/// room. Clients that wait for the same events share their bytes.
pub const MAX_BACKLOG: usize = 1024 * 1024;

/// Bytes that a waiting piece takes in addition to its content: its place in a list that grows by doubling. Without
/// them, pongs of two bytes each would take thirty times as much memory as is counted.
const PIECE_OVERHEAD: usize = 2 * size_of::<Bytes>();

/// Maximum number of waiting snapshots that are not counted: one after `watch`, and one after joining.
const MAX_SNAPSHOTS: u8 = 2;

/// How long a full transport may accept nothing. A phone that changes networks is back within that time.
pub const MAX_STALL: Duration = Duration::from_secs(30);

/// The first pause before a full transport is tried again. A client on a local network has often read enough by then.
const MIN_PAUSE: Duration = Duration::from_millis(4);

/// The longest pause, reached by doubling while a transport accepts nothing. People do not notice it.
const MAX_PAUSE: Duration = Duration::from_millis(64);

/// Maximum number of pieces in one send. The system allows 1,024 (`IOV_MAX`).
const MAX_PIECES: usize = 64;

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

/// Frames that wait.
#[derive(Debug, Default)]
struct Backlog {
    /// Whole frames, except that the beginning of the first may have been sent.
    pieces: VecDeque<Bytes>,
    /// Bytes of all pieces.
    len: usize,
}

/// The state of an outbox whose transport is full.
#[derive(Debug)]
struct Stall {
    backlog: Backlog,
    /// Maximum size of the backlog in bytes: [`MAX_BACKLOG`] and the snapshots that are not counted.
    bound: usize,
    snapshots: u8,
    /// When the transport last accepted something.
    since: Instant,
    retry_at: Instant,
    pause: Duration,
    /// The first text that the client missed.
    stale_from: Option<Revision>,
}

/// The outcome of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    /// Everything was sent.
    Sent,
    /// The transport is full; [`Outbox::retry_at`] says when to try again.
    Stalled,
    /// The client reads too slowly and has to be closed.
    TooSlow,
    /// The connection is broken.
    Broken,
}

impl Backlog {
    fn push(&mut self, piece: Bytes) {
        // An empty piece would turn a send of one piece into a vectored send of two.
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Removes what was sent.
    fn advance(&mut self, mut sent: usize) {
        self.len -= sent;
        while let Some(first) = self.pieces.front_mut() {
            if sent < first.len() {
                return first.advance(sent);
            }
            sent -= first.len();
            self.pieces.pop_front();
        }
    }

    /// Memory used, in bytes, roughly.
    fn cost(&self) -> usize {
        self.len + self.pieces.len() * PIECE_OVERHEAD
    }
}

impl Stall {
    fn new(backlog: Backlog, now: Instant) -> Self {
        Self {
            backlog,
            bound: MAX_BACKLOG,
            snapshots: 0,
            since: now,
            retry_at: now + MIN_PAUSE,
            pause: MIN_PAUSE,
            stale_from: None,
        }
    }

    /// Keeps the part of a share that was not sent.
    fn keep(&mut self, share: &Share<'_>, sent: usize) -> Outcome {
        self.keep_remainder(share, sent, None);
        if share.snapshot_len() > 0 && self.snapshots < MAX_SNAPSHOTS {
            self.snapshots += 1;
            self.bound += share.snapshot_len();
        }
        if self.backlog.cost() > self.bound { Outcome::TooSlow } else { Outcome::Stalled }
    }

    /// Keeps the part of a share that was not sent. `missed` is the first text after the share that the client misses.
    fn keep_remainder(&mut self, share: &Share<'_>, sent: usize, missed: Option<Revision>) {
        let remainder = share.remainder(sent);
        share.keep(sent..remainder.end).for_each(|piece| self.backlog.push(piece));
        self.stale_from = self.stale_from.or(remainder.stale_from).or(missed);
    }

    /// The transport was tried again, and accepted `sent` bytes of the backlog.
    fn advance(&mut self, sent: usize, now: Instant) {
        self.backlog.advance(sent);
        if sent > 0 {
            self.since = now;
        }
        if self.backlog.len == 0 {
            (self.bound, self.snapshots) = (MAX_BACKLOG, 0);
        }
    }

    /// The transport accepted `sent` bytes and is still full.
    fn wait_longer(&mut self, sent: usize, now: Instant) -> Outcome {
        self.pause = if sent > 0 { MIN_PAUSE } else { (self.pause * 2).min(MAX_PAUSE) };
        self.retry_at = now + self.pause;
        if now.duration_since(self.since) >= MAX_STALL { Outcome::TooSlow } else { Outcome::Stalled }
    }
}

impl<T: Transport> Outbox<T> {
    /// An outbox in which nothing waits.
    pub(crate) fn new(transport: T) -> Self {
        Self { transport, state: State::Ready, last_progress: None }
    }

    /// Adds a frame that belongs to no batch, to be sent with the next [`flush`](Self::flush) or
    /// [`deliver`](Self::deliver).
    pub(crate) fn queue(&mut self, frame: Bytes) {
        match &mut self.state {
            State::Ready => {
                let mut backlog = Box::<Backlog>::default();
                backlog.push(frame);
                self.state = State::Queued(backlog);
            }
            State::Queued(backlog) => backlog.push(frame),
            State::Stalled(stall) => stall.backlog.push(frame),
        }
    }

    /// Sends what was queued.
    pub(crate) fn flush(&mut self, now: Instant) -> Outcome {
        self.deliver(&Share::default(), now)
    }

    /// Sends a share of a batch, after everything that waits.
    pub(crate) fn deliver(&mut self, share: &Share<'_>, now: Instant) -> Outcome {
        let waiting = match &mut self.state {
            State::Ready => None,
            State::Queued(backlog) => Some(&**backlog),
            State::Stalled(stall) => return stall.keep(share, 0),
        };
        let Ok(sent) = send(&self.transport, waiting, share) else { return Outcome::Broken };
        let before = waiting.map_or(0, |backlog| backlog.len);
        if sent == before + share.len() {
            self.state = State::Ready;
            return Outcome::Sent;
        }
        let mut backlog = match mem::replace(&mut self.state, State::Ready) {
            State::Queued(backlog) => *backlog,
            _ => Backlog::default(),
        };
        backlog.advance(sent.min(before));
        let mut stall = Stall::new(backlog, now);
        let outcome = stall.keep(share, sent.saturating_sub(before));
        self.state = State::Stalled(Box::new(stall));
        outcome
    }

    /// Tries a full transport again. Once it has accepted the whole backlog, [`stale_from`](Self::stale_from) tells
    /// which texts the client has missed.
    pub(crate) fn retry(&mut self, now: Instant) -> Outcome {
        let State::Stalled(stall) = &mut self.state else { return self.flush(now) };
        let Ok(sent) = send(&self.transport, Some(&stall.backlog), &Share::default()) else {
            return Outcome::Broken;
        };
        stall.advance(sent, now);
        self.last_progress = Some(stall.since);
        match stall.backlog.len {
            0 => Outcome::Sent,
            _ => stall.wait_longer(sent, now),
        }
    }

    /// The first text that the client missed while its transport was full.
    pub(crate) fn stale_from(&self) -> Option<Revision> {
        match &self.state {
            State::Stalled(stall) => stall.stale_from,
            State::Ready | State::Queued(_) => None,
        }
    }

    /// Sends texts that the client missed, when nothing else waits. `missed` is the first missed text that is not among
    /// them.
    pub(crate) fn catch_up(&mut self, texts: &Share<'_>, missed: Option<Revision>, now: Instant) -> Outcome {
        let State::Stalled(stall) = &mut self.state else { return Outcome::Sent };
        let Ok(sent) = send(&self.transport, None, texts) else { return Outcome::Broken };
        stall.stale_from = None;
        stall.keep_remainder(texts, sent, missed);
        if sent > 0 {
            stall.since = now;
        }
        self.last_progress = Some(stall.since);
        if sent == texts.len() { Outcome::Sent } else { stall.wait_longer(sent, now) }
    }

    /// The transport has accepted everything, and the client has every text.
    pub(crate) fn resume(&mut self) {
        self.state = State::Ready;
    }

    /// When a full transport last accepted something; `None` if it was never full.
    pub(crate) fn last_progress(&self) -> Option<Instant> {
        self.last_progress
    }

    /// When to try a full transport again; `None` if it is not full.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        match &self.state {
            State::Stalled(stall) => Some(stall.retry_at),
            State::Ready | State::Queued(_) => None,
        }
    }

    /// Ends the connection in one direction or both.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        self.transport.shutdown(how);
    }
}

/// Sends what waits, then a share. Returns how many bytes the transport accepted. Stops where the transport is full,
/// because going through a long backlog at every retry would cost too much.
fn send<T: Transport>(transport: &T, waiting: Option<&Backlog>, share: &Share<'_>) -> io::Result<usize> {
    let waiting = waiting.into_iter().flat_map(|backlog| &backlog.pieces);
    let mut pieces = waiting.map(|piece| &piece[..]).chain(share.pieces()).map(IoSlice::new);
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl Transport for Full {
        fn send(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn shutdown(&self, _: Shutdown) {}
    }

    #[test]
    fn two_waiting_snapshots_are_not_counted_and_a_third_is() {
        let (tail, now) = (Bytes::from(vec![b' '; MAX_BACKLOG]), Instant::now());
        let mut outbox = Outbox::new(Full);
        let mut deliver = || {
            let mut share = Share::default();
            share.push_snapshot(b"{", &tail);
            outbox.deliver(&share, now)
        };
        let outcomes = [deliver(), deliver(), deliver()];
        assert_eq!(outcomes, [Outcome::Stalled, Outcome::Stalled, Outcome::TooSlow]);
    }
}
