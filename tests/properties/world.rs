//! A model of a hub: the steps that people take, and the expected state of every page.

use crate::pipe::{Frame, Pipe};
use crate::support::page::Page;
use crossbeam_channel::unbounded;
use proptest::prelude::*;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Address, ClientId, Encoding, Event, FromClient, Health, Hub, MIN_STAY, Name, NewClient, Now,
    Session, Shard, Text, TextChange,
};
use typewall::{HostMode, HostOptions, Limits, RoomName, SecretHash};

pub(crate) const LIMITS: Limits = Limits {
    log_length: 5,
    max_rooms: 10_000,
    grace: Duration::from_millis(500),
    ping_every: Duration::from_secs(3600),
    room_burst: 1 << 30,
    ..Limits::DEFAULT
};

/// The host key.
pub(crate) const KEY: &str = "key";

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Connects, unless it is connected.
    Enter {
        person: usize,
        room: usize,
    },
    Join {
        person: usize,
        name: &'static str,
    },
    Watch {
        person: usize,
    },
    Rename {
        person: usize,
        name: &'static str,
    },
    Write {
        person: usize,
        text: String,
    },
    /// The same, sent as a splice.
    Splice {
        person: usize,
        text: String,
    },
    Resync {
        person: usize,
    },
    Post {
        person: usize,
        text: String,
        reference: Option<&'static str>,
    },
    Ping {
        person: usize,
    },
    /// The connection ends, with a goodbye or without.
    Leave {
        person: usize,
        goodbye: bool,
    },
    /// A second connection takes the seat while the first is still open.
    Reconnect {
        person: usize,
    },
    /// The socket accepts this many more bytes.
    Read {
        person: usize,
        bytes: usize,
    },
    /// The hub writes, this many milliseconds later.
    Cut {
        millis: u64,
    },
}

pub(crate) const PEOPLE: usize = 6;

/// The address of every client.
pub(crate) fn here() -> Address {
    Address::of(Ipv4Addr::LOCALHOST.into())
}

/// A client whose WebSocket is open, and which reads from a pipe.
pub(crate) fn new_client(id: ClientId, room: RoomName, encoding: Encoding, pipe: &Pipe) -> NewClient<Pipe> {
    let transport = pipe.clone();
    NewClient { id, address: here(), room, encoding, transport, handshake: Vec::new(), admitted: false }
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let person = || 0..PEOPLE;
    let name = || prop_oneof![Just("Ada"), Just("ada"), Just("Bob"), Just("李")];
    let reference = prop_oneof![2 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))];
    let step = prop_oneof![
        6 => (person(), 0..2_usize).prop_map(|(person, room)| Step::Enter { person, room }),
        6 => (person(), name()).prop_map(|(person, name)| Step::Join { person, name }),
        2 => (person(), name()).prop_map(|(person, name)| Step::Rename { person, name }),
        1 => person().prop_map(|person| Step::Watch { person }),
        8 => (person(), "[a-c\"é😀\u{2028}\0]{0,40}").prop_map(|(person, text)| Step::Write { person, text }),
        8 => (person(), "[abé😀]{0,12}").prop_map(|(person, text)| Step::Splice { person, text }),
        1 => person().prop_map(|person| Step::Resync { person }),
        4 => (person(), "[a-c😀]{1,10}", reference)
            .prop_map(|(person, text, reference)| Step::Post { person, text, reference }),
        1 => person().prop_map(|person| Step::Ping { person }),
        3 => (person(), any::<bool>()).prop_map(|(person, goodbye)| Step::Leave { person, goodbye }),
        1 => person().prop_map(|person| Step::Reconnect { person }),
        5 => (person(), 0..400_usize).prop_map(|(person, bytes)| Step::Read { person, bytes }),
        5 => (0..200_u64).prop_map(|millis| Step::Cut { millis }),
    ];
    prop::collection::vec(step, 1..200)
}

/// The hub and the expected state.
pub(crate) struct World {
    pub hub: Hub<Pipe>,
    pub now: Now,
    pub last_client: u64,
    pub people: Vec<Person>,
    pub rooms: [Posted; 2],
    pub superseded: Vec<(ClientId, Pipe)>,
}

/// The posts of a room while it is open.
#[derive(Default)]
pub(crate) struct Posted {
    pub count: u64,
    pub marks: HashSet<(usize, &'static str)>,
}

pub(crate) struct Person {
    pub session: Session,
    pub line: Option<Connection>,
    /// The person's seat in each of the rooms.
    pub seats: [Option<Seat>; 2],
}

#[derive(Clone)]
pub(crate) struct Connection {
    pub client: ClientId,
    pub pipe: Pipe,
    pub room: usize,
    pub joined: bool,
    /// The number of posts in its room when it connected.
    pub posted_before: u64,
    pub references: Vec<&'static str>,
}

pub(crate) struct Seat {
    pub text: String,
    pub since: Instant,
    pub wrote: bool,
    pub away_since: Option<Instant>,
}

impl World {
    pub(crate) fn new(people: usize) -> Self {
        Self::with(LIMITS, people)
    }

