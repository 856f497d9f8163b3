//! The rules of a room: who is in it, what they have written, who is told what.
//!
//! Architecture invariant: the rules are pure. A room takes what a client did and the time, and puts into a
//! [`Batch`] who is sent what. There is no socket, no clock and no thread in here.

use crate::batch::{Batch, ClientId, Revision};
use crate::clock::Now;
use crate::limits::Limits;
use crate::log::{Draft, Entry, Log};
use crate::names::{Name, Names, RoomName};
use crate::protocol::{
    LengthLimits, Post, Receiver, Refusal, RoomState, ServerEvent, UserId, UserState, encode_snapshot_tail,
};
use crate::session::Session;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem;
use std::time::Instant;

/// How many bytes of texts a client that was behind is given at once: enough to fill a socket's buffer,
/// so that no more is encoded than it can take.
const CATCH_UP_BYTES: usize = 64 * 1024;

/// What a client does, checked: the hub sees nothing else of what clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A viewer says a name and gets a box, or takes the one of its session again.
    Join {
        /// The name, if the session is not known.
        name: Name,
        /// A secret the client has from before, or a new one.
        session: Session,
    },
    /// A viewer asks for the room's state.
    Watch,
    /// A user's box has this text now.
    Write(String),
    /// A user posts this to the log.
    Post {
        /// What is posted.
        text: String,
        /// The author's own name for the post.
        reference: Option<String>,
    },
    /// What the client sent was refused before it came here.
    Refused {
        /// Why.
        refusal: Refusal,
        /// If it was a post: the author's own name for it.
        reference: Option<String>,
    },
}

/// One room and all that is in it. It lasts as long as a client or a user is in it.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    limits: Limits,
    members: HashMap<ClientId, Option<UserId>>,
    users: BTreeMap<UserId, User>,
    sessions: HashMap<Session, UserId>,
    names: Names,
    /// The common end of snapshots, if nothing has changed since it was encoded.
    snapshot_tail: Option<Bytes>,
    log: Log,
    last_user: UserId,
    last_revision: Revision,
    /// Whose text was sent when, the earliest first.
    revisions: BTreeMap<Revision, UserId>,
    /// Whose text is not in a batch yet.
    changed: Vec<UserId>,
    /// Who is to get a snapshot with this batch.
    asked: Vec<ClientId>,
    /// Whose seat was taken by a newer connection.
    superseded: Vec<ClientId>,
    /// Until when the seats of those are kept who are away, the earliest first; some may be back.
    kept: VecDeque<(Instant, UserId)>,
}

#[derive(Debug)]
struct User {
    presence: Presence,
    session: Session,
    name: Name,
    text: String,
    /// `text` is newer than what was last sent.
    changed: bool,
    revision: Revision,
}

/// Whether a user's connection is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Here(ClientId),
    /// It broke; the seat is kept until then.
    Away(Instant),
}

impl User {
    fn client(&self) -> Option<ClientId> {
        match self.presence {
            Presence::Here(client) => Some(client),
            Presence::Away(_) => None,
        }
    }

    fn state(&self) -> UserState<'_> {
        UserState { name: self.name.as_str(), text: &self.text, away: self.client().is_none() }
    }
}

impl Room {
    /// A room with nobody in it, whose users get ids after `last_user`. One that `is_stored` waits for [`load`](Self::load) before
    /// anybody gets a snapshot of it.
    pub fn new(name: RoomName, limits: Limits, is_stored: bool, last_user: UserId) -> Self {
        Self {
            name,
            limits,
            members: HashMap::new(),
            users: BTreeMap::new(),
            sessions: HashMap::new(),
            names: Names::default(),
            snapshot_tail: None,
            log: Log::new(limits.log_length, is_stored),
            last_user,
            last_revision: Revision(0),
            revisions: BTreeMap::new(),
            changed: Vec::new(),
            asked: Vec::new(),
            superseded: Vec::new(),
            kept: VecDeque::new(),
        }
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The room's last posts, the oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Post> {
        self.log.posts()
    }

    /// The last id that was given.
    pub fn last_user(&self) -> UserId {
        self.last_user
    }

    /// Everyone who sees the room, users and viewers, in no order.
    pub fn members(&self) -> impl Iterator<Item = ClientId> {
        self.members.keys().copied()
    }

