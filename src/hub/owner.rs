//! Rooms that this node owns: it decides what clients of other nodes ask for, and tells the nodes.

use crate::base::clock::Now;
use crate::base::ids::{ClientId, NodeId, RequestId, RoomId, UserId};
use crate::cluster::message::{Asked, Outcome, Request};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::linked::{LogState, Owned, Restoring};
use crate::hub::seats::Origin;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::room::action::{Actor, Rank};
use crate::room::fact::Fact;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::rules::{Decision, Reply};
use crate::room::session::{IdempotencyKey, SessionKey};
use crate::store::request::{Load, Requester, Returned};
use std::collections::BTreeSet;
use std::mem;

impl<T: Transport> Hub<T> {
    /// Decides what the clients of another node ask for. If those are all its clients, its other users are away.
    pub(super) fn decide_requests(
        &mut self,
        id: RoomId,
        from: NodeId,
        requests: Vec<Request>,
        is_all: bool,
        now: Now,
    ) {
        if is_all {
            let there: BTreeSet<Rank> = requests.iter().map(|request| request.by).collect();
            self.lose_holders(id, |rank| rank.node == from && !there.contains(&rank), now);
        }
        for request in requests {
            self.decide_request(id, from, request, now);
        }
    }

    fn decide_request(&mut self, id: RoomId, from: NodeId, request: Request, now: Now) {
        let Request { by, number, .. } = request;
        let request_id = RequestId { node: from, number };
        let is_answered_later = request.asks.is_answered_later();
        let is_done_once = request.asks.is_done_once();
        if let Asked::Join { key, .. } = request.asks {
            self.make_remote_seat(id, by, request.has_key, key, now);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        if is_done_once && room.has_done(by, number) {
            return;
        }
        match room.decide_request(request, now) {
            Ok(Decision { fact: None, reply: Reply::None }) if is_answered_later => {
                self.answer(id, request_id, Outcome::Done);
            }
            Ok(decision) => {
                if let Some(linked) = room.linked.as_mut().filter(|_| is_done_once) {
                    linked.owned.note_done(by, number);
                }
                self.carry_out_request(id, by, request_id, decision, now);
            }
            Err(EventError::Room(error)) => self.answer(id, request_id, Outcome::Refused(error)),
            Err(_) => self.answer(id, request_id, Outcome::MemoryFull),
        }
    }

    fn carry_out_request(
        &mut self,
        id: RoomId,
        by: Rank,
        request: RequestId,
        Decision { fact, reply }: Decision,
        now: Now,
    ) {
        let is_new = matches!(fact, Some(Fact::Joined { .. }));
        if let Some(fact) = fact {
            let cause = Cause { request: Some(request), ..Cause::default() };
            self.publish(id, fact, cause, now);
        }
        let requester = Requester { client: ClientId(0), ack: None, request: Some(request) };
        match reply {
            Reply::Seated(user) => self.seat_remote(id, user, by, is_new, now),
            Reply::SeatTaken => self.answer(id, request, Outcome::SeatTaken),
            Reply::Pending(post) => self.store_post_for(requester, id, post),
            Reply::Erase(n) => self.erase_post_for(requester, id, n),
            Reply::Duplicate(post, _) => self.answer(id, request, Outcome::Duplicate(post)),
            Reply::None | Reply::Snapshot | Reply::Hosting | Reply::Posted(_) => {}
        }
    }

    /// Answers a request of another node's client.
    pub(super) fn answer(&mut self, id: RoomId, request: RequestId, outcome: Outcome) {
        if let Some(linked) = self.linked(id) {
            linked.owned.answers.push((request, outcome));
        }
    }

    /// A connection of another node asks for a seat. If it needs a new one and the room is full, an away user gives
    /// way.
    fn make_remote_seat(&mut self, id: RoomId, by: Rank, has_key: bool, key: SessionKey, now: Now) {
        if self.rooms.get(id).is_some_and(|room| room.lacks_seat_for_remote(by, has_key, key)) {
            self.make_place(id, now);
        }
    }

    /// Reads the posts of a room that this node owns from now on.
    fn load_log(&mut self, id: RoomId) {
        if let Some(room) = self.rooms.get_mut(id) {
            if let Some(linked) = &mut room.linked {
                linked.owned.log = LogState::default();
                linked.owned.restoring = Restoring::default();
            }
            let (name, count, epoch) = (room.name().clone(), self.limits.log_length, room.epoch());
            self.store.load(Load { room: id, name, count, epoch });
        }
    }

    /// The store may have posts that this node lacks: they come before this one.
    pub(super) fn catch_up_with_store(
        &mut self,
        id: RoomId,
        by: Requester,
        post: PendingPost,
        numbered: Numbered,
    ) {
        if let Some(linked) = self.linked(id) {
            linked.owned.numbered.push((by, post, numbered));
            if mem::take(&mut linked.owned.log.is_read) {
                linked.owned.log.is_due = true;
                self.retry_log(id);
            }
        }
    }

    /// A connection of another node has a seat.
    fn seat_remote(&mut self, id: RoomId, user: UserId, by: Rank, is_new: bool, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        if let Some(linked) = &mut room.linked {
            linked.owned.remotes.insert(by, user);
        }
        if let Some(superseded) = room.unseat(user) {
            self.close(superseded, &CloseReason::SeatTaken, now);
        }
        let origin = Origin::Node(by.node);
        self.seats.take(id, user, origin);
        if is_new {
            // The other node has as many clients as this one may have, so the surplus seats are of users who are away.
            self.evict_from(origin, Some(self.limits.max_clients), now);
        }
    }

    /// Users whose nodes are dead, or do not tell of them, have no connection any more.
    pub(super) fn lose_users(&mut self, id: RoomId, now: Now) {
        let Some(node) = &self.node else { return };
        let (others, me) = (node.others(), node.me);
        let moment = others.at(now.instant);
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.forget_remotes_without_seat();
        let Some(linked) = room.linked.as_ref().filter(|linked| linked.link.decides(moment)) else { return };
        let lost: BTreeSet<NodeId> = room.rules().holders().into_iter().map(|(_, rank)| rank.node).collect();
        let lost: BTreeSet<NodeId> =
            lost.into_iter().filter(|node| linked.link.has_lost(*node, moment)).collect();
        let members: BTreeSet<u64> = room.clients().into_iter().map(|client| client.0).collect();
        let is_lost = |rank: Rank| match rank.node == me {
            true => !members.contains(&rank.number),
            false => lost.contains(&rank.node),
        };
        self.lose_holders(id, is_lost, now);
    }

    fn lose_holders(&mut self, id: RoomId, is_lost: impl Fn(Rank) -> bool, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if let Some(linked) = &mut room.linked {
            linked.owned.remotes.retain(|rank, _| !is_lost(*rank));
        }
        let holders = room.rules().holders();
        for (user, _) in holders.into_iter().filter(|(_, rank)| is_lost(*rank)) {
            let Some(room) = self.rooms.touch(id) else { return };
            if let Some(fact) = room.decide_leave(user, false, now) {
                self.publish(id, fact, Cause::default(), now);
            }
        }
    }

    /// A client of a room that this node does not own has gone while the node was alone.
    pub(super) fn note_left(&mut self, id: RoomId, client: ClientId, actor: Option<Actor>, goodbye: bool) {
        let room = self.rooms.get_mut(id).filter(|room| room.is_alone() && !room.is_in_charge());
        if let Some(room) = room {
            room.note_left(client, actor, goodbye);
        }
    }

    /// This node owns a room from now on.
    pub(super) fn reign(&mut self, id: RoomId, now: Now) {
        let me = self.node.as_ref().map(|node| node.me);
        let Some(room) = self.rooms.touch(id) else { return };
        let holders = room.rules().holders();
        let Some(linked) = &mut room.linked else { return };
        let epoch = linked.link.position().epoch;
        log::debug!("this node owns a room in epoch {}", epoch.0);
        let others = holders.into_iter().filter(|(_, rank)| Some(rank.node) != me);
        linked.owned.remotes = others.map(|(user, rank)| (rank, user)).collect();
        let was_alone = mem::take(&mut linked.is_alone);
        if was_alone {
            room.restart_graces(now);
        }
        room.begin_reign(epoch.first_user(), now.instant);
        self.settle_handover(id);
        self.take_charge(id);
        self.load_log(id);
        self.lose_users(id, now);
        self.await_hosts(id);
        self.act_as_owner(id, now);
        self.show_alone(id, false);
    }

    /// This node does not own a room any more.
    pub(super) fn step_down(&mut self, id: RoomId) {
        log::debug!("this node does not own a room any more");
        self.give_up_charge(id);
        if let Some(node) = &mut self.node {
            node.end_handover(id);
            node.copies.cancel(id);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        room.keep_own_texts();
        let Some(linked) = &mut room.linked else { return };
        linked.is_alone = false;
        let Owned { held_posts, numbered, .. } = mem::take(&mut linked.owned);
        for (by, post) in held_posts {
            self.post_requests.forget(id, post.id);
            room.forward_post(by, post);
        }
        // The others are in the log, and would be posted twice.
        for (by, post, _) in numbered.into_iter().filter(|(_, post, _)| post.reference.is_some()) {
            room.forward_post(by, post);
        }
    }

    /// The store has not numbered a post. It waits until it is known who owns the room, and so does its author if they
    /// are here.
    pub(super) fn on_returned(
        &mut self,
        id: RoomId,
        post: PendingPost,
        by: Requester,
        why: Returned,
        now: Now,
    ) {
        let Some(room) = self.rooms.touch(id) else { return };
        room.request_answered();
        if room.is_mirror() {
            self.post_requests.forget(id, post.id);
            return room.forward_post(by, post);
        }
        self.hold_post(id, by, post);
        match why {
            Returned::Behind => self.restore_posts(id),
            Returned::Fenced | Returned::Forgot => self.link(id, now, |link, _| link.doubt()),
        }
    }

    /// The log of a room was read.
    pub(super) fn on_log_read(&mut self, id: RoomId) {
        let mut numbered = Vec::new();
        if let Some(linked) = self.linked(id) {
            linked.owned.log.is_read = true;
            numbered = mem::take(&mut linked.owned.numbered);
        }
        for (by, post, numbered) in numbered {
            self.on_numbered(id, post, by, Ok(numbered));
        }
        self.release_posts(id);
    }

    /// Reads the log again that could not be read.
    pub(super) fn retry_log(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id).filter(|room| !room.is_alone()) else { return };
        let Some(linked) = &mut room.linked else { return };
        if mem::take(&mut linked.owned.log.is_due) {
            let (name, count, epoch) = (room.name().clone(), self.limits.log_length, room.epoch());
            self.store.load(Load { room: id, name, count, epoch });
        }
    }

    /// Numbers the posts that have waited, unless Redis still lacks posts before them. If the log is still to be read,
    /// they wait on.
    pub(super) fn release_posts(&mut self, id: RoomId) {
        let Some(linked) = self.linked(id) else { return };
        if linked.owned.restoring == Restoring::default() {
            for (by, post) in mem::take(&mut linked.owned.held_posts) {
                self.store_post_for(by, id, post);
            }
        }
    }

    /// Numbers the posts that have waited, once all nodes have attached or have had the time to.
    pub(super) fn check_numbering(&mut self, id: RoomId, now: Now) {
        let Some(linked) = self.rooms.get_mut(id).and_then(|room| room.linked.as_mut()) else { return };
        if linked.link.may_number(now.instant) && !linked.owned.log.is_told {
            linked.owned.log.is_told = true;
            self.release_posts(id);
            self.on_vacated(id);
        }
    }

    /// What the clients here have asked of the owner before is decided now.
    pub(super) fn act_as_owner(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        let (posts, acks) = (room.take_posts_without_seat(), room.take_text_acks());
        for (client, action, ack) in room.take_own_actions() {
            self.act(client, action, ack, now);
        }
        acks.into_iter().for_each(|(client, ack)| self.acknowledge(client, ack));
        for (name, text, reference, from) in posts {
            self.decide_post_without_seat(ClientId(0), id, (name, text, Some(reference), from), now);
        }
    }

    /// The log of a room as Redis has it, which may have posts that this node lacks.
    pub(super) fn add_log(&mut self, id: RoomId, posts: Vec<Post>, now: Now) {
        let Some(room) = self.rooms.get(id) else { return };
        // The owner before has removed these, and this node has not heard of it.
        let removed = room.removed_among(&posts);
        for n in removed {
            self.publish(id, Fact::PostRemoved { n }, Cause::default(), now);
        }
        let Some(room) = self.rooms.get(id) else { return };
        let next = room.view().last_n() + 1;
        match posts.first().zip(posts.last().map(|post| post.n)) {
            Some((first, last_n)) if first.n > next => {
                self.publish(id, Fact::LogReplaced { posts, last_n }, Cause::default(), now);
            }
            _ => self.add_known_posts(id, posts.into_iter().map(|post| (post, None)), now),
        }
    }

    /// Another node has posts that this one lacks, because Redis has lost them.
    pub(super) fn add_known_posts(
        &mut self,
        id: RoomId,
        posts: impl IntoIterator<Item = (Post, Option<IdempotencyKey>)>,
        now: Now,
    ) {
        for (post, key) in posts {
            let Some(room) = self.rooms.get(id) else { return };
            if post.n == room.view().last_n() + 1 {
                self.publish(id, Fact::Posted { post }, Cause { key, ..Cause::default() }, now);
            }
        }
    }
}
