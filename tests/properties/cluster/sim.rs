//! The simulation: three nodes, six people, and a clock that jumps from one happening to the next.

mod check;
mod faults;
mod hosts;
mod http;
mod line;
mod link;
mod people;

use super::node_hub::{CLOCK, EPOCH, NodeHub, connected, message_on, room_name};
use super::redis::{Redis, TTL};
use crate::pipe::{Frame, Pipe};
use crate::support::page::Page;
use crate::world::{KEY, LIMITS, here};
use crossbeam_channel::Receiver;
pub(crate) use faults::Fault;
use hosts::Hosts;
use http::HttpPost;
use line::Line;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};
use typewall::internals::{
    AckId, Action, Answer, Beat, Change, Channel, ClientId, Encoding, Epoch, Erase, Event, FromClient, Hub,
    LinkEvent, LinkRequest, Load, Name, NodeId, NotStored, Now, Ownership, QueuedEvent, Save, Session,
    StateChange, StorePost, Text, TextChange, UserId, Write,
};
use typewall::{HostMode, HostOptions, Limits, SecretHash};

/// How long people act, and how long there is quiet after that, in milliseconds.
const BUSY: u64 = 40_000;
const QUIET: u64 = 40_000;

/// The people who have seats. The first one has the host key.
const PEOPLE: usize = 6;

/// They, and a viewer.
const ALL: usize = PEOPLE + 1;

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
    /// A host does something that only hosts may do.
    Rule,
    /// A host ends what was set.
    Calm,
    /// Somebody posts over HTTP, or asks for the wall.
    Request,
    /// Somebody without a seat asks for one, and leaves soon.
    Visit,
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
    Write(Box<Write>),
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
    /// Until when it is alive, as Redis should know.
    alive_until: Option<u64>,
    /// How far its clock is ahead of that of Redis, in milliseconds.
    clock_ahead: i64,
}

struct Person {
    session: Session,
    name: &'static str,
    text: String,
    line: Option<Line>,
    /// Connections that later ones have replaced.
    replaced: Vec<Line>,
    /// When a host last cleared the box, as far as the page knows.
    cleared: u64,
    /// The posts that were not confirmed, and the number of all.
    pending: Vec<(String, String)>,
    posts: usize,
    /// The ids that the session has had.
    ids: BTreeSet<String>,
    /// The text or a post was refused, because the room is frozen.
    awaits_thaw: bool,
    /// When the posts are sent again that were not stored.
    retry_at: Option<u64>,
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
    /// How many posts a node keeps.
    log_length: usize,
    /// Until when the answers of Redis are lost.
    unanswered_until: u64,
    /// The node that published in each epoch, and the number of its last message.
    published: BTreeMap<u64, (NodeId, u64)>,
    hosts: Hosts,
    visitors: Vec<Line>,
    http: Vec<HttpPost>,
    walls: Vec<http::Wall>,
    /// When each number was last given to a post.
    numbered_at: BTreeMap<u64, u64>,
    /// The texts of posts that people have given up on: they may be in the log or not.
    abandoned: BTreeSet<String>,
    /// The texts of all posts that must be in the log.
    posted: BTreeSet<String>,
}

impl Sim {
    pub(crate) fn new(seed: u64, faults: &[Fault]) -> Self {
        CLOCK.set(Duration::ZERO);
        let mut sim = Self {
            seed: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            now: 0,
            base: Instant::now(),
            redis: Redis::default(),
            dumps: VecDeque::new(),
            nodes: Vec::new(),
            people: (0..ALL).map(Person::new).collect(),
            agenda: BinaryHeap::new(),
            count: 0,
            faults: faults.to_vec(),
            last_client: 0,
            log_length: if seed.is_multiple_of(2) { 10_000 } else { 30 },
            unanswered_until: 0,
            published: BTreeMap::new(),
            hosts: Hosts::default(),
            visitors: Vec::new(),
            http: Vec::new(),
            walls: Vec::new(),
            numbered_at: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            posted: BTreeSet::new(),
        };
        // What Redis has lost can only come back from the memory of nodes.
        if sim.forgets() {
            sim.log_length = 10_000;
        }
        (0..3).for_each(|_| sim.start_node());
        for person in 0..ALL {
            let at = sim.random(2_000);
            sim.later(at, Happening::Connect(person));
            sim.later(at + 500, Happening::Look(person));
        }
        let first = [
            (0, Happening::Dump),
            (3_000, Happening::Act),
            (4_000, Happening::Rule),
            (3_500, Happening::Request),
            (5_000, Happening::Visit),
            (6_000, Happening::Fail),
            (BUSY, Happening::Calm),
        ];
        first.into_iter().for_each(|(at, happening)| sim.later(at, happening));
        sim
    }

