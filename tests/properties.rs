//! Random rooms: whatever clients do, however the batches are cut and however little their sockets take,
//! everyone ends up with the same users, texts and posts. The whole hub, without sockets, threads or clocks.

use crossbeam_channel::unbounded;
use proptest::prelude::*;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use typewall::batch::ClientId;
use typewall::hub::{Event, Health, Hub, HubLimits, Now};
use typewall::names::{Name, RoomName};
use typewall::outbox::{MAX_BACKLOG, MAX_STALL, Sink};
use typewall::room::{Action, RoomLimits};

const LIMITS: HubLimits = HubLimits {
    max_clients: 100,
    room: RoomLimits {
        max_text: 1000,
        max_name: 40,
        log_length: 5,
    },
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
        let all: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.iter().copied())
            .collect();
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
                OpCode::Control(Control::Close) => {
                    Frame::Close(u16::from_be_bytes([payload[0], payload[1]]))
                }
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
    users: BTreeMap<String, (String, String)>,
    posts: Vec<u64>,
    snapshots: usize,
}

fn replay(frames: &[Frame]) -> Shown {
    let mut shown = Shown::default();
    for frame in frames {
        let Frame::Event(event, data) = frame else {
            continue;
        };
        let text = |field: &str| data[field].as_str().expect("a string").to_owned();
        // Before its first snapshot, a viewer hears of people it does not know.
        let knows = shown.snapshots > 0;
        match event.as_str() {
            "existing_users" => {
                let users = data["users"].as_object().expect("users");
                let user = |user: &Value| {
                    (
                        user["name"].to_string(),
                        user["text"].as_str().unwrap().to_owned(),
                    )
                };
                shown.users = users
                    .iter()
                    .map(|(id, data)| (id.clone(), user(data)))
                    .collect();
                shown.you = data["you"].as_str().map(str::to_owned);
                let log: Vec<u64> = data["log"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|post| post["n"].as_u64().unwrap())
                    .collect();
                let last = log.last().copied().unwrap_or(0);
                assert!(
                    shown.posts.iter().all(|&n| n <= last),
                    "a snapshot lacks a post that was seen"
                );
                shown.posts.retain(|n| !log.contains(n));
                shown.posts.extend(log);
                shown.snapshots += 1;
            }
            "new_user" => {
                let user = (data["new_user_name"].to_string(), String::new());
                assert_eq!(
                    shown.users.insert(text("id"), user),
                    None,
                    "somebody came twice"
                );
            }
            "text_update" => match shown.users.get_mut(&text("id")) {
                Some(user) => {
                    assert_ne!(shown.you, Some(text("id")), "an author got its own text");
                    user.1 = text("text");
                }
                None => assert!(!knows, "a text of nobody's"),
            },
            "disconnect_user" => assert!(
                shown.users.remove(&text("id")).is_some() || !knows,
                "nobody left"
            ),
            "data" => shown.posts.push(data["n"].as_u64().unwrap()),
            "error" => {}
            other => panic!("the hub sent {other}"),
        }
    }
    shown
}

#[derive(Debug, Clone)]
enum Step {
    Enter {
        client: usize,
        room: usize,
    },
    Act {
        client: usize,
        action: Action,
    },
    Ping {
        client: usize,
    },
    Leave {
        client: usize,
    },
    /// The client reads so many bytes.
    Read {
        client: usize,
        bytes: usize,
    },
    /// The batch is cut here, so many milliseconds later.
    Write {
        millis: u64,
    },
}

const CLIENTS: usize = 6;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = prop_oneof![Just("Ada"), Just("ada"), Just("Bob"), Just("李")];
    let action = prop_oneof![
        3 => name.prop_map(|name| Action::Join(Name::parse(name, 40).unwrap())),
        1 => Just(Action::Watch),
        6 => "[a-c\"é😀\u{2028}\0]{0,40}".prop_map(Action::Write),
        2 => "[a-c😀]{1,10}".prop_map(Action::Post),
    ];
    let step = prop_oneof![
        4 => (0..CLIENTS, 0..2_usize).prop_map(|(client, room)| Step::Enter { client, room }),
        12 => (0..CLIENTS, action).prop_map(|(client, action)| Step::Act { client, action }),
        1 => (0..CLIENTS).prop_map(|client| Step::Ping { client }),
        2 => (0..CLIENTS).prop_map(|client| Step::Leave { client }),
        4 => (0..CLIENTS, 0..400_usize).prop_map(|(client, bytes)| Step::Read { client, bytes }),
        4 => (0..100_u64).prop_map(|millis| Step::Write { millis }),
    ];
    prop::collection::vec(step, 1..150)
}

/// The hub, and what it should come to.
struct World {
    hub: Hub<Pipe>,
    now: Now,
    last_client: u64,
    people: Vec<Option<Person>>,
    posted: [u64; 2],
}

