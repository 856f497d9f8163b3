//! Whose the seats of a room are that several nodes have: they count on the node that owns it, and end there.

use crate::base::ids::RoomId;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use crate::hub::seats::Origin;
use std::mem;

impl<T: Transport> Hub<T> {
    /// The seats of a room count here, and away users lose theirs at their deadlines.
    pub(super) fn take_charge(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if room.linked.as_mut().is_some_and(|linked| mem::replace(&mut linked.counts_seats, true)) {
            return self.set_graces(id); // it owned the room before, in another epoch, and may have been alone since
        }
        let me = self.node.as_ref().map(|node| node.me);
        let Some(room) = self.rooms.get(id) else { return };
        for (user, _) in room.view().users_after(None) {
            let client = room.client_of(user).and_then(|client| self.clients.registry.get(client));
            let origin = match (client, room.rules().holder(user)) {
                (Some(client), _) => Origin::Address(client.address),
                (None, Some(rank)) if Some(rank.node) != me => Origin::Node(rank.node),
                (None, _) => Origin::Unknown,
            };
            self.seats.take(id, user, origin);
            if let Some(kept) = room.rules().kept_seat(user) {
                self.seats.leave(id, user, kept.stay);
            }
        }
        self.set_graces(id);
    }

    /// Away users lose their seats at the ends of their grace periods.
    pub(super) fn set_graces(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get(id) else { return };
        for (user, _) in room.view().users_after(None) {
            if let Some(kept) = room.rules().kept_seat(user) {
                self.deadlines.set(Deadline::Grace(id, user), kept.until);
            }
        }
    }

    pub(super) fn give_up_charge(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        if let Some(linked) = &mut room.linked {
            linked.counts_seats = false;
        }
        let Some(room) = self.rooms.get(id) else { return };
        for (user, _) in room.view().users_after(None) {
            self.deadlines.cancel(Deadline::Grace(id, user));
            self.seats.remove(id, user);
        }
    }
}
