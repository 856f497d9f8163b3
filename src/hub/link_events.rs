//! What the link to the other nodes tells a hub, and what follows from it.

use crate::base::clock::Now;
use crate::base::ids::{NodeId, RequestId, RoomId};
use crate::cluster::fragments::{is_large, split};
use crate::cluster::link::{Channel, LinkEvent, LinkRequest};
use crate::cluster::message::{NodeMessage, RoomMessage, ToNode, ToRoom};
use crate::cluster::room_link::{Effect, Moment, RoomLink};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::linked::Linked;
use crate::hub::open_room::OpenRoom;
use serde::Serialize;
use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;

/// How many nodes get a copy of a room at a time, those included to which a large one is on its way. Without a limit,
/// whoever can publish could request copies without end. The others ask again after a second.
const MAX_COPIES: usize = 64;

impl<T: Transport> Hub<T> {
    /// Handles what the link tells this hub.
    pub(super) fn on_link(&mut self, event: LinkEvent, now: Now) {
        if matches!(event, LinkEvent::Room { .. } | LinkEvent::Node { .. }) {
            self.check_link(now); // what comes after this node was suspended is from the past
        }
        let Some(node) = &mut self.node else { return };
        match event {
            LinkEvent::Beat(beat) => {
                let was_alive = beat.was_alive;
                node.on_beat(beat);
                self.check_link(now);
                self.on_beat(was_alive, now);
                self.find_successors(now);
            }
            LinkEvent::Cut => {
                node.set_linked(false);
                self.check_link(now);
            }
            LinkEvent::Linked => {
                node.set_linked(true);
                self.rooms.lose_messages(now.instant);
                self.check_link(now);
            }
            LinkEvent::Unpublished => {
                node.on_published();
                node.copies.clear();
                self.rooms.lose_messages(now.instant);
            }
            LinkEvent::Published(counts) => {
                node.on_published();
                self.on_listeners(counts, now);
            }
            // What is missed is noticed later.
            _ if node.is_alone() => {}
            LinkEvent::Room { room, from, says } => {
                let Some(id) = self.rooms.id_of_key(&room) else { return };
                self.link(id, now, |link, moment| link.on_room_message(from, says, moment));
            }
            LinkEvent::Node { room, from, says } => self.on_node_message(&room, from, says, now),
            LinkEvent::Subscribed(id) => self.link(id, now, |link, _| vec![link.ask(false)]),
            LinkEvent::NotGiven(id, to) => self.on_not_given(id, to, now),
            LinkEvent::GiveFailed(id) => self.on_give_failed(id),
            LinkEvent::Owned(id, owned) => {
                let before = self.linked(id).and_then(|linked| linked.link.other_owner());
                self.link(id, now, |link, moment| link.on_owned(owned, moment));
                self.note_takeover(id, before);
            }
        }
    }

    /// Redis says how many nodes have received the last message of each of these rooms.
    fn on_listeners(&mut self, counts: Vec<(RoomId, usize)>, now: Now) {
        for (id, nodes) in counts {
            self.link(id, now, |link, moment| link.on_listeners(nodes, moment).into_iter().collect());
            self.check_numbering(id, now);
        }
    }

    fn on_node_message(&mut self, room: &str, from: NodeId, says: ToNode, now: Now) {
        match (self.rooms.id_of_key(room), says) {
            (Some(id), ToNode::Answer { number, outcome }) => self.on_outcome(id, number, outcome, now),
            (Some(id), says) => self.link(id, now, |link, moment| link.on_node_message(from, says, moment)),
            // The sender believes that this node owns the room, which it has forgotten.
            (None, ToNode::Sync | ToNode::In { .. } | ToNode::Attach { .. }) => {
                let Some(node) = &mut self.node else { return };
                node.request(LinkRequest::Release(room.to_owned()));
                let json =
                    encode(&NodeMessage { room: room.to_owned(), from: node.me, says: ToNode::Unknown });
                node.queue(Channel::Node(from), json, None);
            }
            (None, says @ ToNode::Copy { leaves: true, .. }) => self.accept_handover(from, room, says, now),
            (None, _) => {}
        }
    }

