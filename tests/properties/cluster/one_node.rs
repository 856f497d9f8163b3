//! One node of several, and what it makes of what Redis and the other nodes tell it.

mod alone;
mod handed_over;
mod held_posts;
mod mirror;
mod record;
mod seated;
mod superseded;
mod taken_over;

use super::node_hub::{CLOCK, LEASE, NodeHub, connected};
use crate::pipe::{Frame, Pipe};
use crate::world::LIMITS;
use crossbeam_channel::{Receiver, bounded};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Answer, Beat, Change, Channel, ClientId, Encoding, Epoch, Event, FromClient, Health, Hub,
    LinkEvent, LinkRequest, Load, Name, NodeId, Now, Ownership, Post, Publication, Restored, Returned,
    RoomId, RoomRecord, Save, Session, StorePost, TextChange, UserId, Write,
};
use typewall::{HostMode, HostOptions, Limits};

const ME: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);

/// A node that is linked to another one.
struct Node {
    hub: Hub<Pipe>,
    now: Now,
    requests: Receiver<LinkRequest>,
    loads: Receiver<Load>,
    /// Posts and records to be stored, which nobody does.
    writes: Receiver<Write>,
    clients: u64,
}

impl Node {
    fn start() -> Self {
        Self::with(LIMITS)
    }

    fn with(limits: Limits) -> Self {
        let hosts = HostOptions { mode: HostMode::Key, key: None };
        let NodeHub { hub, requests, loads, writes } = NodeHub::new(ME, limits, hosts);
        CLOCK.set(Duration::ZERO);
        let now = Now { instant: Instant::now() + Duration::from_secs(60), unix_millis: 0 };
        let mut node = Self { hub, now, requests, loads, writes, clients: 0 };
        node.tell(LinkEvent::Linked);
        node.beat();
        node
    }

    /// Handles an event, and writes.
    fn handle(&mut self, event: Event<Pipe>) {
        self.hub.handle(event, self.now);
        self.hub.write(self.now);
    }

    fn tell(&mut self, event: LinkEvent) {
        self.handle(Event::Link(Box::new(event)));
    }

    /// The other node says something about the room.
    fn hear(&mut self, says: &Value) {
        let message = json!({"room": "physics", "from": OTHER, "says": says}).to_string();
        self.tell(LinkEvent::of_node(&message, 0).expect("a message"));
    }

    fn beat(&mut self) {
        let linked_since = self.now.instant - Duration::from_secs(10);
        let (valid_until, alive) = (CLOCK.get() + LEASE, [ME, OTHER].into_iter().collect());
        let alive = std::sync::Arc::new(alive);
        self.tell(LinkEvent::Beat(Beat {
            was_alive: true,
            alive,
            valid_until,
            linked_since,
            clock_offset: 0,
        }));
    }

    /// Time passes in which the node does nothing.
    fn sleep(&mut self, time: Duration) {
        CLOCK.set(CLOCK.get() + time);
        self.now.instant += time;
        self.now.unix_millis += time.as_millis() as u64;
    }

    /// Somebody opens a page.
    fn connect(&mut self) -> (ClientId, Pipe) {
        self.clients += 1;
        let client = ClientId(self.clients);
        let (event, pipe) = connected(client, Encoding::PLAIN_WHOLE);
        self.handle(event);
        (client, pipe)
    }

    /// Somebody opens a page and asks for a seat.
    fn join(&mut self, name: &str) -> (ClientId, Pipe) {
        let (client, pipe) = self.connect();
        let name = Name::parse(name, 40).expect("a name");
        self.act(client, Action::Join { name, session: Session::random() });
        (client, pipe)
    }

    /// The node loses its connection to Redis for longer than it may decide.
    fn cut_off(&mut self) {
        self.sleep(LEASE);
        self.tell(LinkEvent::Cut);
    }

    fn act(&mut self, client: ClientId, action: Action) {
        self.handle(Event::from_client(client, FromClient::Acted(action)));
    }

