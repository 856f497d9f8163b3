//! Writing to one client: what its socket took, what waits, and when it is given up.
//!
//! Architecture invariant: the hub never waits for a client. Sending takes what the socket has room for and
//! returns; there is no writer thread and no lock, because nobody but the hub writes to a WebSocket.
//!
//! The policy for slow clients, all of it: events are kept whole and in order, up to [`MAX_BACKLOG`] bytes;
//! texts are not kept at all, only from which [`Revision`] on they were missed, and once there is room the
//! client is sent those boxes as they are by then. One that is over the bound or takes nothing
//! for [`MAX_STALL`] is [too slow](Outcome::TooSlow).

use crate::delivery::batch::{FEW_PIECES, Revision, Share};
use crate::delivery::transport::{Transport, is_full};
use bytes::{Buf, Bytes};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Bytes of events that may wait for one client, and of the list of them: a hundred of the longest posts in ASCII, or thousands
/// of arrivals. A snapshot is not counted, so that a large room can be entered on a slow line. All who wait for the
/// same events share them.
pub const MAX_BACKLOG: usize = 1024 * 1024;

/// Bytes of memory that a piece takes beside its content: its place in the list, which grows by doubling. Without
/// counting it, answers to pings, of two bytes each, would take thirty times what they seem to.
const PIECE_COST: usize = 2 * size_of::<Bytes>();

/// Snapshots that may wait and are not counted: that of watching, and that of joining meanwhile.
const MAX_SNAPSHOTS: u8 = 2;

/// How long a client's socket may take nothing at all. A phone that changes networks is back within it.
pub const MAX_STALL: Duration = Duration::from_secs(30);

/// The pause before a full socket is tried again: a local one is often drained by then.
const MIN_PAUSE: Duration = Duration::from_millis(4);

/// The longest such pause, to which it doubles while a socket takes nothing: short enough that nobody sees it.
const MAX_PAUSE: Duration = Duration::from_millis(64);

/// How many pieces are handed to the system in one send; it takes 1,024 at most (`IOV_MAX`).
const MAX_PIECES: usize = 64;

/// What the hub keeps of one client's socket.
#[derive(Debug)]
pub struct Outbox<S> {
    transport: S,
    /// What waits, which for most clients is nothing at most times; apart, so that what a batch passes through is small.
    backlog: Option<Box<Backlog>>,
    /// When a full socket took something for the last time.
    last_progress: Option<Instant>,
}

/// What one client waits for.
#[derive(Debug)]
struct Backlog {
    /// Whole frames, but for what was sent of the first.
    pending: VecDeque<Bytes>,
    /// How many bytes are pending.
    waiting: usize,
    /// How many may be: [`MAX_BACKLOG`] and the snapshots among them.
    bound: usize,
    /// How many snapshots that is.
    snapshots: u8,
    stall: Option<Stall>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self { pending: VecDeque::new(), waiting: 0, bound: MAX_BACKLOG, snapshots: 0, stall: None }
    }
}

impl Backlog {
    fn queue(&mut self, frames: Bytes) {
        // An empty piece would never be sent, and make two of every piece that is.
        if !frames.is_empty() {
            self.waiting += frames.len();
            self.pending.push_back(frames);
        }
    }

    /// So many of the pending bytes are sent.
    fn advance(&mut self, mut sent: usize) {
        self.waiting -= sent;
        while let Some(first) = self.pending.front_mut() {
            if sent < first.len() {
                return first.advance(sent);
            }
            sent -= first.len();
            self.pending.pop_front();
        }
        *self = Self { stall: self.stall.take(), ..Self::default() };
    }

    /// Keeps what a full socket did not take of a share.
    fn keep(&mut self, share: &Share<'_>, sent: usize, now: Instant) -> Outcome {
        let kept = share.keep_after(sent);
        share.keep(sent..kept.end).for_each(|piece| self.queue(piece));
        if share.snapshot_len() > 0 && self.snapshots < MAX_SNAPSHOTS {
            self.snapshots += 1;
            self.bound += share.snapshot_len();
        }
        let stall = self.stall.get_or_insert_with(|| Stall::new(now));
        stall.stale_from = stall.stale_from.or(kept.stale);
        let owed = self.waiting + self.pending.len() * PIECE_COST;
        if owed > self.bound { Outcome::TooSlow } else { Outcome::Waiting }
    }
}

/// The socket is full.
#[derive(Debug)]
struct Stall {
    /// When it took something for the last time.
    since: Instant,
    retry_at: Instant,
    pause: Duration,
    /// The first text that the client missed.
    stale_from: Option<Revision>,
}

impl Stall {
    fn new(now: Instant) -> Self {
        Self { since: now, retry_at: now + MIN_PAUSE, pause: MIN_PAUSE, stale_from: None }
    }
}

/// What became of a client's share.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Everything is sent.
    Sent,
    /// The socket is full; [`Outbox::retry_at`] says when to try again.
    Waiting,
    /// The client takes too little; it is to be closed.
    TooSlow,
    /// The connection is broken.
    Broken,
}

impl<S: Transport> Outbox<S> {
    /// An empty outbox.
    pub fn new(transport: S) -> Self {
        Self { transport, backlog: None, last_progress: None }
    }

