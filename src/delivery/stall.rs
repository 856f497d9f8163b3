//! Stalls: what an outbox keeps while its transport is full.

use crate::base::memory::{Charge, MemoryLimit};
use crate::delivery::backlog::Backlog;
use crate::delivery::share::{SentSnapshot, Share, is_control};
use crate::protocol::snapshot::Cursor;
use crate::room::boxes::Revision;
use std::mem;
use std::time::{Duration, Instant};

/// How long a full transport may accept nothing. A phone that changes networks is back within that time.
pub const MAX_STALL: Duration = Duration::from_secs(30);

/// The first pause before a full transport is tried again. A client on a local network has often read enough by then.
const MIN_PAUSE: Duration = Duration::from_millis(4);

/// The longest pause, reached by doubling while a transport accepts nothing. People do not notice it.
const MAX_PAUSE: Duration = Duration::from_millis(64);

/// The state of an outbox whose transport is full.
#[derive(Debug)]
pub(crate) struct Stall {
    /// Frames that wait.
    pub backlog: Backlog,
    snapshot: PendingSnapshot,
    /// A snapshot was begun and then discarded, so that only control frames may follow.
    is_cut_off: bool,
    /// The first text that the client missed.
    stale_from: Option<Revision>,
    /// When the transport last accepted something, or the stall began.
    pub progress: Instant,
    /// When to try the transport again.
    pub retry_at: Instant,
    pause: Duration,
    charge: Charge,
}

/// The snapshot that a client is still to get. It is state, so nothing of it is kept: each part is encoded when the
/// transport accepts it.
#[derive(Debug)]
enum PendingSnapshot {
    None,
    /// It follows the backlog.
    Owed,
    /// A part of it was sent.
    Begun(Box<Begun>),
}

/// A snapshot of which a part was sent.
#[derive(Debug)]
struct Begun {
    next: Cursor,
    /// Events since then. They follow the snapshot.
    after: Backlog,
    /// The client has asked for another one.
    is_owed_again: bool,
}

/// What a client gets of the room's state, once nothing waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// Nothing.
    Nothing,
    /// A snapshot: its first part, or the one at this cursor.
    Snapshot(Option<Cursor>),
    /// The texts that changed since this revision.
    Texts(Revision),
}

impl Stall {
    /// The stall of a transport that has just been found full, and for which these frames wait.
    pub(crate) fn new(backlog: Backlog, now: Instant, memory: &MemoryLimit) -> Self {
        Self {
            backlog,
            snapshot: PendingSnapshot::None,
            is_cut_off: false,
            stale_from: None,
            progress: now,
            retry_at: now + MIN_PAUSE,
            pause: MIN_PAUSE,
            charge: memory.charge(),
        }
    }

    /// Keeps the part of a share that was not sent, and of texts and snapshots that the client is owed them. `missed`
    /// is the first text after the share that the client misses.
    pub(crate) fn keep(
        &mut self,
        share: &Share<'_>,
        sent: usize,
        missed: Option<Revision>,
        memory: &MemoryLimit,
    ) {
        let remainder = share.remainder(sent);
        let pieces = share.keep(sent..remainder.end, memory);
        match &mut self.snapshot {
            // Only control frames may stand between the frames of one message.
            PendingSnapshot::Begun(begun) if !share.is_control() => {
                pieces.for_each(|piece| begun.after.push(piece));
            }
            _ if sent > 0 && self.backlog.is_empty() => self.backlog.begin_with(pieces),
            _ => pieces.for_each(|piece| self.backlog.push(piece)),
        }
        self.stale_from = self.stale_from.or(remainder.stale_from).or(missed);
        match share.sent_snapshot(sent) {
            SentSnapshot::None => {}
            SentSnapshot::Nothing => self.owe_snapshot(),
            SentSnapshot::Begun(next) => self.advance_snapshot(next),
        }
        self.count();
    }

