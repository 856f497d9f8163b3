//! The hub of a node, of which a test handles all that it asks Redis for.

use crate::pipe::Pipe;
use crate::world::new_client;
use crossbeam_channel::{Receiver, unbounded};
use std::cell::Cell;
use std::time::Duration;
use typewall::internals::{
    Channel, ClientId, Encoding, Event, Hub, LinkEvent, LinkRequest, Load, NodeId, Requests, Shard, Write,
};
use typewall::{HostOptions, Limits, RoomName};

/// The time at which tests with a clock of Redis begin, in milliseconds since 1970.
pub(super) const EPOCH: u64 = 1_800_000_000_000;

/// For how long a node may decide after a beat.
pub(super) const LEASE: Duration = Duration::from_millis(2_500);

thread_local! {
    /// The time since the start of the system, of all nodes of the test.
    pub(super) static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pub(super) struct NodeHub {
    pub hub: Hub<Pipe>,
    /// What it asks of the link.
    pub requests: Receiver<LinkRequest>,
    /// The rooms to be loaded.
    pub loads: Receiver<Load>,
    /// The posts and records to be stored.
    pub writes: Receiver<Write>,
}

impl NodeHub {
    pub(super) fn new(id: NodeId, limits: Limits, hosts: HostOptions) -> Self {
        let ((link, requests), (load, loads), (write, writes)) = (unbounded(), unbounded(), unbounded());
        let store = Requests { loads: load, writes: write };
        let mut hub = Hub::new(limits, None, hosts, Some(store), Shard::single());
        hub.join_cluster(id, link, || CLOCK.get());
        Self { hub, requests, loads, writes }
    }
}

/// The name of the room of all these tests.
pub(super) fn room_name() -> RoomName {
    RoomName::from_query("room=physics").expect("a name")
}

/// The event with which a client enters the room, and its connection, which never stalls.
pub(super) fn connected(client: ClientId, encoding: Encoding) -> (Event<Pipe>, Pipe) {
    let pipe = Pipe::default();
    pipe.0.borrow_mut().space = usize::MAX;
    (Event::Connected(new_client(client, room_name(), encoding, &pipe)), pipe)
}

/// A message that arrives on a channel at this time by the clock of Redis.
pub(super) fn message_on(channel: &Channel, json: &str, redis_millis: u64) -> LinkEvent {
    let event = match channel {
        Channel::Room(key) => LinkEvent::of_room(key.clone(), json, redis_millis),
        Channel::Node(_) => LinkEvent::of_node(json, redis_millis),
    };
    event.expect("a message")
}
