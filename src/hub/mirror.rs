//! Rooms that another node owns: what their clients ask for goes to the owner, and what the owner decides comes back.

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, RoomId, UserId};
use crate::cluster::message::{Asked, Outcome, Ruled};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::event::ReplyTo;
use crate::hub::linked::{RequestedBy, Unconfirmed};
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::action::{Action, Rank};
use crate::room::copy::{Holder, RoomCopy, differences};
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;

impl<T: Transport> Hub<T> {
    /// Passes a client's action on to the owner of its room.
    pub(super) fn forward(&mut self, client: ClientId, id: RoomId, action: Action, ack: Option<AckId>) {
        let reference = action.reference().map(str::to_owned);
        let is_post = matches!(action, Action::Post { .. });
        if matches!(action, Action::Host) {
            self.tell_hosting(client, id);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        if let Err(error) = room.forward(client, action, ack) {
            let reason = is_post.then(|| self.guest_refusal(client, id)).flatten();
            self.reject(client, reason.unwrap_or(error), ReplyTo { reference, ack });
        }
    }

    /// Follows what the owner of a room has decided.
    pub(super) fn follow(&mut self, id: RoomId, rulings: Vec<Ruled>, record: Option<RoomRecord>, now: Now) {
        let me = self.node.as_ref().map(|node| node.me);
        for Ruled { ruling, by, key } in rulings {
            let Some(room) = self.rooms.touch(id) else { return };
            let own = by.filter(|by| Some(by.node) == me);
            let request = own.and_then(|by| room.take_confirmed(by.number));
            if matches!(&ruling.fact, Fact::Posted { post } if post.n <= room.view().last_n()) {
                self.answer_duplicate(id, request, ruling.fact);
                continue;
            }
            let seat = ruling.seat;
            let fact = room.follow(ruling, now);
            let (user, number) = match &fact {
                Fact::Joined { id, .. } | Fact::Back { id } | Fact::SeatTaken { id } => (Some(*id), None),
                Fact::Posted { post } => (None, Some(post.n)),
                _ => (None, None),
            };
            let (client, reference) = match &request {
                Some(RequestedBy::Client { client, reference, .. }) => (Some(*client), reference.as_deref()),
                _ => (None, None),
            };
            self.publish(id, fact, Cause { client, reference, request: None, key }, now);
            if let (Some(user), Some(seat)) = (user, seat) {
                self.seat_followed(id, user, seat.rank, now);
            }
            self.answer_request(request, number);
        }
        if let (Some(record), Some(room)) = (record, self.rooms.get_mut(id)) {
            room.follow_record(record);
        }
    }

    /// Answers a request for a post that this node has already.
    fn answer_duplicate(&mut self, id: RoomId, request: Option<RequestedBy>, fact: Fact) {
        let Fact::Posted { post } = fact else { return };
        if let (Some(RequestedBy::Client { client, reference, .. }), Some(room)) =
            (&request, self.rooms.touch(id))
        {
            room.confirm(*client, &post, reference.as_deref());
        }
        self.answer_request(request, Some(post.n));
    }

    /// Answers a request whose outcome is a fact.
    fn answer_request(&mut self, request: Option<RequestedBy>, number: Option<u64>) {
        match (request, number) {
            (Some(RequestedBy::Client { client, ack, .. }), _) => self.acknowledge(client, ack),
            (Some(RequestedBy::Http(from)), Some(n)) => from.answer(Ok(n)),
            _ => {}
        }
    }

    /// A connection, perhaps of another node, has a user's seat now.
    pub(super) fn seat_followed(&mut self, id: RoomId, user: UserId, rank: Rank, now: Now) {
        let me = self.node.as_ref().map(|node| node.me);
        let Some(room) = self.rooms.touch(id) else { return };
        let client = ClientId(rank.number);
        let is_here = Some(rank.node) == me && room.has_member(client);
        let superseded = match is_here {
            true if room.client_of(user) == Some(client) => None,
            true => {
                room.request_snapshot(client);
                room.seat(client, user)
            }
            // The owner does not know of the later connection here, which is the one to have the seat.
            false if room.has_later_client(user, rank) => {
                room.request_attach();
                None
            }
            false => room.unseat(user),
        };
        if let Some(superseded) = superseded {
            self.close(superseded, &CloseReason::SeatTaken, now);
        }
        self.on_viewers_changed(id, now);
    }

    /// Changes a room to the copy of it that its owner has sent.
    pub(super) fn replace_room(
        &mut self,
        id: RoomId,
        copy: &RoomCopy,
        keys: Vec<(u64, IdempotencyKey)>,
        now: Now,
    ) {
        let Some(room) = self.rooms.touch(id) else { return };
        let facts = differences(room.view(), copy);
        // Whoever has connected elsewhere since then has the text from there.
        for user in &copy.users {
            if let Holder::Connected(rank) = user.seat.holder
                && self.rooms.get(id).is_some_and(|room| room.client_of(user.id).is_some())
            {
                self.seat_followed(id, user.id, rank, now);
            }
        }
        let Some(room) = self.rooms.touch(id) else { return };
        let surplus = room.posts_with_keys(copy.last_n);
        for fact in facts {
            let Some(room) = self.rooms.touch(id) else { return };
            if room.is_loading() {
                room.adopt(fact); // nobody has seen the room yet
            } else if !room.contradicts(&fact) {
                room.drop_cleared_text(&fact);
                self.publish(id, fact, Cause::default(), now);
            }
        }
        let Some(room) = self.rooms.touch(id) else { return };
        room.replace_rules(copy, now);
        if let Some(linked) = &mut room.linked {
            linked.keys.clear();
            linked.set_keys(keys);
            linked.mirrored.surplus = surplus;
        }
        for (user, rank) in room.rules().holders() {
            self.seat_followed(id, user, rank, now);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        if room.is_loading() {
            room.finish_loading();
            self.await_turn(id);
            self.answer_questions(id);
        }
        self.show_alone(id, false);
    }

    /// The owner has handled the messages up to this one.
    pub(super) fn confirm(&mut self, id: RoomId, seq: u64) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.confirm_texts(seq);
        let Some(linked) = &mut room.linked else { return };
        let is_done = |request: &Unconfirmed| {
            let is_answered_later = request.asks.as_ref().is_some_and(Asked::is_answered_later);
            !is_answered_later && request.sent_with.is_some_and(|sent| sent <= seq)
        };
        for request in linked.mirrored.take_unconfirmed(is_done) {
            self.answer_request(Some(request.from), None);
        }
    }

    /// The owner has answered a request that led to no fact.
    pub(super) fn on_outcome(&mut self, id: RoomId, number: u64, outcome: Outcome, now: Now) {
        let Some(room) = self.rooms.touch(id) else { return };
        // It is asked for again, by then with a seat, or with the log up to the post.
        let is_early = match &outcome {
            Outcome::Refused(RoomError::NotJoined) => room.has_requester(number),
            Outcome::Duplicate(post) => post.n > room.view().last_n(),
            _ => false,
        };
        let Some(linked) = &mut room.linked else { return };
        if is_early {
            return linked.link.request_attach();
        }
        let Some(Unconfirmed { from, asks, .. }) = linked.mirrored.unconfirmed.remove(&number) else {
            return;
        };
        match from {
            RequestedBy::Client { client, reference, ack } => {
                if error_of(&outcome).is_some()
                    && linked.mirrored.texts.get(&client).is_some_and(|own| own.number == number)
                {
                    linked.mirrored.texts.remove(&client); // the page is told
                }
                let reply_to = ReplyTo { reference, ack };
                match (error_of(&outcome), asks) {
                    (Some(_), Some(Asked::Join { .. })) if self.is_guest(client) => {}
                    (Some(error), Some(Asked::Post { .. })) => {
                        let reason = self.guest_refusal(client, id);
                        self.reject(client, reason.unwrap_or(error), reply_to);
                    }
                    (Some(error), _) => self.reject(client, error, reply_to),
                    (None, _) => self.on_client_outcome(client, outcome, reply_to, now),
                }
            }
            RequestedBy::Http(from) => from.answer(match outcome {
                Outcome::Duplicate(Post { n, .. }) => Ok(n),
                outcome => Err(error_of(&outcome).map_or(PostRefusal::Busy, PostRefusal::from)),
            }),
        }
    }

    /// A client's request was done, or needs no more.
    fn on_client_outcome(&mut self, client: ClientId, outcome: Outcome, reply_to: ReplyTo, now: Now) {
        match outcome {
            Outcome::Done => self.acknowledge(client, reply_to.ack),
            Outcome::SeatTaken => {
                if let Some(ack) = reply_to.ack {
                    self.acknowledge_outside_rooms(client, ack, Some(&EventError::SeatTaken));
                }
                self.close(client, &CloseReason::SeatTaken, now);
            }
            Outcome::Duplicate(post) => {
                let room = self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id));
                if let Some(room) = room {
                    room.confirm(client, &post, reply_to.reference.as_deref());
                }
                self.acknowledge(client, reply_to.ack);
            }
            Outcome::Refused(_) | Outcome::NotStored(_) | Outcome::NotRemoved(_) | Outcome::MemoryFull => {}
        }
    }
}

/// The error of an outcome, if it is one.
fn error_of(outcome: &Outcome) -> Option<EventError> {
    match outcome {
        Outcome::Refused(error) => Some((*error).into()),
        Outcome::NotStored(why) => Some(EventError::NotStored(*why)),
        Outcome::NotRemoved(why) => Some(EventError::NotRemoved(*why)),
        Outcome::MemoryFull => Some(EventError::MemoryFull),
        Outcome::Done | Outcome::SeatTaken | Outcome::Duplicate(_) => None,
    }
}
