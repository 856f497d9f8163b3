//! An open room: its rules, its view, its clients, and the batch it is about to send.

mod asked;
mod events;
mod linked;
mod memory;
mod mirror;
mod output;
mod own_requests;
mod owner;
mod restored;
mod stored;

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, IdMap, UserId};
use crate::base::limits::Limits;
use crate::base::memory::{Charge, MemoryLimit};
use crate::delivery::batch::Batch;
use crate::hub::cause::Cause;
use crate::hub::event::ReplyTo;
use crate::hub::first_parts::FirstParts;
use crate::hub::inbox::Inbox;
use crate::hub::known_viewer_count::KnownViewerCount;
use crate::hub::linked::Linked;
use crate::hub::member::Member;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::room::action::{Action, Actor, Rank};
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::rules::{Decision, RoomOptions, Rules};
use crate::room::session::{Session, SessionKey};
use crate::room::state::RoomState;
use crate::room::view::View;
use std::collections::BTreeSet;
use std::mem;
use std::time::Instant;

/// A box of this many bytes may always grow, so that nobody is kept from writing at all.
const FREE_TEXT: usize = 1024;

/// One room. It lasts as long as a client, a user, a request to the store or an unsaved record is in it.
#[derive(Debug)]
pub(crate) struct OpenRoom {
    name: RoomName,
    limits: Limits,
    rules: Rules,
    view: View,
    /// Every client in the room.
    members: IdMap<ClientId, Member>,
    /// The client of each user who is not away.
    clients: IdMap<UserId, ClientId>,
    /// How many clients have proved the host key.
    key_holders: usize,
    batch: Batch,
    known_viewer_count: KnownViewerCount,
    /// Clients that get a snapshot at the end of the batch. A set, because they may ask often while the history loads.
    snapshot_requests: BTreeSet<ClientId>,
    /// The state or the hosts have changed, and clients are still to be told.
    state_changed: bool,
    /// The state in the [record](Rules::take_record) that the store is to answer for.
    saving: Option<RoomState>,
    /// The store could not keep the last record. It is tried again at a deadline, or when there is a new one.
    saving_fails: bool,
    /// Texts were hidden when the last batch was sent.
    pub was_hidden: bool,
    /// The first part of snapshots, for the next clients.
    first_parts: FirstParts,
    /// What is kept for the other nodes, if there are any.
    pub linked: Option<Box<Linked>>,
    /// There is a store.
    is_stored: bool,
    /// The store is still to load the room. Until then all that clients ask for waits.
    is_loading: bool,
    /// Posts that the store has not answered for, those to be stored and those to be erased.
    requests_under_way: usize,
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
    /// An empty room whose user ids follow `last_user`. If it is stored, its clients wait until it is
    /// [loaded](Self::load).
    pub(crate) fn new(
        name: RoomName,
        options: RoomOptions,
        last_user: UserId,
        memory: MemoryLimit,
        now: Instant,
    ) -> Self {
        Self {
            name,
            limits: options.limits,
            rules: Rules::new(options, last_user),
            view: View::new(options.limits.log_length),
            members: IdMap::default(),
            clients: IdMap::default(),
            key_holders: 0,
            batch: Batch::default(),
            known_viewer_count: KnownViewerCount::new(),
            snapshot_requests: BTreeSet::new(),
            state_changed: false,
            saving: None,
            saving_fails: false,
            was_hidden: false,
            first_parts: FirstParts::default(),
            linked: None,
            is_stored: options.is_stored,
            is_loading: options.is_stored,
            requests_under_way: 0,
            is_dirty: false,
            inbox: Inbox::new(&options.limits, now),
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

    /// True when nobody is in the room or may come back, no event or post is under way, and its record is saved, so
    /// that the room can be forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_abandoned() && self.is_needed_by_nobody()
    }

    /// True when at most away users are in the room, here and on nodes for which this one decides, and nothing is under
    /// way.
    pub(crate) fn is_abandoned(&self) -> bool {
        let is_saved = self.saving.is_none() && !(self.is_stored && self.rules.has_unsaved_record());
        let is_idle = self.requests_under_way == 0 && is_saved && self.inbox.is_empty();
        self.members.is_empty() && is_idle && !self.has_output_for_nodes() && !self.serves_others()
    }

    /// Whether a viewer with the session of this key would be refused a seat only because there is none left.
    pub(crate) fn lacks_seat_for(&self, client: ClientId, key: SessionKey) -> bool {
        let viewer = self.actor(client).filter(|actor| actor.user.is_none());
        viewer.is_some_and(|viewer| self.lacks_seat(viewer, key))
    }

    /// The same for a viewer that may be another node's.
    fn lacks_seat(&self, viewer: Actor, key: SessionKey) -> bool {
        let refusal = self.rules.may_seat(&self.view, viewer, key);
        !self.rules.has_seat_for(key) && matches!(refusal, Err(RoomError::RoomFull { .. }))
    }

    /// The client of a user who is not away.
    pub(crate) fn client_of(&self, user: UserId) -> Option<ClientId> {
        self.clients.get(&user).copied()
    }

    /// A client enters: a viewer, until it joins.
    pub(crate) fn enter(&mut self, client: ClientId, rank: Rank) {
        self.members.insert(client, Member::viewer(rank));
        self.batch.enter(client);
    }

    /// A client has gone. Returns its user, if it had a seat.
    pub(crate) fn leave(&mut self, client: ClientId, now: Instant) -> Option<UserId> {
        self.snapshot_requests.remove(&client);
        self.inbox.budget.forget(client);
        let Member { user, has_key, .. } = self.members.remove(&client)?;
        if has_key {
            self.key_holders -= 1;
            self.note_key_holders(now);
        }
        let user = user?;
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
        let actor = self.actor(client).ok_or(EventError::PassphraseNeeded)?;
        self.decide_for(actor, action, now)
    }

    /// The same for somebody who may be a client of another node.
    fn decide_for(&mut self, actor: Actor, action: Action, now: Now) -> Result<Decision, EventError> {
        if let (Action::Write(change), Some(text)) =
            (&action, actor.user.and_then(|user| self.view.text(user)))
            && self.memory.is_over()
            && text.grows_by(change)
            && text.len_after(change) > FREE_TEXT
        {
            return Err(EventError::MemoryFull);
        }
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

    /// Decides whether a user becomes a host without being made one by another.
    pub(crate) fn decide_appoint(&mut self, now: Now) -> Option<Fact> {
        self.rules.appoint(&self.view, now)
    }

    /// Who a client is to the rules; `None` if it is not in the room.
    pub(crate) fn actor(&self, client: ClientId) -> Option<Actor> {
        Some(self.members.get(&client)?.actor())
    }

    /// A client claims the seat of this session, or a new one that this session will be for.
    pub(crate) fn claim_seat(&mut self, client: ClientId, session: Session) {
        if let Some(member) = self.members.get_mut(&client).filter(|member| member.user.is_none()) {
            member.session = Some(session);
        }
    }

    /// Gives a client a user's seat. Returns the client that had it.
    pub(crate) fn seat(&mut self, client: ClientId, user: UserId) -> Option<ClientId> {
        if let Some(member) = self.members.get_mut(&client) {
            member.user = Some(user);
        }
        let before = self.clients.insert(user, client)?;
        // It is closed at once; until then it is a viewer.
        if let Some(member) = self.members.get_mut(&before) {
            member.user = None;
        }
        Some(before)
    }

    /// A client has proved the host key.
    pub(crate) fn set_key_proven(&mut self, client: ClientId, now: Instant) {
        if let Some(member) = self.members.get_mut(&client) {
            self.key_holders += usize::from(!mem::replace(&mut member.has_key, true));
            self.note_key_holders(now);
            self.request_texts(client);
        }
    }

    /// Tells the rules whether a client has the host key, here or on another node. Another owner hears it from this
    /// node.
    pub(crate) fn note_key_holders(&mut self, now: Instant) {
        if self.is_in_charge() {
            let is_elsewhere =
                self.linked.as_ref().is_some_and(|linked| !linked.owned.key_holders.is_empty());
            self.rules.note_key_holder(self.key_holders > 0 || is_elsewhere, now);
        }
    }

    /// A client becomes a host. If it has not seen the texts of others, it needs them.
    fn request_texts(&mut self, client: ClientId) {
        if self.view.state().hidden {
            self.request_snapshot(client);
        }
    }

    /// Applies a fact and tells the room about it.
    pub(crate) fn publish(&mut self, fact: Fact, cause: Cause<'_>) {
        let Cause { client: actor, reference, .. } = cause;
        let kept = self.keep_own_user(&fact);
        if let Some(event) = ServerEvent::of_fact(&fact, &self.view) {
            match (&fact, actor, reference) {
                (Fact::Back { .. } | Fact::SeatTaken { .. }, Some(client), _) => {
                    self.batch.broadcast_except(client, &event);
                }
                (Fact::Away { .. } | Fact::Gone { .. }, ..) if let Some(client) = kept => {
                    self.batch.broadcast_except(client, &event);
                }
                (Fact::Back { id }, None, _) if let Some(client) = self.client_of(*id) => {
                    self.batch.broadcast_except(client, &event);
                }
                (Fact::Posted { post }, Some(author), Some(_)) => {
                    self.batch.broadcast_except(author, &event);
                    self.batch.tell(author, &ServerEvent::Data { post, reference });
                }
                _ => self.batch.broadcast(&event),
            }
        }
        if let Some(notice) = ServerEvent::notice_of_fact(&fact, &self.view) {
            let new_user = actor.filter(|_| matches!(fact, Fact::Joined { .. }));
            self.batch.notify(&notice, new_user);
        }
        match fact {
            Fact::StateChanged { .. } | Fact::HostLost { .. } => self.state_changed = true,
            Fact::Loaded { ref state, .. } => self.state_changed = *state != RoomState::default(),
            Fact::LogReplaced { .. } => self.snapshot_requests.extend(self.members.keys()),
            // Another node took them for away, and their page may show that.
            Fact::Back { id } => self.snapshot_requests.extend(self.client_of(id)),
            Fact::HostMade { id } => {
                self.state_changed = true;
                let host = self.client_of(id);
                host.into_iter().for_each(|host| self.request_texts(host));
            }
            Fact::Cleared { id: Some(id), at } => {
                if let Some(author) = self.client_of(id) {
                    self.batch.tell(author, &ServerEvent::TextCleared { cleared: at });
                }
            }
            _ => {}
        }
        if let Fact::Posted { post } = &fact {
            self.rules.note_written(post.id); // the owner before may have decided it
        }
        self.note_for_nodes(&fact, cause.request, cause.key);
        self.view.apply(fact);
        self.count_memory();
    }

    /// Tells a client that its event was rejected.
    pub(crate) fn reject(&mut self, client: ClientId, error: EventError, reply_to: impl Into<ReplyTo>) {
        let ReplyTo { reference, ack } = reply_to.into();
        match ack.filter(|_| self.members.contains_key(&client)) {
            Some(ack) => self.batch.acknowledge(client, ack, Some(&error)),
            None => self.tell(client, &ServerEvent::Error { error, reference }),
        }
    }

    /// Acknowledges an event that has had its effect.
    pub(crate) fn acknowledge(&mut self, client: ClientId, ack: AckId) {
        if self.members.contains_key(&client) {
            self.batch.acknowledge(client, ack, None);
        }
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

    /// All clients.
    pub(crate) fn clients(&self) -> Vec<ClientId> {
        self.members.keys().copied().collect()
    }

    /// The clients that are hosts.
    pub(crate) fn host_clients(&self) -> Vec<ClientId> {
        let is_host =
            |client: &ClientId| self.actor(*client).is_some_and(|actor| self.view.is_host_actor(actor));
        self.members.keys().copied().filter(is_host).collect()
    }

    /// How many users are not away.
    pub(crate) fn present_users(&self) -> usize {
        self.clients.len()
    }
}
