//! The buffers of a batch in one encoding.

use crate::base::ids::ClientId;
use crate::base::memory::MemoryLimit;
use crate::room::boxes::Revision;
use bytes::Bytes;
use std::cell::OnceCell;
use std::ops::Range;

/// Maximum memory that a buffer keeps between batches, in bytes. Every room has several, so with more, one large
/// batch in each of a thousand rooms would hold hundreds of megabytes for ever.
const KEPT_CAPACITY: usize = 16 * 1024;

/// A batch in one encoding.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    /// Events for everyone.
    pub events: Vec<u8>,
    /// Events for one client, and heads of snapshots.
    pub private: Vec<u8>,
    /// Where each record's frame is.
    pub frames: Vec<EventFrame>,
    /// Texts, for everyone but their authors.
    pub texts: Vec<u8>,
    /// Where each text's frame is.
    pub text_frames: Vec<TextFrame>,
    /// A shared copy of `events`, made for the first client whose transport is full.
    kept_events: OnceCell<Bytes>,
}

/// Where a record's frame is.
#[derive(Debug)]
pub(crate) struct EventFrame {
    /// Bytes of common events before it.
    pub at: usize,
    /// Its own bytes, among the common or the private ones.
    pub bytes: Range<usize>,
}

/// A text in a batch.
#[derive(Debug)]
pub(crate) struct TextFrame {
    /// Where its frame is, among the texts.
    pub bytes: Range<usize>,
    /// The client that wrote it; `None` if its user is away.
    pub author: Option<ClientId>,
    /// The number of the change.
    pub revision: Revision,
}

impl Framed {
    /// A part of the common events that outlives the batch. All clients that keep events share one copy.
    pub(crate) fn keep_events(&self, bytes: Range<usize>, memory: &MemoryLimit) -> Bytes {
        self.kept_events.get_or_init(|| memory.keep(self.events.clone())).slice(bytes)
    }

    /// Empties the buffers and keeps their memory.
    pub(crate) fn clear(&mut self) {
        let Self { events, private, frames, texts, text_frames, kept_events } = self;
        kept_events.take();
        empty([events, private, texts]);
        empty([frames]);
        empty([text_frames]);
    }
}

/// Empties buffers and keeps up to [`KEPT_CAPACITY`] of their memory.
pub(crate) fn empty<T, const N: usize>(buffers: [&mut Vec<T>; N]) {
    for buffer in buffers {
        buffer.clear();
        buffer.shrink_to(KEPT_CAPACITY / size_of::<T>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;

    #[test]
    fn a_cleared_batch_keeps_little_memory() {
        let large = || vec![0; 10 * KEPT_CAPACITY];
        let mut framed = Framed { events: large(), private: large(), texts: large(), ..Framed::default() };
        framed.frames.reserve(KEPT_CAPACITY);
        framed.text_frames.reserve(KEPT_CAPACITY);
        framed.keep_events(0..1, &MemoryLimit::new(Counter::default(), 0, 1));
        framed.clear();
        let Framed { events, private, frames, texts, text_frames, kept_events } = &framed;
        assert!([events, private, texts].iter().all(|buffer| buffer.capacity() <= KEPT_CAPACITY));
        assert!(frames.capacity() < KEPT_CAPACITY && text_frames.capacity() < KEPT_CAPACITY);
        assert!(kept_events.get().is_none());
    }
}