    /// Adds frames that belong to no batch, to be sent with the next [`flush`](Self::flush).
    pub fn queue(&mut self, frames: Bytes) {
        self.backlog.get_or_insert_default().queue(frames);
    }

    /// Sends what was queued.
    pub fn flush(&mut self, now: Instant) -> Outcome {
        self.deliver(&Share::default(), now)
    }

    /// Sends a share of a batch, after all that is pending.
    pub fn deliver(&mut self, share: &Share<'_>, now: Instant) -> Outcome {
        let sent = match self.stall() {
            Some(_) => 0,
            None => match self.send(share) {
                Ok(sent) => sent,
                Err(_) => return Outcome::Broken,
            },
        };
        let before = self.backlog.as_ref().map_or(0, |backlog| backlog.waiting);
        self.advance(sent.min(before));
        match sent == before + share.len() {
            true => Outcome::Sent,
            false => self.backlog.get_or_insert_default().keep(share, sent.saturating_sub(before), now),
        }
    }

    /// Tries a full socket again. When it took all that was pending, [`stale_from`](Self::stale_from) says
    /// which texts its client missed meanwhile.
    pub fn retry(&mut self, now: Instant) -> Outcome {
        let Ok(sent) = self.send(&Share::default()) else {
            return Outcome::Broken;
        };
        self.advance(sent);
        match self.backlog.as_ref().is_some_and(|backlog| backlog.waiting > 0) {
            true => self.wait_longer(sent, now),
            false => {
                self.progress(sent, now);
                Outcome::Sent
            }
        }
    }

    /// The first text that the client missed while its socket was full.
    pub fn stale_from(&self) -> Option<Revision> {
        self.stall()?.stale_from
    }

    /// Sends texts that the client missed, when nothing else is pending. `left` is the first that is not
    /// among them.
    pub fn catch_up(&mut self, texts: &Share<'_>, left: Option<Revision>, now: Instant) -> Outcome {
        let Ok(sent) = self.send(texts) else {
            return Outcome::Broken;
        };
        let kept = texts.keep_after(sent);
        texts.keep(sent..kept.end).for_each(|piece| self.queue(piece));
        if let Some(stall) = self.progress(sent, now) {
            stall.stale_from = kept.stale.or(left);
        }
        if sent == texts.len() { Outcome::Sent } else { self.wait_longer(sent, now) }
    }

    /// The socket took everything, and the client missed nothing that matters any more.
    pub fn resume(&mut self) {
        self.backlog = None;
    }

    /// When a full socket took something for the last time, if it ever was full.
    pub fn last_progress(&self) -> Option<Instant> {
        self.last_progress
    }

    /// When a full socket is to be tried again; `None` while it takes everything.
    pub fn retry_at(&self) -> Option<Instant> {
        self.stall().map(|stall| stall.retry_at)
    }

    /// Ends the connection in one direction or both.
    pub fn shutdown(&self, how: Shutdown) {
        self.transport.shutdown(how);
    }

    fn stall(&self) -> Option<&Stall> {
        self.backlog.as_ref()?.stall.as_ref()
    }

    /// Hands over all that is pending and the share; returns how many bytes the socket took.
    fn send(&self, share: &Share<'_>) -> io::Result<usize> {
        let pending = self.backlog.iter().flat_map(|backlog| &backlog.pending);
        let mut pieces = pending.map(|piece| &piece[..]).chain(share.pieces()).map(IoSlice::new);
        let mut sent = 0;
        // No more of a long backlog is looked at than the socket takes: it is tried again and again.
        loop {
            let some: SmallVec<[_; FEW_PIECES]> = pieces.by_ref().take(MAX_PIECES).collect();
            if some.is_empty() {
                return Ok(sent);
            }
            let len: usize = some.iter().map(|piece| piece.len()).sum();
            match self.transport.send(&some) {
                Ok(taken) if taken == len => sent += taken,
                Ok(taken) => return Ok(sent + taken),
                Err(error) if is_full(&error) => return Ok(sent),
                Err(error) => return Err(error),
            }
        }
    }

    /// So many of the pending bytes are sent.
    fn advance(&mut self, sent: usize) {
        let Some(backlog) = &mut self.backlog else { return };
        backlog.advance(sent);
        // Most clients never wait, so none keeps memory for it.
        if backlog.waiting == 0 && backlog.stall.is_none() {
            self.backlog = None;
        }
    }

    /// A full socket was tried again, and took so many bytes.
    fn progress(&mut self, sent: usize, now: Instant) -> Option<&mut Stall> {
        let stall = self.backlog.as_mut()?.stall.as_mut()?;
        if sent > 0 {
            stall.since = now;
        }
        self.last_progress = Some(stall.since);
        Some(stall)
    }

    /// The socket is full again, having taken so many bytes.
    fn wait_longer(&mut self, sent: usize, now: Instant) -> Outcome {
        let Some(stall) = self.progress(sent, now) else {
            return Outcome::Waiting; // which is tried again when something is sent to it
        };
        stall.pause = if sent > 0 { MIN_PAUSE } else { (stall.pause * 2).min(MAX_PAUSE) };
        stall.retry_at = now + stall.pause;
        if now.duration_since(stall.since) >= MAX_STALL { Outcome::TooSlow } else { Outcome::Waiting }
    }
}
