//! Random rooms: whatever clients do, however the batches are cut and however little their sockets take,
//! everyone ends up with the same users, texts and posts. The whole hub, without sockets, threads or clocks.

use crossbeam_channel::unbounded;
use proptest::prelude::*;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Cursor, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use typewall::Limits;
use typewall::batch::ClientId;
use typewall::clock::Now;
use typewall::hub::{Event, Health, Hub};
use typewall::names::{Name, RoomName};
use typewall::outbox::{MAX_BACKLOG, MAX_STALL, Sink};
use typewall::room::Action;
use typewall::session::Session;

const LIMITS: Limits = Limits {
    log_length: 5,
    grace: Duration::from_millis(500),
    ping_every: Duration::from_secs(3600),
    ..Limits::DEFAULT
};

/// A socket that takes `space` bytes and then is full.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<Line>>);

#[derive(Default)]
struct Line {
    space: usize,
    bytes: Vec<u8>,
    sends: usize,
    shut: Option<Shutdown>,
}

impl Sink for Pipe {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut line = self.0.borrow_mut();
        line.sends += 1;
        if line.shut.is_some() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        let taken = all.len().min(line.space);
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        line.space -= taken;
        line.bytes.extend_from_slice(&all[..taken]);
        Ok(taken)
    }

    fn shutdown(&self, how: Shutdown) {
        self.0.borrow_mut().shut = Some(how);
    }
}

/// A frame as it stands in a pipe.
#[derive(Debug, PartialEq)]
enum Frame {
    Event(String, Value),
    Close(u16),
    Pong,
}

impl Frame {
    fn name(&self) -> &str {
        match self {
            Self::Event(event, _) => event,
            Self::Close(_) => "close",
            Self::Pong => "pong",
        }
    }
}

impl Pipe {
    /// Every whole frame that came; what is left must be the beginning of one.
    fn frames(&self) -> Vec<Frame> {
        let bytes = self.0.borrow().bytes.clone();
        let mut frames = Vec::new();
        let mut cursor = Cursor::new(&bytes[..]);
        while let Some((header, len)) = FrameHeader::parse(&mut cursor).expect("a header") {
            let start = cursor.position() as usize;
            let Some(payload) = bytes.get(start..start + len as usize) else {
                break;
            };
            cursor.set_position((start + payload.len()) as u64);
            frames.push(match header.opcode {
                OpCode::Data(Data::Text) => {
                    let (event, data) = serde_json::from_slice(payload).expect("an event");
                    Frame::Event(event, data)
                }
                OpCode::Control(Control::Close) => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
                OpCode::Control(Control::Pong) => Frame::Pong,
                other => panic!("the hub sent {other:?}"),
            });
        }
        frames
    }
}

/// What a page shows that got these frames.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    you: Option<String>,
    users: BTreeMap<String, ShownUser>,
    posts: Vec<u64>,
    /// The refs that came back.
    references: Vec<String>,
    snapshots: usize,
}

#[derive(Debug, PartialEq)]
struct ShownUser {
    name: String,
    text: String,
    away: bool,
}

impl Shown {
    fn replay(frames: &[Frame]) -> Self {
        let mut shown = Self::default();
        for frame in frames {
            if let Frame::Event(event, data) = frame {
                shown.apply(event, data);
            }
        }
        shown
    }

    fn apply(&mut self, event: &str, data: &Value) {
        let text = |data: &Value| data.as_str().expect("a string").to_owned();
        // Before its first snapshot, a viewer hears of people it does not know.
        let knows = self.snapshots > 0;
        match event {
            "existing_users" => self.replace(data),
            "new_user" => {
                let user = ShownUser { name: text(&data["new_user_name"]), text: String::new(), away: false };
                assert_eq!(self.users.insert(text(&data["id"]), user), None, "somebody came twice");
            }
            "disconnect_user" => {
                assert!(self.users.remove(&text(&data["id"])).is_some() || !knows, "nobody left");
            }
            "text_update" | "user_away" | "user_back" => {
                assert_ne!(self.you, Some(text(&data["id"])), "somebody was told of themselves");
                match self.users.get_mut(&text(&data["id"])) {
                    Some(user) if event == "text_update" => user.text = text(&data["text"]),
                    Some(user) => user.away = event == "user_away",
                    None => assert!(!knows, "{event} of nobody"),
                }
            }
            "data" => {
                let reference = data["ref"].as_str().map(str::to_owned);
                let is_new = self.posts.last() < data["n"].as_u64().as_ref();
                assert!(is_new || reference.is_some(), "a post came twice");
                // In the batch of its joining, an author hears of its posts before it knows its id.
                let by_other = self.you.as_ref().is_some_and(|you| data["id"] != **you);
                assert!(reference.is_none() || !is_new || !by_other, "a ref of others");
                self.posts.extend(data["n"].as_u64().filter(|_| is_new));
                self.references.extend(reference);
            }
            "error" => {}
            other => panic!("the hub sent {other}"),
        }
    }