struct Person {
    client: ClientId,
    pipe: Pipe,
    room: usize,
    /// What is in its box, once it has one.
    text: Option<String>,
    /// How many posts its room had when it came.
    posted_before: u64,
}

impl World {
    fn new() -> Self {
        let now = Now {
            instant: Instant::now(),
            unix_millis: 0,
        };
        let people = (0..CLIENTS).map(|_| None).collect();
        Self {
            hub: Hub::new(LIMITS),
            now,
            last_client: 0,
            people,
            posted: [0; 2],
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Enter { client, room } if self.people[client].is_none() => {
                self.enter(client, room);
            }
            Step::Act { client, action } => self.act(client, action),
            Step::Ping { client } => {
                if let Some(Person { client, .. }) = self.people[client] {
                    self.hub.handle(
                        Event::Answered {
                            client,
                            frames: vec![0x8A, 0],
                        },
                        self.now,
                    );
                }
            }
            Step::Leave { client } => {
                if let Some(person) = self.people[client].take() {
                    self.hub.handle(
                        Event::Closed {
                            client: person.client,
                        },
                        self.now,
                    );
                    if !self
                        .people
                        .iter()
                        .flatten()
                        .any(|other| other.room == person.room)
                    {
                        self.posted[person.room] = 0;
                    }
                }
            }
            Step::Read { client, bytes } => {
                if let Some(person) = &self.people[client] {
                    person.pipe.0.borrow_mut().space += bytes;
                }
            }
            Step::Write { millis } => {
                self.now.instant += Duration::from_millis(millis);
                self.hub.write(self.now.instant);
            }
            Step::Enter { .. } => {}
        }
    }

    fn enter(&mut self, person: usize, room: usize) {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let pipe = Pipe::default();
        let name = RoomName::from_query(&format!("room={room}")).unwrap();
        self.hub.handle(
            Event::Connected {
                client,
                room: name,
                sink: pipe.clone(),
            },
            self.now,
        );
        self.people[person] = Some(Person {
            client,
            pipe,
            room,
            text: None,
            posted_before: self.posted[room],
        });
    }

    fn act(&mut self, person: usize, action: Action) {
        let Some(person) = &mut self.people[person] else {
            return;
        };
        match (&action, &mut person.text) {
            (Action::Join(_), text @ None) => *text = Some(String::new()),
            (Action::Write(written), Some(text)) => text.clone_from(written),
            (Action::Post(_), Some(_)) => self.posted[person.room] += 1,
            _ => {}
        }
        self.hub.handle(
            Event::Acted {
                client: person.client,
                action,
            },
            self.now,
        );
    }

    /// Lets everyone read everything.
    fn settle(&mut self) {
        for person in self.people.iter().flatten() {
            person.pipe.0.borrow_mut().space = usize::MAX;
        }
        self.hub.write(self.now.instant);
        while let Some(due) = self.hub.due() {
            self.now.instant = self.now.instant.max(due);
            self.hub.write(self.now.instant);
        }
    }

