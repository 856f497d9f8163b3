//! A class: the world with hosts and perhaps a store, and what is known of who may do and see what.

mod checks;
mod store;

use crate::pipe::Pipe;
use crate::world::{KEY, LIMITS, PEOPLE, Step, World};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use store::ClassStore;
use typewall::internals::{
    Action, ClientId, Event, FromClient, Hub, Name, RoomState, Shard, StateChange, TextChange, UserId,
};
use typewall::{HostMode, HostOptions, SecretHash};

#[derive(Debug, Clone)]
pub(crate) enum HostStep {
    /// What everyone may do. Texts are replaced by ones that are never the same.
    Common(Step),
    /// Proves the host key.
    Key { person: usize },
    /// A host makes somebody a host.
    Make { person: usize },
    /// A host changes the state of the room.
    Set { change: StateChange },
    /// A host clears a box, or all.
    Clear { person: Option<usize> },
    /// A host removes somebody, perhaps somebody who is away.
    Remove { person: usize },
    /// Somebody who was removed tries to come back.
    Return,
    /// A host leaves.
    Quit { goodbye: bool },
    /// The store has kept what it was sent first, or could not.
    Saved { is_kept: bool },
}

/// A text of twelve letters that has no six letters in a row in common with others, except by rare accident.
pub(crate) fn unique(n: u64) -> String {
    let mut bits = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let letter = |_| {
        bits ^= bits >> 29;
        bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        char::from(b'a' + (bits >> 40) as u8 % 26)
    };
    (0..12).map(letter).collect()
}

/// The world, and what is known of it.
pub(crate) struct Class {
    pub world: World,
    store: Option<ClassStore>,
    /// What is in effect. With a store, what hosts have set is so once the store has answered.
    state: RoomState,
    /// What hosts have set.
    wanted: RoomState,
    /// Clients that were hosts at some time.
    hosts: HashSet<ClientId>,
    /// People who were made hosts and have not lost the seat.
    made: HashSet<usize>,
    /// People who were removed.
    removed: HashSet<usize>,
    /// People who have had a seat while the room was locked.
    members: HashSet<usize>,
    /// The connections of those who were removed, from before.
    closed: Vec<Pipe>,
    /// The ids of people when their connections ended.
    ids: HashMap<usize, UserId>,
    /// Every text, and who wrote it.
    texts: HashMap<String, usize>,
    /// Texts that everyone was allowed to see at some time.
    public: HashSet<String>,
    /// What each client was refused, in order.
    refused: HashMap<ClientId, Vec<&'static str>>,
}

impl Class {
    pub(crate) fn new(has_store: bool) -> Self {
        let (mut world, mut store) = (World::new(PEOPLE), None);
        if has_store {
            let (played, requests) = ClassStore::new();
            let hosts = HostOptions { mode: HostMode::Key, key: Some(SecretHash::new(KEY)) };
            world.hub = Hub::new(LIMITS, None, hosts, Some(requests), Shard::single());
            store = Some(played);
        }
        let (state, wanted, hosts, made, removed, members, closed) = Default::default();
        let (ids, texts, public, refused) = Default::default();
        Self {
            world,
            store,
            state,
            wanted,
            hosts,
            made,
            removed,
            members,
            closed,
            ids,
            texts,
            public,
            refused,
        }
    }

    fn client(&self, person: usize) -> Option<ClientId> {
        self.world.people[person].line.as_ref().map(|line| line.client)
    }

    fn is_host(&self, person: usize) -> bool {
        self.client(person).is_some_and(|client| self.hosts.contains(&client))
    }

    /// Somebody in the room who is a host.
    pub(crate) fn host(&self) -> Option<usize> {
        (0..PEOPLE).find(|person| self.is_host(*person))
    }

    fn is_joined(&self, person: usize) -> bool {
        self.world.people[person].line.as_ref().is_some_and(|line| line.joined)
    }

    /// The id of somebody who has a seat, if the client was told before the connection ended.
    fn user(&self, person: usize) -> Option<UserId> {
        let Some(line) = self.world.people[person].line.as_ref().filter(|line| line.joined) else {
            return self.ids.get(&person).copied().filter(|_| self.world.people[person].seats[0].is_some());
        };
        line.pipe.page().you.map(|you| UserId(you.parse().unwrap()))
    }

