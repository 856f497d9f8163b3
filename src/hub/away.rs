//! Seats of away users: how many of them are kept when newcomers need places. The [index](crate::hub::seats) says which
//! goes first.

use crate::base::clock::Now;
use crate::base::ids::{ClientId, RoomId, UserId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::deadlines::Deadline;
use crate::hub::open_room::OpenRoom;
use crate::hub::seats::{AwaySeat, Origin};
use crate::room::session::Session;

/// One in this many seats of a full room is kept for away users when newcomers come, and one in this many rooms of a
/// full server is kept for rooms with away users only; at least one. A class whose Wi-Fi fails then finds seats, and
/// newcomers find three quarters of the places, however many others join and vanish.
const PLACES_PER_AWAY: usize = 4;

/// How many of `places` are kept for away users when newcomers come.
fn away_share(places: usize) -> usize {
    (places / PLACES_PER_AWAY).max(1)
}

impl<T: Transport> Hub<T> {
    /// A client asks for a seat. If it needs a new one and the room is full, an away user gives way, unless the room
    /// has only its [share](away_share) of them.
    pub(super) fn make_seat(&mut self, client: ClientId, id: RoomId, session: Session, now: Now) {
        let may_evict = |room: &OpenRoom| room.is_in_charge() && !room.is_alone();
        let lacks_seat = |room: &OpenRoom| may_evict(room) && room.lacks_seat_for(client, session.key());
        if self.rooms.get(id).is_some_and(lacks_seat) {
            self.make_place(id, now);
        }
        if let Some(room) = self.rooms.get_mut(id) {
            room.claim_seat(client, session);
        }
    }

    /// A room is full: an away user gives way, unless the room has only its [share](away_share) of them.
    pub(super) fn make_place(&mut self, id: RoomId, now: Now) {
        if let Some(seat) = self.seats.shortest_stay_in(id, away_share(self.limits.max_users)) {
            self.evict(seat, now);
        }
    }

    /// A client has a seat, which is a new one or was another client's.
    pub(super) fn hold_seat(&mut self, client: ClientId, id: RoomId, user: UserId, is_new: bool, now: Now) {
        if !self.rooms.get(id).is_some_and(OpenRoom::is_in_charge) {
            return;
        }
        let Some(address) = self.clients.registry.get(client).map(|client| client.address) else { return };
        let origin = Origin::Address(address);
        self.seats.take(id, user, origin);
        if is_new {
            self.evict_from(origin, self.limits.max_per_address, now);
            self.evict_away(now);
        }
    }

    /// Somebody from there has a new seat. Removes seats of away users while more are from there than clients may be.
    pub(super) fn evict_from(&mut self, origin: Origin, max: Option<usize>, now: Now) {
        while let Some(seat) = max.and_then(|max| self.seats.shortest_stay_from(origin, max)) {
            self.evict(seat, now);
        }
    }

    /// A client here has a new seat. Removes seats of away users while clients here have more seats than there may be
    /// clients.
    ///
    /// Every user from here who is not away is a client, so the surplus seats belong to users who are away. If those are
    /// on another hub, that hub removes the seats when the next user joins there.
    fn evict_away(&mut self, now: Now) {
        while self.shard.seats.get() > self.limits.max_clients
            && let Some(seat) = self.seats.shortest_stay()
        {
            self.evict(seat, now);
        }
    }

    /// The server has no room left for a newcomer's. If this hub has more than its [share](away_share) of rooms with
    /// away users only, one of them is removed. Returns whether one was.
    pub(super) fn displace_room(&mut self, now: Now) -> bool {
        let share = away_share(self.limits.max_rooms) / self.shard.hubs();
        let away = self.seats.shortest_stays_of_abandoned(share).unwrap_or_default();
        away.iter().for_each(|&seat| self.evict(seat, now));
        // A room that is still to be saved makes way later.
        away.first().is_some_and(|seat| self.rooms.get(seat.room).is_none())
    }

    fn evict(&mut self, AwaySeat { room, user, .. }: AwaySeat, now: Now) {
        self.deadlines.cancel(Deadline::Grace(room, user));
        self.end_grace(room, user, now);
    }

    /// The grace period of a user who is away is over.
    pub(super) fn end_grace(&mut self, id: RoomId, user: UserId, now: Now) {
        if let Some(fact) = self.rooms.touch(id).and_then(|room| room.decide_expire(user)) {
            self.publish(id, fact, Cause::default(), now);
            self.forget_if_empty(id);
        }
    }

    /// A client or a post is gone from a room, here or on another node. Forgets the room, or notes that only away users
    /// are left.
    pub(super) fn on_vacated(&mut self, id: RoomId) {
        self.await_hosts(id);
        self.forget_if_empty(id);
        if self.rooms.get(id).is_some_and(OpenRoom::is_abandoned) {
            self.seats.abandon(id);
        }
    }
}
