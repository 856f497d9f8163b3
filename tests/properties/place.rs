//! A hub with a time of the test's own and, if a test wants one, with a store that the test plays.

use crate::pipe::{Frame, Pipe};
use crate::store::sent_post;
use crate::world::{KEY, new_client};
use crossbeam_channel::{Receiver, unbounded};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Address, Answer, Change, ClientId, Encoding, Event, FromClient, Health, Hub, Load, Name,
    NewClient, Now, Numbered, Requests, RoomRecord, Save, Session, Shard, StateChange, StorePost, TextChange,
    UserId, Write,
};
use typewall::{HostMode, HostOptions, Limits, RoomName, SecretHash};

/// Longer than the tests of seats let pass.
pub(crate) const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Nobody is pinged: a ping would come after a hundredth of this.
const NO_PINGS: Duration = Duration::from_secs(1 << 30);

pub(crate) const LIMITS: Limits = Limits { grace: GRACE, ping_every: NO_PINGS, ..Limits::DEFAULT };

/// A hub, its time and its store.
pub(crate) struct Place {
    pub hub: Hub<Pipe>,
    pub now: Now,
    limits: Limits,
    mode: HostMode,
    last_client: u64,
    pub store: Option<PlayedStore>,
}

/// A store that the test plays: what it is asked for, and what it has kept of rooms.
pub(crate) struct PlayedStore {
    pub loads: Receiver<Load>,
    pub writes: Receiver<Write>,
    records: BTreeMap<String, RoomRecord>,
}

/// Somebody with a seat, or who asked for one.
pub(crate) struct Person {
    pub client: ClientId,
    pub pipe: Pipe,
    pub session: Session,
}

impl Person {
    pub(crate) fn id(&self) -> Option<String> {
        self.pipe.page().you
    }

    /// The id of somebody who has a seat.
    pub(crate) fn user(&self) -> UserId {
        UserId(self.id().expect("a seat").parse().unwrap())
    }

    pub(crate) fn is_host(&self) -> bool {
        self.pipe.page().is_host()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.pipe.page().errors
    }

    pub(crate) fn close_code(&self) -> Option<u16> {
        self.pipe.frames().into_iter().find_map(|frame| match frame {
            Frame::Close(code) => Some(code),
            Frame::Event(..) | Frame::Ping | Frame::Pong => None,
        })
    }
}

/// A host changes the state of the room.
pub(crate) fn set(change: StateChange) -> Action {
    Action::SetRoom(change)
}

/// A host asks a question.
pub(crate) fn ask(prompt: &str) -> Action {
    set(StateChange { prompt: Some(prompt.to_owned()), ..StateChange::default() })
}

/// A host hides or reveals texts.
pub(crate) fn hide(hidden: bool) -> Action {
    set(StateChange { hidden: Some(hidden), ..StateChange::default() })
}

