//! A node that is stopping hands its rooms over to others, so that they need not wait until it counts as dead.

use crate::base::clock::Now;
use crate::base::ids::{NodeId, RoomId};
use crate::cluster::link::LinkRequest;
use crate::cluster::message::ToNode;
use crate::cluster::room_link::TTL;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::room::room_name::RoomName;
use std::collections::BTreeSet;
use std::mem;
use std::time::Instant;

impl<T: Transport> Hub<T> {
    /// The node is stopping: it hands each of its rooms over to another node, once it is known which nodes are alive.
    pub(super) fn begin_handover(&mut self) {
        if let Some(node) = &mut self.node {
            node.awaits_successors = true;
            node.request(LinkRequest::Beat);
        }
    }

    /// It is known which nodes are alive.
    pub(super) fn find_successors(&mut self, now: Now) {
        if self.node.as_mut().is_some_and(|node| mem::take(&mut node.awaits_successors)) {
            self.rooms.ids().into_iter().for_each(|id| self.find_successor(id, now));
        }
    }

    /// Chooses the node that gets a room. One that has the room already follows it exactly; any other gets a copy
    /// first.
    fn find_successor(&mut self, id: RoomId, now: Now) {
        let (Some(node), Some(room)) = (&mut self.node, self.rooms.touch(id)) else { return };
        let is_needed = room.is_in_charge() && !room.is_needed_by_nobody();
        let Some(linked) = room.linked.as_mut().filter(|_| is_needed) else { return };
        let others = node.others();
        let is_possible = |other: &&NodeId| **other != node.me && !node.dead.contains(other);
        let alive: BTreeSet<NodeId> =
            others.at(now.instant).alive.iter().filter(is_possible).copied().collect();
        let successor = linked.link.successor(&alive);
        let stranger = || alive.iter().copied().nth(id.0 as usize % alive.len().max(1));
        if let Some(to) = successor.or_else(stranger) {
            linked.owned.successor = Some(to); // it gets a copy: one that has the room may have forgotten it by then
            log::debug!("a room is handed over to node {}, which has it: {}", to.0, successor.is_some());
            node.begin_handover(id, to);
        }
    }

    /// A room cannot be handed over to a node, because that is dead: another one gets it.
    pub(super) fn on_not_given(&mut self, id: RoomId, to: NodeId, now: Now) {
        let Some(node) = &mut self.node else { return };
        log::debug!("a room cannot be handed over to node {}", to.0);
        node.end_handover(id);
        node.dead.insert(to);
        self.find_successor(id, now);
    }

    /// It is not known whether a room was handed over. That is not tried again, and this node does not wait for it: if
    /// the room was not handed over, another node takes it once this one has stopped.
    pub(super) fn on_give_failed(&mut self, id: RoomId) {
        if let Some(node) = &mut self.node {
            node.end_handover(id);
        }
    }

    /// Hands over the rooms whose last messages have just been published. Other nodes receive those first.
    pub(super) fn hand_over(&mut self) {
        let Some(node) = &mut self.node else { return };
        for (id, to) in node.take_published_of_handover() {
            match self.rooms.get(id).and_then(|room| Some((room.name().key().to_owned(), room.epoch()?))) {
                Some((key, epoch)) => node.request(LinkRequest::Give { room: id, key, epoch, to }),
                None => node.end_handover(id),
            }
        }
    }

    /// A node that is stopping hands over a room that this one does not have.
    pub(super) fn accept_handover(&mut self, from: NodeId, room: &str, says: ToNode, now: Now) {
        let ToNode::Copy { at, name, copy, keys, leaves: true } = says else { return };
        let name = RoomName::parse(&name).ok().filter(|name| name.key() == room);
        let Some(name) = name.filter(|_| !self.stage.is_stopping()) else { return };
        // If there are too many rooms, the people who come back find a new one.
        log::debug!("node {} hands a room over to this one", from.0);
        let Ok(id) = self.open_room(name, now) else { return };
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.begin_request(); // until it is clear who owns the room, nobody is in it
        if let Some(linked) = &mut room.linked {
            linked.link.accept_handover(from, at, now.instant);
            linked.handed_over = Some(now.instant);
            linked.mirrored.attaches = true;
        }
        self.replace_room(id, &copy, keys, now);
    }

    /// Another node may own a room that was handed over to this one. By now, that is clear.
    pub(super) fn check_handover(&mut self, id: RoomId, now: Now) {
        let linked = self.rooms.get(id).and_then(|room| room.linked.as_ref());
        let is_clear = |at: Instant| now.instant.duration_since(at) >= TTL;
        if linked.and_then(|linked| linked.handed_over).is_some_and(is_clear) {
            self.settle_handover(id);
        }
    }

    /// It is clear who owns a room that was handed over to this node.
    pub(super) fn settle_handover(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if room.linked.as_mut().is_some_and(|linked| linked.handed_over.take().is_some()) {
            room.request_answered();
            self.on_vacated(id);
        }
    }

    /// Whether other nodes are still to take rooms over, or to answer for posts.
    pub(super) fn awaits_nodes(&self) -> bool {
        let Some(node) = self.node.as_ref().filter(|node| !node.is_alone()) else { return false };
        node.awaits_successors
            || !node.handing_over.is_empty()
            || self.rooms.iter().any(|room| room.awaits_posts())
    }
}
