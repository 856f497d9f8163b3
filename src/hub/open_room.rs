//! An open room: its rules, its view, its clients, and the batch it is about to send.

mod memory;

use crate::base::clock::Now;
use crate::base::ids::{ClientId, IdMap, UserId};
use crate::base::limits::Limits;
use crate::base::memory::{Charge, MemoryLimit};
use crate::delivery::batch::Batch;
use crate::hub::cost::{broadcast_bytes, weigh};
use crate::hub::event::QueuedEvent;
use crate::hub::first_parts::{FirstParts, counted};
use crate::hub::held_posts::HeldPosts;
use crate::hub::inbox::Inbox;
use crate::protocol::encoding::Encoding;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::protocol::snapshot::{self, Cursor, Part, Receiver};
use crate::room::action::{Action, Actor, Rank};
use crate::room::boxes::Revision;
use crate::room::fact::Fact;
use crate::room::names::RoomName;
use crate::room::post::Post;
use crate::room::rules::{Decision, Rules};
use crate::room::text::Text;
use crate::room::view::View;
use std::collections::BTreeSet;
use std::mem;
use std::time::Instant;

/// A box of this many bytes may always grow, so that nobody is kept from writing at all.
const FREE_TEXT: usize = 1024;

/// One room. It lasts as long as a client, a user or a post under way is in it.
#[derive(Debug)]
pub(crate) struct OpenRoom {
    name: RoomName,
    limits: Limits,
    rules: Rules,
    view: View,
    /// Every client in the room, and its user. A viewer has none.
    members: IdMap<ClientId, Option<UserId>>,
    /// The client of each user who is not away.
    clients: IdMap<UserId, ClientId>,
    batch: Batch,
    /// Clients that get a snapshot at the end of the batch. A set, because they may ask often while the history loads.
    snapshot_requests: BTreeSet<ClientId>,
    /// The first part of snapshots, for the next clients.
    first_parts: FirstParts,
    /// Posts that wait until the store has loaded the history; `None` once it has.
    held_posts: Option<HeldPosts>,
    /// Posts that the store has not answered for, also those that are held.
    posts_under_way: usize,
    /// Something has happened since the last batch.
    pub is_dirty: bool,
    /// Events of its clients that wait.
    pub inbox: Inbox,
    /// The memory for the texts of all rooms.
    memory: MemoryLimit,
    /// What this room's texts take of it.
    charge: Charge,
}

impl OpenRoom {
    /// An empty room whose user ids follow `last_user`. If it `is_stored`, it sends no snapshots before
    /// [`release_posts`](Self::release_posts).
    pub(crate) fn new(
        name: RoomName,
        limits: Limits,
        is_stored: bool,
        last_user: UserId,
        memory: MemoryLimit,
        now: Instant,
    ) -> Self {
        Self {
            name,
            limits,
            rules: Rules::new(limits, is_stored, last_user),
            view: View::new(limits.log_length),
            members: IdMap::default(),
            clients: IdMap::default(),
            batch: Batch::default(),
            snapshot_requests: BTreeSet::new(),
            first_parts: FirstParts::default(),
            held_posts: is_stored.then(HeldPosts::new),
            posts_under_way: 0,
            is_dirty: false,
            inbox: Inbox::new(&limits, now),
            charge: memory.charge(),
            memory,
        }
    }

    /// The room's name.
    pub(crate) fn name(&self) -> &RoomName {
        &self.name
    }

    /// The last user id that was given.
    pub(crate) fn last_user(&self) -> UserId {
        self.rules.last_user()
    }