    fn replace(&mut self, data: &Value) {
        let text = |data: &Value| data.as_str().expect("a string").to_owned();
        let user = |user: &Value| ShownUser {
            name: text(&user["name"]),
            text: text(&user["text"]),
            away: user["away"].as_bool().expect("a bool"),
        };
        self.you = data["you"].as_str().map(str::to_owned);
        assert_eq!(self.you.is_some(), data["session"].is_string(), "a session for those who have a seat");
        let users = data["users"].as_object().expect("users");
        self.users = users.iter().map(|(id, data)| (id.clone(), user(data))).collect();
        let log: Vec<u64> =
            data["log"].as_array().unwrap().iter().map(|post| post["n"].as_u64().unwrap()).collect();
        assert!(self.posts.last() <= log.last(), "a snapshot lacks a post that was seen");
        self.posts.retain(|n| !log.contains(n));
        self.posts.extend(log);
        self.snapshots += 1;
    }
}

#[derive(Debug, Clone)]
enum Step {
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
    Write {
        person: usize,
        text: String,
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
        farewell: bool,
    },
    /// A second connection takes the seat of the first, which does not know that it is dead.
    Reconnect {
        person: usize,
    },
    /// So many bytes are read.
    Read {
        person: usize,
        bytes: usize,
    },
    /// The batch is cut here, so many milliseconds later.
    Cut {
        millis: u64,
    },
}

const PEOPLE: usize = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let person = || 0..PEOPLE;
    let name = prop_oneof![Just("Ada"), Just("ada"), Just("Bob"), Just("李")];
    let reference = prop_oneof![2 => Just(None), 1 => Just(Some("a")), 1 => Just(Some("b"))];
    let step = prop_oneof![
        6 => (person(), 0..2_usize).prop_map(|(person, room)| Step::Enter { person, room }),
        6 => (person(), name).prop_map(|(person, name)| Step::Join { person, name }),
        1 => person().prop_map(|person| Step::Watch { person }),
        8 => (person(), "[a-c\"é😀\u{2028}\0]{0,40}").prop_map(|(person, text)| Step::Write { person, text }),
        4 => (person(), "[a-c😀]{1,10}", reference)
            .prop_map(|(person, text, reference)| Step::Post { person, text, reference }),
        1 => person().prop_map(|person| Step::Ping { person }),
        3 => (person(), any::<bool>()).prop_map(|(person, farewell)| Step::Leave { person, farewell }),
        1 => person().prop_map(|person| Step::Reconnect { person }),
        5 => (person(), 0..400_usize).prop_map(|(person, bytes)| Step::Read { person, bytes }),
        5 => (0..200_u64).prop_map(|millis| Step::Cut { millis }),
    ];
    prop::collection::vec(step, 1..200)
}

/// The hub, and what it should come to.
struct World {
    hub: Hub<Pipe>,
    now: Now,
    last_client: u64,
    people: Vec<Person>,
    rooms: [Posted; 2],
    superseded: Vec<(ClientId, Pipe)>,
}

/// What was posted in a room, as long as it lasts.
#[derive(Default)]
struct Posted {
    count: u64,
    marks: HashSet<(usize, &'static str)>,
}

struct Person {
    session: Session,
    line: Option<Connection>,
    /// In each of the rooms.
    seats: [Option<Seat>; 2],
}

#[derive(Clone)]
struct Connection {
    client: ClientId,
    pipe: Pipe,
    room: usize,
    joined: bool,
    /// How many posts its room had when it came.
    posted_before: u64,
    references: Vec<&'static str>,
}

struct Seat {
    text: String,
    away_since: Option<Instant>,
}

impl World {
    fn new(people: usize) -> Self {
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        let person = |_| Person { session: Session::random(), line: None, seats: [None, None] };
        let people = (0..people).map(person).collect();
        Self {
            hub: Hub::new(LIMITS, None),
            now,
            last_client: 0,
            people,
            rooms: Default::default(),
            superseded: vec![],
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Enter { person, room } if self.people[person].line.is_none() => self.enter(person, room),
            Step::Enter { .. } => {}
            Step::Join { person, name } => self.join(person, name),
            Step::Watch { person } => self.act(person, Action::Watch),
            Step::Write { person, text } => self.write(person, &text),
            Step::Post { person, text, reference } => self.post(person, &text, reference),
            Step::Ping { person } => {
                if let Some(Connection { client, .. }) = self.people[person].line {
                    self.hub.handle(Event::Answered { client, frames: vec![0x8A, 0] }, self.now);
                }
            }
            Step::Leave { person, farewell } => self.leave(person, farewell),
            Step::Reconnect { person } => self.reconnect(person),
            Step::Read { person, bytes } => {
                if let Some(line) = &self.people[person].line {
                    line.pipe.0.borrow_mut().space += bytes;
                }
            }
            Step::Cut { millis } => self.cut(Duration::from_millis(millis)),
        }
    }

