//! Shares: the part of a batch that one client gets, as slices of the batch's buffers.

use crate::base::ids::ClientId;
use crate::base::memory::MemoryLimit;
use crate::delivery::framed::{Framed, TextFrame};
use crate::protocol::snapshot::{Cursor, Part};
use crate::room::boxes::Revision;
use bytes::Bytes;
use smallvec::SmallVec;
use std::ops::Range;

/// Number of pieces that a share can hold without allocating. The author of a text gets three: the events, and the
/// texts before and after their own.
pub(crate) const INLINE_PIECES: usize = 4;

/// The bit of a frame's first byte that marks a control frame (RFC 6455, section 5.2).
const CONTROL: u8 = 0x08;

/// Where the beginning of each frame of a snapshot is among other bytes.
pub(crate) type Heads = Box<[Range<usize>]>;

/// Bytes for one client, in the order in which they are sent: events, then a snapshot or texts.
#[derive(Debug, Default)]
pub(crate) struct Share<'a> {
    pieces: SmallVec<[Piece<'a>; INLINE_PIECES]>,
    len: usize,
    /// Bytes of events. All of them must be sent.
    events_len: usize,
    /// After the events, these parts of a snapshot follow.
    parts: SmallVec<[SentPart; 1]>,
    /// It contains frames that may stand between the parts of a snapshot (RFC 6455, section 5.4).
    is_control: bool,
    text_frames: &'a [TextFrame],
    /// The client whose own texts are left out.
    client: Option<ClientId>,
}

/// A slice of a share's bytes.
#[derive(Debug)]
enum Piece<'a> {
    /// Common events.
    Events(&'a Framed, Range<usize>),
    /// Bytes that several clients share.
    Shared(&'a Bytes),
    /// Bytes for this client alone, or texts.
    Own(&'a [u8]),
}

/// A part of a snapshot in a share.
#[derive(Debug, Clone, Copy)]
struct SentPart {
    /// Where its frame ends in the share.
    end: usize,
    /// Where the next part begins.
    next: Option<Cursor>,
}

/// How much of the snapshot in a share was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentSnapshot {
    /// There is none in the share.
    None,
    /// Nothing.
    Nothing,
    /// Some of it. The rest of the part that was begun has to follow. Then the snapshot continues at this cursor,
    /// unless this was all of it.
    Begun(Option<Cursor>),
}

/// What must be kept of a share that was sent in part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remainder {
    /// The share up to this byte must be sent.
    pub end: usize,
    /// The first text that is not kept. The outbox sends the latest version of it and of the following texts later.
    pub stale_from: Option<Revision>,
}

/// Whether frames may stand between the parts of a snapshot, because the first is a control frame, and so are all.
pub(crate) fn is_control(frames: &[u8]) -> bool {
    frames.first().is_some_and(|first| first & CONTROL != 0)
}

impl<'a> Piece<'a> {
    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Events(framed, range) => &framed.events[range.clone()],
            Self::Shared(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    /// Returns a part of the piece that outlives the batch.
    fn keep(&self, part: Range<usize>, memory: &MemoryLimit) -> Bytes {
        match self {
            Self::Events(framed, range) => {
                framed.keep_events(range.start + part.start..range.start + part.end, memory)
            }
            Self::Shared(bytes) => bytes.slice(part),
            Self::Own(bytes) => memory.keep(bytes[part].to_vec()),
        }
    }
}

impl<'a> Share<'a> {
    /// A share of this frame, which must be sent.
    pub(crate) fn of_frame(frame: &'a [u8]) -> Self {
        let mut share = Self { is_control: is_control(frame), ..Self::default() };
        share.push_own(frame);
        share
    }

    /// A share of these parts of a snapshot.
    pub(crate) fn of_snapshot(heads: &[Range<usize>], frames: &'a [u8], parts: &'a [Part]) -> Self {
        let mut share = Self::default();
        share.push_parts(heads, frames, parts);
        share
    }

    pub(super) fn push_events(&mut self, framed: &'a Framed, range: Range<usize>) {
        self.push(Piece::Events(framed, range));
        self.events_len = self.len;
    }

    pub(super) fn push_own(&mut self, bytes: &'a [u8]) {
        self.push(Piece::Own(bytes));
        self.events_len = self.len;
    }

