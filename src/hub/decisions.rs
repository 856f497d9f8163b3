//! Decisions: what the rules of a room decide, and what follows from it.

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, RoomId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::deadlines::Deadline;
use crate::hub::event::ReplyTo;
use crate::hub::open_room::OpenRoom;
use crate::hub::secret_check::SecretCheck;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::room::action::Action;
use crate::room::fact::Fact;
use crate::room::names::Name;
use crate::room::rules::{Decision, Reply};
use crate::room::session::Session;

impl<T: Transport> Hub<T> {
    /// A client asks for something that the rules of its room decide.
    pub(super) fn act(&mut self, client: ClientId, action: Action, ack: Option<AckId>, now: Now) {
        if matches!(action, Action::Join { .. }) {
            self.clients.registry.stop_notices(client);
        }
        let Some(id) = self.clients.registry.room_of(client) else {
            let reference = action.reference().map(str::to_owned);
            return self.reject(client, EventError::PassphraseNeeded, ReplyTo { reference, ack });
        };
        if let Action::Join { session, .. } = action {
            self.make_seat(client, id, session, now);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        if room.is_alone() {
            return self.act_alone(client, id, action, ack, now);
        }
        match action {
            Action::Watch | Action::Resync => self.decide(client, id, action, ack, now),
            action if room.is_mirror() => self.forward(client, id, action, ack),
            action => self.decide(client, id, action, ack, now),
        }
    }

    /// Has the rules of a room decide a client's action.
    pub(super) fn decide(
        &mut self,
        client: ClientId,
        id: RoomId,
        action: Action,
        ack: Option<AckId>,
        now: Now,
    ) {
        let reference = action.reference().map(str::to_owned);
        let is_post = matches!(action, Action::Post { .. });
        let Some(room) = self.rooms.touch(id) else { return };
        match room.decide(client, action, now) {
            Ok(decision) => self.carry_out(client, id, decision, ack, now),
            Err(error) => {
                let reason = is_post.then(|| self.guest_refusal(client, id)).flatten();
                self.reject(client, reason.unwrap_or(error), ReplyTo { reference, ack });
            }
        }
    }

    /// A client that has never asked for a seat is about to post: it gets one as a guest, if it has none. A refusal is
    /// not answered here. The post that follows is rejected for the same reason.
    pub(super) fn seat_guest(&mut self, client: ClientId, now: Now) {
        let Some(id) = self.clients.registry.room_of(client) else { return };
        let is_viewer = |room: &OpenRoom| room.has_member(client) && !room.has_seat_or_joins(client);
        if !self.rooms.get(id).is_some_and(|room| is_viewer(room) && !room.is_alone()) {
            return;
        }
        let session = Session::random();
        self.make_seat(client, id, session, now);
        let join = Action::Join { name: Name::of_guest(), session };
        if self.rooms.get(id).is_some_and(OpenRoom::is_mirror) {
            return self.forward(client, id, join, None);
        }
        if let Some(Ok(decision)) = self.rooms.touch(id).map(|room| room.decide(client, join, now)) {
            self.carry_out(client, id, decision, None, now);
        }
    }

    /// Why a client that has never asked for a seat, and whose post was rejected, has none as a guest. `None` for other
    /// clients, or if it could have one.
    pub(super) fn guest_refusal(&self, client: ClientId, id: RoomId) -> Option<EventError> {
        let room = self.rooms.get(id).filter(|_| self.is_guest(client))?;
        let viewer = room.actor(client).filter(|actor| actor.user.is_none())?;
        room.rules().may_seat(room.view(), viewer, Session::random().key()).err().map(EventError::from)
    }

    /// Whether a client has never asked for a seat, and gets one as a guest when it posts.
    pub(super) fn is_guest(&self, client: ClientId) -> bool {
        let entry = self.clients.registry.get(client);
        entry.is_some_and(|entry| entry.encoding.carrier.has_notices())
    }

    /// Publishes the fact of a decision and replies to the client.
    fn carry_out(
        &mut self,
        client: ClientId,
        id: RoomId,
        Decision { fact, reply }: Decision,
        ack: Option<AckId>,
        now: Now,
    ) {
        let reference = match &reply {
            Reply::Posted(reference) => reference.as_deref(),
            _ => None,
        };
        let is_new = matches!(fact, Some(Fact::Joined { .. }));
        if let Some(fact) = fact {
            self.publish(id, fact, Cause::client(client).with_reference(reference), now);
        }
        let Some(room) = self.rooms.touch(id) else { return };
        match reply {
            Reply::None | Reply::Posted(_) => {}
            Reply::Snapshot => room.request_snapshot(client),
            Reply::Seated(user) => {
                room.request_snapshot(client);
                if let Some(superseded) = room.seat(client, user) {
                    self.close(superseded, &CloseReason::SeatTaken, now);
                }
                self.hold_seat(client, id, user, is_new, now);
                self.on_viewers_changed(id, now);
            }
            Reply::Hosting => self.tell_hosting(client, id),
            Reply::SeatTaken => {
                // The room sends nothing more to a client that is closed.
                if let Some(ack) = ack {
                    self.acknowledge_outside_rooms(client, ack, Some(&EventError::SeatTaken));
                }
                return self.close(client, &CloseReason::SeatTaken, now);
            }
            Reply::Pending(post) => return self.store_post(client, id, post, ack),
            Reply::Erase(n) => return self.erase_post(client, id, n, ack),
            Reply::Duplicate(post, reference) => room.confirm(client, &post, reference.as_deref()),
        }
        self.acknowledge(client, ack);
    }

    /// Tells a client that it is a host.
    pub(super) fn tell_hosting(&mut self, client: ClientId, id: RoomId) {
        let token = self.host_key.as_ref().map(SecretCheck::issue_token);
        if let Some(room) = self.rooms.touch(id) {
            room.tell(client, &ServerEvent::Hosting { token });
        }
    }

    /// Applies a fact to its room, and does what follows from it.
    pub(super) fn publish(&mut self, id: RoomId, fact: Fact, cause: Cause<'_>, now: Now) {
        self.counters.posts += u64::from(matches!(fact, Fact::Posted { .. }));
        let may_appoint = self.update_seats(id, &fact);
        let Some(room) = self.rooms.touch(id) else { return };
        let removed = match fact {
            Fact::Gone { id: user, removed: true } => room.client_of(user),
            _ => None,
        };
        room.publish(fact, cause);
        if may_appoint {
            self.appoint_host(id, now);
        }
        if let Some(client) = removed {
            self.close(client, &CloseReason::Removed, now);
        }
    }

    /// Updates seat counts and deadlines for a fact that is about to be applied. Returns whether the room may lack a
    /// host then, or have somebody who becomes one.
    fn update_seats(&mut self, id: RoomId, fact: &Fact) -> bool {
        // The owner of a room counts its seats, and ends them.
        let Some(room) = self.rooms.get(id).filter(|room| room.is_in_charge()) else { return false };
        match fact {
            Fact::Away { id: user } => {
                if let Some(kept) = room.rules().kept_seat(*user) {
                    self.deadlines.set(Deadline::Grace(id, *user), kept.until);
                    self.seats.leave(id, *user, kept.stay);
                }
                false
            }
            Fact::Back { id: user } => {
                self.deadlines.cancel(Deadline::Grace(id, *user));
                true
            }
            Fact::Gone { id: user, .. } => {
                self.seats.remove(id, *user);
                self.deadlines.cancel(Deadline::Grace(id, *user));
                room.view().is_host(*user)
            }
            Fact::Joined { .. } | Fact::SeatTaken { .. } => true,
            Fact::Renamed { .. }
            | Fact::HostMade { .. }
            | Fact::HostLost { .. }
            | Fact::StateChanged { .. }
            | Fact::Text { .. }
            | Fact::Cleared { .. }
            | Fact::Posted { .. }
            | Fact::PostRemoved { .. }
            | Fact::Loaded { .. }
            | Fact::LogReplaced { .. }
            | Fact::HistoryShortened { .. }
            | Fact::HistoryTrimmed { .. } => false,
        }
    }
}