    /// True when nobody is here or may come back, and the room may be forgotten.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.users.is_empty()
    }

    /// Something is about to change that snapshots show.
    fn touch(&mut self) {
        self.snapshot_tail = None;
    }

    /// A client connects: a viewer, until it says a name.
    pub fn enter(&mut self, client: ClientId, batch: &mut Batch) {
        self.members.insert(client, None);
        batch.came(client);
    }

    /// A client is gone. Its user leaves with it if that was their `farewell`; else their seat is kept, and
    /// [`expire`](Self::expire) is to be called at the time that is returned.
    pub fn leave(
        &mut self,
        client: ClientId,
        farewell: bool,
        now: Now,
        batch: &mut Batch,
    ) -> Option<Instant> {
        let id = self.members.remove(&client)??;
        if farewell || self.limits.grace.is_zero() {
            self.disconnect(id, batch);
            return None;
        }
        let until = now.instant + self.limits.grace;
        self.touch();
        self.users.get_mut(&id)?.presence = Presence::Away(until);
        self.kept.push_back((until, id));
        batch.broadcast(&ServerEvent::UserAway { id });
        Some(until)
    }

    /// Ends the grace of those whose time is up.
    pub fn expire(&mut self, now: Now, batch: &mut Batch) {
        while let Some(&(until, id)) = self.kept.front()
            && until <= now.instant
        {
            self.kept.pop_front();
            // Who came back, and perhaps went again, has another time.
            if self.users.get(&id).is_some_and(|user| user.presence == Presence::Away(until)) {
                self.disconnect(id, batch);
            }
        }
    }

    /// A user goes, and their box with them.
    fn disconnect(&mut self, id: UserId, batch: &mut Batch) {
        self.touch();
        if let Some(user) = self.users.remove(&id) {
            self.sessions.remove(&user.session);
            self.names.free(&user.name);
            self.revisions.remove(&user.revision);
            batch.broadcast(&ServerEvent::DisconnectUser { id, name: user.name.as_str() });
        }
    }

    /// A client does something.
    pub fn apply(&mut self, client: ClientId, action: Action, now: Now, batch: &mut Batch) {
        let Some(&user) = self.members.get(&client) else {
            return;
        };
        let (refusal, reference) = match (action, user) {
            (Action::Join { name, session }, None) => {
                return self.join(client, name, session, batch);
            }
            (Action::Watch, None) => return self.asked.push(client),
            (Action::Write(text), Some(id)) => return self.write(id, text),
            (Action::Post { text, reference }, Some(id)) => {
                return self.post(id, text, reference, now, batch);
            }
            (Action::Join { .. } | Action::Watch, Some(_)) => (Refusal::AlreadyJoined, None),
            (Action::Write(_), None) => (Refusal::NotJoined, None),
            (Action::Post { reference, .. }, None) => (Refusal::NotJoined, reference),
            (Action::Refused { refusal, reference }, _) => (refusal, reference),
        };
        batch.tell(client, &ServerEvent::Error { refusal, reference });
    }

    fn join(&mut self, client: ClientId, name: Name, session: Session, batch: &mut Batch) {
        self.touch();
        match self.sessions.get(&session) {
            Some(&id) => self.take_seat(client, id, batch),
            None => self.give_seat(client, name, session, batch),
        }
        self.asked.push(client);
    }

    /// A session that is not known is as good as a new one, and a page that keeps its own can tell its posts.
    fn give_seat(&mut self, client: ClientId, name: Name, session: Session, batch: &mut Batch) {
        let name = self.names.take(name, self.limits.max_name);
        self.last_user.0 += 1;
        let id = self.last_user;
        batch.broadcast(&ServerEvent::NewUser { id, new_user_name: name.as_str() });
        self.members.insert(client, Some(id));
        self.sessions.insert(session, id);
        let presence = Presence::Here(client);
        let user =
            User { presence, session, name, text: String::new(), changed: false, revision: Revision(0) };
        self.users.insert(id, user);
    }

    fn take_seat(&mut self, client: ClientId, id: UserId, batch: &mut Batch) {
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        if let Presence::Here(before) = user.presence {
            // It is closed by the hub, dead or alive; until then it is a viewer.
            self.members.insert(before, None);
            self.superseded.push(before);
        }
        user.presence = Presence::Here(client);
        self.members.insert(client, Some(id));
        batch.broadcast_but(&ServerEvent::UserBack { id }, client, None);
    }

    /// Those whose seat was taken by a newer connection since this was last asked.
    pub fn take_superseded(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.superseded)
    }

    fn write(&mut self, id: UserId, text: String) {
        self.touch();
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        user.text = text;
        if !user.changed {
            user.changed = true;
            self.changed.push(id);
        }
    }

    fn post(&mut self, id: UserId, text: String, reference: Option<String>, now: Now, batch: &mut Batch) {
        let Some(user) = self.users.get(&id) else {
            return;
        };
        let session = user.session;
        let reference = reference.map(|reference| (reference.clone(), session.mark(&reference)));
        let draft = Draft { id, name: user.name.as_str().to_owned(), text, at: now.unix_millis, reference };
        let reference = draft.reference.as_ref().map(|(reference, _)| reference.clone());
        if let Some(entry) = self.log.enter(draft) {
            self.record(Some(entry), id, reference, batch);
        }
    }

    /// The drafts for the store since this was last asked.
    pub fn take_drafts(&mut self) -> Vec<Draft> {
        self.log.take_drafts()
    }

    /// The store has given the posts it has of this room.
    pub fn load(&mut self, posts: Vec<Post>) {
        self.touch();
        self.log.load(posts);
    }

    /// A user's draft has become a post, or not if there is no `entry`.
    pub fn record(
        &mut self,
        entry: Option<Entry>,
        author: UserId,
        reference: Option<String>,
        batch: &mut Batch,
    ) {
        let author = self.users.get(&author).and_then(User::client);
        match (entry, author) {
            (Some(Entry::New(post)), author) => self.publish(post, author, reference, batch),
            (Some(Entry::Known(post)), Some(author)) => {
                batch.tell(author, &ServerEvent::Data { post: &post, reference: reference.as_deref() });
            }
            (None, Some(author)) => {
                batch.tell(author, &ServerEvent::Error { refusal: Refusal::NotStored, reference });
            }
            (_, None) => {}
        }
    }

    fn publish(
        &mut self,
        post: Post,
        author: Option<ClientId>,
        reference: Option<String>,
        batch: &mut Batch,
    ) {
        let data = ServerEvent::Data { post: &post, reference: None };
        match (author, reference.as_deref()) {
            (Some(author), Some(reference)) => {
                let own = ServerEvent::Data { post: &post, reference: Some(reference) };
                batch.broadcast_but(&data, author, Some(&own));
            }
            _ => batch.broadcast(&data),
        }
        self.touch();
        self.log.push(post);
    }

    /// Ends the batch: the latest text of every box that changed in it, and the snapshots asked for.
    pub fn finish(&mut self, batch: &mut Batch) {
        for id in self.changed.drain(..) {
            let Some(user) = self.users.get_mut(&id) else {
                continue;
            }; // left in this batch
            self.last_revision.0 += 1;
            self.revisions.remove(&user.revision);
            self.revisions.insert(self.last_revision, id);
            user.revision = self.last_revision;
            user.changed = false;
            batch.text(id, &user.text, user.client(), user.revision);
        }
        if !self.asked.is_empty() && !self.log.is_loading() {
            let mut asked = mem::take(&mut self.asked);
            asked.sort_unstable();
            asked.dedup();
            let tail = self.snapshot_tail();
            batch.snapshots(tail, asked.iter().map(|&client| (client, self.receiver(client))));
        }
        batch.seal();
    }

    /// Fills an empty batch with the texts sent from revision `from` on, as they are now, for a client that
    /// missed them. Where they are many it stops early and returns the first that is left.
    pub fn catch_up(&self, client: ClientId, from: Revision, batch: &mut Batch) -> Option<Revision> {
        for (&revision, id) in self.revisions.range(from..) {
            if batch.len() >= CATCH_UP_BYTES {
                return Some(revision);
            }
            if let Some(user) = self.users.get(id).filter(|user| user.client() != Some(client)) {
                batch.text(*id, &user.text, user.client(), revision);
            }
        }
        None
    }

    /// The common end of all snapshots, encoded once as long as nothing changes.
    fn snapshot_tail(&mut self) -> Bytes {
        if self.snapshot_tail.is_none() {
            let mut tail = Vec::new();
            encode_snapshot_tail(&self.state(), &mut tail);
            self.snapshot_tail = Some(tail.into());
        }
        self.snapshot_tail.clone().unwrap_or_default()
    }

    fn receiver(&self, client: ClientId) -> Receiver<'_> {
        let you = self.members.get(&client).copied().flatten();
        let user = you.and_then(|id| self.users.get(&id));
        Receiver {
            you,
            name: user.map(|user| user.name.as_str()),
            session: user.map(|user| user.session.to_hex()),
        }
    }

    fn state(&self) -> RoomState<'_> {
        RoomState {
            room: self.name.as_str(),
            users: self.users.iter().map(|(&id, user)| (id, user.state())).collect(),
            log: self.log.posts().collect(),
            limits: LengthLimits { text: self.limits.max_text, name: self.limits.max_name },
        }
    }
}