    /// Whether Redis loses what it has.
    fn forgets(&self) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Forget | Fault::Flush))
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

    /// The time, as a node sees it.
    fn time(&self, n: usize) -> Now {
        let unix_millis = (EPOCH + self.now).saturating_add_signed(self.nodes[n].clock_ahead);
        Now { instant: self.base + Duration::from_millis(self.now), unix_millis }
    }

    fn start_node(&mut self) {
        let id = NodeId(self.nodes.len() as u64 + 1);
        let hosts = HostOptions { mode: HostMode::Key, key: Some(SecretHash::new(KEY)) };
        let limits = Limits { grace: Duration::from_secs(10), log_length: self.log_length, ..LIMITS };
        let clock_ahead = [0, 0, 5_000, -90_000, 3_600_000][self.random(5) as usize];
        let NodeHub { hub, requests, loads, writes } = NodeHub::new(id, limits, hosts);
        self.nodes.push(Node {
            id,
            hub,
            requests,
            loads,
            writes,
            asked: VecDeque::new(),
            inbox: VecDeque::new(),
            rooms: BTreeSet::new(),
            linked_since: None,
            is_dead: false,
            is_stopping: false,
            suspended_until: 0,
            last_served: 0,
            alive_until: None,
            clock_ahead,
        });
        self.later(0, Happening::Link(self.nodes.len() - 1));
    }

    pub(crate) fn run(&mut self) {
        while let Some(Reverse((at, _, happening))) = self.agenda.pop()
            && at < BUSY + QUIET
        {
            self.now = at;
            CLOCK.set(Duration::from_millis(at));
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
            Happening::Notice(n, client) => {
                self.tell(n, Event::from_client(ClientId(client), FromClient::Closed { goodbye: false }));
            }
            Happening::Connect(person) => self.connect(person),
            Happening::Look(person) => {
                self.look(person);
                self.later(200, Happening::Look(person));
            }
            Happening::Calm => self.calm(),
            happening => self.be_busy(happening),
        }
    }

    /// What people do, and what goes wrong, ends at a time.
    fn be_busy(&mut self, happening: Happening) {
        if self.now >= BUSY || (happening == Happening::Fail && self.now >= BUSY - 2_000) {
            return;
        }
        let pause = match happening {
            Happening::Act => {
                let person = self.random(PEOPLE as u64) as usize;
                self.act(person);
                1 + self.random(60)
            }
            Happening::Rule => {
                self.rule();
                200 + self.random(1_500)
            }
            Happening::Request => {
                self.request();
                100 + self.random(1_000)
            }
            Happening::Visit => {
                self.visit();
                500 + self.random(2_000)
            }
            _ if self.faults.is_empty() => return,
            _ => {
                self.fail();
                [100, 1_000, 3_000, 8_000][self.random(4) as usize]
            }
        };
        self.later(pause, happening);
    }

    /// Gives a node an event, and sends on what it asks for.
    fn tell(&mut self, n: usize, event: Event<Pipe>) {
        if !self.nodes[n].is_dead {
            let now = self.time(n);
            self.nodes[n].hub.handle(event, now);
            self.flush(n);
        }
    }

    fn flush(&mut self, n: usize) {
        let now = self.time(n);
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
            .chain(node.writes.try_iter().map(|write| Asked::Write(Box::new(write))))
            .collect();
        asked.into_iter().for_each(|asked| self.ask(n, asked));
        if let Some(due) = self.nodes[n].hub.due() {
            let after = due.saturating_duration_since(now.instant).as_millis() as u64;
            self.later(after.clamp(1, 1_000), Happening::Wake(n));
        }
    }
}