    /// This node may have taken a room over from another one.
    fn note_takeover(&mut self, id: RoomId, from: Option<NodeId>) {
        let is_owner =
            self.rooms.get(id).and_then(|room| room.linked.as_ref()).is_some_and(|l| l.link.is_owner());
        if let (true, Some(from), Some(node)) = (is_owner, from, &mut self.node) {
            *node.taken_over.entry(from).or_default() += 1;
        }
    }

    /// With every beat, the rooms do what is due, and users whose nodes are dead are away.
    fn on_beat(&mut self, was_alive: bool, now: Now) {
        for (NodeId(from), count) in self.node.iter_mut().flat_map(|node| mem::take(&mut node.taken_over)) {
            log::info!("rooms that this node has taken over from node {from}: {count}");
        }
        for id in self.rooms.ids() {
            let Some(room) = self.rooms.get(id) else { continue };
            let viewers = room.own_viewers();
            self.link(id, now, |link, moment| link.on_beat(was_alive, viewers, moment));
            self.lose_users(id, now);
            self.lose_key_holders(id, now);
            self.check_numbering(id, now);
            self.retry_log(id);
            self.retry_restore(id);
            self.check_handover(id, now);
            self.on_viewers_changed(id, now); // those of a node that has died are gone
            if let Some(node) = &mut self.node {
                node.defer(id); // the owner may not know the number of viewers
            }
        }
    }

