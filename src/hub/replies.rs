//! What a hub tells a single client about its events, in a room or before it is in one.

use crate::base::ids::{AckId, ClientId};
use crate::delivery::batch::{ack_frame, single_frame};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::event::ReplyTo;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;

impl<T: Transport> Hub<T> {
    /// A reader has rejected an event. An unauthenticated client is told only that it needs the passphrase.
    pub(super) fn on_rejected(&mut self, client: ClientId, error: EventError, reply_to: ReplyTo) {
        match self.clients.registry.requested_room(client) {
            Some(_) => self.reject(client, EventError::PassphraseNeeded, reply_to.ack),
            None => self.reject(client, error, reply_to),
        }
    }

    /// Tells a client that its event was rejected, after all that happened before it.
    pub(super) fn reject(&mut self, client: ClientId, error: EventError, reply_to: impl Into<ReplyTo>) {
        let reply_to = reply_to.into();
        match (self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)), reply_to.ack) {
            (Some(room), _) => room.reject(client, error, reply_to),
            (None, Some(ack)) => self.acknowledge_outside_rooms(client, ack, Some(&error)),
            (None, None) => {
                let reference = reply_to.reference;
                self.tell_outside_rooms(client, &ServerEvent::Error { error, reference });
            }
        }
    }

    /// Acknowledges an event that has had its effect.
    pub(super) fn acknowledge(&mut self, client: ClientId, ack: Option<AckId>) {
        let Some(ack) = ack else { return };
        match self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)) {
            Some(room) => room.acknowledge(client, ack),
            None => self.acknowledge_outside_rooms(client, ack, None),
        }
    }

    /// Answers a ping, even before the passphrase and while the store loads the room: a pong only says that the server runs.
    pub(super) fn answer_ping(&mut self, client: ClientId, ack: Option<AckId>) {
        match self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)) {
            Some(room) => room.tell(client, &ServerEvent::Pong {}),
            None => self.tell_outside_rooms(client, &ServerEvent::Pong {}),
        }
        self.acknowledge(client, ack);
    }

    /// Sends an event to a client that is in no room.
    pub(super) fn tell_outside_rooms(&mut self, client: ClientId, event: &ServerEvent<'_>) {
        if let Some(encoding) = self.clients.registry.get(client).map(|client| client.encoding) {
            self.counters.sent.note(event);
            self.clients.queue(client, single_frame(encoding, event));
        }
    }

    /// Acknowledges an event of a client that is in no room.
    pub(super) fn acknowledge_outside_rooms(
        &mut self,
        client: ClientId,
        ack: AckId,
        error: Option<&EventError>,
    ) {
        if let Some(encoding) = self.clients.registry.get(client).map(|client| client.encoding) {
            self.counters.sent.note_ack(error);
            self.clients.queue(client, ack_frame(encoding, ack, error));
        }
    }
}