    /// Adds parts of a snapshot, each after its head among these frames.
    pub(super) fn push_parts(&mut self, heads: &[Range<usize>], frames: &'a [u8], parts: &'a [Part]) {
        for (head, part) in heads.iter().zip(parts) {
            self.push(Piece::Own(&frames[head.clone()]));
            self.push(Piece::Shared(&part.json));
            self.parts.push(SentPart { end: self.len, next: part.next });
        }
    }

    pub(super) fn push_texts(&mut self, bytes: &'a [u8], frames: &'a [TextFrame], client: Option<ClientId>) {
        (self.text_frames, self.client) = (frames, client);
        let mut from = 0;
        for own in frames.iter().filter(|text| client.is_some() && text.author == client) {
            self.push(Piece::Own(&bytes[from..own.bytes.start]));
            from = own.bytes.end;
        }
        self.push(Piece::Own(&bytes[from..]));
    }

    fn push(&mut self, piece: Piece<'a>) {
        let len = piece.bytes().len();
        if len > 0 {
            self.len += len;
            self.pieces.push(piece);
        }
    }

    /// The bytes, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Piece::bytes)
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether it contains only control frames.
    pub(crate) fn is_control(&self) -> bool {
        self.is_control
    }

    /// Whether a snapshot in it continues after it.
    pub(crate) fn has_more(&self) -> bool {
        self.parts.last().is_some_and(|part| part.next.is_some())
    }

    /// How much of the snapshot is among the first `sent` bytes.
    pub(crate) fn sent_snapshot(&self, sent: usize) -> SentSnapshot {
        match self.begun_part(sent) {
            _ if self.parts.is_empty() => SentSnapshot::None,
            None => SentSnapshot::Nothing,
            Some(part) => SentSnapshot::Begun(part.next),
        }
    }

    /// The last part of a snapshot that is at least in part among the first `sent` bytes.
    fn begun_part(&self, sent: usize) -> Option<&SentPart> {
        let is_begun = sent > self.events_len;
        self.parts.iter().find(|part| sent <= part.end).or(self.parts.last()).filter(|_| is_begun)
    }

    /// What must be kept after the first `sent` bytes were sent: all events, and the rest of a text or of a snapshot's
    /// part that was sent in part, because a frame must be finished. Other texts and snapshots are not kept, because
    /// only their latest versions matter.
    pub(crate) fn remainder(&self, sent: usize) -> Remainder {
        let mut end = self.begun_part(sent).map_or(self.events_len, |part| part.end);
        let others =
            self.text_frames.iter().filter(|text| self.client.is_none() || text.author != self.client);
        for text in others {
            if end >= sent {
                return Remainder { end, stale_from: Some(text.revision) };
            }
            end += text.bytes.len();
        }
        Remainder { end, stale_from: None }
    }

    /// Returns a range of the bytes that outlives the batch, as pieces.
    pub(crate) fn keep(&self, bytes: Range<usize>, memory: &MemoryLimit) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        self.pieces.iter().filter_map(move |piece| {
            let len = piece.bytes().len();
            let start = bytes.start.clamp(at, at + len) - at;
            let end = bytes.end.clamp(at, at + len) - at;
            at += len;
            (start < end).then(|| piece.keep(start..end, memory))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use crate::protocol::snapshot::Part;

    /// Of a snapshot that was cut off, only the part that was begun is finished; then it continues after that part.
    #[test]
    fn a_snapshot_is_cut_between_its_parts() {
        let cursors = [1, 2].map(|n| Some(Cursor::after(UserId(n))));
        let [one, two] = cursors.map(|next| Part { json: Bytes::from_static(b"0123456789"), next });
        let last = Part { next: None, ..two.clone() };
        for (parts, is_last) in [(vec![one.clone(), two], false), (vec![one, last], true)] {
            let mut share = Share::default();
            share.push_own(b"event");
            share.push_parts(&[0..3, 3..4], b"hhhh", &parts); // 5 + 13 + 11 bytes
            assert_eq!((share.len(), share.has_more()), (29, !is_last));
            let after = |sent| (share.sent_snapshot(sent), share.remainder(sent).end);
            for sent in 0..=5 {
                assert_eq!(after(sent), (SentSnapshot::Nothing, 5));
            }
            for sent in 6..=18 {
                assert_eq!(after(sent), (SentSnapshot::Begun(cursors[0]), 18));
            }
            for sent in 19..=29 {
                let next = cursors[1].filter(|_| !is_last);
                assert_eq!(after(sent), (SentSnapshot::Begun(next), 29));
            }
        }
    }
}
