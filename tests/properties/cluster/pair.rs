//! Nodes whose messages arrive at once and in order, for tests that decide themselves what happens when. The time is
//! the test's own, and so is what Redis does of what it is asked for.

use super::node_hub::{CLOCK, EPOCH, LEASE, NodeHub, connected, message_on};
use super::redis::Redis;
use crate::pipe::Pipe;
use crate::support::page::Page;
use crate::world::KEY;
use crossbeam_channel::Receiver;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use typewall::internals::{
    AckId, Action, Answer, Beat, Change, Channel, ClientId, Encoding, Erase, Event, FromClient, Hub,
    LinkEvent, LinkRequest, Load, Name, NodeId, NotStored, Now, Ownership, QueuedEvent, Restored, Save,
    Session, StorePost, Write,
};
use typewall::{HostMode, HostOptions, Limits, SecretHash};

/// What Redis makes of changes to what it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    All,
    /// It cannot take them.
    Nothing,
    /// It has no posts any more.
    NoPosts,
}

pub(super) struct Nodes {
    nodes: Vec<Node>,
    redis: Redis,
    pub keeps: Keeps,
    /// Messages between the nodes wait until this is false.
    pub is_slow: bool,
    held: Vec<(Channel, String)>,
    millis: u64,
    base: Instant,
    last_client: u64,
}

struct Node {
    id: NodeId,
    hub: Hub<Pipe>,
    requests: Receiver<LinkRequest>,
    loads: Receiver<Load>,
    writes: Receiver<Write>,
    rooms: BTreeSet<String>,
    is_dead: bool,
}

/// A client of one of the nodes.
pub(super) struct Person {
    pub node: usize,
    pub client: ClientId,
    pub pipe: Pipe,
    pub session: Session,
}

impl Person {
    pub(super) fn page(&self) -> Page {
        self.pipe.page()
    }

    /// The names that its page shows.
    pub(super) fn sees(&self) -> Vec<String> {
        self.page().names().into_iter().map(str::to_owned).collect()
    }
}

impl Nodes {
    /// So many nodes, which are linked.
    pub(super) fn start(count: usize, limits: Limits, mode: HostMode) -> Self {
        CLOCK.set(Duration::ZERO);
        let mut nodes = Self {
            nodes: Vec::new(),
            redis: Redis::default(),
            keeps: Keeps::All,
            is_slow: false,
            held: Vec::new(),
            millis: 0,
            base: Instant::now(),
            last_client: 0,
        };
        for n in 0..count {
            nodes.start_node(limits, mode);
            nodes.tell(n, Event::Link(Box::new(LinkEvent::Linked)));
        }
        nodes.pass(Duration::from_secs(4));
        nodes
    }

    fn start_node(&mut self, limits: Limits, mode: HostMode) {
        let id = NodeId(self.nodes.len() as u64 + 1);
        let hosts = HostOptions { mode, key: Some(SecretHash::new(KEY)) };
        let NodeHub { hub, requests, loads, writes } = NodeHub::new(id, limits, hosts);
        self.nodes.push(Node { id, hub, requests, loads, writes, rooms: BTreeSet::new(), is_dead: false });
    }

    fn now(&self) -> Now {
        let millis = Duration::from_millis(self.millis);
        Now { instant: self.base + millis, unix_millis: EPOCH + self.millis }
    }