    fn enter(&mut self, person: usize, room: usize) {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let pipe = Pipe::default();
        let name = RoomName::from_query(&format!("room={room}")).unwrap();
        self.hub.handle(
            Event::Connected { client, room: name, sink: pipe.clone(), greeting: Vec::new() },
            self.now,
        );
        let posted_before = self.rooms[room].count;
        let line = Connection { client, pipe, room, joined: false, posted_before, references: vec![] };
        self.people[person].line = Some(line);
    }

    fn act(&mut self, person: usize, action: Action) {
        if let Some(Connection { client, .. }) = self.people[person].line {
            self.hub.handle(Event::Acted { client, action }, self.now);
        }
    }

    /// The seat that a person writes from.
    fn seat(&mut self, person: usize) -> Option<&mut Seat> {
        let Person { line, seats, .. } = &mut self.people[person];
        let line = line.as_ref().filter(|line| line.joined)?;
        seats[line.room].as_mut()
    }

    fn join(&mut self, person: usize, name: &str) {
        let session = self.people[person].session;
        self.act(person, Action::Join { name: Name::parse(name, 40).unwrap(), session });
        let Person { line, seats, .. } = &mut self.people[person];
        if let Some(line) = line {
            line.joined = true;
            let seat = seats[line.room].get_or_insert(Seat { text: String::new(), away_since: None });
            seat.away_since = None;
        }
    }

    fn write(&mut self, person: usize, text: &str) {
        self.act(person, Action::Write(text.to_owned()));
        if let Some(seat) = self.seat(person) {
            text.clone_into(&mut seat.text);
        }
    }

    fn post(&mut self, person: usize, text: &str, reference: Option<&'static str>) {
        self.act(person, Action::Post { text: text.to_owned(), reference: reference.map(str::to_owned) });
        let Some(line) = self.people[person].line.as_mut().filter(|line| line.joined) else { return };
        line.references.extend(reference);
        let posted = &mut self.rooms[line.room];
        let is_new = reference.is_none_or(|reference| posted.marks.insert((person, reference)));
        posted.count += u64::from(is_new);
    }

    fn leave(&mut self, person: usize, farewell: bool) {
        let Some(Connection { client, room, joined, .. }) = self.people[person].line.take() else { return };
        self.hub.handle(Event::Closed { client, farewell }, self.now);
        match &mut self.people[person].seats[room] {
            seat if farewell && joined => *seat = None,
            Some(seat) if joined => seat.away_since = Some(self.now.instant),
            _ => {}
        }
        self.forget_empty_rooms();
    }

    fn reconnect(&mut self, person: usize) {
        let Some(before) = self.people[person].line.take() else { return };
        self.enter(person, before.room);
        self.join(person, "Ada");
        if before.joined {
            self.superseded.push((before.client, before.pipe));
        } else {
            self.hub.handle(Event::Closed { client: before.client, farewell: false }, self.now);
        }
    }

    fn cut(&mut self, later: Duration) {
        self.now.instant += later;
        self.hub.write(self.now);
        for seat in self.people.iter_mut().flat_map(|person| &mut person.seats) {
            seat.take_if(|seat| {
                seat.away_since.is_some_and(|since| since + LIMITS.grace <= self.now.instant)
            });
        }
        self.forget_empty_rooms();
    }

    fn forget_empty_rooms(&mut self) {
        for (room, posted) in self.rooms.iter_mut().enumerate() {
            let is_in = |person: &Person| {
                person.line.as_ref().is_some_and(|line| line.room == room) || person.seats[room].is_some()
            };
            if !self.people.iter().any(is_in) {
                *posted = Posted::default();
            }
        }
    }

