//! The node that a hub is part of: what it knows of the others, and its link to them.

use crate::base::ids::{NodeId, RoomId};
use crate::cluster::link::{Beat, Channel, LinkRequest, Publication};
use crate::cluster::room_link::{Moment, TTL};
use crate::hub::copies::Copies;
use crate::hub::health::ClusterHealth;
use crossbeam_channel::Sender;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The node that a hub is part of.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its id.
    pub me: NodeId,
    requests: Sender<LinkRequest>,
    /// The clock that also runs while the machine is suspended.
    clock: fn() -> Duration,
    beat: Option<Beat>,
    /// Messages arrive.
    is_linked: bool,
    /// When the last connection was accepted.
    last_accepted: u64,
    /// How often messages have begun to arrive.
    links: u64,
    /// This node does not hold its lease, so it neither decides for others nor follows them.
    is_alone: bool,
    /// The last publications have not arrived at Redis.
    is_publishing: bool,
    queue: Vec<Publication>,
    /// Large copies of rooms, which go out in pieces.
    pub copies: Copies,
    /// This node is stopping, and has to know which nodes are alive.
    pub awaits_successors: bool,
    /// Rooms that this node is handing over, because it is stopping, and to which nodes.
    pub handing_over: BTreeMap<RoomId, NodeId>,
    /// Those of them that were offered to another node.
    offered: BTreeSet<RoomId>,
    /// Nodes that cannot have a room, because they are dead.
    pub dead: BTreeSet<NodeId>,
    /// How many rooms this node has taken over since the last beat, and from which nodes.
    pub taken_over: BTreeMap<NodeId, usize>,
    /// Rooms with something for the other nodes.
    waiting: BTreeSet<RoomId>,
}

/// What this node knows of the others, for one event.
#[derive(Debug)]
pub(crate) struct Others {
    alive: Arc<BTreeSet<NodeId>>,
    holds: bool,
    linked_since: Option<Instant>,
    /// This is the first node, so no other can be dead.
    is_first: bool,
}

impl Others {
    /// The same at a time.
    pub(crate) fn at(&self, now: Instant) -> Moment<'_> {
        let is_settled =
            self.is_first || self.linked_since.is_some_and(|since| now.duration_since(since) >= TTL);
        Moment { now, holds: self.holds, is_settled, alive: &self.alive }
    }
}

impl Node {
    /// A node that is not linked to the others yet.
    pub(crate) fn new(me: NodeId, requests: Sender<LinkRequest>, clock: fn() -> Duration) -> Self {
        Self {
            me,
            requests,
            clock,
            beat: None,
            is_linked: false,
            last_accepted: 0,
            links: 0,
            is_alone: true,
            is_publishing: false,
            queue: Vec::new(),
            copies: Copies::default(),
            awaits_successors: false,
            handing_over: BTreeMap::new(),
            offered: BTreeSet::new(),
            dead: BTreeSet::new(),
            taken_over: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// What is known of the others.
    pub(crate) fn others(&self) -> Others {
        let beat = self.beat.as_ref();
        Others {
            alive: beat.map(|beat| Arc::clone(&beat.alive)).unwrap_or_default(),
            holds: beat.is_some_and(|beat| (self.clock)() < beat.valid_until),
            linked_since: beat.filter(|_| self.is_linked).map(|beat| beat.linked_since),
            is_first: self.links == 1 && beat.is_some_and(|beat| beat.alive.len() <= 1),
        }
    }

    /// The time of a connection that is accepted now, by the clock of Redis, in milliseconds since 1970. Not before
    /// that of an earlier connection, even if a clock was set.
    pub(crate) fn accepted_at(&mut self, unix_millis: u64) -> u64 {
        let offset = self.beat.as_ref().map_or(0, |beat| beat.clock_offset);
        self.last_accepted = self.last_accepted.max(unix_millis.saturating_add_signed(offset));
        self.last_accepted
    }

    /// Redis has received a beat.
    pub(crate) fn on_beat(&mut self, beat: Beat) {
        self.beat = Some(beat);
    }

    /// Notes whether messages arrive.
    pub(crate) fn set_linked(&mut self, is_linked: bool) {
        self.is_linked = is_linked;
        self.links += u64::from(is_linked);
    }

    /// Whether this node is cut off from the others.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// How this node sees the others.
    pub(crate) fn health(&self) -> ClusterHealth {
        let nodes = self.beat.as_ref().filter(|_| !self.is_alone).map_or(1, |beat| beat.alive.len());
        ClusterHealth { node: self.me, nodes, linked: !self.is_alone }
    }

    /// Notes whether this node is cut off by now. Returns that if it has changed.
    pub(crate) fn update_alone(&mut self) -> Option<bool> {
        // Messages that do not arrive for a moment are missed, and noticed later.
        let is_alone = self.beat.as_ref().is_none_or(|beat| (self.clock)() >= beat.valid_until);
        (mem::replace(&mut self.is_alone, is_alone) != is_alone).then_some(is_alone)
    }

    /// Asks the link for something. If it has crashed, the server is about to end.
    pub(crate) fn request(&self, request: LinkRequest) {
        let _ = self.requests.send(request);
    }

    /// Adds a message to the next publications.
    pub(crate) fn queue(&mut self, channel: Channel, json: String, counted_for: Option<RoomId>) {
        self.queue.push(Publication { channel, json, counted_for });
    }

    /// Notes that a room has something for the other nodes.
    pub(crate) fn defer(&mut self, room: RoomId) {
        self.waiting.insert(room);
    }

    /// The rooms whose messages can be made now: none while others are under way, so that texts that change meanwhile
    /// become one.
    pub(crate) fn take_waiting(&mut self) -> BTreeSet<RoomId> {
        if self.is_publishing { BTreeSet::new() } else { mem::take(&mut self.waiting) }
    }

    /// The rooms to be handed over of which everything is published, each once.
    pub(crate) fn take_published_of_handover(&mut self) -> Vec<(RoomId, NodeId)> {
        let is_ready = |id: RoomId| !self.waiting.contains(&id) && !self.offered.contains(&id);
        let rooms = self.handing_over.iter().map(|(id, to)| (*id, *to));
        let ready: Vec<(RoomId, NodeId)> = rooms.filter(|(id, _)| is_ready(*id)).collect();
        self.offered.extend(ready.iter().map(|(id, _)| *id));
        ready
    }

    /// A room is to be handed over to this node.
    pub(crate) fn begin_handover(&mut self, id: RoomId, to: NodeId) {
        self.handing_over.insert(id, to);
        self.offered.remove(&id);
    }

    /// A room was handed over, or cannot be.
    pub(crate) fn end_handover(&mut self, id: RoomId) {
        self.handing_over.remove(&id);
    }

    /// Publishes what is queued, and some of the large copies, unless others are under way.
    pub(crate) fn publish(&mut self) {
        if self.is_publishing {
            return;
        }
        let mut queue = mem::take(&mut self.queue);
        queue.extend(self.copies.take_some());
        if !queue.is_empty() {
            self.is_publishing = true;
            self.request(LinkRequest::Publish(queue));
        }
    }

    /// The last publications have arrived.
    pub(crate) fn on_published(&mut self) {
        self.is_publishing = false;
    }
}