    /// Keeps whole frames that belong to no batch: control frames, or others, which follow a snapshot that was begun,
    /// and are dropped if it was discarded.
    pub(crate) fn queue(&mut self, frames: &[u8], memory: &MemoryLimit) {
        let is_control = is_control(frames);
        let backlog = match &mut self.snapshot {
            _ if !is_control && self.is_cut_off => return,
            PendingSnapshot::Begun(begun) if !is_control => &mut begun.after,
            _ => &mut self.backlog,
        };
        backlog.push(memory.keep(frames.to_vec()));
        self.count();
    }

    /// The client is to get a snapshot after all that waits.
    fn owe_snapshot(&mut self) {
        match &mut self.snapshot {
            PendingSnapshot::Begun(begun) => begun.is_owed_again = true,
            PendingSnapshot::None | PendingSnapshot::Owed => self.snapshot = PendingSnapshot::Owed,
        }
    }

    /// Parts of the snapshot were sent, the last one at least in part. The next one begins at `next`.
    fn advance_snapshot(&mut self, next: Option<Cursor>) {
        let begun = match mem::replace(&mut self.snapshot, PendingSnapshot::None) {
            PendingSnapshot::Begun(begun) => Some(begun),
            PendingSnapshot::None | PendingSnapshot::Owed => {
                self.stale_from = None; // the snapshot shows the texts as they are now
                None
            }
        };
        match (begun, next) {
            (begun, Some(next)) => {
                let (after, is_owed_again) =
                    begun.map(|begun| (begun.after, begun.is_owed_again)).unwrap_or_default();
                self.snapshot = PendingSnapshot::Begun(Box::new(Begun { next, after, is_owed_again }));
            }
            (Some(begun), None) => {
                self.backlog.append(begun.after);
                if begun.is_owed_again {
                    self.snapshot = PendingSnapshot::Owed;
                }
            }
            (None, None) => {}
        }
    }

    /// What the client gets of the room's state, once nothing waits.
    pub(crate) fn owed(&self) -> Owed {
        match (&self.snapshot, self.stale_from) {
            (PendingSnapshot::Begun(begun), _) => Owed::Snapshot(Some(begun.next)),
            (PendingSnapshot::Owed, _) => Owed::Snapshot(None),
            (PendingSnapshot::None, Some(revision)) => Owed::Texts(revision),
            (PendingSnapshot::None, None) => Owed::Nothing,
        }
    }

    /// Parts of the snapshot were given to the transport, which accepted `sent` bytes of them. Parts that were not
    /// begun are encoded again later.
    pub(crate) fn sent_parts(&mut self, parts: &Share<'_>, sent: usize, now: Instant, memory: &MemoryLimit) {
        if sent > 0 {
            self.progress = now;
            let rest = parts.keep(sent..parts.remainder(sent).end, memory);
            self.backlog.begin_with(rest);
            if let SentSnapshot::Begun(next) = parts.sent_snapshot(sent) {
                self.advance_snapshot(next);
            }
            self.count();
        }
    }

    /// Texts that the client had missed were given to the transport, which accepted `sent` bytes of them.
    pub(crate) fn sent_texts(
        &mut self,
        texts: &Share<'_>,
        sent: usize,
        missed: Option<Revision>,
        now: Instant,
        memory: &MemoryLimit,
    ) {
        self.stale_from = None;
        self.keep(texts, sent, missed, memory);
        if sent > 0 {
            self.progress = now;
        }
    }

    /// The transport was tried again, and accepted `sent` bytes of the backlog.
    pub(crate) fn advance(&mut self, sent: usize, now: Instant) {
        self.backlog.advance(sent);
        if sent > 0 {
            self.progress = now;
            self.count();
        }
    }

    /// The transport accepted `sent` bytes and is still full. Returns whether it has accepted nothing for too long.
    pub(crate) fn wait_longer(&mut self, sent: usize, now: Instant) -> bool {
        self.pause = if sent > 0 { MIN_PAUSE } else { (self.pause * 2).min(MAX_PAUSE) };
        self.retry_at = now + self.pause;
        now.duration_since(self.progress) >= MAX_STALL
    }