    pub(crate) fn with(limits: Limits, people: usize) -> Self {
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        let person = |_| Person { session: Session::random(), line: None, seats: [None, None] };
        let people = (0..people).map(person).collect();
        let hosts = HostOptions { mode: HostMode::Key, key: Some(SecretHash::new(KEY)) };
        Self {
            hub: Hub::new(limits, None, hosts, None, Shard::single()),
            now,
            last_client: 0,
            people,
            rooms: Default::default(),
            superseded: vec![],
        }
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Enter { person, room } if self.people[person].line.is_none() => self.enter(person, room),
            Step::Enter { .. } => {}
            Step::Join { person, name } => self.join(person, name),
            Step::Watch { person } => self.act(person, Action::Watch),
            Step::Rename { person, name } => {
                self.act(person, Action::Rename(Name::parse(name, 40).unwrap()));
            }
            Step::Write { person, text } => self.write(person, &text),
            Step::Splice { person, text } => self.splice(person, &text),
            Step::Resync { person } => self.act(person, Action::Resync),
            Step::Post { person, text, reference } => self.post(person, &text, reference),
            Step::Ping { person } => {
                if let Some(Connection { client, .. }) = self.people[person].line {
                    self.hub.handle(Event::from_client(client, FromClient::Frames(vec![0x8A, 0])), self.now);
                }
            }
            Step::Leave { person, goodbye } => self.leave(person, goodbye),
            Step::Reconnect { person } => self.reconnect(person),
            Step::Read { person, bytes } => {
                if let Some(line) = &self.people[person].line {
                    line.pipe.0.borrow_mut().space += bytes;
                }
            }
            Step::Cut { millis } => self.cut(Duration::from_millis(millis)),
        }
    }

    pub(crate) fn enter(&mut self, person: usize, room: usize) {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let pipe = Pipe::default();
        let encoding = if person.is_multiple_of(2) { Encoding::PLAIN_WHOLE } else { Encoding::PLAIN_SPLICED };
        let name = RoomName::from_query(&format!("room={room}")).unwrap();
        self.hub.handle(Event::Connected(new_client(client, name, encoding, &pipe)), self.now);
        let posted_before = self.rooms[room].count;
        let line = Connection { client, pipe, room, joined: false, posted_before, references: vec![] };
        self.people[person].line = Some(line);
    }

    pub(crate) fn act(&mut self, person: usize, action: Action) {
        if let Some(Connection { client, .. }) = self.people[person].line {
            self.hub.handle(Event::from_client(client, FromClient::Acted(action)), self.now);
        }
    }

    /// The seat that a person's connection has.
    pub(crate) fn seat(&mut self, person: usize) -> Option<&mut Seat> {
        let Person { line, seats, .. } = &mut self.people[person];
        let line = line.as_ref().filter(|line| line.joined)?;
        seats[line.room].as_mut()
    }

    pub(crate) fn join(&mut self, person: usize, name: &str) {
        let session = self.people[person].session;
        self.act(person, Action::Join { name: Name::parse(name, 40).unwrap(), session });
        let Person { line, seats, .. } = &mut self.people[person];
        if let Some(line) = line {
            line.joined = true;
            let (text, since) = (String::new(), self.now.instant);
            let new = Seat { text, since, wrote: false, away_since: None };
            seats[line.room].get_or_insert(new).away_since = None;
        }
    }

    pub(crate) fn write(&mut self, person: usize, text: &str) {
        self.act(person, Action::Write(TextChange::Whole(text.to_owned().into())));
        if let Some(seat) = self.seat(person) {
            text.clone_into(&mut seat.text);
            seat.wrote |= !text.is_empty();
        }
    }

    pub(crate) fn splice(&mut self, person: usize, text: &str) {
        let Some(Seat { text: before, wrote, .. }) = self.seat(person) else { return };
        *wrote |= !text.is_empty();
        let (old, new): (Text, Text) = (before.clone().into(), text.to_owned().into());
        let splice = old.splice_to(&new).into_owned();
        text.clone_into(before);
        self.act(person, Action::Write(TextChange::Splice(splice)));
    }

    pub(crate) fn post(&mut self, person: usize, text: &str, reference: Option<&'static str>) {
        self.act(person, Action::Post { text: text.to_owned(), reference: reference.map(str::to_owned) });
        let Some(line) = self.people[person].line.as_mut().filter(|line| line.joined) else { return };
        line.references.extend(reference);
        let room = line.room;
        if let Some(seat) = &mut self.people[person].seats[room] {
            seat.wrote = true;
        }
        let posted = &mut self.rooms[room];
        let is_new = reference.is_none_or(|reference| posted.marks.insert((person, reference)));
        posted.count += u64::from(is_new);
    }

