//! Backlogs: frames that wait for a client, in order.

use crate::base::memory::MemoryLimit;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::mem;

/// Bytes that a waiting piece takes in addition to its content: its place in a list that grows by doubling. Without
/// them, pongs of two bytes each would take thirty times as much memory as is counted.
pub(crate) const PIECE_OVERHEAD: usize = 2 * size_of::<Bytes>();

/// Largest rest of a frame that is copied when the frames after it are discarded, in bytes. It has space for a part of a
/// snapshot.
pub(crate) const MAX_REST: usize = 128 * 1024;

/// The same when memory is to be freed, which copies of what clients share would not do.
pub(crate) const MAX_REST_UNDER_PRESSURE: usize = 1024;

/// Frames that wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Whole frames, except that the beginning of the first may have been sent.
    pieces: VecDeque<Bytes>,
    /// Bytes of all pieces.
    len: usize,
    /// A part of the first piece was sent.
    is_begun: bool,
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
        self.is_begun = !self.pieces.is_empty();
    }

    /// Adds another backlog at the end.
    pub(crate) fn append(&mut self, other: Self) {
        other.pieces.into_iter().for_each(|piece| self.push(piece));
    }

    /// Removes the first `sent` bytes.
    pub(crate) fn advance(&mut self, mut sent: usize) {
        self.len -= sent;
        self.is_begun |= sent > 0;
        while let Some(first) = self.pieces.front_mut() {
            if sent < first.len() {
                return first.advance(sent);
            }
            sent -= first.len();
            self.pieces.pop_front();
            self.is_begun = sent > 0;
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
        if !discarded.is_begun {
            return true;
        }
        // The frame that was begun may have two pieces, as that of a snapshot has. A second piece of whole frames does
        // no harm.
        let rest = discarded.pieces.iter().take(2);
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
    fn the_rest_of_a_frame_that_was_begun_is_not_given_up() {
        let memory = MemoryLimit::new(Counter::default(), usize::MAX, 1);
        for (sent, rest) in [(0, 0), (1, 19), (10, 0), (11, 9)] {
            let mut backlog = backlog([10, 10], sent);
            assert!(backlog.discard(MAX_REST, &memory));
            assert_eq!(backlog.len(), rest, "{sent} bytes sent");
        }
        assert!(!backlog([2 * MAX_REST, 10], 1).discard(MAX_REST, &memory));
    }
}