    fn check(&self) {
        let shown: Vec<Shown> = self
            .people
            .iter()
            .flatten()
            .map(|person| replay(&person.pipe.frames()))
            .collect();
        for (person, view) in self.people.iter().flatten().zip(&shown) {
            let came: Vec<u64> = (person.posted_before + 1..=self.posted[person.room]).collect();
            assert!(
                view.posts.ends_with(&came),
                "posts {:?}, and not {came:?}",
                view.posts
            );
            assert!(
                view.posts.is_sorted(),
                "posts out of order: {:?}",
                view.posts
            );
            assert_eq!(
                view.you.is_some(),
                person.text.is_some(),
                "who has joined knows its id"
            );
            if view.snapshots == 0 {
                continue;
            }
            let others = self
                .people
                .iter()
                .flatten()
                .zip(&shown)
                .filter(|(other, _)| other.room == person.room);
            let expected: BTreeMap<&String, &String> = others
                .filter_map(|(other, view)| Some((view.you.as_ref()?, other.text.as_ref()?)))
                .collect();
            let others = |id: &&String| Some(*id) != view.you.as_ref();
            assert!(
                view.users.keys().eq(expected.keys().copied()),
                "{:?} and not {expected:?}",
                view.users
            );
            for id in view.users.keys().filter(others) {
                assert_eq!(&view.users[id].1, expected[id], "the text of {id}");
            }
            let mut names: Vec<&String> = view.users.values().map(|(name, _)| name).collect();
            names.dedup();
            assert_eq!(names.len(), view.users.len(), "two have the same name");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everyone_ends_with_the_same_room(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
    }
}

/// A hub with clients of one room, who have joined with these names; each pipe is empty and endless.
fn room(names: &[&str]) -> (World, Vec<Pipe>) {
    let mut world = World::new();
    world.people = (0..names.len()).map(|_| None).collect();
    for (n, name) in names.iter().enumerate() {
        world.enter(n, 0);
        world.act(n, Action::Join(Name::parse(name, 40).unwrap()));
    }
    world.settle();
    let pipes: Vec<Pipe> = world
        .people
        .iter()
        .flatten()
        .map(|person| person.pipe.clone())
        .collect();
    for pipe in &pipes {
        pipe.0.borrow_mut().bytes.clear();
        pipe.0.borrow_mut().sends = 0;
    }
    (world, pipes)
}

fn write(text: &str) -> Action {
    Action::Write(text.to_owned())
}

#[test]
fn a_batch_is_one_send_to_each_with_the_latest_texts() {
    let (mut world, pipes) = room(&["Ada", "Bob", "Cem"]);
    world.act(0, write("a"));
    world.act(0, Action::Post("posted".to_owned()));
    world.act(1, write("b"));
    world.act(0, write("ab"));
    world.hub.write(world.now.instant);
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
        [
            pair("data", "posted"),
            pair("text_update", "ab"),
            pair("text_update", "b")
        ]
    );
    assert_eq!(
        events(&pipes[0]),
        [pair("data", "posted"), pair("text_update", "b")]
    );
    assert_eq!(
        events(&pipes[1]),
        [pair("data", "posted"), pair("text_update", "ab")]
    );
    assert!(pipes.iter().all(|pipe| pipe.0.borrow().sends == 1));
}

#[test]
fn the_newcomer_hears_of_itself_before_the_snapshot_and_not_of_what_was_before() {
    let (mut world, _) = room(&["Ada"]);
    world.people.push(None);
    world.act(0, Action::Post("before".to_owned()));
    world.act(0, write("latest"));
    world.enter(1, 0);
    world.act(1, Action::Join(Name::parse("ADA", 40).unwrap()));
    world.settle();
    let frames = world.people[1].as_ref().unwrap().pipe.frames();
    let [
        Frame::Event(first, new_user),
        Frame::Event(second, snapshot),
    ] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("new_user", "existing_users")
    );
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
        world.act(0, write(&format!("text {n}")));
        world.hub.write(world.now.instant);
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
        world.act(n, write(&format!("{long} {n}")));
    }
    world.hub.write(world.now.instant);
    for _ in 0..100 {
        pipes[0].0.borrow_mut().space = 30_000;
        world.now.instant += Duration::from_secs(1);
        world.hub.write(world.now.instant);
    }
    let texts = pipes[0].frames().len();
    assert_eq!(
        texts, 49,
        "each box was sent once, though the socket never had room for all"
    );
}

#[test]
fn one_over_the_backlog_is_closed_and_its_room_is_told() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 100;
    for _ in 0..MAX_BACKLOG / 10_000 + 2 {
        world.act(0, Action::Post("x".repeat(10_000)));
        world.hub.write(world.now.instant);
    }
    let left = pipes[0]
        .frames()
        .iter()
        .any(|frame| matches!(frame, Frame::Event(event, _) if event == "disconnect_user"));
    assert!(left, "the room is told");
    pipes[1].0.borrow_mut().space = usize::MAX;
    world.now.instant += Duration::from_secs(1);
    world.hub.write(world.now.instant);
    assert_eq!(pipes[1].frames().last(), Some(&Frame::Close(4002)));
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Write));
}

#[test]
fn one_that_takes_nothing_for_too_long_is_closed_and_then_cut() {
    let (mut world, pipes) = room(&["Ada", "Bob"]);
    pipes[1].0.borrow_mut().space = 0;
    world.act(0, write("a"));
    let start = world.now.instant;
    world.hub.write(start);
    while pipes[1].0.borrow().shut.is_none() {
        world.now.instant = world.hub.due().expect("something is due until it is cut");
        world.hub.write(world.now.instant);
    }
    assert!(world.now.instant - start >= MAX_STALL);
    assert_eq!(pipes[1].0.borrow().shut, Some(Shutdown::Both));
    let frames = pipes[0].frames();
    assert!(
        matches!(&frames[..], [Frame::Event(event, _)] if event == "disconnect_user"),
        "{frames:?}"
    );
}

#[test]
fn a_room_that_nobody_is_in_is_forgotten() {
    let (mut world, _) = room(&["Ada"]);
    world.act(0, Action::Post("gone".to_owned()));
    world.take(Step::Leave { client: 0 });
    let (asker, health) = unbounded();
    world.hub.handle(Event::Examined(asker), world.now);
    let Health { clients, rooms } = health.try_recv().unwrap();
    assert_eq!((clients, rooms), (0, 0));
    world.enter(0, 0);
    world.act(0, Action::Watch);
    world.settle();
    let frames = world.people[0].as_ref().unwrap().pipe.frames();
    assert!(
        matches!(&frames[..], [Frame::Event(_, data)] if data["log"].as_array().unwrap().is_empty())
    );
}
