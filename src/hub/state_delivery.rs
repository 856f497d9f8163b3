//! The room state that slow clients get when their transports accept output again: the parts of their snapshots, and
//! the latest version of each text that they missed.

use crate::base::ids::RoomId;
use crate::delivery::batch::frame_parts;
use crate::delivery::catch_up::CatchUp;
use crate::delivery::framed::empty;
use crate::delivery::outbox::{OutboxLimits, Outcome};
use crate::delivery::sent::Sent;
use crate::delivery::share::Share;
use crate::delivery::stall::Owed;
use crate::delivery::transport::Transport;
use crate::hub::open_room::OpenRoom;
use crate::hub::registry::Client;
use crate::protocol::server_event::ServerEvent;
use crate::protocol::snapshot::{Cursor, Part};
use crate::room::boxes::Revision;
use crate::room::view::Visibility;
use std::collections::BTreeMap;
use std::time::Instant;

/// Bytes of texts in one step of catching up: enough to fill a socket's buffer, and little more than it can take.
const CATCH_UP_BYTES: usize = 64 * 1024;

/// Bytes of state that one client gets in a write, before it is the turn of others.
const MAX_CLIENT_STATE: usize = 256 * 1024;

/// Buffers for the state that is sent to slow clients.
#[derive(Debug, Default)]
pub(crate) struct StateDelivery {
    catch_up: CatchUp,
    /// The parts of snapshots that were encoded in this write, by room, version, visibility and cursor. Clients that
    /// entered a room together share them.
    parts: BTreeMap<(RoomId, u64, Visibility, Option<Cursor>), Vec<Part>>,
    json: Vec<u8>,
    frames: Vec<u8>,
    /// What was sent so far.
    pub sent: Sent,
}

impl StateDelivery {
    /// Tries a client's full transport again. Once it accepts everything, sends what the client is owed of its room's
    /// state, as it is now, until the client has all, or the transport is full, or it is the turn of others. Returns
    /// how many bytes of state that were.
    pub(crate) fn retry<T: Transport>(
        &mut self,
        client: &mut Client<T>,
        mut room: Option<(RoomId, &mut OpenRoom)>,
        limits: &OutboxLimits,
        now: Instant,
    ) -> (usize, Outcome) {
        let mut sent = 0;
        loop {
            let outcome = client.outbox.retry(limits, now);
            if outcome != Outcome::Sent {
                return (sent, outcome);
            }
            let (bytes, outcome) = match (client.outbox.owed(), &mut room) {
                (Owed::Nothing, _) | (_, None) => {
                    client.outbox.resume();
                    return (sent, Outcome::Sent);
                }
                _ if sent >= MAX_CLIENT_STATE => return (sent, client.outbox.pause(now)),
                (Owed::Snapshot(from), Some((id, room))) => {
                    self.send_parts(client, *id, room, from, limits, now)
                }
                (Owed::Texts(from), Some((_, room))) => self.send_texts(client, room, from, limits, now),
            };
            sent += bytes;
            if outcome != Outcome::Sent {
                return (sent, outcome);
            }
        }
    }

    fn send_parts<T: Transport>(
        &mut self,
        client: &mut Client<T>,
        id: RoomId,
        room: &mut OpenRoom,
        from: Option<Cursor>,
        limits: &OutboxLimits,
        now: Instant,
    ) -> (usize, Outcome) {
        let visibility = room.snapshot_visibility(client.id, from);
        let key = (id, room.view().version(), visibility, from);
        let parts =
            self.parts.entry(key).or_insert_with(|| room.snapshot_parts(visibility, from, &limits.memory));
        self.frames.clear();
        if from.is_none() {
            room.note_viewer_count_shown();
            self.sent.note_snapshot();
        }
        let receiver = from.is_none().then(|| room.receiver(client.id));
        let heads = frame_parts(client.encoding, receiver.as_ref(), parts, &mut self.json, &mut self.frames);
        let share = Share::of_snapshot(&heads, &self.frames, parts);
        (share.len(), client.outbox.send_parts(&share, limits, now))
    }

    fn send_texts<T: Transport>(
        &mut self,
        client: &mut Client<T>,
        room: &OpenRoom,
        from: Revision,
        limits: &OutboxLimits,
        now: Instant,
    ) -> (usize, Outcome) {
        self.catch_up.clear();
        let (visibility, mut missed) = (room.visibility(client.id), None);
        for (revision, id, text) in room.missed_texts(client.id, from) {
            if self.catch_up.len() >= CATCH_UP_BYTES {
                missed = Some(revision);
                break;
            }
            let text = text.as_str();
            let event = match visibility.includes(id) {
                true => ServerEvent::TextUpdate { id, text },
                false => ServerEvent::UserWrote { id, wrote: !text.is_empty() },
            };
            self.sent.note(&event);
            self.catch_up.push(client.encoding.whole(), &event, revision);
        }
        let outcome = client.outbox.catch_up(&self.catch_up.share(), missed, limits, now);
        (self.catch_up.len(), outcome)
    }

    /// Frees what was encoded in this write.
    pub(crate) fn end_write(&mut self) {
        self.parts.clear();
        empty([&mut self.json, &mut self.frames]);
    }
}