    /// The state that everyone in the room sees.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// True when nobody is in the room or may come back, and no event or post is under way, so that the room can be
    /// forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_abandoned() && self.view.user_count() == 0
    }

    /// Returns a client's event that can be handled in this turn of the hub. Otherwise keeps it.
    pub(crate) fn accept_event(&mut self, event: QueuedEvent, turn: u64) -> Option<QueuedEvent> {
        let weight = weigh(&self.members, &self.view, &event);
        self.inbox.accept(event, weight, turn)
    }

    /// Returns an event that need not wait for the room's budget. Otherwise keeps it.
    pub(crate) fn pass_budget(&mut self, event: QueuedEvent, now: Instant) -> Option<QueuedEvent> {
        let user_of = |user: &Option<UserId>| user.and_then(|user| self.view.user(user));
        let member = self.members.get(&event.client).map(user_of);
        let bytes = member.and_then(|user| broadcast_bytes(&event, user, &self.rules));
        self.inbox.budget.pass(event, bytes, now)
    }

    /// The next event that waits for this turn of the hub, if it can be handled.
    pub(crate) fn next_event(&mut self, turn: u64) -> Option<QueuedEvent> {
        let Self { members, view, inbox, .. } = self;
        inbox.next(|event| weigh(members, view, event), turn)
    }

    /// True when at most away users are in the room, and nothing is under way.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.members.is_empty() && self.posts_under_way == 0 && self.inbox.is_empty()
    }

    /// Whether a client is in the room and has no seat.
    pub(crate) fn is_viewer(&self, client: ClientId) -> bool {
        self.members.get(&client).is_some_and(Option::is_none)
    }

    /// The client of a user who is not away.
    pub(crate) fn client_of(&self, user: UserId) -> Option<ClientId> {
        self.clients.get(&user).copied()
    }

    /// A client enters: a viewer, until it joins.
    pub(crate) fn enter(&mut self, client: ClientId) {
        self.members.insert(client, None);
        self.batch.enter(client);
    }

    /// A client has gone. Returns its user, if it had a seat.
    pub(crate) fn leave(&mut self, client: ClientId) -> Option<UserId> {
        self.snapshot_requests.remove(&client);
        self.inbox.budget.forget(client);
        let user = self.members.remove(&client)??;
        self.clients.remove(&user);
        Some(user)
    }

    /// Decides on a client's action.
    pub(crate) fn decide(
        &mut self,
        client: ClientId,
        action: Action,
        now: Now,
    ) -> Result<Decision, EventError> {
        let user = self.members.get(&client).copied().flatten();
        if let (Action::Write(change), Some(text)) = (&action, user.and_then(|user| self.view.text(user)))
            && self.memory.is_over()
            && text.grows_by(change)
            && text.len_after(change) > FREE_TEXT
        {
            return Err(EventError::MemoryFull);
        }
        let actor = Actor { user, rank: Rank(client.0) };
        self.rules.decide(&self.view, actor, action, now).map_err(EventError::from)
    }

    /// Decides what happens to a user whose connection has ended.
    pub(crate) fn decide_leave(&mut self, user: UserId, goodbye: bool, now: Now) -> Option<Fact> {
        self.rules.leave(&self.view, user, goodbye, now)
    }

    /// Decides whether a user who is away loses their seat.
    pub(crate) fn decide_expire(&mut self, user: UserId) -> Option<Fact> {
        self.rules.expire(&self.view, user)
    }

    /// Gives a client a user's seat. Returns the client that had it.
    pub(crate) fn seat(&mut self, client: ClientId, user: UserId) -> Option<ClientId> {
        self.members.insert(client, Some(user));
        let before = self.clients.insert(user, client)?;
        // It is closed at once; until then it is a viewer.
        self.members.insert(before, None);
        Some(before)
    }

    /// Applies a fact and tells the room about it. `actor` is the client whose action led to the fact: it is not told
    /// that it is back, and it gets its post with its `reference`.
    pub(crate) fn publish(&mut self, fact: Fact, actor: Option<ClientId>, reference: Option<&str>) {
        if let Some(event) = ServerEvent::of_fact(&fact, &self.view) {
            match (&fact, actor, reference) {
                (Fact::Back { .. } | Fact::SeatTaken { .. }, Some(client), _) => {
                    self.batch.broadcast_except(client, &event);
                }
                (Fact::Posted { post }, Some(author), Some(_)) => {
                    self.batch.broadcast_except(author, &event);
                    self.batch.tell(author, &ServerEvent::Data { post, reference });
                }
                _ => self.batch.broadcast(&event),
            }
        }
        self.view.apply(fact);
        self.count_memory();
    }

    /// Tells a client that its event was rejected.
    pub(crate) fn reject(&mut self, client: ClientId, error: EventError, reference: Option<String>) {
        self.tell(client, &ServerEvent::Error { error, reference });
    }

    /// Tells the author of a post that it was posted before.
    pub(crate) fn confirm(&mut self, author: ClientId, post: &Post, reference: Option<&str>) {
        self.tell(author, &ServerEvent::Data { post, reference });
    }

    /// Sends an event to one client.
    pub(crate) fn tell(&mut self, client: ClientId, event: &ServerEvent<'_>) {
        if self.members.contains_key(&client) {
            self.batch.tell(client, event);
        }
    }

    /// Requests a snapshot for a client, for the end of the batch.
    pub(crate) fn request_snapshot(&mut self, client: ClientId) {
        self.snapshot_requests.insert(client);
    }

    /// Counts a post under way. Returns the held posts if it has to wait with them until the history is loaded, so that
    /// the history never contains it.
    pub(crate) fn begin_post(&mut self) -> Option<&mut HeldPosts> {
        self.posts_under_way += 1;
        self.held_posts.as_mut()
    }

    /// Whether the store is still to load the history. Until then posts are held, and no snapshot is sent.
    fn is_loading(&self) -> bool {
        self.held_posts.is_some()
    }

    /// The history is loaded. Returns the posts that were held back.
    pub(crate) fn release_posts(&mut self) -> Option<HeldPosts> {
        self.held_posts.take()
    }

    /// A post is no longer under way.
    pub(crate) fn post_answered(&mut self) {
        self.posts_under_way -= 1;
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
        self.batch.frame_events(encodings);
        let Self { view, batch, clients, .. } = self;
        view.commit_texts(|update| batch.add_text(encodings, &update, clients.get(&update.id).copied()));
        self.count_memory();
        let mut receivers = BTreeSet::new();
        if !self.snapshot_requests.is_empty() && !self.is_loading() {
            receivers = mem::take(&mut self.snapshot_requests);
            self.add_snapshots(&receivers, encoding_of, memory);
        }
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
        let parts = self.snapshot_parts(None, memory);
        let mut batch = mem::take(&mut self.batch); // the receivers borrow the rest of the room
        let receiver = |&client: &ClientId| Some((client, encoding_of(client)?, self.receiver(client)));
        batch.add_snapshots(parts, receivers.iter().filter_map(receiver));
        self.batch = batch;
    }

    /// What a snapshot says to its receiver alone.
    pub(crate) fn receiver(&self, client: ClientId) -> Receiver<'_> {
        let you = self.members.get(&client).copied().flatten();
        let name = you.and_then(|id| self.view.user(id)).map(|user| user.name.as_str());
        let session = you.and_then(|id| self.rules.session(id)).map(|session| session.to_hex());
        Receiver { you, name, session }
    }

    /// The next parts of the common half of all snapshots, which count in `memory`. The first ones are encoded only once
    /// per version of the view.
    pub(crate) fn snapshot_parts(&mut self, from: Option<Cursor>, memory: &MemoryLimit) -> Vec<Part> {
        let version = self.view.version();
        if from.is_none()
            && let Some(parts) = self.first_parts.get(version, memory)
        {
            return parts;
        }
        let parts = snapshot::encode_parts(self.name.as_str(), &self.view, &self.limits, from);
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
        let own = self.members.get(&client).copied().flatten();
        self.view.texts_since(from).filter(move |(_, id, _)| Some(*id) != own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;

    #[test]
    fn while_the_history_loads_each_client_waits_for_one_snapshot() {
        let name = RoomName::from_query("").unwrap();
        let memory = MemoryLimit::new(Counter::default(), 0, 1);
        let mut room = OpenRoom::new(name, Limits::DEFAULT, true, UserId(0), memory.clone(), Instant::now());
        [1, 2].into_iter().for_each(|n| room.enter(ClientId(n)));
        for _ in 0..100 {
            [2, 1].into_iter().for_each(|n| room.request_snapshot(ClientId(n)));
        }
        assert_eq!(room.snapshot_requests.len(), 2);
        room.leave(ClientId(2));
        room.release_posts();
        assert!(room.finish_batch(&[], |_| None, &memory).into_iter().eq([ClientId(1)]));
    }
}
