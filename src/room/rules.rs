//! The rules of a room: who is in it, what they have written, who is told what.
//!
//! Architecture invariant: the rules are pure. A room takes what a client did and the time, and puts into a
//! [`Batch`] who is sent what. There is no socket, no clock and no thread in here.

use crate::base::clock::Now;
use crate::base::ids::ClientId;
use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::base::passphrase::Passphrase;
use crate::delivery::batch::{Batch, Revision, TextForm};
use crate::hub::seats::RoomSeats;
use crate::protocol::error::Refusal;
use crate::protocol::events::{
    LengthLimits, Post, Receiver, RoomState, ServerEvent, UserState, encode_snapshot_tail,
};
use crate::room::boxes::Boxes;
use crate::room::history::{Draft, Entry, Log};
use crate::room::names::{Name, Names, RoomName};
use crate::room::session::Session;
use crate::room::splice::{OutOfStep, Splice};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::Instant;

/// Bytes of a snapshot that are kept for the next one who asks. To encode a larger one again costs a batch a few
/// milliseconds; to keep it would cost a room in which nothing happens six times the memory of its log.
const MAX_KEPT_TAIL: usize = 64 * 1024;

/// What a client does, checked: the hub sees nothing else of what clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A client gives a passphrase. It comes to the room only where that is not needed any more.
    Unlock(Passphrase),
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
    /// A user's box differs by this from what it was.
    Splice(Splice<'static>),
    /// Somebody has lost step with the room and asks for its state again.
    Resync,
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
    /// Everyone who sees the room, and who they are; none for a viewer.
    members: HashMap<ClientId, Option<UserId>>,
    users: BTreeMap<UserId, User>,
    boxes: Boxes,
    sessions: HashMap<Session, UserId>,
    names: Names,
    /// The common end of snapshots, if nothing has changed since it was encoded.
    snapshot_tail: Option<Bytes>,
    log: Log,
    last_user: UserId,
    /// Who is to get a snapshot with this batch.
    asked: Vec<ClientId>,
    /// Whose seat was taken by a newer connection.
    superseded: Vec<ClientId>,
    /// Until when the seats of those are kept who are away.
    kept: BTreeSet<(Instant, UserId)>,
}

#[derive(Debug)]
struct User {
    presence: Presence,
    session: Session,
    name: Name,
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

