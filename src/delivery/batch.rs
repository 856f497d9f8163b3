//! What one room sends between two writes: every frame encoded once, and who gets which.
//!
//! Architecture invariant: a broadcast is encoded once. Nothing here is done per receiver, except for the few
//! whose share differs: who wrote a text, who just came, whose event was refused.

use crate::base::ids::ClientId;
use crate::protocol::events::{Receiver, ServerEvent, encode_snapshot_head};
use bytes::Bytes;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::ops::Range;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// Bytes of a buffer that are kept from batch to batch; one large batch does not cost memory for ever.
const WARM_BUFFER: usize = 256 * 1024;

/// Pieces of a share that take no memory of their own. Who wrote a text has three: the events, and the texts before
/// and behind it.
pub const FEW_PIECES: usize = 4;

/// Counts the texts a room has sent: of two boxes, the one with the higher number changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(pub u64);

/// In which form a client is sent the texts of boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// Each time the whole text.
    Whole,
    /// What differs from the text before, of which the client must have every one.
    Spliced,
}

/// The frames of one batch: first the events in their order, then each changed box's latest text.
#[derive(Debug, Default)]
pub struct Batch {
    events: Vec<u8>,
    /// The same texts in each form that somebody reads.
    whole: Texts,
    spliced: Texts,
    /// Frames for one client, and the heads of snapshots.
    private: Vec<u8>,
    snapshot_tail: Bytes,
    differences: Vec<(ClientId, Difference)>,
    json: Vec<u8>,
    /// The events once more, for all whose sockets are full.
    kept_events: OnceCell<Bytes>,
}

/// Frames with texts.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    frames: Vec<TextFrame>,
}

/// One of them.
#[derive(Debug)]
struct TextFrame {
    bytes: Range<usize>,
    author: Option<ClientId>,
    revision: Revision,
}

/// How one client's share differs from everyone's. Positions are in `events`, frames in `private`.
#[derive(Debug)]
enum Difference {
    /// It gets no event from before this position: it was not there yet.
    Came { at: usize },
    /// It gets this frame (or nothing, if that is empty) in place of these bytes.
    Told { instead_of: Range<usize>, frame: Range<usize> },
    /// It does not get the texts it wrote.
    Wrote,
    /// After the events it gets a snapshot instead of the texts, which the snapshot holds already.
    Asked { head: Range<usize> },
}

impl Batch {
    /// A batch of one frame, for everyone.
    pub fn of_frame(frame: &[u8]) -> Self {
        Self { events: frame.to_vec(), ..Self::default() }
    }

    /// Adds an event for the whole room.
    pub fn broadcast(&mut self, event: &ServerEvent<'_>) {
        self.encode(event);
        push_frame(&mut self.events, &self.json);
    }

    /// Adds an event for one client.
    pub fn tell(&mut self, client: ClientId, event: &ServerEvent<'_>) {
        let here = self.events.len();
        self.tell_instead(client, here..here, event);
    }

    /// Adds an event for the whole room, of which one client gets its own version, or nothing.
    pub fn broadcast_but(
        &mut self,
        event: &ServerEvent<'_>,
        client: ClientId,
        own: Option<&ServerEvent<'_>>,
    ) {
        let start = self.events.len();
        self.broadcast(event);
        let instead_of = start..self.events.len();
        match own {
            Some(own) => self.tell_instead(client, instead_of, own),
            None => self.differences.push((client, Difference::Told { instead_of, frame: 0..0 })),
        }
    }

    fn tell_instead(&mut self, client: ClientId, instead_of: Range<usize>, event: &ServerEvent<'_>) {
        self.encode(event);
        let start = self.private.len();
        push_frame(&mut self.private, &self.json);
        let frame = start..self.private.len();
        self.differences.push((client, Difference::Told { instead_of, frame }));
    }

    /// Keeps the events so far from a client that came only now.
    pub fn came(&mut self, client: ClientId) {
        if !self.events.is_empty() {
            self.differences.push((client, Difference::Came { at: self.events.len() }));
        }
    }

    /// Adds a box's latest text in one form, for all who read that but its author, who may be away. To be
    /// called once a box and form.
    pub fn text(
        &mut self,
        form: TextForm,
        event: &ServerEvent<'_>,
        author: Option<ClientId>,
        revision: Revision,
    ) {
        self.encode(event);
        let texts = match form {
            TextForm::Whole => &mut self.whole,
            TextForm::Spliced => &mut self.spliced,
        };
        let start = texts.bytes.len();
        push_frame(&mut texts.bytes, &self.json);
        let bytes = start..texts.bytes.len();
        texts.frames.push(TextFrame { bytes, author, revision });
        self.differences.extend(author.map(|author| (author, Difference::Wrote)));
    }

