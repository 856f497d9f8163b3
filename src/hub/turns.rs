//! Turns: how a hub divides its time between rooms, and a room its budget between users.

use crate::base::clock::{Now, whole_seconds};
use crate::base::ids::{ClientId, RoomId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use crate::hub::event::{FromClient, QueuedEvent, ReplyTo};
use crate::protocol::server_event::ServerEvent;
use std::time::Duration;

impl<T: Transport> Hub<T> {
    /// Begins a turn: every room gets its share again, and handles the events that have waited for it.
    pub(super) fn begin_turn(&mut self, now: Now) {
        self.turn += 1;
        for id in self.rooms.take_deferred() {
            while let Some(room) = self.rooms.get_mut(id)
                && let Some(event) = room.next_event(self.turn)
            {
                self.pass_budget(id, event, now);
            }
            self.await_turn(id);
            self.on_vacated(id);
        }
    }

    /// Gives a room another turn if events wait for it.
    pub(super) fn await_turn(&mut self, id: RoomId) {
        if self.rooms.get(id).is_some_and(|room| room.inbox.waits_for_turn()) {
            self.rooms.defer(id);
        }
    }

    /// A client has done something. If its room has had its share of this turn, the event waits for the next one.
    pub(super) fn receive(&mut self, event: QueuedEvent, now: Now) {
        match self.clients.registry.room_of(event.client) {
            Some(id) => self.receive_in(id, event, now),
            None => self.apply(event, now),
        }
    }

    /// The same in this room.
    pub(super) fn receive_in(&mut self, id: RoomId, event: QueuedEvent, now: Now) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let had_none = !room.inbox.waits_for_turn();
        match room.accept_event(event, self.turn) {
            Some(event) => self.pass_budget(id, event, now),
            None if had_none => self.await_turn(id),
            None => {}
        }
    }

    /// Handles an event, unless it exceeds the room's budget. Then it waits, and so do later actions of the same
    /// client.
    fn pass_budget(&mut self, id: RoomId, event: QueuedEvent, now: Now) {
        let Some(room) = self.rooms.get_mut(id).filter(|_| event.keeps_order()) else {
            return self.apply(event, now);
        };
        let (client, is_post) = (event.client, event.is_post());
        match room.pass_budget(event, now.instant) {
            Some(event) => self.apply(event, now),
            None => {
                let wait = room.inbox.budget.wait(now.instant);
                self.await_budget(id, now);
                if is_post {
                    self.slow_down(client, wait);
                }
            }
        }
    }

    /// The budget of a room has bytes again: handles the events that have waited for it, in their order.
    pub(super) fn on_budget(&mut self, id: RoomId, now: Now) {
        while let Some(room) = self.rooms.get_mut(id)
            && let Some(mut events) = room.inbox.budget.release(now.instant)
        {
            if let Some(paid) = events.pop_front() {
                self.apply(paid, now);
            }
            events.into_iter().for_each(|event| self.pass_budget(id, event, now));
        }
        self.await_budget(id, now);
        self.on_vacated(id);
    }

    /// Handles all events that wait, whatever they cost, because the server stops.
    pub(super) fn release_all(&mut self, now: Now) {
        for id in self.rooms.ids() {
            self.release_events(id, now);
        }
    }

    /// Handles all events of a room that wait, whatever they cost, unless the room is still to be loaded.
    pub(super) fn release_events(&mut self, id: RoomId, now: Now) {
        if self.rooms.get(id).is_some_and(|room| !room.is_loading()) {
            let events = self.rooms.get_mut(id).map(|room| room.inbox.release_all()).unwrap_or_default();
            events.into_iter().for_each(|event| self.apply(event, now));
            self.on_vacated(id);
        }
    }

    fn await_budget(&mut self, id: RoomId, now: Now) {
        if let Some(due) = self.rooms.get(id).and_then(|room| room.inbox.budget.due(now.instant)) {
            self.deadlines.set(Deadline::Budget(id), due);
        }
    }

    /// Tells a user that their next post has to wait.
    pub(super) fn slow_down(&mut self, client: ClientId, wait: Duration) {
        if let Some(room) = self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)) {
            room.tell(client, &ServerEvent::SlowDown { wait: whole_seconds(wait).max(1) });
        }
    }

    /// Does what a client asks for, and what follows from what it did.
    fn apply(&mut self, event: QueuedEvent, now: Now) {
        let QueuedEvent { client, event, slot: _slot, charge: _charge, ack } = event;
        match event {
            FromClient::Unlock { passphrase, token } => self.unlock(client, passphrase, token, ack, now),
            FromClient::Host { key, token } => self.check_host_key(client, key, token, ack, now),
            FromClient::Acted(action) => self.act(client, action, ack, now),
            FromClient::SeatGuest => self.seat_guest(client, now),
            FromClient::PostRequest(request) => self.post_without_seat(client, *request, now),
            FromClient::Ping => self.answer_ping(client, ack),
            FromClient::Rejected { error, reference } => {
                self.on_rejected(client, error, ReplyTo { reference, ack });
            }
            FromClient::Paced { wait } => self.slow_down(client, wait),
            FromClient::Frames(frames) => self.clients.queue(client, frames.into()),
            FromClient::ProtocolError { code, reason } => self.on_protocol_error(client, code, reason, now),
            FromClient::ReadTimeout => self.on_read_timeout(client, now),
            FromClient::Closed { goodbye } => {
                self.leave(client, goodbye, now);
                self.clients.remove(client, &mut self.deadlines, now.instant);
            }
        }
    }
}