    pub(crate) fn leave(&mut self, person: usize, goodbye: bool) {
        let Some(Connection { client, room, joined, .. }) = self.people[person].line.take() else { return };
        self.hub.handle(Event::from_client(client, FromClient::Closed { goodbye }), self.now);
        match &mut self.people[person].seats[room] {
            Some(seat) if joined && !goodbye && (seat.wrote || self.now.instant - seat.since >= MIN_STAY) => {
                seat.away_since = Some(self.now.instant);
            }
            seat if joined => *seat = None,
            _ => {}
        }
        self.forget_empty_rooms();
    }

    pub(crate) fn reconnect(&mut self, person: usize) {
        let Some(before) = self.people[person].line.take() else { return };
        self.enter(person, before.room);
        self.join(person, "Ada");
        if before.joined {
            self.superseded.push((before.client, before.pipe));
        } else {
            self.hub
                .handle(Event::from_client(before.client, FromClient::Closed { goodbye: false }), self.now);
        }
    }

    pub(crate) fn cut(&mut self, later: Duration) {
        self.now.instant += later;
        self.hub.write(self.now);
        for seat in self.people.iter_mut().flat_map(|person| &mut person.seats) {
            seat.take_if(|seat| {
                seat.away_since.is_some_and(|since| since + LIMITS.grace <= self.now.instant)
            });
        }
        self.forget_empty_rooms();
    }

    pub(crate) fn forget_empty_rooms(&mut self) {
        for (room, posted) in self.rooms.iter_mut().enumerate() {
            let is_in = |person: &Person| {
                person.line.as_ref().is_some_and(|line| line.room == room) || person.seats[room].is_some()
            };
            if !self.people.iter().any(is_in) {
                *posted = Posted::default();
            }
        }
    }

    /// The hub's own figures.
    pub(crate) fn health(&mut self) -> Health {
        let (reply_to, health) = unbounded();
        self.hub.handle(Event::HealthCheck { reply_to }, self.now);
        health.try_recv().expect("an answer")
    }

    pub(crate) fn pipe(&self, person: usize) -> Pipe {
        self.people[person].line.as_ref().expect("a connection").pipe.clone()
    }

    /// Lets every client read everything.
    pub(crate) fn settle(&mut self) {
        let lines = self.people.iter().filter_map(|person| person.line.as_ref()).map(|line| &line.pipe);
        for pipe in lines.chain(self.superseded.iter().map(|(_, pipe)| pipe)) {
            pipe.0.borrow_mut().space = usize::MAX;
        }
        // Full sockets are retried within this time, and no grace period ends.
        for _ in 0..20 {
            self.cut(Duration::from_millis(10));
        }
    }

    pub(crate) fn check(&self) {
        let lines: Vec<(usize, &Connection)> = self
            .people
            .iter()
            .enumerate()
            .filter_map(|(n, person)| Some((n, person.line.as_ref()?)))
            .collect();
        let shown: Vec<Page> = lines.iter().map(|(_, line)| line.pipe.page()).collect();
        for ((person, line), view) in lines.iter().zip(&shown) {
            let came: Vec<u64> = (line.posted_before + 1..=self.rooms[line.room].count).collect();
            assert!(view.received.ends_with(&came), "posts {:?}, and not {came:?}", view.received);
            assert!(view.received.is_sorted(), "posts out of order: {:?}", view.received);
            assert_eq!(view.references, line.references, "every ref is answered, in order");
            assert_eq!(view.you.is_some(), line.joined, "a user knows its own id");
            if view.room.is_some() {
                self.check_users(*person, line.room, view);
            }
        }
        for room in 0..self.rooms.len() {
            let is_in = |line: &Connection, page: &Page| line.room == room && page.room.is_some();
            let pages = lines.iter().zip(&shown).filter(|((_, line), page)| is_in(line, page));
            let mut users: Vec<_> = pages.map(|(_, page)| (page.names(), page.marks())).collect();
            users.dedup();
            assert!(users.len() <= 1, "pages show other names or marks: {users:?}");
        }
        for (_, pipe) in &self.superseded {
            assert_eq!(pipe.frames().last(), Some(&Frame::Close(4001)));
        }
    }

    /// Compares all texts together, because the test does not know the ids of users who are away.
    pub(crate) fn check_users(&self, person: usize, room: usize, view: &Page) {
        let seats =
            self.people.iter().enumerate().filter_map(|(n, person)| Some((n, person.seats[room].as_ref()?)));
        // The server does not send a user their own text.
        let others = seats.filter(|(n, _)| *n != person || view.you.is_none());
        let mut expected: Vec<(&str, bool)> =
            others.map(|(_, seat)| (seat.text.as_str(), seat.away_since.is_some())).collect();
        let own = view.you.as_ref();
        let seen = view.users.iter().filter(|(id, _)| Some(*id) != own);
        let mut seen: Vec<(&str, bool)> = seen.map(|(_, user)| (user.text.as_str(), user.away)).collect();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected);
        let names: HashSet<&String> = view.users.values().map(|user| &user.name).collect();
        assert_eq!(names.len(), view.users.len(), "two users have the same name");
        assert!(own.is_none_or(|own| view.users.contains_key(own)), "a user is in its own list of users");
    }
}