    /// Adds snapshots of the room as it is at the end of the batch, all of which end with `tail`. To be called
    /// once.
    pub fn snapshots<'a>(&mut self, tail: Bytes, receivers: impl Iterator<Item = (ClientId, Receiver<'a>)>) {
        self.snapshot_tail = tail;
        for (client, receiver) in receivers {
            self.json.clear();
            encode_snapshot_head(&receiver, &mut self.json);
            let start = self.private.len();
            push_header(&mut self.private, self.json.len() + self.snapshot_tail.len());
            self.private.extend_from_slice(&self.json);
            let head = start..self.private.len();
            self.differences.push((client, Difference::Asked { head }));
        }
    }

    /// Ends the batch: nothing is added any more, and shares may be asked for.
    pub fn seal(&mut self) {
        self.differences.sort_by_key(|(client, _)| *client); // stable: a client's own keep their order
    }

    /// True when nobody is sent anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.differences.is_empty()
    }

    /// How many bytes there are for everyone.
    pub fn len(&self) -> usize {
        self.events.len() + self.whole.bytes.len() + self.spliced.bytes.len()
    }

    /// Empties the batch for the next one; its buffers stay warm.
    pub fn clear(&mut self) {
        self.whole.frames.clear();
        self.spliced.frames.clear();
        self.snapshot_tail.clear();
        self.differences.clear();
        self.kept_events.take();
        let Self { events, whole, spliced, private, json, .. } = self;
        for buffer in [events, &mut whole.bytes, &mut spliced.bytes, private, json] {
            buffer.clear();
            buffer.shrink_to(WARM_BUFFER);
        }
    }

    /// What everyone gets but its [receivers](Self::receivers).
    pub fn common_share(&self, form: TextForm) -> Share<'_> {
        self.share(form, None, &[])
    }

    /// Those whose share is not the [common one](Self::common_share), each once.
    pub fn receivers(&self) -> impl Iterator<Item = ClientId> {
        self.differences.chunk_by(|a, b| a.0 == b.0).filter_map(|own| own.first()).map(|own| own.0)
    }

    /// What one of them gets.
    pub fn own_share(&self, form: TextForm, client: ClientId) -> Share<'_> {
        let first = self.differences.partition_point(|(other, _)| *other < client);
        let from_first = &self.differences[first..];
        let own = &from_first[..from_first.partition_point(|(other, _)| *other == client)];
        self.share(form, Some(client), own)
    }

    fn share(&self, form: TextForm, receiver: Option<ClientId>, own: &[(ClientId, Difference)]) -> Share<'_> {
        let mut share = Share { batch: Some(self), receiver, ..Share::default() };
        let mut from = 0;
        let mut snapshot = None;
        for (_, difference) in own {
            match difference {
                Difference::Came { at } => from = *at,
                Difference::Told { instead_of, frame } => {
                    share.push(Buffer::Events, from..instead_of.start);
                    share.push(Buffer::Private, frame.clone());
                    from = instead_of.end;
                }
                Difference::Wrote => {}
                Difference::Asked { head } => snapshot = Some(head.clone()),
            }
        }
        share.push(Buffer::Events, from..self.events.len());
        match snapshot {
            Some(head) => {
                share.snapshot_len = head.len() + self.snapshot_tail.len();
                share.push(Buffer::Private, head);
                share.push(Buffer::SnapshotTail, 0..self.snapshot_tail.len());
                share.events_len = share.len;
            }
            None => {
                share.events_len = share.len;
                share.push_texts(form);
            }
        }
        share
    }

    fn buffer(&self, buffer: Buffer) -> &[u8] {
        match buffer {
            Buffer::Events => &self.events,
            Buffer::Texts(TextForm::Whole) => &self.whole.bytes,
            Buffer::Texts(TextForm::Spliced) => &self.spliced.bytes,
            Buffer::Private => &self.private,
            Buffer::SnapshotTail => &self.snapshot_tail,
        }
    }

    /// A piece that outlives the batch. Events and snapshots are shared by all who keep them; the others are
    /// one client's, or the one text that its socket has taken a part of.
    fn keep(&self, buffer: Buffer, bytes: Range<usize>) -> Bytes {
        match buffer {
            Buffer::Events => {
                self.kept_events.get_or_init(|| Bytes::copy_from_slice(&self.events)).slice(bytes)
            }
            Buffer::SnapshotTail => self.snapshot_tail.slice(bytes),
            Buffer::Texts(_) | Buffer::Private => Bytes::copy_from_slice(&self.buffer(buffer)[bytes]),
        }
    }

    fn encode(&mut self, event: &ServerEvent<'_>) {
        self.json.clear();
        event.encode(&mut self.json);
    }
}