    /// Somebody opens a page and watches. The room is new to this node.
    fn open_room(&mut self) -> (RoomId, Pipe) {
        let (client, pipe) = self.connect();
        self.act(client, Action::Watch);
        let subscribed = self.requests.try_iter().find_map(|request| match request {
            LinkRequest::Subscribe(room, _) => Some(room),
            _ => None,
        });
        (subscribed.expect("a room"), pipe)
    }

    fn own(&mut self, room: RoomId, owner: NodeId, epoch: u64) {
        self.tell(LinkEvent::Owned(room, Ownership { owner: Some(owner), epoch: Epoch(epoch) }));
    }

    /// A node that owns a room with so many posts, and the connection of a viewer there.
    fn owner(posts: u64) -> (Self, RoomId, Pipe) {
        let mut node = Self::start();
        let (room, pipe) = node.open_room();
        node.own(room, ME, 5);
        node.load(posts);
        (node, room, pipe)
    }

    /// A node that owns a room with long texts.
    fn with_long_texts() -> Self {
        let (mut node, ..) = Self::owner(0);
        let text = "x".repeat(100_000);
        for _ in 0..30 {
            let (client, _) = node.join("Ada");
            node.act(client, Action::Write(TextChange::Whole(text.clone().into())));
        }
        node.all_published();
        node
    }

    /// The store has read a log of so many posts.
    fn load(&mut self, posts: u64) {
        self.load_with(posts, RoomRecord::default());
    }

    /// The same with this record.
    fn load_with(&mut self, posts: u64, record: RoomRecord) {
        let Load { room, epoch, .. } = self.loads.try_recv().expect("the room is to be loaded");
        let post = |n| Post { n, id: UserId(1), name: "Ada".into(), text: n.to_string(), at: 0 };
        let posts = (1..=posts).map(post).collect();
        self.handle(Event::Stored(Box::new(Answer::Loaded { room, epoch, record: Some(record), posts })));
    }

    /// The records that were to be stored since this was last called.
    fn saves(&self) -> Vec<Save> {
        let save = |write| match write {
            Write::Change(Change::Save(save)) => Some(save),
            _ => None,
        };
        self.writes.try_iter().filter_map(save).collect()
    }

    /// The next post that Redis is to number.
    fn next_post(&self) -> StorePost {
        let post = |write| match write {
            Write::Post(post) => Some(post),
            _ => None,
        };
        self.writes.try_iter().find_map(post).expect("a post")
    }

    fn health(&mut self) -> Health {
        let (reply_to, reply) = bounded(1);
        self.handle(Event::HealthCheck { reply_to });
        reply.try_recv().expect("an answer")
    }

    /// What was published since this was last called. Redis has it.
    fn published(&mut self) -> Vec<Publication> {
        let published: Vec<Publication> = self
            .requests
            .try_iter()
            .filter_map(|request| match request {
                LinkRequest::Publish(publications) => Some(publications),
                _ => None,
            })
            .flatten()
            .collect();
        if !published.is_empty() {
            self.tell(LinkEvent::Published(Vec::new()));
        }
        published
    }