    /// Time passes, and every second each node says that it is alive.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.millis + time.as_millis() as u64;
        while self.millis < end {
            let next = (self.millis / 1_000 + 1) * 1_000;
            self.millis = next.min(end);
            CLOCK.set(Duration::from_millis(self.millis));
            if self.millis == next {
                (0..self.nodes.len()).for_each(|n| self.beat(n));
            }
            self.settle();
        }
    }

    fn beat(&mut self, n: usize) {
        if self.nodes[n].is_dead {
            return;
        }
        let now = EPOCH + self.millis;
        let (until, alive) = self.redis.beat(self.nodes[n].id, now);
        let was_alive = until >= now;
        let beat = Beat {
            was_alive,
            alive: alive.into(),
            valid_until: Duration::from_millis(self.millis) + LEASE,
            linked_since: self.base,
            clock_offset: 0,
        };
        self.tell(n, Event::Link(Box::new(LinkEvent::Beat(beat))));
    }

    /// A node is killed. Messages that still wait are lost.
    pub(super) fn kill(&mut self, n: usize) {
        self.held.clear();
        self.nodes[n].is_dead = true;
    }

    fn tell(&mut self, n: usize, event: Event<Pipe>) {
        let now = self.now();
        if !self.nodes[n].is_dead {
            self.nodes[n].hub.handle(event, now);
        }
    }

    /// All that the nodes ask for is done, and all that follows from it.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        if !self.is_slow {
            for (channel, json) in std::mem::take(&mut self.held) {
                self.deliver(&channel, &json);
            }
        }
        loop {
            let mut is_done = true;
            for n in 0..self.nodes.len() {
                let node = &mut self.nodes[n];
                if node.is_dead {
                    continue;
                }
                node.hub.write(now);
                let requests: Vec<LinkRequest> = node.requests.try_iter().collect();
                let loads: Vec<Load> = node.loads.try_iter().collect();
                let writes: Vec<Write> = node.writes.try_iter().collect();
                is_done &= requests.is_empty() && loads.is_empty() && writes.is_empty();
                requests.into_iter().for_each(|request| self.serve(n, request));
                loads.into_iter().for_each(|load| self.load(n, &load));
                writes.into_iter().for_each(|write| self.write(n, write));
            }
            if is_done {
                return;
            }
        }
    }

    fn serve(&mut self, n: usize, request: LinkRequest) {
        let (id, now) = (self.nodes[n].id, EPOCH + self.millis);
        let event = match request {
            LinkRequest::Subscribe(room, key) => {
                self.nodes[n].rooms.insert(key);
                LinkEvent::Subscribed(room)
            }
            LinkRequest::Own { room, known, may_take, .. } => {
                LinkEvent::Owned(room, self.redis.own(id, known, may_take, now))
            }
            LinkRequest::Give { room, epoch, to, .. } => match self.redis.give(id, epoch, to, now) {
                Some(epoch) => LinkEvent::Owned(room, Ownership { owner: Some(to), epoch }),
                None => LinkEvent::NotGiven(room, to),
            },
            LinkRequest::Publish(publications) => {
                let mut counts = Vec::new();
                for publication in publications {
                    let count = self.nodes.iter().filter(|node| is_for(&publication.channel, node)).count();
                    counts.extend(publication.counted_for.map(|room| (room, count)));
                    match self.is_slow {
                        true => self.held.push((publication.channel, publication.json)),
                        false => self.deliver(&publication.channel, &publication.json),
                    }
                }
                LinkEvent::Published(counts)
            }
            LinkRequest::Unsubscribe(key) => {
                self.nodes[n].rooms.remove(&key);
                return;
            }
            LinkRequest::Release(_) => return self.redis.release(id),
            LinkRequest::Beat => return self.beat(n),
        };
        self.tell(n, Event::Link(Box::new(event)));
    }

    fn deliver(&mut self, channel: &Channel, json: &str) {
        for n in 0..self.nodes.len() {
            if is_for(channel, &self.nodes[n]) {
                let message = message_on(channel, json, EPOCH + self.millis);
                self.tell(n, Event::Link(Box::new(message)));
            }
        }
    }

    fn load(&mut self, n: usize, load: &Load) {
        let (record, posts) = self.redis.load(load.count);
        let answer = Answer::Loaded { room: load.room, epoch: load.epoch, record: Some(record), posts };
        self.tell(n, Event::Stored(Box::new(answer)));
    }

    fn write(&mut self, n: usize, write: Write) {
        let answer = match write {
            Write::Post(StorePost { room, post, after, epoch, by, .. }) => {
                match self.redis.post(epoch.expect("other nodes"), after, post.clone()) {
                    Err(why) => Answer::PostReturned { room, post, by, why },
                    Ok(numbered) => Answer::PostStored { room, post, by, outcome: Ok(numbered) },
                }
            }
            Write::Change(Change::Save(Save { room, record, epoch, .. })) => {
                let is_kept =
                    self.keeps == Keeps::All && self.redis.save(epoch.expect("other nodes"), record);
                Answer::Saved { room, is_kept }
            }
            Write::Change(Change::Erase(Erase { room, n, epoch, by, .. })) => {
                let outcome = match self.keeps {
                    Keeps::All => {
                        let erased = self.redis.erase(epoch.expect("other nodes"), n);
                        erased.ok_or(NotStored::Unavailable)
                    }
                    Keeps::Nothing => Err(NotStored::Unavailable),
                    Keeps::NoPosts => Ok(false),
                };
                Answer::Erased { room, n, by, outcome }
            }
            Write::Restore(restore) => {
                let (room, epoch) = (restore.room, restore.epoch);
                let outcome = self.redis.restore(restore).map_or_else(Restored::Returned, Restored::UpTo);
                Answer::Restored { room, epoch, outcome }
            }
        };
        self.tell(n, Event::Stored(Box::new(answer)));
    }

    /// Somebody enters the room at a node.
    pub(super) fn enter(&mut self, node: usize, encoding: Encoding) -> Person {
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let (event, pipe) = connected(client, encoding);
        self.tell(node, event);
        self.settle();
        Person { node, client, pipe, session: Session::random() }
    }

    /// Somebody joins the room at a node.
    pub(super) fn join(&mut self, node: usize, name: &str) -> Person {
        let person = self.enter(node, Encoding::PLAIN_WHOLE);
        self.act(&person, take_seat(name, person.session));
        person
    }

    /// Somebody acts.
    pub(super) fn act(&mut self, person: &Person, action: Action) {
        self.send(person, FromClient::Acted(action), None);
    }

    /// Somebody does something, and asks for an acknowledgement.
    pub(super) fn send(&mut self, person: &Person, event: FromClient, ack: Option<u64>) {
        let event = QueuedEvent { ack: ack.map(AckId), ..QueuedEvent::new(person.client, event) };
        self.tell(person.node, Event::FromClient(event));
        self.settle();
    }

    /// Somebody gives the host key.
    pub(super) fn give_key(&mut self, person: &Person) {
        self.send(person, FromClient::Host { key: SecretHash::new(KEY), token: None }, None);
    }

    /// Somebody's connection ends.
    pub(super) fn end(&mut self, person: &Person, goodbye: bool) {
        self.send(person, FromClient::Closed { goodbye }, None);
    }
}

/// The action with which somebody takes a seat.
pub(super) fn take_seat(name: &str, session: Session) -> Action {
    Action::Join { name: Name::parse(name, 40).expect("a name"), session }
}

fn is_for(channel: &Channel, node: &Node) -> bool {
    let receives = match channel {
        Channel::Room(key) => node.rooms.contains(key),
        Channel::Node(id) => node.id == *id,
    };
    receives && !node.is_dead
}