impl Place {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::with(limits, Shard::single())
    }

    pub(crate) fn with(limits: Limits, shard: Shard) -> Self {
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        let hub = Hub::new(limits, None, HostOptions::default(), None, shard);
        Self { hub, now, limits, mode: HostMode::default(), last_client: 0, store: None }
    }

    /// With a store, whose [answers](Self::answer_all) are the test's.
    pub(crate) fn stored(limits: Limits, mode: HostMode) -> Self {
        let mut place = Self { mode, ..Self::new(limits) };
        place.restart();
        place
    }

    /// Another hub, for which the store has what it kept.
    pub(crate) fn restart(&mut self) {
        let records = self.store.take().map(|store| store.records).unwrap_or_default();
        let ((load, loads), (write, writes)) = (unbounded(), unbounded());
        let hosts = HostOptions { mode: self.mode, key: Some(SecretHash::new(KEY)) };
        let requests = Requests { loads: load, writes: write };
        self.hub = Hub::new(self.limits, None, hosts, Some(requests), Shard::single());
        self.store = Some(PlayedStore { loads, writes, records });
        self.now.unix_millis += 1; // user ids start here
    }

    /// Enters a room, and asks for nothing.
    pub(crate) fn enter(&mut self, room: &str, address: u8, session: Session) -> Person {
        self.enter_encoded(room, address, session, Encoding::PLAIN_WHOLE)
    }

    /// The same, with an encoding.
    pub(crate) fn enter_encoded(
        &mut self,
        room: &str,
        address: u8,
        session: Session,
        encoding: Encoding,
    ) -> Person {
        self.last_client += 1;
        let (client, pipe) = (ClientId(self.last_client), Pipe::default());
        pipe.0.borrow_mut().space = usize::MAX;
        let address = Address::of(Ipv4Addr::new(192, 0, 2, address).into());
        let room = RoomName::from_query(&format!("room={room}")).unwrap();
        let new = NewClient { address, ..new_client(client, room, encoding, &pipe) };
        self.hub.handle(Event::Connected(new), self.now);
        Person { client, pipe, session }
    }

    /// Joins from one address.
    pub(crate) fn join(&mut self, room: &str) -> Person {
        self.join_as(room, 1, Session::random())
    }

    /// Joins from an address with a session.
    pub(crate) fn join_as(&mut self, room: &str, address: u8, session: Session) -> Person {
        let person = self.enter(room, address, session);
        let action = Action::Join { name: Name::parse("Ada", 40).unwrap(), session };
        self.act(&person, action);
        person
    }

    /// Joins a room that the store has to load, and loads it.
    pub(crate) fn join_loaded(&mut self, room: &str, session: Session) -> Person {
        let person = self.join_as(room, 1, session);
        self.load_all();
        person
    }

    /// Watches a room that the store may have to load, and has the host key.
    pub(crate) fn host(&mut self, room: &str) -> Person {
        let host = self.enter(room, 1, Session::random());
        self.load_all();
        self.act(&host, Action::Watch);
        self.hub.handle(
            Event::from_client(host.client, FromClient::Host { key: SecretHash::new(KEY), token: None }),
            self.now,
        );
        self.hub.write(self.now);
        host
    }

    pub(crate) fn act(&mut self, person: &Person, action: Action) {
        self.hub.handle(Event::from_client(person.client, FromClient::Acted(action)), self.now);
        self.hub.write(self.now);
    }

    pub(crate) fn write(&mut self, person: &Person) {
        self.act(person, Action::Write(TextChange::Whole("x".into())));
    }

    /// The connection of a user breaks.
    pub(crate) fn vanish(&mut self, person: &Person) {
        self.end(person, false);
    }

    /// A user says goodbye.
    pub(crate) fn leave(&mut self, person: &Person) {
        self.end(person, true);
    }

    fn end(&mut self, person: &Person, goodbye: bool) {
        self.hub.handle(Event::from_client(person.client, FromClient::Closed { goodbye }), self.now);
        self.hub.write(self.now);
    }

    /// Joins, writes so that the seat is kept, and breaks the connection.
    pub(crate) fn join_and_vanish(&mut self, room: &str) -> Person {
        let attacker = self.join(room);
        self.write(&attacker);
        self.vanish(&attacker);
        attacker
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.hub.write(self.now);
    }

    /// Whether a user who is away gets their seat again.
    pub(crate) fn finds_seat(&mut self, room: &str, person: &Person) -> bool {
        let before = person.id().expect("a seat");
        self.join_as(room, 1, person.session).id() == Some(before)
    }

    /// How many rooms are open.
    pub(crate) fn rooms(&mut self) -> usize {
        self.health().rooms
    }

    pub(crate) fn health(&mut self) -> Health {
        let (reply_to, health) = unbounded();
        self.hub.handle(Event::HealthCheck { reply_to }, self.now);
        health.try_recv().expect("an answer")
    }

    fn store(&mut self) -> &mut PlayedStore {
        self.store.as_mut().expect("a store")
    }

    /// The hub gets an answer of the store.
    pub(crate) fn answer(&mut self, answer: Answer) {
        self.hub.handle(Event::Stored(Box::new(answer)), self.now);
        self.hub.write(self.now);
    }

    /// The store loads all rooms that it is asked for.
    pub(crate) fn load_all(&mut self) {
        while let Ok(Load { room, name, epoch, .. }) = self.store().loads.try_recv() {
            let record = self.store().records.get(name.as_str()).cloned().unwrap_or_default();
            self.answer(Answer::Loaded { room, epoch, record: Some(record), posts: Vec::new() });
        }
    }

    /// What the store is to keep of a room next. Nothing else waits for the store.
    pub(crate) fn next_save(&mut self) -> Save {
        match self.store().writes.try_recv() {
            Ok(Write::Change(Change::Save(save))) => save,
            other => panic!("nothing to save, but {other:?}"),
        }
    }

    /// The store has kept a record, or could not.
    pub(crate) fn answer_save(&mut self, Save { room, name, record, .. }: Save, is_kept: bool) {
        if is_kept {
            self.store().records.insert(name.as_str().to_owned(), record);
        }
        self.answer(Answer::Saved { room, is_kept });
    }

    /// The store keeps all that it is to keep.
    pub(crate) fn save_all(&mut self) {
        while !self.store().writes.is_empty() {
            let save = self.next_save();
            self.answer_save(save, true);
        }
    }

    /// The store takes the post that it is asked for next, under this number.
    pub(crate) fn store_post(&mut self, n: u64) {
        let StorePost { room, post, by, .. } = sent_post(&self.store().writes);
        let outcome = Ok(Numbered::New(post.clone().numbered(n)));
        self.answer(Answer::PostStored { room, post, by, outcome });
    }
}
