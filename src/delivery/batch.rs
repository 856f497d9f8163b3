//! Batches: what one room sends in one write.
//!
//! Architecture invariant: a broadcast is encoded once to JSON, and framed once for each encoding that somebody in the
//! room reads. Only the few clients with a share of their own cost work of their own: the author of a text, a client
//! that has just entered, a client with a private event.

use crate::base::ids::{AckId, ClientId};
use crate::delivery::framed::{EventFrame, Framed, TextFrame, empty};
use crate::delivery::sent::Sent;
use crate::delivery::share::{Heads, Share};
use crate::protocol::encoding::{Encoding, Fragment, Message, TextForm};
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::protocol::snapshot::{self, Part, Receiver};
use crate::room::boxes::TextUpdate;
use bytes::Bytes;
use std::ops::Range;

/// Collects events and texts and frames them: first the events in their order, then each changed text.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The JSON of all events, concatenated.
    json: Vec<u8>,
    records: Vec<Record>,
    /// How the shares of single clients differ from the common share. Sorted by client in [`seal`](Self::seal).
    overrides: Vec<(ClientId, Override)>,
    /// The common halves of the first parts of snapshots, for each group of receivers that may see the same texts.
    snapshots: Vec<Vec<Part>>,
    /// By [`Encoding::index`].
    framed: [Framed; Encoding::COUNT],
    scratch: Vec<u8>,
    /// What was added to this batch and others.
    sent: Sent,
}

/// One event or acknowledgement.
#[derive(Debug)]
struct Record {
    json: Range<usize>,
    message: Message,
    audience: Audience,
}

/// Who gets a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Everyone in the room.
    Everyone,
    /// Everyone in the room whose encoding has notices.
    WithNotices,
    /// One client.
    One,
}

/// How one client's share differs from the common share. Records are identified by their index.
#[derive(Debug)]
enum Override {
    /// It gets no record before this one, because it was not in the room yet.
    Entered(usize),
    /// It does not get this record.
    Without(usize),
    /// It gets this record, which nobody else gets.
    Only(usize),
    /// It does not get the texts that it wrote.
    OwnText,
    /// After the events it gets a snapshot in place of the texts, because the snapshot contains them. These are the
    /// index of its common half, and the heads of its parts, among the private frames.
    Snapshot(usize, Heads),
}

impl Batch {
    /// Adds an event for everyone in the room.
    pub(crate) fn broadcast(&mut self, event: &ServerEvent<'_>) {
        self.record(event, Audience::Everyone);
    }

    /// Adds a notice, which only some encodings have, for everyone but the client that it is about, if that is one.
    pub(crate) fn notify(&mut self, notice: &ServerEvent<'_>, subject: Option<ClientId>) {
        let index = self.record(notice, Audience::WithNotices);
        self.overrides.extend(subject.map(|subject| (subject, Override::Without(index))));
    }

    /// Adds an event for everyone in the room except one client.
    pub(crate) fn broadcast_except(&mut self, client: ClientId, event: &ServerEvent<'_>) {
        let index = self.record(event, Audience::Everyone);
        self.overrides.push((client, Override::Without(index)));
    }

    /// Adds an event for one client.
    pub(crate) fn tell(&mut self, client: ClientId, event: &ServerEvent<'_>) {
        let index = self.record(event, Audience::One);
        self.overrides.push((client, Override::Only(index)));
    }

    /// Acknowledges an event of a client: it has had its effect, or was rejected.
    pub(crate) fn acknowledge(&mut self, client: ClientId, ack: AckId, error: Option<&EventError>) {
        self.sent.note_ack(error);
        let start = self.json.len();
        ServerEvent::encode_ack(error, &mut self.json);
        let index = self.push(start, Message::Ack(ack), Audience::One);
        self.overrides.push((client, Override::Only(index)));
    }

    /// Notes that a client has entered the room. It gets only what is added after this call.
    pub(crate) fn enter(&mut self, client: ClientId) {
        if !self.records.is_empty() {
            self.overrides.push((client, Override::Entered(self.records.len())));
        }
    }

    fn record(&mut self, event: &ServerEvent<'_>, audience: Audience) -> usize {
        // Few clients read notices, and these repeat events that are counted.
        if audience != Audience::WithNotices {
            self.sent.note(event);
        }
        let start = self.json.len();
        event.encode(&mut self.json);
        self.push(start, Message::Event, audience)
    }