    /// The same until there is nothing more.
    fn all_published(&mut self) -> Vec<Publication> {
        let mut all = Vec::new();
        loop {
            let some = self.published();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }
}

/// The last snapshot that a page got.
fn snapshot(pipe: &Pipe) -> Option<Value> {
    let snapshot = |frame| match frame {
        Frame::Event(event, data) if event == "existing_users" => Some(data),
        _ => None,
    };
    pipe.take_frames().into_iter().filter_map(snapshot).next_back()
}

/// Whether a page was closed, to try again.
fn is_sent_away(pipe: &Pipe) -> bool {
    pipe.take_frames().contains(&Frame::Close(1013))
}

fn log_of(snapshot: Option<Value>) -> usize {
    snapshot.expect("a snapshot")["log"].as_array().map_or(0, Vec::len)
}

fn attach(epoch: u64, requests: &Value) -> Value {
    json!({"attach": {"epoch": epoch, "seq": 1, "requests": requests, "posts": [], "viewers": 1}})
}

/// A copy of a room at this position, with these users.
fn copy_with(epoch: u64, seq: u64, users: &Value) -> Value {
    let mut message = copy(epoch, false, "hello");
    message["copy"]["at"]["seq"] = json!(seq);
    message["copy"]["copy"]["users"] = users.clone();
    message
}

/// A copy of a room without users, in which the only post has this text.
fn copy(epoch: u64, leaves: bool, text: &str) -> Value {
    let state = json!({"locked": false, "hidden": false, "frozen": false, "prompt": "", "spotlight": null});
    let record =
        json!({"state": state, "all_cleared": 0, "cleared": [], "removed": [], "hosts": [], "members": []});
    let post = json!({"n": 1, "id": "1", "name": "Ada", "text": text, "at": 0});
    let copy = json!({"users": [], "hosts": [], "state": state, "record": record, "hosts_expected": null,
        "posts": [post], "last_n": 1, "last_user": "7"});
    let at = json!({"epoch": epoch, "seq": 3});
    json!({"copy": {"at": at, "name": "physics", "leaves": leaves, "copy": copy, "keys": []}})
}

#[test]
fn a_room_that_is_still_to_be_loaded_is_given_up_when_the_node_is_cut_off() {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.own(room, ME, 5);
    node.hear(&attach(5, &json!([])));
    node.cut_off();
    assert!(is_sent_away(&pipe));
    assert_eq!(node.health().rooms, 0);
    let (_, late) = node.connect();
    assert!(is_sent_away(&late));
    node.load(1);
    assert_eq!(node.health().rooms, 0);
    // It is opened anew once the node is linked again.
    node.tell(LinkEvent::Linked);
    node.beat();
    let (room, pipe) = node.open_room();
    node.own(room, ME, 6);
    node.load(2);
    assert_eq!(log_of(snapshot(&pipe)), 2);
}

#[test]
fn what_was_read_before_the_room_had_another_owner_does_not_count() {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.own(room, ME, 5);
    node.own(room, ME, 9);
    node.load(1);
    assert_eq!(snapshot(&pipe), None, "the log is still to be read in the present epoch");
    node.load(2);
    assert_eq!(log_of(snapshot(&pipe)), 2);
}

#[test]
fn what_was_read_is_not_that_of_a_room_that_another_node_owns_by_now() {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.own(room, ME, 5);
    node.own(room, OTHER, 6);
    node.load(2);
    assert_eq!(snapshot(&pipe), None, "the owner is still to send it");
    node.hear(&copy(6, false, "of the owner"));
    assert_eq!(log_of(snapshot(&pipe)), 1);
}

#[test]
fn nothing_is_decided_for_other_nodes_before_the_room_is_loaded() {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.own(room, ME, 5);
    let key = "0".repeat(32);
    let join = json!({"join": {"name": "Bob", "key": key}});
    let by = json!({"at": 1, "node": OTHER, "number": 1});
    node.hear(&attach(5, &json!([{"by": by, "number": 1, "asks": join}])));
    node.load(0);
    assert_eq!(snapshot(&pipe).expect("a snapshot")["users"], json!({}), "the room may have been locked");
}

#[test]
fn a_room_is_forgotten_that_somebody_has_left_who_had_come_back_to_it_through_another_connection() {
    let (mut node, _, _viewer) = Node::owner(0);
    let by = |at: u64| json!({"at": at, "node": OTHER, "number": at});
    let asks = |at: u64, asks: Value| json!({"by": by(at), "number": at, "asks": asks});
    let join = |at| asks(at, json!({"join": {"name": "Bob", "key": "0".repeat(32)}}));
    node.hear(&attach(5, &json!([join(1)])));
    let later = json!([join(2), asks(2, json!({"leave": {"goodbye": true}}))]);
    node.hear(&json!({"in": {"epoch": 5, "seq": 2, "requests": later, "viewers": 0}}));
    node.handle(Event::from_client(ClientId(node.clients), FromClient::Closed { goodbye: true }));
    node.said();
    node.await_others();
    assert_eq!(node.health().rooms, 0);
}

/// What a host at the other node asks for, which that node tells of again as long as it is not confirmed.
fn attach_of_host(number: u64, asks: &Value) -> Value {
    let by = json!({"at": 1, "node": OTHER, "number": 1});
    attach(5, &json!([{"by": by, "has_key": true, "number": number, "asks": asks}]))
}

#[test]
fn boxes_are_not_emptied_again_for_a_node_that_has_not_heard_that_they_were() {
    let (mut node, _, viewer) = Node::owner(0);
    let (ada, _) = node.join("Ada");
    for text in ["before", "after"] {
        node.act(ada, seated::write(text));
        node.hear(&attach_of_host(1, &json!({"clear": null})));
    }
    node.act(ClientId(1), Action::Resync);
    let shown = snapshot(&viewer).expect("a snapshot")["users"].to_string();
    assert!(shown.contains("after"), "{shown}");
}

#[test]
fn a_setting_that_another_has_replaced_is_not_made_again_for_a_node_that_has_not_heard_of_it() {
    let (mut node, _, viewer) = Node::owner(0);
    for (number, prompt) in [(1, "one"), (2, "two"), (1, "one")] {
        node.hear(&attach_of_host(number, &json!({"set_room": {"prompt": prompt}})));
        for Save { room, .. } in node.saves() {
            node.handle(Event::Stored(Box::new(Answer::Saved { room, is_kept: true })));
        }
    }
    node.act(ClientId(1), Action::Resync);
    assert_eq!(snapshot(&viewer).expect("a snapshot")["state"]["prompt"], "two");
}

#[test]
fn only_so_many_nodes_get_a_large_copy_at_a_time() {
    let mut node = Node::with_long_texts();
    let mut receivers = BTreeSet::new();
    for from in 1_000..1_256 {
        let message = json!({"room": "physics", "from": from, "says": "sync"}).to_string();
        node.tell(LinkEvent::of_node(&message, 0).expect("a message"));
        if from % 64 == 63 {
            node.published(); // not all pieces of one copy
        }
    }
    for Publication { channel, json, .. } in node.all_published() {
        if let Channel::Node(to) = channel
            && json.starts_with("fragment ")
        {
            receivers.insert(to);
        }
    }
    assert_eq!(receivers.len(), 64);
}

#[test]
fn a_large_copy_holds_up_nothing_that_a_room_has_to_say() {
    let mut node = Node::with_long_texts();
    let sync = json!("sync");
    let is_piece = |publication: &&Publication| publication.json.starts_with("fragment ");
    let (mut pieces, mut turns, mut outs) = (0, 0, 0);
    node.hear(&sync);
    loop {
        node.hear(&sync); // it may ask again before it has all of it
        node.act(ClientId(2), Action::Write(TextChange::Whole(turns.to_string().into())));
        let published = node.published();
        let some = published.iter().filter(is_piece).count();
        assert!(some <= 4, "{some} pieces at once");
        outs += published.iter().filter(|publication| publication.json.contains(r#""out""#)).count();
        if some == 0 {
            break;
        }
        (pieces, turns) = (pieces + some, turns + 1);
    }
    assert!((12..20).contains(&pieces), "{pieces} pieces: it goes once");
    assert!(outs >= turns, "{outs} texts in {turns} publications");
}

/// A user with this seat, in a copy.
fn user(key: &Value, holder: &Value) -> Value {
    let seat = json!({"key": key, "wrote": true, "stay": {"secs": 9, "nanos": 0}, "holder": holder});
    json!([{"id": "7", "name": "Ada", "mark": null, "cleared": 0, "text": "hello", "seat": seat}])
}