    /// Why somebody who joins gets no seat.
    fn refusal(&self, person: usize) -> Option<&'static str> {
        let is_new = self.world.people[person].seats[0].is_none() && !self.is_host(person);
        match is_new {
            true if self.removed.contains(&person) => Some("removed"),
            true if self.state.locked && !self.members.contains(&person) => Some("locked"),
            _ => None,
        }
    }

    pub(crate) fn take(&mut self, step: HostStep) {
        match step {
            HostStep::Common(step) => self.take_common(step),
            HostStep::Key { person } => self.give_key(person),
            HostStep::Make { person } => self.make_host(person),
            HostStep::Set { change } => self.set(change),
            HostStep::Clear { person } => self.clear(person),
            HostStep::Remove { person } => self.remove(person),
            HostStep::Return => {
                if let Some(person) = self.removed.iter().min().copied() {
                    self.world.take(Step::Enter { person, room: 0 });
                    self.follow_store();
                    self.join(person, "Eve");
                }
            }
            HostStep::Quit { goodbye } => {
                if let Some(person) = self.host() {
                    self.leave(person, goodbye);
                }
            }
            HostStep::Saved { is_kept } => self.answer_save(is_kept),
        }
        self.follow_seats();
        self.follow_store();
        self.forget_empty_room();
    }

    fn take_common(&mut self, step: Step) {
        match step {
            Step::Enter { person, .. } => self.world.take(Step::Enter { person, room: 0 }),
            Step::Join { person, name } => self.join(person, name),
            Step::Reconnect { person } => {
                // The new connection has no key.
                let seat = &self.world.people[person].seats[0];
                let is_locked_out = self.state.locked && !self.members.contains(&person);
                if seat.is_some() || !(is_locked_out || self.removed.contains(&person)) {
                    self.world.reconnect(person);
                }
            }
            Step::Leave { person, goodbye } => self.leave(person, goodbye),
            Step::Write { person, .. } | Step::Splice { person, .. } | Step::Post { person, .. }
                if self.state.frozen && self.is_joined(person) && !self.is_host(person) =>
            {
                let text = self.new_text(person);
                self.refuse(person, "frozen");
                self.world.act(
                    person,
                    match step {
                        Step::Post { .. } => Action::Post { text, reference: None },
                        _ => Action::Write(TextChange::Whole(text.into())),
                    },
                );
            }
            Step::Write { person, text } => {
                let text = if text.is_empty() { text } else { self.new_text(person) };
                self.world.write(person, &text);
            }
            Step::Splice { person, text } => {
                let text = if text.is_empty() { text } else { self.new_text(person) };
                self.world.splice(person, &text);
            }
            Step::Cut { millis } => self.cut(Duration::from_millis(millis)),
            // Enough for most to get their snapshots.
            Step::Read { person, bytes } => self.world.take(Step::Read { person, bytes: 4 * bytes }),
            step => self.world.take(step),
        }
    }
    fn new_text(&mut self, person: usize) -> String {
        let text = unique(self.texts.len() as u64);
        self.texts.insert(text.clone(), person);
        text
    }

    fn refuse(&mut self, person: usize, why: &'static str) {
        let client = self.client(person);
        client.into_iter().for_each(|client| self.refused.entry(client).or_default().push(why));
    }

    fn join(&mut self, person: usize, name: &'static str) {
        match self.refusal(person).filter(|_| self.client(person).is_some()) {
            None => self.world.take(Step::Join { person, name }),
            Some(why) => {
                self.refuse(person, why);
                let session = self.world.people[person].session;
                self.world.act(person, Action::Join { name: Name::parse(name, 40).unwrap(), session });
            }
        }
    }

    fn leave(&mut self, person: usize, goodbye: bool) {
        if self.is_joined(person) {
            let id = self.user(person);
            self.ids.remove(&person); // that of an earlier seat
            self.ids.extend(id.map(|id| (person, id)));
        }
        self.world.leave(person, goodbye);
    }

    fn give_key(&mut self, person: usize) {
        let Some(client) = self.client(person) else { return };
        let key = SecretHash::new(KEY);
        self.world
            .hub
            .handle(Event::from_client(client, FromClient::Host { key, token: None }), self.world.now);
        self.hosts.insert(client);
    }

    fn make_host(&mut self, person: usize) {
        let (Some(host), Some(user)) = (self.host(), self.user(person)) else { return };
        self.world.act(host, Action::MakeHost(user));
        self.made.insert(person);
    }

    fn set(&mut self, change: StateChange) {
        let Some(host) = self.host() else { return };
        self.wanted = change.clone().apply(&self.wanted);
        if !self.wanted.locked {
            self.members.clear();
        }
        if self.store.is_none() {
            self.state = self.wanted.clone();
        }
        self.world.act(host, Action::SetRoom(change));
    }

    fn clear(&mut self, person: Option<usize>) {
        let Some(host) = self.host() else { return };
        let user = person.map(|person| self.user(person));
        let Some(action) = user.map_or(Some(Action::Clear(None)), |user| Some(Action::Clear(Some(user?))))
        else {
            return;
        };
        self.world.act(host, action);
        let people = self.world.people.iter_mut().enumerate();
        let cleared = people.filter(|(n, _)| person.is_none_or(|person| person == *n));
        cleared.filter_map(|(_, person)| person.seats[0].as_mut()).for_each(|seat| seat.text.clear());
    }

    fn remove(&mut self, person: usize) {
        let (Some(host), Some(user)) = (self.host(), self.user(person)) else { return };
        self.world.act(host, Action::RemoveUser(user));
        self.removed.insert(person);
        self.members.remove(&person);
        let person = &mut self.world.people[person];
        person.seats[0] = None;
        // Who only watches, and was to come back to the seat, goes on watching.
        self.closed.extend(person.line.take_if(|line| line.joined).map(|line| line.pipe));
        self.world.forget_empty_rooms();
    }

    /// Who has lost the seat is no host any more.
    fn follow_seats(&mut self) {
        let people = &self.world.people;
        self.made.retain(|person| people[*person].seats[0].is_some());
        if self.wanted.locked {
            self.members.extend((0..PEOPLE).filter(|person| people[*person].seats[0].is_some()));
        }
        let lines = people.iter().enumerate().filter_map(|(n, person)| Some((n, person.line.as_ref()?)));
        for (person, line) in lines.filter(|(_, line)| line.joined) {
            // The user of a host is a host, also from another connection.
            if self.made.contains(&person) || self.hosts.contains(&line.client) {
                self.hosts.insert(line.client);
                self.made.insert(person);
            }
        }
    }

    /// The store loads the room, and numbers posts.
    fn follow_store(&mut self) {
        let Some(store) = &mut self.store else { return };
        let mut answers = Vec::new();
        if let Some(loaded) = store.load() {
            (self.state, self.wanted) = (store.record.state.clone(), store.record.state.clone());
            self.removed = store.removed.clone();
            let has_key = |person: &usize| store.has_member(self.world.people[*person].session);
            self.members = (0..PEOPLE).filter(has_key).collect();
            answers.push(loaded);
        }
        answers.extend(store.number_posts(&self.removed));
        for answer in answers {
            self.world.hub.handle(Event::Stored(Box::new(answer)), self.world.now);
        }
    }

    fn answer_save(&mut self, is_kept: bool) {
        if let Some((answer, state)) = self.store.as_mut().and_then(|store| store.save(is_kept)) {
            self.state = state;
            self.world.hub.handle(Event::Stored(Box::new(answer)), self.world.now);
        }
    }

    /// An empty room is forgotten, once the store has what it remembers.
    fn forget_empty_room(&mut self) {
        if self.world.people.iter().any(|person| person.line.is_some() || person.seats[0].is_some()) {
            return;
        }
        self.save_all();
        assert_eq!(self.world.health().rooms, 0, "the room is forgotten");
        if self.store.is_none() {
            (self.state, self.wanted) = Default::default();
            self.removed.clear();
            self.members.clear();
        }
    }

    /// Lets the store keep all that it is sent.
    fn save_all(&mut self) {
        for _ in 0..10 {
            self.cut(Duration::ZERO);
            self.answer_save(true);
        }
    }

    fn cut(&mut self, time: Duration) {
        if !self.state.hidden {
            let seats = self.world.people.iter().filter_map(|person| person.seats[0].as_ref());
            self.public.extend(seats.map(|seat| seat.text.clone()));
        }
        self.world.cut(time);
        self.follow_seats();
        self.follow_store();
        self.check_secrets();
    }

    /// Lets every client read everything, and the store keep everything.
    pub(crate) fn settle(&mut self) {
        self.closed.iter().for_each(|pipe| pipe.0.borrow_mut().space = usize::MAX);
        self.save_all();
        self.world.settle();
        self.follow_store();
        self.save_all();
        self.world.settle();
        self.check_secrets();
    }
}
