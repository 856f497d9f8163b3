//! The simulation: three nodes, six people, and a clock that jumps from one happening to the next.

mod faults;
mod link;
mod people;

use super::redis::Redis;
use crate::pipe::{Frame, Pipe};
use crate::support::page::Page;
use crate::world::{LIMITS, new_client};
use crossbeam_channel::{Receiver, unbounded};
use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Answer, Beat, Change, Channel, ClientId, Encoding, Event, FromClient, Hub, LinkEvent,
    LinkRequest, Load, Name, NodeId, NotStored, Now, Owned, Requests, Save, Session, Shard, StorePost,
    TextChange, Write,
};
use typewall::{HostMode, HostOptions, Limits, RoomName};

/// The time at which the simulation begins, in milliseconds since 1970.
const EPOCH: u64 = 1_800_000_000_000;

/// How long people act, and how long there is quiet after that, in milliseconds.
const BUSY: u64 = 40_000;
const QUIET: u64 = 30_000;

const PEOPLE: usize = 6;

thread_local! {
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> Duration {
    Duration::from_millis(CLOCK.get())
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A person's connection breaks.
    Drop,
    /// A node is killed, and another one starts.
    Kill,
    /// A node is stopped, and another one starts.
    Stop,
    /// A node is suspended for a while.
    Suspend,
    /// A node has no connection to Redis for a while.
    Cut,
    /// A node misses some messages, and notices it.
    Miss,
    /// Redis is away for a while.
    Away,
    /// The same, and what it had is gone, or what it had last.
    Forget,
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Beat(usize),
    /// Redis handles a node's next request.
    Serve(usize),
    /// A node gets the next event from Redis.
    Receive(usize),
    /// A node does what is due.
    Wake(usize),
    /// The node is linked again.
    Link(usize),
    /// The node notices that it is cut off.
    Cut(usize),
    Act,
    Fail,
    Connect(usize),
    /// A page takes in what it got.
    Look(usize),
    /// A node notices that a connection has ended.
    Notice(usize, u64),
    /// A node that was stopped ends.
    End(usize),
    /// Redis keeps a copy of what it has.
    Dump,
}

/// A request of a node that Redis has not handled.
enum Asked {
    Link(LinkRequest),
    Load(Load),
    Write(Write),
    Beat,
}

struct Node {
    id: NodeId,
    hub: Hub<Pipe>,
    requests: Receiver<LinkRequest>,
    loads: Receiver<Load>,
    writes: Receiver<Write>,
    asked: VecDeque<Asked>,
    inbox: VecDeque<Event<Pipe>>,
    rooms: BTreeSet<String>,
    linked_since: Option<u64>,
    is_dead: bool,
    is_stopping: bool,
    suspended_until: u64,
    last_served: u64,
}

struct Person {
    session: Session,
    name: &'static str,
    text: String,
    line: Option<Line>,
    /// The posts that were not confirmed, and the number of all.
    pending: Vec<(String, String)>,
    posts: usize,
    /// How many errors of posts the connection has seen.
    failed: usize,
}

struct Line {
    node: usize,
    client: ClientId,
    pipe: Pipe,
    /// What it shows.
    page: Page,
}

pub(crate) struct Sim {
    seed: u64,
    now: u64,
    base: Instant,
    redis: Redis,
    /// What it had, the latest last.
    dumps: VecDeque<Redis>,
    nodes: Vec<Node>,
    people: Vec<Person>,
    agenda: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    count: u64,
    faults: Vec<Fault>,
    last_client: u64,
}

impl Sim {
    pub(crate) fn new(seed: u64, faults: &[Fault]) -> Self {
        let person = |n: usize| Person {
            session: Session::random(),
            name: ["Ada", "Bob"][n % 2],
            text: String::new(),
            line: None,
            pending: Vec::new(),
            posts: 0,
            failed: 0,
        };
        CLOCK.set(0);
        let mut sim = Self {
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            now: 0,
            base: Instant::now(),
            redis: Redis::default(),
            dumps: VecDeque::new(),
            nodes: Vec::new(),
            people: (0..PEOPLE).map(person).collect(),
            agenda: BinaryHeap::new(),
            count: 0,
            faults: faults.to_vec(),
            last_client: 0,
        };
        (0..3).for_each(|_| sim.start_node());
        for person in 0..PEOPLE {
            let at = sim.random(2_000);
            sim.later(at, Happening::Connect(person));
            sim.later(at + 500, Happening::Look(person));
        }
        sim.later(0, Happening::Dump);
        sim.later(3_000, Happening::Act);
        sim.later(6_000, Happening::Fail);
        sim
    }

    /// A number below `below`.
    fn random(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) % below
    }

    fn later(&mut self, after: u64, happening: Happening) {
        self.count += 1;
        self.agenda.push(Reverse((self.now + after, self.count, happening)));
    }

    fn time(&self) -> Now {
        Now { instant: self.base + Duration::from_millis(self.now), unix_millis: EPOCH + self.now }
    }

    fn start_node(&mut self) {
        let id = NodeId(self.nodes.len() as u64 + 1);
        let ((to_link, requests), (loads, load_queue), (writes, write_queue)) =
            (unbounded(), unbounded(), unbounded());
        let hosts = HostOptions { mode: HostMode::Key, key: None };
        let limits = Limits { grace: Duration::from_secs(10), log_length: 10_000, ..LIMITS };
        let mut hub = Hub::new(limits, None, hosts, Some(Requests { loads, writes }), Shard::single());
        hub.join_cluster(id, to_link, clock);
        self.nodes.push(Node {
            id,
            hub,
            requests,
            loads: load_queue,
            writes: write_queue,
            asked: VecDeque::new(),
            inbox: VecDeque::new(),
            rooms: BTreeSet::new(),
            linked_since: None,
            is_dead: false,
            is_stopping: false,
            suspended_until: 0,
            last_served: 0,
        });
        self.later(0, Happening::Link(self.nodes.len() - 1));
    }

    pub(crate) fn run(&mut self) {
        while let Some(Reverse((at, _, happening))) = self.agenda.pop()
            && at < BUSY + QUIET
        {
            self.now = at;
            CLOCK.set(at);
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        let suspended = match happening {
            Happening::Beat(n)
            | Happening::Receive(n)
            | Happening::Wake(n)
            | Happening::Link(n)
            | Happening::Cut(n)
            | Happening::Notice(n, _) => self.nodes[n].suspended_until.checked_sub(self.now),
            _ => None,
        };
        if let Some(left) = suspended.filter(|left| *left > 0) {
            return self.later(left, happening);
        }
        match happening {
            Happening::Beat(n) => self.beat(n),
            Happening::Serve(n) => self.serve(n),
            Happening::Receive(n) => {
                if let Some(event) = self.nodes[n].inbox.pop_front() {
                    self.tell(n, event);
                }
            }
            Happening::Wake(n) => self.flush(n),
            Happening::Link(n) => self.link(n),
            Happening::Cut(n) => self.cut(n),
            Happening::Act if self.now < BUSY => {
                let person = self.random(PEOPLE as u64) as usize;
                self.act(person);
                let pause = 1 + self.random(60);
                self.later(pause, Happening::Act);
            }
            Happening::Fail if self.now < BUSY - 2_000 && !self.faults.is_empty() => {
                self.fail();
                let pause = [100, 1_000, 3_000, 8_000][self.random(4) as usize];
                self.later(pause, Happening::Fail);
            }
            Happening::Act | Happening::Fail => {}
            Happening::End(n) => {
                self.nodes[n].is_dead = true;
                self.redis.say_goodbye(self.nodes[n].id);
            }
            Happening::Dump => {
                self.dumps.push_back(self.redis.clone());
                if self.dumps.len() > 3 {
                    self.dumps.pop_front();
                }
                self.later(300, Happening::Dump);
            }
            Happening::Connect(person) => self.connect(person),
            Happening::Look(person) => {
                self.look(person);
                self.later(1_000, Happening::Look(person));
            }
            Happening::Notice(n, client) => {
                self.tell(n, Event::from_client(ClientId(client), FromClient::Closed { goodbye: false }));
            }
        }
    }

    /// Gives a node an event, and sends on what it asks for.
    fn tell(&mut self, n: usize, event: Event<Pipe>) {
        if !self.nodes[n].is_dead {
            let now = self.time();
            self.nodes[n].hub.handle(event, now);
            self.flush(n);
        }
    }

    fn flush(&mut self, n: usize) {
        let now = self.time();
        let node = &mut self.nodes[n];
        if node.is_dead {
            return;
        }
        node.hub.write(now);
        let asked: Vec<Asked> = node
            .requests
            .try_iter()
            .map(Asked::Link)
            .chain(node.loads.try_iter().map(Asked::Load))
            .chain(node.writes.try_iter().map(Asked::Write))
            .collect();
        asked.into_iter().for_each(|asked| self.ask(n, asked));
        if let Some(due) = self.nodes[n].hub.due() {
            let after = due.saturating_duration_since(now.instant).as_millis() as u64;
            self.later(after.clamp(1, 1_000), Happening::Wake(n));
        }
    }
}