    fn pipe(&self, person: usize) -> Pipe {
        self.people[person].line.as_ref().expect("a connection").pipe.clone()
    }

    /// Lets everyone read everything.
    fn settle(&mut self) {
        let lines = self.people.iter().filter_map(|person| person.line.as_ref()).map(|line| &line.pipe);
        for pipe in lines.chain(self.superseded.iter().map(|(_, pipe)| pipe)) {
            pipe.0.borrow_mut().space = usize::MAX;
        }
        // Sockets are tried again within this time, and no seat's grace ends.
        for _ in 0..10 {
            self.cut(Duration::from_millis(10));
        }
    }

    fn check(&self) {
        let lines: Vec<(usize, &Connection)> = self
            .people
            .iter()
            .enumerate()
            .filter_map(|(n, person)| Some((n, person.line.as_ref()?)))
            .collect();
        let shown: Vec<Shown> = lines.iter().map(|(_, line)| Shown::replay(&line.pipe.frames())).collect();
        for ((person, line), view) in lines.iter().zip(&shown) {
            let came: Vec<u64> = (line.posted_before + 1..=self.rooms[line.room].count).collect();
            assert!(view.posts.ends_with(&came), "posts {:?}, and not {came:?}", view.posts);
            assert!(view.posts.is_sorted(), "posts out of order: {:?}", view.posts);
            assert_eq!(view.references, line.references, "every ref is answered, in order");
            assert_eq!(view.you.is_some(), line.joined, "who has joined knows its id");
            if view.snapshots > 0 {
                self.check_users(*person, line.room, view);
            }
        }
        for (_, pipe) in &self.superseded {
            assert_eq!(pipe.frames().last(), Some(&Frame::Close(4001)));
        }
    }