    /// Adds the record whose JSON begins there. Returns its index.
    fn push(&mut self, start: usize, message: Message, audience: Audience) -> usize {
        self.records.push(Record { json: start..self.json.len(), message, audience });
        self.records.len() - 1
    }

    /// Frames the events in each of these encodings. No event may be added after that.
    pub(crate) fn frame_events(&mut self, encodings: &[Encoding]) {
        for &encoding in encodings {
            let Framed { events, private, frames, .. } = &mut self.framed[encoding.index()];
            for record in &self.records {
                let at = events.len();
                let buffer = if record.audience == Audience::One { &mut *private } else { &mut *events };
                let start = buffer.len();
                if record.audience != Audience::WithNotices || encoding.carrier.has_notices() {
                    encoding.frame(record.message, &self.json[record.json.clone()], buffer);
                }
                frames.push(EventFrame { at, bytes: start..buffer.len() });
            }
        }
    }

    /// Adds a changed text in each of these encodings, for everyone except its author. The author is `None` if they are
    /// away. Called once for each text.
    pub(crate) fn add_text(
        &mut self,
        encodings: &[Encoding],
        update: &TextUpdate<'_>,
        author: Option<ClientId>,
    ) {
        for form in TextForm::ALL {
            let mut of_form = encodings.iter().copied().filter(|encoding| encoding.texts == form).peekable();
            if of_form.peek().is_none() {
                continue;
            }
            let Some(event) = form.event(update) else { continue };
            self.sent.note(&event);
            self.scratch.clear();
            event.encode(&mut self.scratch);
            of_form.for_each(|encoding| {
                let Framed { texts, text_frames, .. } = &mut self.framed[encoding.index()];
                let start = texts.len();
                encoding.frame(Message::Event, &self.scratch, texts);
                let revision = update.revision;
                text_frames.push(TextFrame { bytes: start..texts.len(), author, revision });
            });
        }
        self.overrides.extend(author.map(|author| (author, Override::OwnText)));
    }

    /// Adds the beginnings of snapshots at the end of the batch: their first parts, which these receivers share. Called
    /// after all texts.
    pub(crate) fn add_snapshots<'a>(
        &mut self,
        parts: Vec<Part>,
        receivers: impl Iterator<Item = (ClientId, Encoding, Receiver<'a>)>,
    ) {
        for (client, encoding, receiver) in receivers {
            self.sent.note_snapshot();
            let private = &mut self.framed[encoding.index()].private;
            let heads = frame_parts(encoding, Some(&receiver), &parts, &mut self.scratch, private);
            self.overrides.push((client, Override::Snapshot(self.snapshots.len(), heads)));
        }
        self.snapshots.push(parts);
    }

    /// Ends the batch. Nothing may be added after that, and shares can be taken.
    pub(crate) fn seal(&mut self) {
        self.overrides.sort_by_key(|(client, _)| *client); // stable: the overrides of a client keep their order
    }