/// Where the bytes of a batch are.
#[derive(Debug, Clone, Copy)]
enum Buffer {
    Events,
    Texts(TextForm),
    Private,
    SnapshotTail,
}

/// What one client gets of a batch, as pieces of the batch's buffers.
#[derive(Debug, Default)]
pub struct Share<'a> {
    batch: Option<&'a Batch>,
    receiver: Option<ClientId>,
    pieces: SmallVec<[(Buffer, Range<usize>); FEW_PIECES]>,
    len: usize,
    events_len: usize,
    snapshot_len: usize,
    text_frames: &'a [TextFrame],
}

/// What must be kept of a share that did not go out whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// The bytes of the share up to here.
    pub end: usize,
    /// The first text that was not kept; it and those after it are to be sent as they are by then.
    pub stale: Option<Revision>,
}

impl<'a> Share<'a> {
    fn push(&mut self, buffer: Buffer, bytes: Range<usize>) {
        self.len += bytes.len();
        self.pieces.extend((!bytes.is_empty()).then_some((buffer, bytes)));
    }

    fn push_texts(&mut self, form: TextForm) {
        let Some(batch) = self.batch else { return };
        let texts = match form {
            TextForm::Whole => &batch.whole,
            TextForm::Spliced => &batch.spliced,
        };
        self.text_frames = &texts.frames;
        let receiver = self.receiver;
        let is_own = |text: &&TextFrame| receiver.is_some() && text.author == receiver;
        let mut from = 0;
        for own in texts.frames.iter().filter(is_own) {
            self.push(Buffer::Texts(form), from..own.bytes.start);
            from = own.bytes.end;
        }
        self.push(Buffer::Texts(form), from..texts.bytes.len());
    }

    /// The texts in it.
    fn texts(&self) -> impl Iterator<Item = &'a TextFrame> {
        let receiver = self.receiver;
        self.text_frames.iter().filter(move |text| receiver.is_none() || text.author != receiver)
    }

    /// The bytes in the order in which they are sent.
    pub fn pieces(&self) -> impl Iterator<Item = &'a [u8]> {
        let batch = self.batch;
        self.pieces.iter().filter_map(move |(buffer, bytes)| Some(&batch?.buffer(*buffer)[bytes.clone()]))
    }

    /// How many bytes they are.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many of the bytes are a snapshot of the room.
    pub fn snapshot_len(&self) -> usize {
        self.snapshot_len
    }

    /// What to keep when only the first `sent` bytes went out: all events, and of the texts the one that
    /// has begun, for a frame must be ended. The others are state, of which only the latest counts.
    pub fn keep_after(&self, sent: usize) -> Kept {
        let mut end = self.events_len;
        for text in self.texts() {
            if end >= sent {
                return Kept { end, stale: Some(text.revision) };
            }
            end += text.bytes.len();
        }
        Kept { end, stale: None }
    }

    /// These bytes, to outlive the batch.
    pub fn keep(&self, bytes: Range<usize>) -> impl Iterator<Item = Bytes> {
        let mut at = 0;
        self.pieces.iter().filter_map(move |(buffer, piece)| {
            let start = bytes.start.clamp(at, at + piece.len()) - at;
            let end = bytes.end.clamp(at, at + piece.len()) - at;
            at += piece.len();
            let kept = (start < end).then_some(piece.start + start..piece.start + end)?;
            Some(self.batch?.keep(*buffer, kept))
        })
    }
}

/// An event as a frame, for a client that is in no room.
pub fn lone_frame(event: &ServerEvent<'_>) -> Bytes {
    let (mut json, mut frame) = (Vec::new(), Vec::new());
    event.encode(&mut json);
    push_frame(&mut frame, &json);
    frame.into()
}

fn push_frame(to: &mut Vec<u8>, json: &[u8]) {
    push_header(to, json.len());
    to.extend_from_slice(json);
}

fn push_header(to: &mut Vec<u8>, len: usize) {
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    header.format(len as u64, to).expect("a Vec takes every write");
}