    /// Texts are compared as a whole, because the ids of those who are away are known to nobody here.
    fn check_users(&self, person: usize, room: usize, view: &Shown) {
        let seats =
            self.people.iter().enumerate().filter_map(|(n, person)| Some((n, person.seats[room].as_ref()?)));
        // One's own text is one's own; the server does not tell it.
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
        assert_eq!(names.len(), view.users.len(), "two have the same name");
        assert!(own.is_none_or(|own| view.users.contains_key(own)), "one sees oneself");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everyone_ends_with_the_same_room(steps in steps()) {
        let mut world = World::new(PEOPLE);
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
    }
}

/// A hub with clients of one room, who have joined with these names.
fn joined(names: &[&str]) -> World {
    let mut world = World::new(names.len());
    for (n, name) in names.iter().enumerate() {
        world.enter(n, 0);
        world.join(n, name);
    }
    world.settle();
    world
}

/// The same, and their pipes, which are empty and endless.
fn room(names: &[&str]) -> (World, Vec<Pipe>) {
    let world = joined(names);
    let pipes: Vec<Pipe> = (0..names.len()).map(|n| world.pipe(n)).collect();
    for pipe in &pipes {
        pipe.0.borrow_mut().bytes.clear();
        pipe.0.borrow_mut().sends = 0;
    }
    (world, pipes)
}

#[test]
fn a_batch_is_one_send_to_each_with_the_latest_texts() {
    let (mut world, pipes) = room(&["Ada", "Bob", "Cem"]);
    world.write(0, "a");
    world.post(0, "posted", None);
    world.write(1, "b");
    world.write(0, "ab");
    world.hub.write(world.now);
    let events = |pipe: &Pipe| -> Vec<(String, String)> {
        let text = |data: &Value| data["text"].as_str().unwrap().to_owned();
        pipe.frames()
            .iter()
            .map(|frame| match frame {
                Frame::Event(event, data) => (event.clone(), text(data)),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let pair = |event: &str, text: &str| (event.to_owned(), text.to_owned());
    assert_eq!(
        events(&pipes[2]),
        [pair("data", "posted"), pair("text_update", "ab"), pair("text_update", "b")]
    );
    assert_eq!(events(&pipes[0]), [pair("data", "posted"), pair("text_update", "b")]);
    assert_eq!(events(&pipes[1]), [pair("data", "posted"), pair("text_update", "ab")]);
    assert!(pipes.iter().all(|pipe| pipe.0.borrow().sends == 1));
}

#[test]
fn the_newcomer_hears_of_itself_before_the_snapshot_and_not_of_what_was_before() {
    let (mut world, _) = room(&["Ada"]);
    world.people.extend(World::new(1).people);
    world.post(0, "before", None);
    world.write(0, "latest");
    world.enter(1, 0);
    world.join(1, "ADA");
    world.settle();
    let frames = world.pipe(1).frames();
    let [Frame::Event(first, new_user), Frame::Event(second, snapshot)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("new_user", "existing_users"));
    assert_eq!(new_user["new_user_name"], "ADA 2");
    assert_eq!(snapshot["name"], "ADA 2");
    assert_eq!(snapshot["users"]["1"]["text"], "latest");
    assert_eq!(snapshot["log"][0]["text"], "before");
}

#[test]
fn a_full_socket_gets_the_latest_text_and_not_the_missed_ones() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    for n in 0..1000 {
        world.write(0, &format!("text {n}"));
        world.hub.write(world.now);
    }
    world.settle();
    let frames = pipes[1].frames();
    assert_eq!(frames.len(), 1, "of a thousand texts only the last is sent");
    assert!(matches!(&frames[0], Frame::Event(_, data) if data["text"] == "text 999"));
}

#[test]
fn a_slow_socket_that_takes_a_little_at_a_time_gets_every_box_in_turn() {
    let names: Vec<String> = (0..50).map(|n| format!("user {n}")).collect();
    let (mut world, pipes) = room(&names.iter().map(String::as_str).collect::<Vec<_>>());
    pipes[0].0.borrow_mut().space = 0;
    let long = "x".repeat(10_000);
    for n in 1..50 {
        world.write(n, &format!("{long} {n}"));
    }
    world.hub.write(world.now);
    for _ in 0..100 {
        pipes[0].0.borrow_mut().space = 30_000;
        world.now.instant += Duration::from_secs(1);
        world.hub.write(world.now);
    }
    let texts = pipes[0].frames().len();
    assert_eq!(texts, 49, "each box was sent once, though the socket never had room for all");
}

#[test]
fn one_over_the_backlog_is_closed_and_its_room_is_told() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 100;
    for _ in 0..MAX_BACKLOG / 10_000 + 2 {
        world.post(0, &"x".repeat(10_000), None);
        world.hub.write(world.now);
    }
    let left =
        pipes[0].frames().iter().any(|frame| matches!(frame, Frame::Event(event, _) if event == "user_away"));
    assert!(left, "the room is told");
    pipes[1].0.borrow_mut().space = usize::MAX;
    world.now.instant += Duration::from_secs(1);
    world.hub.write(world.now);
    assert_eq!(pipes[1].frames().last(), Some(&Frame::Close(4002)));
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Write));
}

#[test]
fn one_that_takes_nothing_for_too_long_is_closed_and_then_cut() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    world.write(0, "a");
    let start = world.now.instant;
    world.hub.write(world.now);
    while pipes[1].0.borrow().shut.is_none() {
        world.now.instant = world.hub.due().expect("something is due until it is cut");
        world.hub.write(world.now);
    }
    assert!(world.now.instant - start >= MAX_STALL);
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Both));
    let frames = pipes[0].frames();
    let events: Vec<&str> = frames.iter().map(Frame::name).collect();
    assert_eq!(events, ["user_away", "disconnect_user"]);
}

#[test]
fn a_room_that_nobody_is_in_is_forgotten() {
    let (mut world, _) = room(&["Ada"]);
    world.post(0, "gone", None);
    world.leave(0, true);
    let (asker, health) = unbounded();
    world.hub.handle(Event::Examined(asker), world.now);
    let Health { clients, rooms } = health.try_recv().unwrap();
    assert_eq!((clients, rooms), (0, 0));
    world.enter(0, 0);
    world.act(0, Action::Watch);
    world.settle();
    let frames = world.pipe(0).frames();
    assert!(matches!(&frames[..], [Frame::Event(_, data)] if data["log"].as_array().unwrap().is_empty()));
}

/// Lets time pass, and a pipe take so many bytes in each step of it.
fn pass(world: &mut World, pipe: &Pipe, steps: usize, step: Duration, bytes: usize) {
    for _ in 0..steps {
        pipe.0.borrow_mut().space = bytes;
        world.now.instant += step;
        world.hub.write(world.now);
    }
}

#[test]
fn one_that_takes_a_little_all_the_time_is_never_given_up() {
    let mut world = joined(&["Ada", "Bob"]);
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 0;
    for n in 0..40 {
        world.write(0, &format!("{n} {}", "x".repeat(9_000)));
        world.post(0, &"y".repeat(1_000), None);
        // Two seconds a text: more than a minute in all, always behind.
        pass(&mut world, &bob, 4, Duration::from_millis(500), 700);
    }
    assert!(world.now.instant.duration_since(Instant::now()) > MAX_STALL);
    assert_eq!(bob.0.borrow().shut, None);
    world.settle();
    world.check();
}