    /// What the client is owed in events, in bytes, including the list of them.
    pub(crate) fn debt(&self) -> usize {
        let after = match &self.snapshot {
            PendingSnapshot::Begun(begun) => begun.after.len() + begun.after.overhead(),
            PendingSnapshot::None | PendingSnapshot::Owed => 0,
        };
        self.backlog.len() + self.backlog.overhead() + after
    }

    /// Discards everything that the client is owed, except at most `max_rest` bytes of a frame that was begun. Returns
    /// whether a close frame may follow.
    pub(crate) fn discard(&mut self, max_rest: usize, memory: &MemoryLimit) -> bool {
        self.is_cut_off |= matches!(self.snapshot, PendingSnapshot::Begun(_));
        (self.snapshot, self.stale_from) = (PendingSnapshot::None, None);
        let may_follow = self.backlog.discard(max_rest, memory);
        self.count();
        may_follow
    }

    /// Counts the memory of the stall itself. The bytes of frames are counted where they are kept.
    pub(crate) fn count(&mut self) {
        let after = match &self.snapshot {
            PendingSnapshot::Begun(begun) => size_of::<Begun>() + begun.after.overhead(),
            PendingSnapshot::None | PendingSnapshot::Owed => 0,
        };
        self.charge.set(size_of::<Self>() + self.backlog.overhead() + after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::ids::UserId;
    use crate::delivery::backlog::MAX_REST;
    use crate::protocol::snapshot::Part;
    use bytes::Bytes;
    use std::slice;

    const TEXT: &[u8] = b"\x81\x012";
    const CLOSE: &[u8] = b"\x88\x00";

    fn memory() -> MemoryLimit {
        MemoryLimit::new(Counter::default(), usize::MAX, 1)
    }

    /// A part of a snapshot after the head of its frame.
    fn snapshot<'a>(head: &'a [u8], part: &'a Part) -> Share<'a> {
        Share::of_snapshot(slice::from_ref(&(0..head.len())), head, slice::from_ref(part))
    }

    /// A stall after the first byte of a snapshot whose first part does not end it.
    fn with_begun_snapshot() -> Stall {
        let mut stall = Stall::new(Backlog::default(), Instant::now(), &memory());
        let part = Part { json: Bytes::from_static(b"part"), next: Some(Cursor::after(UserId(1))) };
        stall.keep(&snapshot(b"\x01\x04", &part), 1, None, &memory());
        stall
    }

    fn waiting(stall: &Stall) -> Vec<u8> {
        stall.backlog.pieces().flatten().copied().collect()
    }

    #[test]
    fn between_the_parts_of_a_snapshot_only_control_frames_are_sent() {
        let mut stall = with_begun_snapshot();
        stall.queue(TEXT, &memory());
        stall.queue(CLOSE, &memory());
        assert_eq!(waiting(&stall), b"\x04part\x88\x00");
        stall.advance(waiting(&stall).len(), Instant::now());
        let last = Part { json: Bytes::from_static(b"end"), next: None };
        let last = snapshot(b"\x80\x03", &last);
        stall.sent_parts(&last, last.len(), Instant::now(), &memory());
        assert_eq!(waiting(&stall), TEXT, "it follows the snapshot");
    }

    #[test]
    fn nothing_but_control_frames_follows_a_snapshot_that_is_discarded_in_the_middle() {
        let mut stall = with_begun_snapshot();
        assert!(stall.discard(MAX_REST, &memory()));
        stall.queue(TEXT, &memory());
        stall.queue(CLOSE, &memory());
        assert_eq!(waiting(&stall), b"\x04part\x88\x00");
    }

    #[test]
    fn frames_follow_a_snapshot_that_is_not_begun() {
        let mut stall = Stall::new(Backlog::default(), Instant::now(), &memory());
        let part = Part { json: Bytes::from_static(b"part"), next: None };
        stall.keep(&snapshot(b"\x81\x04", &part), 0, None, &memory());
        stall.queue(TEXT, &memory());
        assert!(stall.discard(MAX_REST, &memory()));
        stall.queue(TEXT, &memory());
        assert_eq!(waiting(&stall), TEXT);
    }
}
