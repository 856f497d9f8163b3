//! Backlogs: frames that wait for a client, in order.

use crate::base::memory::MemoryLimit;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::mem;

/// Bytes that a waiting piece takes in addition to its content: its place in a list that grows by doubling. Without
/// them, pongs of two bytes each would take thirty times as much memory as is counted.
pub(crate) const PIECE_OVERHEAD: usize = 2 * size_of::<Bytes>();

/// Largest rest of a frame that is copied when the frames after it are discarded, in bytes. It has space for a part of
/// a snapshot.
pub(crate) const MAX_REST: usize = 128 * 1024;

/// The same when memory is to be freed, which copies of what clients share would not do.
pub(crate) const MAX_REST_UNDER_PRESSURE: usize = 1024;

/// Most pieces of one frame: that of a part of a snapshot has its head, which is its receiver's alone, and the rest.
const FRAME_PIECES: usize = 2;

/// Frames that wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Whole frames, except that the beginning of the first may have been sent.
    pieces: VecDeque<Bytes>,
    /// Bytes of all pieces.
    len: usize,
    /// How many pieces may belong to a frame whose beginning was sent: 0 if no such frame waits.
    begun: usize,
}

impl Backlog {
    /// Adds frames at the end.
    pub(crate) fn push(&mut self, piece: Bytes) {
        // An empty piece would turn a send of one piece into a vectored send of two.
        if !piece.is_empty() {
            self.len += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Adds the rest of a frame whose beginning was sent. Nothing waits yet.
    pub(crate) fn begin_with(&mut self, pieces: impl Iterator<Item = Bytes>) {
        pieces.for_each(|piece| self.push(piece));
        self.begun = self.pieces.len().min(FRAME_PIECES);
    }

    /// Adds another backlog at the end.
    pub(crate) fn append(&mut self, other: Self) {
        other.pieces.into_iter().for_each(|piece| self.push(piece));
    }

    /// Removes the first `sent` bytes.
    pub(crate) fn advance(&mut self, mut sent: usize) {
        self.len -= sent;
        while let Some(first) = self.pieces.front_mut().filter(|_| sent > 0) {
            if sent < first.len() {
                self.begun = self.begun.max(1);
                return first.advance(sent);
            }
            sent -= first.len();
            self.pieces.pop_front();
            self.begun = self.begun.saturating_sub(1);
        }
    }

    /// The pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece[..])
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Memory that the list of pieces takes, in bytes, roughly.
    pub(crate) fn overhead(&self) -> usize {
        self.pieces.len() * PIECE_OVERHEAD
    }

    /// Discards everything but a frame whose beginning was sent. Returns whether another frame may follow: not if the
    /// rest of that frame has more than `max_rest` bytes, and is discarded too.
    pub(crate) fn discard(&mut self, max_rest: usize, memory: &MemoryLimit) -> bool {
        let discarded = mem::take(self);
        if discarded.begun == 0 {
            return true;
        }
        // A second piece of whole frames does no harm.
        let rest = discarded.pieces.iter().take(discarded.begun);
        if rest.clone().map(Bytes::len).sum::<usize>() > max_rest {
            return false;
        }
        // A copy, because the pieces may be small parts of bytes that many clients share.
        let rest: Vec<u8> = rest.flatten().copied().collect();
        self.begin_with([memory.keep(rest)].into_iter());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;

    fn backlog(pieces: [usize; 2], sent: usize) -> Backlog {
        let mut backlog = Backlog::default();
        pieces.into_iter().for_each(|len| backlog.push(vec![0; len].into()));
        backlog.advance(sent);
        backlog
    }

    #[test]
    fn the_rest_of_a_frame_that_was_begun_is_not_discarded() {
        let memory = MemoryLimit::new(Counter::default(), usize::MAX, 1);
        for (sent, rest) in [(0, 0), (1, 9), (10, 0), (11, 9)] {
            let mut backlog = backlog([10, 10], sent);
            assert!(backlog.discard(MAX_REST, &memory));
            assert_eq!(backlog.len(), rest, "{sent} bytes sent");
        }
        assert!(!backlog([2 * MAX_REST, 10], 1).discard(MAX_REST, &memory));
    }

    #[test]
    fn a_frame_of_two_pieces_is_not_cut_between_them() {
        let memory = MemoryLimit::new(Counter::default(), usize::MAX, 1);
        for (sent, rest) in [(0, 20), (9, 11), (10, 10), (11, 9), (20, 0), (21, 9)] {
            let mut backlog = Backlog::default();
            backlog.begin_with([10, 10].map(|len| vec![0; len].into()).into_iter());
            backlog.push(vec![0; 10].into());
            backlog.advance(sent);
            assert!(backlog.discard(MAX_REST, &memory));
            assert_eq!(backlog.len(), rest, "{sent} bytes sent");
        }
    }
}