    /// True if nobody gets anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.overrides.is_empty() && self.text_bytes() == 0
    }

    /// Bytes of all texts, in all encodings.
    pub(crate) fn text_bytes(&self) -> usize {
        self.framed.iter().map(|framed| framed.texts.len()).sum()
    }

    /// Moves the count of what was added, so that it survives the room.
    pub(crate) fn move_sent_to(&mut self, sent: &mut Sent) {
        self.sent.move_to(sent);
    }

    /// Empties the batch and keeps its memory for the next one.
    pub(crate) fn clear(&mut self) {
        empty([&mut self.records]);
        empty([&mut self.overrides]);
        empty([&mut self.snapshots]);
        self.framed.iter_mut().for_each(Framed::clear);
        empty([&mut self.json, &mut self.scratch]);
    }

    /// The share of every client except the [exceptions](Self::exceptions).
    pub(crate) fn common_share(&self, encoding: Encoding) -> Share<'_> {
        self.share(&self.framed[encoding.index()], None, &[])
    }

    /// The clients whose share is not the [common one](Self::common_share), each once, in the order of ids.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = ClientId> {
        self.overrides.chunk_by(|a, b| a.0 == b.0).filter_map(|own| own.first()).map(|own| own.0)
    }

    /// The share of one of the [exceptions](Self::exceptions).
    pub(crate) fn own_share(&self, encoding: Encoding, client: ClientId) -> Share<'_> {
        let first = self.overrides.partition_point(|(other, _)| *other < client);
        let from_first = &self.overrides[first..];
        let own = &from_first[..from_first.partition_point(|(other, _)| *other == client)];
        self.share(&self.framed[encoding.index()], Some(client), own)
    }

    fn share<'a>(
        &'a self,
        framed: &'a Framed,
        client: Option<ClientId>,
        own: &'a [(ClientId, Override)],
    ) -> Share<'a> {
        let mut share = Share::default();
        let mut snapshot = None;
        // The first byte of common events that is not in the share yet.
        let mut from = 0;
        for (_, differs) in own {
            match differs {
                Override::Entered(index) => {
                    from = framed.frames.get(*index).map_or(framed.events.len(), |frame| frame.at);
                }
                Override::Without(index) => {
                    if let Some(frame) = framed.frames.get(*index) {
                        share.push_events(framed, from..frame.at);
                        from = frame.bytes.end;
                    }
                }
                Override::Only(index) => {
                    if let Some(frame) = framed.frames.get(*index) {
                        share.push_events(framed, from..frame.at);
                        share.push_own(&framed.private[frame.bytes.clone()]);
                        from = frame.at;
                    }
                }
                Override::OwnText => {}
                Override::Snapshot(index, heads) => snapshot = self.snapshots.get(*index).zip(Some(heads)),
            }
        }
        share.push_events(framed, from..framed.events.len());
        match snapshot {
            Some((parts, heads)) => share.push_parts(heads, &framed.private, parts),
            None => share.push_texts(&framed.texts, &framed.text_frames, client),
        }
        share
    }
}

/// Appends the beginning of each part's frame, up to the half that all receivers share. Only the first part of a
/// snapshot says something to its receiver alone. `scratch` is overwritten.
pub(crate) fn frame_parts(
    encoding: Encoding,
    mut receiver: Option<&Receiver<'_>>,
    parts: &[Part],
    scratch: &mut Vec<u8>,
    frames: &mut Vec<u8>,
) -> Heads {
    let head = |part: &Part| {
        scratch.clear();
        let first = receiver.take();
        if let Some(receiver) = first {
            snapshot::encode_head(receiver, scratch);
        }
        let start = frames.len();
        let fragment = Fragment { is_first: first.is_some(), is_last: part.next.is_none() };
        encoding.begin_frame(Message::Event, fragment, scratch.len() + part.json.len(), frames);
        frames.extend_from_slice(scratch);
        start..frames.len()
    };
    parts.iter().map(head).collect()
}

/// The frame of an event, for a client that is in no room.
pub(crate) fn single_frame(encoding: Encoding, event: &ServerEvent<'_>) -> Bytes {
    let (mut json, mut frame) = (Vec::new(), Vec::new());
    event.encode(&mut json);
    encoding.frame(Message::Event, &json, &mut frame);
    frame.into()
}

/// The frame of an acknowledgement, for a client that is in no room.
pub(crate) fn ack_frame(encoding: Encoding, ack: AckId, error: Option<&EventError>) -> Bytes {
    let (mut json, mut frame) = (Vec::new(), Vec::new());
    ServerEvent::encode_ack(error, &mut json);
    encoding.frame(Message::Ack(ack), &json, &mut frame);
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::error::EventError;

    #[test]
    fn a_cleared_batch_keeps_short_lists() {
        let mut batch = Batch::default();
        let error = ServerEvent::Error { error: EventError::PassphraseNeeded, reference: None };
        (0..10_000).for_each(|n| batch.tell(ClientId(n), &error));
        batch.clear();
        assert!(batch.records.capacity() < 1_000 && batch.overrides.capacity() < 1_000);
    }

    #[test]
    fn a_cleared_batch_releases_the_memory_of_its_snapshot() {
        let mut json = Vec::with_capacity(1000);
        json.extend_from_slice(b",\"log\":[]}]");
        let tail = Bytes::from(json);
        let part = Part { json: tail.clone(), next: None };
        let mut batch = Batch::default();
        let receiver = Receiver {
            you: None,
            name: None,
            session: None,
            cleared: None,
            host: false,
            linked: true,
            viewers: 0,
        };
        batch.add_snapshots(vec![part], [(ClientId(1), Encoding::PLAIN_WHOLE, receiver)].into_iter());
        batch.seal();
        assert!(!tail.is_unique());
        batch.clear();
        assert!(tail.is_unique());
    }
}