#[test]
fn one_that_missed_many_boxes_gets_each_once_when_it_takes_everything_again() {
    let names: Vec<String> = (0..50).map(|n| format!("user {n}")).collect();
    let mut world = joined(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let pipe = world.pipe(0);
    let before = pipe.frames().len();
    pipe.0.borrow_mut().space = 0;
    for n in 1..50 {
        world.write(n, &"x".repeat(10_000));
    }
    world.hub.write(world.now);
    pass(&mut world, &pipe, 1, Duration::from_secs(1), 100_000);
    world.settle();
    assert_eq!(pipe.frames().len() - before, 49);
    world.check();
}

#[test]
fn a_snapshot_is_no_part_of_the_backlog_and_the_backlog_is_counted_anew() {
    let mut world = joined(&["Ada"]);
    let long = "x".repeat(9_000);
    for _ in 0..3 {
        world.write(0, &long.repeat(100)); // nearly all that may wait
        world.people.extend(World::new(1).people);
        let newcomer = world.people.len() - 1;
        world.enter(newcomer, 0);
        world.act(newcomer, Action::Watch);
        world.hub.write(world.now);
        world.join(newcomer, "Bob");
        world.hub.write(world.now);
        for _ in 0..20 {
            world.post(0, &long, None);
            world.hub.write(world.now);
        }
        assert_eq!(world.pipe(newcomer).0.borrow().shut, None, "two snapshots and a little more");
        world.settle();
        world.check();
    }
    let bob = world.pipe(1);
    bob.0.borrow_mut().space = 0;
    for _ in 0..MAX_BACKLOG / long.len() + 2 {
        world.post(0, &long, None);
        world.hub.write(world.now);
    }
    bob.0.borrow_mut().space = usize::MAX;
    pass(&mut world, &bob, 2, Duration::from_secs(1), usize::MAX);
    assert_eq!(bob.frames().last(), Some(&Frame::Close(4002)), "without a snapshot the bound is what it was");
}

#[test]
fn nothing_follows_a_close_frame_and_nothing_before_it_is_lost() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    let client = world.people[1].line.as_ref().unwrap().client;
    let pong = || Event::Answered { client, frames: vec![0x8A, 0] };
    let violation = Event::Violated { client, code: CloseCode::Unsupported, reason: "" };
    for event in [pong(), violation, pong()] {
        world.hub.handle(event, world.now);
    }
    world.hub.write(world.now);
    world.hub.handle(pong(), world.now);
    world.hub.write(world.now);
    assert_eq!(pipes[1].frames(), [Frame::Pong, Frame::Close(1003)]);
}

#[test]
fn a_pong_comes_behind_all_that_happened_before_its_ping() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    let client = world.people[1].line.as_ref().unwrap().client;
    world.write(0, "before");
    world.hub.handle(Event::Answered { client, frames: vec![0x8A, 0] }, world.now);
    world.hub.write(world.now);
    let frames = pipes[1].frames();
    let names: Vec<&str> = frames.iter().map(Frame::name).collect();
    assert_eq!(names, ["text_update", "pong"]);
}

#[test]
fn the_hub_takes_all_that_waits_before_it_writes() {
    let (events, queue) = unbounded();
    let pipes = [Pipe::default(), Pipe::default()];
    for (n, sink) in (1..).zip(pipes.clone()) {
        sink.0.borrow_mut().space = usize::MAX;
        let (client, room) = (ClientId(n), RoomName::from_query("").unwrap());
        events.send(Event::Connected { client, room, sink, greeting: b"hello ".to_vec() }).unwrap();
        let join = Action::Join { name: Name::parse("Ada", 40).unwrap(), session: Session::random() };
        events.send(Event::Acted { client, action: join }).unwrap();
        for text in 0..100 {
            events.send(Event::Acted { client, action: Action::Write(text.to_string()) }).unwrap();
        }
    }
    drop(events);
    Hub::new(LIMITS, None).run(&queue);
    for pipe in pipes {
        let line = pipe.0.borrow();
        assert!(line.bytes.starts_with(b"hello "));
        assert_eq!(line.sends, 1 + 1, "the greeting with the whole batch, and an empty flush behind it");
    }
}
