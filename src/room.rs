//! The rules of a room: who is in it, what they have written, who is told what.
//!
//! Architecture invariant: the rules are pure. A room takes what a client did and the time, and puts into a
//! [`Batch`] who is sent what. There is no socket, no clock and no thread in here.

use crate::batch::{Batch, ClientId, Revision};
use crate::names::{Name, RoomName};
use crate::protocol::{
    LengthLimits, Post, Receiver, Refusal, RoomState, ServerEvent, UserId, UserState,
};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// How many bytes of texts a client that was behind is given at once: enough to fill a socket's buffer,
/// so that no more is encoded than it can take.
const CATCH_UP_BYTES: usize = 64 * 1024;

/// What a client does, checked: the hub sees nothing else of what clients send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A viewer says a name and gets a box.
    Join(Name),
    /// A viewer asks for the room's state.
    Watch,
    /// A user's box has this text now.
    Write(String),
    /// A user posts this to the log.
    Post(String),
    /// What the client sent was refused before it came here.
    Refused(Refusal),
}

/// How large names and logs may get.
#[derive(Debug, Clone, Copy)]
pub struct RoomLimits {
    /// Characters in a box or a post; checked before a room sees them, and told to those who write.
    pub max_text: usize,
    /// Characters in a user's name.
    pub max_name: usize,
    /// Posts that a room's log keeps.
    pub log_length: usize,
}

/// One room and all that is in it. It lasts as long as a client is in it.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    limits: RoomLimits,
    members: HashMap<ClientId, Option<UserId>>,
    users: BTreeMap<UserId, User>,
    /// The keys of the users' names.
    names: HashSet<String>,
    log: VecDeque<Post>,
    last_user: UserId,
    last_post: u64,
    last_revision: Revision,
    /// Whose text was sent when, the earliest first.
    revisions: BTreeMap<Revision, UserId>,
    /// Whose text is not in a batch yet.
    changed: Vec<UserId>,
    /// Who is to get a snapshot with this batch.
    asked: Vec<ClientId>,
}

#[derive(Debug)]
struct User {
    client: ClientId,
    name: Name,
    text: String,
    /// `text` is newer than what was last sent.
    changed: bool,
    revision: Revision,
}

impl User {
    fn state(&self) -> UserState<'_> {
        UserState {
            name: self.name.as_str(),
            text: &self.text,
        }
    }
}

impl Room {
    /// A room with nobody in it.
    pub fn new(name: RoomName, limits: RoomLimits) -> Self {
        Self {
            name,
            limits,
            members: HashMap::new(),
            users: BTreeMap::new(),
            names: HashSet::new(),
            log: VecDeque::new(),
            last_user: UserId(0),
            last_post: 0,
            last_revision: Revision(0),
            revisions: BTreeMap::new(),
            changed: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Everyone who sees the room, users and viewers, in no order.
    pub fn members(&self) -> impl Iterator<Item = ClientId> {
        self.members.keys().copied()
    }

    /// True when nobody is here, and the room may be forgotten.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A client connects: a viewer, until it says a name.
    pub fn enter(&mut self, client: ClientId, batch: &mut Batch) {
        self.members.insert(client, None);
        batch.came(client);
    }

    /// A client is gone, and its box with it.
    pub fn leave(&mut self, client: ClientId, batch: &mut Batch) {
        if let Some(Some(id)) = self.members.remove(&client)
            && let Some(user) = self.users.remove(&id)
        {
            self.names.remove(&user.name.key());
            self.revisions.remove(&user.revision);
            batch.broadcast(&ServerEvent::DisconnectUser {
                id,
                name: user.name.as_str(),
            });
        }
    }

    /// A client does something at `now`, in milliseconds since 1970.
    pub fn apply(&mut self, client: ClientId, action: Action, now: u64, batch: &mut Batch) {
        let Some(&user) = self.members.get(&client) else {
            return;
        };
        let refusal = match (action, user) {
            (Action::Join(name), None) => return self.join(client, name, batch),
            (Action::Watch, None) => return self.asked.push(client),
            (Action::Write(text), Some(id)) => return self.write(id, text),
            (Action::Post(text), Some(id)) => return self.post(id, text, now, batch),
            (Action::Join(_) | Action::Watch, Some(_)) => Refusal::AlreadyJoined,
            (Action::Write(_) | Action::Post(_), None) => Refusal::NotJoined,
            (Action::Refused(refusal), _) => refusal,
        };
        batch.tell(client, &ServerEvent::Error(refusal));
    }

    fn join(&mut self, client: ClientId, name: Name, batch: &mut Batch) {
        let name = name.unique(self.limits.max_name, |key| self.names.contains(key));
        self.last_user.0 += 1;
        let id = self.last_user;
        batch.broadcast(&ServerEvent::NewUser {
            id,
            new_user_name: name.as_str(),
        });
        self.names.insert(name.key());
        self.members.insert(client, Some(id));
        self.users.insert(
            id,
            User {
                client,
                name,
                text: String::new(),
                changed: false,
                revision: Revision(0),
            },
        );
        self.asked.push(client);
    }

    fn write(&mut self, id: UserId, text: String) {
        let Some(user) = self.users.get_mut(&id) else {
            return;
        };
        user.text = text;
        if !user.changed {
            user.changed = true;
            self.changed.push(id);
        }
    }

    fn post(&mut self, id: UserId, text: String, now: u64, batch: &mut Batch) {
        let Some(user) = self.users.get(&id) else {
            return;
        };
        self.last_post += 1;
        let post = Post {
            n: self.last_post,
            id,
            name: user.name.as_str().to_owned(),
            text,
            at: now,
        };
        batch.broadcast(&ServerEvent::Data(&post));
        self.log.push_back(post);
        if self.log.len() > self.limits.log_length {
            self.log.pop_front();
        }
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
            batch.text(id, &user.text, user.client, user.revision);
        }
        if !self.asked.is_empty() {
            let mut asked = std::mem::take(&mut self.asked);
            asked.sort_unstable();
            asked.dedup();
            batch.snapshots(
                &self.state(),
                asked.iter().map(|&client| (client, self.receiver(client))),
            );
        }
        batch.seal();
    }

    /// Fills an empty batch with the texts sent from revision `from` on, as they are now, for a client that
    /// missed them. Where they are many it stops early and returns the first that is left.
    pub fn catch_up(
        &self,
        client: ClientId,
        from: Revision,
        batch: &mut Batch,
    ) -> Option<Revision> {
        for (&revision, id) in self.revisions.range(from..) {
            if batch.len() >= CATCH_UP_BYTES {
                return Some(revision);
            }
            if let Some(user) = self.users.get(id).filter(|user| user.client != client) {
                batch.text(*id, &user.text, user.client, revision);
            }
        }
        None
    }

    fn receiver(&self, client: ClientId) -> Receiver<'_> {
        let you = self.members.get(&client).copied().flatten();
        let name = you
            .and_then(|id| self.users.get(&id))
            .map(|user| user.name.as_str());
        Receiver { you, name }
    }

    fn state(&self) -> RoomState<'_> {
        RoomState {
            room: self.name.as_str(),
            users: self
                .users
                .iter()
                .map(|(&id, user)| (id, user.state()))
                .collect(),
            log: self.log.iter().collect(),
            limits: LengthLimits {
                text: self.limits.max_text,
                name: self.limits.max_name,
            },
        }
    }
}
