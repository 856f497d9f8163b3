//! The hub's entrance: who may come in, to which room, and who waits outside for want of the passphrase.

use super::shutdown::Stopping;
use super::{Hub, OpenRoom};
use crate::base::address::Address;
use crate::base::clock::Now;
use crate::base::ids::ClientId;
use crate::base::ids::RoomId;
use crate::base::ids::UserId;
use crate::delivery::batch::{Batch, lone_frame};
use crate::delivery::transport::Transport;
use crate::hub::gate::Visitor;
use crate::hub::registry::Arrival;
use crate::protocol::error::Refusal;
use crate::protocol::events::ServerEvent;
use crate::room::names::RoomName;
use crate::room::rules::{Action, Room};
use crate::store::thread::Request;
use tungstenite::protocol::frame::coding::CloseCode;

/// Rooms that may wait for their logs. Beyond that the store does not keep up, and new rooms are not opened.
pub const MAX_UNLOADED: usize = 1024;

/// The passphrase was not given in time.
const CLOSE_OUTSIDE: u16 = 4003;

impl<S: Transport> Hub<S> {
    /// Why nobody may come from that address now: the code and the sentence to close them with. Clients are counted
    /// first, so there are never too many; of two who come at once for the last place both may be refused.
    fn refusal(&self, address: Address) -> Option<(CloseCode, &'static str)> {
        let from_there = self.clients.table.open_from(address);
        if self.stopping != Stopping::No {
            Some((CloseCode::Away, "The server is stopping."))
        } else if self.clients.table.open() > self.limits.max_clients {
            Some((CloseCode::Again, "The server is full; please try again later."))
        } else if self.limits.max_per_address.is_some_and(|max| from_there > max) {
            Some((CloseCode::Again, "Too many are here from your address."))
        } else {
            None
        }
    }

    /// Why no room may be added to those there are; where one may, it is counted.
    fn refusal_of_rooms(&self) -> Option<&'static str> {
        if self.unloaded >= MAX_UNLOADED {
            Some("The server is busy; please try again in a moment.")
        } else if !self.part.rooms.add_below(self.limits.max_rooms) {
            Some("There are as many rooms as there can be.")
        } else {
            None
        }
    }

    pub(super) fn connect(&mut self, client: ClientId, room: RoomName, arrival: Arrival<S>, now: Now) {
        let visitor = Visitor { address: arrival.address, room };
        self.clients.insert(client, arrival, now.instant);
        if let Some((code, reason)) = self.refusal(visitor.address) {
            self.close(client, code, reason, now);
        } else if let Some(visitor) = self.gate.hold(client, visitor, now.instant) {
            self.enter(client, visitor, now);
        }
        self.close_late(now); // before the next one comes, whom they might keep out
    }

    /// Closes those who have been outside for too long.
    pub(super) fn close_late(&mut self, now: Now) {
        for client in self.gate.take_late(now.instant) {
            let code = CloseCode::from(CLOSE_OUTSIDE);
            self.close(client, code, "The passphrase was not given in time.", now);
        }
    }

    /// Lets a client see its room.
    fn enter(&mut self, client: ClientId, visitor: Visitor, now: Now) {
        if !self.names.contains_key(visitor.room.key())
            && let Some(reason) = self.refusal_of_rooms()
        {
            return self.close(client, CloseCode::Again, reason, now);
        }
        let room = self.room_named(visitor.room, now);
        self.clients.table.enter(client, room);
        if let Some(place) = self.touch(room) {
            place.room.enter(client, &mut place.batch);
        }
    }

    /// A client that is outside does something: it gives the passphrase, or it is refused.
    pub(super) fn act_outside(&mut self, client: ClientId, action: Action, now: Now) {
        let (refusal, reference) = match action {
            Action::Unlock(passphrase) => match self.gate.unlock(client, &passphrase, now.instant) {
                Ok(visitor) => {
                    self.enter(client, visitor, now);
                    return self.act(client, action, now); // the room says so, before all else
                }
                Err(refusal) => (refusal, None),
            },
            Action::Post { reference, .. } => (Refusal::PassphraseNeeded, reference),
            _ => (Refusal::PassphraseNeeded, None),
        };
        self.clients.queue(client, lone_frame(&ServerEvent::Error { refusal, reference }));
    }

    fn room_named(&mut self, name: RoomName, now: Now) -> RoomId {
        if let Some(&id) = self.names.get(name.key()) {
            return id;
        }
        self.last_room += 1;
        let id = self.part.room_id(self.last_room);
        self.names.insert(name.key().to_owned(), id);
        if let Some(store) = &self.store {
            // Where the store is gone, the room waits for its log as everyone waits for the server's end.
            let _ = store.send(Request::Load { room: id, name: name.clone(), count: self.limits.log_length });
            self.unloaded += 1;
        }
        // Ids go on from the time, so that a room that is made again does not use those of its posts.
        let last_user = UserId(self.last_user.0.max(now.unix_millis));
        let room = Room::new(name, self.limits, self.store.is_some(), last_user);
        self.rooms.insert(id, OpenRoom { room, batch: Batch::default(), touched: false });
        id
    }
}