    fn state<'a>(&'a self, text: &'a str) -> UserState<'a> {
        UserState { name: self.name.as_str(), text, away: self.client().is_none() }
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
            boxes: Boxes::default(),
            sessions: HashMap::new(),
            names: Names::default(),
            snapshot_tail: None,
            log: Log::new(limits.log_length, is_stored),
            last_user,
            asked: Vec::new(),
            superseded: Vec::new(),
            kept: BTreeSet::new(),
        }
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The room's last posts, the oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Arc<Post>> {
        self.log.posts()
    }

    /// The last id that was given.
    pub fn last_user(&self) -> UserId {
        self.last_user
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

    /// A client is gone. Its user leaves with it if that was their `goodbye`; else their seat is kept, and
    /// [`expire`](Self::expire) is to be called when it is [due](Self::seats).
    pub fn leave(&mut self, client: ClientId, goodbye: bool, now: Now, batch: &mut Batch) {
        let Some(Some(id)) = self.members.remove(&client) else { return };
        if goodbye || self.limits.grace.is_zero() {
            return self.disconnect(id, batch);
        }
        let until = now.instant + self.limits.grace;
        self.touch();
        if let Some(user) = self.users.get_mut(&id) {
            user.presence = Presence::Away(until);
            self.kept.insert((until, id));
            batch.broadcast(&ServerEvent::UserAway { id });
        }
    }

    /// How many seats there are, and when one is to be given up.
    pub fn seats(&self) -> RoomSeats {
        RoomSeats { count: self.users.len(), due: self.kept.first().map(|&(until, _)| until) }
    }

    /// Gives up the seat of the one who has been away for longest, before their time is up.
    pub fn give_up_seat(&mut self, batch: &mut Batch) {
        if let Some(&(_, id)) = self.kept.first() {
            self.disconnect(id, batch);
        }
    }

    /// Ends the grace of those whose time is up.
    pub fn expire(&mut self, now: Now, batch: &mut Batch) {
        while self.kept.first().is_some_and(|&(until, _)| until <= now.instant) {
            self.give_up_seat(batch);
        }
    }

    /// A user goes, and their box with them.
    fn disconnect(&mut self, id: UserId, batch: &mut Batch) {
        self.touch();
        if let Some(user) = self.users.remove(&id) {
            self.sessions.remove(&user.session);
            if let Presence::Away(until) = user.presence {
                self.kept.remove(&(until, id));
            }
            self.names.free(&user.name);
            self.boxes.remove(id);
            batch.broadcast(&ServerEvent::DisconnectUser { id, name: user.name.as_str() });
        }
    }

    /// A client does something.
    pub fn apply(&mut self, client: ClientId, action: Action, now: Now, batch: &mut Batch) {
        let Some(&user) = self.members.get(&client) else {
            return;
        };
        let (refusal, reference) = match (action, user) {
            (Action::Unlock(_), _) => return batch.tell(client, &ServerEvent::Unlocked {}),
            (Action::Join { session, .. }, None) if self.is_full_for(session) => {
                (Refusal::RoomFull(self.limits.max_users), None)
            }
            (Action::Join { name, session }, None) => {
                return self.join(client, name, session, batch);
            }
            (Action::Watch, None) | (Action::Resync, _) => return self.asked.push(client),
            (Action::Write(text), Some(id)) => {
                self.touch();
                return self.boxes.write(id, text);
            }
            (Action::Splice(splice), Some(id)) => match self.boxes.splice(id, &splice) {
                Ok(()) => return self.touch(),
                Err(OutOfStep) => (Refusal::OutOfStep, None),
            },
            (Action::Post { text, reference }, Some(id)) => {
                return self.post(id, text, reference, now, batch);
            }
            (Action::Join { .. } | Action::Watch, Some(_)) => (Refusal::AlreadyJoined, None),
            (Action::Write(_) | Action::Splice(_), None) => (Refusal::NotJoined, None),
            (Action::Post { reference, .. }, None) => (Refusal::NotJoined, reference),
            (Action::Refused { refusal, reference }, _) => (refusal, reference),
        };
        batch.tell(client, &ServerEvent::Error { refusal, reference });
    }

    /// Whether there is no seat for whoever comes with this session.
    fn is_full_for(&self, session: Session) -> bool {
        self.users.len() >= self.limits.max_users && !self.sessions.contains_key(&session)
    }

    fn join(&mut self, client: ClientId, name: Name, session: Session, batch: &mut Batch) {
        self.touch();
        match self.sessions.get(&session) {
            Some(&id) => self.take_seat(client, id, batch),
            None => self.give_seat(client, name, session, batch),
        }
        // One that is closed instead is gone before anybody gets a snapshot.
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
        self.boxes.add(id);
        self.users.insert(id, User { presence: Presence::Here(client), session, name });
    }

    fn take_seat(&mut self, client: ClientId, id: UserId, batch: &mut Batch) {
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        let before = user.presence;
        // Who connected later has the seat, whichever claim is read first: what was left in the network of a
        // broken connection must not take it from the one that replaced it.
        let holder = user.client().map_or(client, |before| before.max(client));
        user.presence = Presence::Here(holder);
        match before {
            Presence::Here(before) => {
                // The other is closed by the hub, dead or alive; until then it is a viewer.
                let earlier = before.min(client);
                self.superseded.push(earlier);
                self.members.insert(earlier, None);
            }
            Presence::Away(until) => {
                self.kept.remove(&(until, id));
            }
        }
        if holder == client {
            self.members.insert(client, Some(id));
            batch.broadcast_but(&ServerEvent::UserBack { id }, client, None);
        }
    }

    /// Those whose seat is a later connection's since this was last asked.
    pub fn take_superseded(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.superseded)
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

    /// The store has dropped posts from before this time, in milliseconds since 1970.
    pub fn drop_before(&mut self, at: u64) {
        self.touch();
        self.log.drop_before(at);
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

    /// Ends the batch: the latest text of every box that changed in it, in the forms that are read, and the
    /// snapshots asked for.
    pub fn finish(&mut self, forms: &[TextForm], batch: &mut Batch) {
        let author = |id| self.users.get(&id).and_then(User::client);
        self.boxes.finish(forms, author, batch);
        if !self.asked.is_empty() && !self.log.is_loading() {
            let mut asked = mem::take(&mut self.asked);
            asked.sort_unstable();
            asked.dedup();
            let tail = self.snapshot_tail();
            batch.snapshots(tail, asked.iter().map(|&client| (client, self.receiver(client))));
        }
        batch.seal();
    }

    /// Fills an empty batch with texts that a client missed, see [`Boxes::catch_up`].
    pub fn catch_up(&self, client: ClientId, from: Revision, batch: &mut Batch) -> Option<Revision> {
        self.boxes.catch_up(client, from, |id| self.users.get(&id).and_then(User::client), batch)
    }

    /// The common end of all snapshots, encoded once as long as nothing changes, unless it is large.
    fn snapshot_tail(&mut self) -> Bytes {
        if let Some(tail) = &self.snapshot_tail {
            return tail.clone();
        }
        let mut json = Vec::new();
        encode_snapshot_tail(&self.state(), &mut json);
        let tail = Bytes::from(json);
        self.snapshot_tail = (tail.len() <= MAX_KEPT_TAIL).then(|| tail.clone());
        tail
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
            users: self.users.iter().map(|(&id, user)| (id, user.state(self.boxes.text(id)))).collect(),
            log: self.log.posts().map(AsRef::as_ref).collect(),
            limits: LengthLimits { text: self.limits.max_text, name: self.limits.max_name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        Now { instant: Instant::now(), unix_millis: 0 }
    }

    fn room() -> Room {
        Room::new(RoomName::from_query("").unwrap(), Limits::DEFAULT, false, UserId(0))
    }

    #[test]
    fn a_large_snapshot_is_not_kept() {
        let (mut room, mut batch) = (room(), Batch::default());
        room.enter(ClientId(1), &mut batch);
        for (posts, is_kept) in [(1, true), (20, false)] {
            for n in 0..posts {
                room.log.push(Post {
                    n,
                    id: UserId(1),
                    name: String::new(),
                    text: "\u{1}".repeat(1000),
                    at: 0,
                });
            }
            room.touch();
            room.apply(ClientId(1), Action::Watch, now(), &mut batch);
            room.finish(&[], &mut batch);
            assert_eq!(room.snapshot_tail.is_some(), is_kept, "{posts} posts");
        }
    }

    #[test]
    fn who_goes_and_comes_back_leaves_nothing_behind() {
        let (mut room, mut batch, session) = (room(), Batch::default(), Session::random());
        for n in 0..100 {
            room.enter(ClientId(n), &mut batch);
            let name = Name::parse("Ada", 40).unwrap();
            room.apply(ClientId(n), Action::Join { name, session }, now(), &mut batch);
            assert_eq!(room.kept.len(), 0);
            room.leave(ClientId(n), false, now(), &mut batch);
            assert_eq!((room.kept.len(), room.seats().count), (1, 1));
        }
        room.give_up_seat(&mut batch);
        assert!(room.is_empty() && room.kept.is_empty());
    }
}
