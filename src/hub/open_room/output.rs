//! What an open room sends: batches, snapshots, and the texts that slow clients have missed.

use super::OpenRoom;
use crate::base::ids::{ClientId, UserId};
use crate::base::memory::MemoryLimit;
use crate::delivery::batch::Batch;
use crate::delivery::sent::Sent;
use crate::hub::first_parts::counted;
use crate::protocol::encoding::Encoding;
use crate::protocol::server_event::{ServerEvent, StateView};
use crate::protocol::snapshot::{self, Cursor, Part, Receiver};
use crate::room::boxes::Revision;
use crate::room::session::Session;
use crate::room::text::Text;
use crate::room::view::Visibility;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

impl OpenRoom {
    /// Whose texts a client may see.
    pub(crate) fn visibility(&self, client: ClientId) -> Visibility {
        self.actor(client).map_or(Visibility::Own(None), |actor| self.view.visibility(actor))
    }

    /// Finishes the batch for these encodings: adds the texts that changed and the requested snapshots. Returns the
    /// clients that get a snapshot.
    pub(crate) fn finish_batch(
        &mut self,
        encodings: &[Encoding],
        encoding_of: impl Fn(ClientId) -> Option<Encoding>,
        memory: &MemoryLimit,
    ) -> BTreeSet<ClientId> {
        self.is_dirty = false;
        if mem::take(&mut self.state_changed) {
            self.batch.broadcast(&ServerEvent::RoomState(StateView::of(&self.view)));
        }
        self.batch.frame_events(encodings);
        let Self { view, batch, clients, .. } = self;
        view.commit_texts(|update| batch.add_text(encodings, &update, clients.get(&update.id).copied()));
        self.count_memory();
        let receivers = mem::take(&mut self.snapshot_requests);
        self.add_snapshots(&receivers, encoding_of, memory);
        self.batch.seal();
        receivers
    }

    /// The batch, once it is finished.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Begins the next batch.
    pub(crate) fn clear_batch(&mut self) {
        self.batch.clear();
    }

    fn add_snapshots(
        &mut self,
        receivers: &BTreeSet<ClientId>,
        encoding_of: impl Fn(ClientId) -> Option<Encoding>,
        memory: &MemoryLimit,
    ) {
        if !receivers.is_empty() {
            self.note_viewer_count_shown();
        }
        let mut groups: BTreeMap<Visibility, Vec<ClientId>> = BTreeMap::new();
        for &client in receivers {
            groups.entry(self.snapshot_visibility(client, None)).or_default().push(client);
        }
        for (visibility, clients) in groups {
            let parts = self.snapshot_parts(visibility, None, memory);
            let mut batch = mem::take(&mut self.batch); // the receivers borrow the rest of the room
            let receiver = |&client: &ClientId| Some((client, encoding_of(client)?, self.receiver(client)));
            batch.add_snapshots(parts, clients.iter().filter_map(receiver));
            self.batch = batch;
        }
    }

    /// Moves the count of what was encoded for the room.
    pub(crate) fn move_sent_to(&mut self, sent: &mut Sent) {
        self.batch.move_sent_to(sent);
    }

    /// How many clients in the room have no box.
    fn viewers(&self) -> usize {
        self.own_viewers() + self.linked.as_ref().map_or(0, |linked| linked.viewers_elsewhere())
    }

    /// The number of viewers, if a client in the room may know another one.
    pub(crate) fn outdated_viewer_count(&self) -> Option<usize> {
        let viewers = self.viewers();
        (!self.members.is_empty() && !self.known_viewer_count.is(viewers)).then_some(viewers)
    }

    /// Tells everyone in the room.
    pub(crate) fn broadcast(&mut self, event: &ServerEvent<'_>) {
        self.batch.broadcast(event);
    }

    /// Tells everyone in the room how many viewers there are.
    pub(crate) fn broadcast_viewer_count(&mut self, count: usize) {
        self.batch.broadcast(&ServerEvent::Viewers { count });
        self.known_viewer_count.on_broadcast(count);
    }

    /// Notes that a client learns from its snapshot how many viewers there are.
    pub(crate) fn note_viewer_count_shown(&mut self) {
        self.known_viewer_count.on_snapshot(self.viewers(), self.members.len());
    }

    /// What a snapshot says to its receiver alone.
    pub(crate) fn receiver(&self, client: ClientId) -> Receiver<'_> {
        let member = self.members.get(&client);
        let actor = member.map(|member| member.actor());
        let you = actor.and_then(|actor| actor.user);
        let name = you.and_then(|id| self.view.user(id)).map(|user| user.name.as_str());
        let session = member.filter(|_| you.is_some()).and_then(|member| member.session).map(Session::to_hex);
        let cleared = you.map(|id| self.view.cleared(id));
        let host = actor.is_some_and(|actor| self.view.is_host_actor(actor));
        let linked = !self.linked.as_ref().is_some_and(|linked| linked.shows_alone);
        Receiver { you, name, session, cleared, host, linked, viewers: self.viewers() }
    }

    /// Whose texts a client may see in a snapshot from this cursor on. Clients that may see none, or whose own texts
    /// are empty or precede the cursor, share one.
    pub(crate) fn snapshot_visibility(&self, client: ClientId, from: Option<Cursor>) -> Visibility {
        let is_ahead = |id: &UserId| from.is_none_or(|from| from.precedes(*id));
        let has_text = |id: &UserId| self.view.text(*id).is_some_and(|text| !text.as_str().is_empty());
        match self.visibility(client) {
            Visibility::Own(own) => Visibility::Own(own.filter(is_ahead).filter(has_text)),
            Visibility::All => Visibility::All,
        }
    }

    /// The next parts of the common half of all snapshots with this visibility, which count in `memory`. The first ones
    /// are encoded only once per version of the view, as long as nobody with another visibility enters.
    pub(crate) fn snapshot_parts(
        &mut self,
        visibility: Visibility,
        from: Option<Cursor>,
        memory: &MemoryLimit,
    ) -> Vec<Part> {
        let version = (self.view.version(), visibility);
        if from.is_none()
            && let Some(parts) = self.first_parts.get(version, memory)
        {
            return parts;
        }
        let parts = snapshot::encode_parts(self.name.as_str(), &self.view, &self.limits, visibility, from);
        let counted = counted(&parts, memory);
        if from.is_none() {
            self.first_parts.set(version, parts, &self.memory);
        }
        counted
    }

    /// The current texts that have changed since a revision, except the client's own.
    pub(crate) fn missed_texts(
        &self,
        client: ClientId,
        from: Revision,
    ) -> impl Iterator<Item = (Revision, UserId, &Text)> {
        let own = self.actor(client).and_then(|actor| actor.user);
        self.view.texts_since(from).filter(move |(_, id, _)| Some(*id) != own)
    }
}