    /// Tells a room's link something, and does what follows.
    pub(super) fn link(
        &mut self,
        id: RoomId,
        now: Now,
        tell: impl FnOnce(&mut RoomLink, Moment<'_>) -> Vec<Effect>,
    ) {
        let Some(node) = &self.node else { return };
        let others = node.others();
        let Some(linked) = self.rooms.get_mut(id).and_then(|room| room.linked.as_mut()) else { return };
        for effect in tell(&mut linked.link, others.at(now.instant)) {
            self.perform(id, effect, now);
        }
    }

    fn perform(&mut self, id: RoomId, effect: Effect, now: Now) {
        match effect {
            Effect::Publish(says) => self.queue_to_room(id, says),
            Effect::Send(node, says) => self.queue_to_node(id, node, says),
            Effect::Own { known, may_take } => {
                let (Some(node), Some(room)) = (&self.node, self.rooms.get(id)) else { return };
                let key = room.name().key().to_owned();
                node.request(LinkRequest::Own { room: id, key, known, may_take });
            }
            Effect::Follow { rulings, record, is_unsaved } => {
                self.follow(id, rulings, record, now);
                if is_unsaved {
                    self.tell_unsaved(id);
                }
            }
            Effect::Replace { copy, keys } => self.replace_room(id, &copy, keys, now),
            Effect::Confirm(seq) => self.confirm(id, seq),
            Effect::Attach => {
                if let Some(linked) = self.linked(id) {
                    linked.mirrored.attaches = true;
                }
            }
            Effect::CopyTo(to) => self.copy_to(id, to),
            // Nobody can know a room yet that is still to be loaded, and what its hosts have set is not known here.
            Effect::Decide { .. } if self.rooms.get(id).is_some_and(|room| room.is_loading()) => {}
            Effect::Decide { from, has_key, requests, is_all, posts } => {
                self.note_key_holder(id, from, has_key, now);
                self.decide_requests(id, from, requests, is_all, now);
                self.add_known_posts(id, posts, now);
                self.check_numbering(id, now);
                self.on_viewers_changed(id, now);
                if self.rooms.get(id).is_some_and(OpenRoom::serves_others) {
                    self.seats.enter(id);
                }
            }
            Effect::Reign => self.reign(id, now),
            Effect::Resume => {
                self.resume(id, now);
                self.recover(id);
            }
            Effect::StepDown => self.step_down(id),
            Effect::Viewers(viewers) => self.set_viewers(id, viewers, now),
        }
    }

    /// What a room keeps for other nodes, to be changed and then told.
    pub(super) fn linked(&mut self, id: RoomId) -> Option<&mut Linked> {
        self.rooms.touch(id)?.linked.as_deref_mut()
    }

    fn set_viewers(&mut self, id: RoomId, all: usize, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let own = room.own_viewers();
        if let Some(linked) = &mut room.linked {
            linked.mirrored.other_viewers = all.saturating_sub(own);
        }
        self.on_viewers_changed(id, now);
    }

    pub(super) fn queue_to_room(&mut self, id: RoomId, says: ToRoom) {
        let (Some(node), Some(room)) = (&mut self.node, self.rooms.get(id)) else { return };
        let is_counted = matches!(says, ToRoom::Open | ToRoom::Reign { .. });
        let json = encode(&RoomMessage { from: node.me, says });
        node.queue(Channel::Room(room.name().key().to_owned()), json, is_counted.then_some(id));
    }

    /// Another node needs a copy of a room. If one is under way and gets lost, the node asks again.
    fn copy_to(&mut self, id: RoomId, to: NodeId) {
        let Some(node) = &self.node else { return };
        if node.copies.is_under_way(id, to) {
            return;
        }
        let count = node.copies.count_of(id);
        if let Some(linked) = self.linked(id)
            && count + linked.owned.copies_for.len() < MAX_COPIES
        {
            linked.owned.copies_for.insert(to);
        }
    }

    /// Sends a copy of a room to these nodes, in pieces if it is large. With a handover, it goes at once.
    fn send_copy(&mut self, id: RoomId, nodes: BTreeSet<NodeId>, says: ToNode) {
        let (Some(node), Some(room)) = (&mut self.node, self.rooms.get(id)) else { return };
        let is_urgent = matches!(says, ToNode::Copy { leaves: true, .. });
        let json = encode(&NodeMessage { room: room.name().key().to_owned(), from: node.me, says });
        if is_urgent || !is_large(&json) {
            return nodes.into_iter().for_each(|to| node.queue(Channel::Node(to), json.clone(), None));
        }
        let pieces: Arc<[String]> = split(node.me, json).into();
        nodes.into_iter().for_each(|to| node.copies.add(id, to, Arc::clone(&pieces)));
    }

    pub(super) fn queue_to_node(&mut self, id: RoomId, to: NodeId, says: ToNode) {
        let (Some(node), Some(room)) = (&mut self.node, self.rooms.get(id)) else { return };
        let json = encode(&NodeMessage { room: room.name().key().to_owned(), from: node.me, says });
        node.queue(Channel::Node(to), json, None);
    }

    /// Tells the other nodes what there is for them, unless the link is busy.
    pub(super) fn write_to_nodes(&mut self, now: Now) {
        let Some(node) = &mut self.node else { return };
        let others = node.others();
        for id in node.take_waiting() {
            self.write_room_to_nodes(id, others.at(now.instant), now);
        }
        if let Some(node) = &mut self.node {
            node.publish();
        }
        self.hand_over();
    }

    /// Notes whether a room has something for the other nodes.
    pub(super) fn await_nodes(&mut self, id: RoomId) {
        if let (Some(node), Some(room)) = (&mut self.node, self.rooms.get(id))
            && room.has_output_for_nodes()
        {
            node.defer(id);
        }
    }

    fn write_room_to_nodes(&mut self, id: RoomId, moment: Moment<'_>, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let out = room.take_out(moment);
        let answers = room.take_answers(moment);
        let confirmation = room.take_out(moment);
        let copies = room.take_copies(moment, now);
        let message = room.take_message();
        out.into_iter().for_each(|out| self.queue_to_room(id, out));
        for (RequestId { node, number }, outcome) in answers {
            self.queue_to_node(id, node, ToNode::Answer { number, outcome });
        }
        confirmation.into_iter().for_each(|out| self.queue_to_room(id, out));
        copies.into_iter().for_each(|(nodes, says)| self.send_copy(id, nodes, says));
        if let Some((node, says)) = message {
            self.queue_to_node(id, node, says);
        }
        self.on_vacated(id);
    }
}

fn encode(message: &impl Serialize) -> String {
    serde_json::to_string(message).expect("messages have string keys")
}
