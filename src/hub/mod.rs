//! A hub: a thread that owns its rooms, and alone writes to their clients.
//!
//! Architecture invariant: the hub owns all state. Everyone else holds a `Sender<Event>`; there is no lock and
//! no shared map anywhere.
//!
//! Architecture invariant: drain, then write once. The hub takes one event, then all that wait, and only then
//! writes. Alone, an event goes out at once; under load batches grow by themselves. No timer delays anything.

pub mod admission;
pub mod clients;
pub mod event;
pub mod gate;
pub mod keepalive;
pub mod registry;
pub mod seats;
pub mod shards;
mod shutdown;

pub use admission::MAX_UNLOADED;

use crate::base::clock::Now;
use crate::base::ids::ClientId;
use crate::base::ids::RoomId;
use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::base::passphrase::Passphrase;
use crate::delivery::batch::Batch;
use crate::delivery::transport::Transport;
use crate::hub::clients::Clients;
use crate::hub::event::{Event, Health};
use crate::hub::gate::Gate;
use crate::hub::seats::Seats;
use crate::hub::shards::Part;
use crate::room::history::Draft;
use crate::room::rules::{Action, Room};
use crate::store::thread::{self as store, Request};
use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use shutdown::Stopping;
use std::collections::HashMap;
use std::net::Shutdown;
use std::time::{Duration, Instant};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Events taken between two writes: bounds what a batch can hold.
const MAX_DRAIN: usize = 1024;

/// How long a client has to answer a close frame before its connection is cut. A slow one must first read
/// what is before it.
const CLOSE_PATIENCE: Duration = Duration::from_secs(15);

/// Posts that may be under way to the store. Beyond that it does not keep up, and says so to who posts.
const MAX_UNSTORED: usize = 1024;

/// A newer connection has the seat.
const CLOSE_SEAT_TAKEN: u16 = 4001;

/// Too slow, see [`crate::delivery::outbox`].
const CLOSE_TOO_SLOW: u16 = 4002;

/// The state of a hub. Generic in where it writes to, so that tests can drive it without sockets.
#[derive(Debug)]
pub struct Hub<S> {
    limits: Limits,
    clients: Clients<S>,
    gate: Gate,
    rooms: HashMap<RoomId, OpenRoom>,
    /// The rooms by their names' keys.
    names: HashMap<String, RoomId>,
    /// Which of the hubs this is.
    part: Part,
    /// How many rooms this hub has had.
    last_room: u64,
    /// The last id in any room that was forgotten.
    last_user: UserId,
    /// Seats in all rooms.
    seats: Seats,
    /// Rooms that something happened in since the last write.
    touched: Vec<RoomId>,
    /// Where posts are stored, if they are.
    store: Option<Sender<store::Request>>,
    /// Posts that the store has not answered for.
    unstored: usize,
    /// Rooms that wait for their logs.
    unloaded: usize,
    stopping: Stopping,
}

/// A room and what it is about to send.
#[derive(Debug)]
struct OpenRoom {
    room: Room,
    batch: Batch,
    touched: bool,
}

impl<S: Transport> Hub<S> {
    /// A hub with no rooms, which are for those who know the passphrase if there is one. Posts go to a store
    /// or are kept in memory.
    pub fn new(
        limits: Limits,
        passphrase: Option<Passphrase>,
        store: Option<Sender<store::Request>>,
        part: Part,
    ) -> Self {
        Self {
            limits,
            clients: Clients::new(limits.ping_every, part.open.clone()),
            gate: Gate::new(passphrase, limits.max_clients),
            rooms: HashMap::new(),
            names: HashMap::new(),
            last_room: 0,
            last_user: UserId(0),
            seats: Seats::new(part.seats.clone()),
            part,
            touched: Vec::new(),
            store,
            unstored: 0,
            unloaded: 0,
            stopping: Stopping::No,
        }
    }

    /// Runs until the server was stopped and its clients are gone, or nobody is left who could send an event.
    pub fn run(mut self, events: &Receiver<Event<S>>) {
        while !self.has_stopped(Instant::now()) {
            let first = match self.due() {
                Some(due) => events.recv_deadline(due),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = Now::read();
            match first {
                Ok(event) => {
                    self.handle(event, now);
                    events.try_iter().take(MAX_DRAIN - 1).for_each(|event| self.handle(event, now));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write(now);
        }
        self.clients.cut_all();
        // Those who came too late to be told; without this their readers would wait for them.
        for event in events.try_iter() {
            if let Event::Connected { arrival, .. } = event {
                arrival.transport.shutdown(Shutdown::Both);
            }
        }
    }

    /// Takes an event. What comes of it is sent with the next [`write`](Self::write).
    pub fn handle(&mut self, event: Event<S>, now: Now) {
        match event {
            Event::Connected { client, room, arrival } => self.connect(client, room, arrival, now),
            Event::Acted { client, action } => self.act(client, action, now),
            Event::Answered { client, frames } => self.clients.queue(client, frames.into()),
            Event::Violated { client, code, reason } => self.close(client, code, reason, now),
            Event::Silent { client } => {
                if !self.clients.is_reading(client, self.limits.max_silence, now.instant) {
                    self.leave(client, false, now);
                    self.clients.cut(client);
                }
            }
            Event::Closed { client, goodbye } => {
                self.leave(client, goodbye, now);
                self.clients.remove(client, now.instant);
            }
            Event::Stored(answer) => self.hear(answer),
            Event::Knocked { address, passphrase, asker } => {
                // Whoever asked may have given up waiting.
                let _ = asker.try_send(self.gate.check(address, &passphrase, now.instant));
            }
            Event::LogAsked { room, asker } => {
                let place = self.names.get(room.key()).and_then(|id| self.rooms.get(id));
                let log = place.map(|place| place.room.log().cloned().collect());
                // Whoever asked may have given up waiting.
                let _ = asker.try_send(log.unwrap_or_default());
            }
            Event::Examined(asker) => {
                let health = Health { clients: self.clients.table.len(), rooms: self.rooms.len() };
                // Whoever asked may have given up waiting; then nobody misses the answer.
                let _ = asker.try_send(health);
            }
            Event::Stopped => self.stop(now.instant),
        }
    }

    /// Does what is due, writes to every client what it is owed, and tries again those that could not be
    /// written to.
    pub fn write(&mut self, now: Now) {
        self.end_graces(now);
        self.close_late(now);
        self.clients.ping(now.instant);
        loop {
            while let Some(id) = self.touched.pop() {
                self.write_room(id, now.instant);
            }
            self.go_on_stopping(now.instant);
            self.clients.flush(now.instant);
            self.clients.look_at_watched(|id| self.rooms.get(&id).map(|place| &place.room), now.instant);
            let too_slow = self.clients.take_too_slow();
            if too_slow.is_empty() {
                return;
            }
            for client in too_slow {
                log::debug!("client {} is too slow and is closed", client.0);
                self.close(client, CloseCode::from(CLOSE_TOO_SLOW), "This connection is too slow.", now);
            }
        }
    }

    /// When [`write`](Self::write) is next due without any event.
    pub fn due(&self) -> Option<Instant> {
        let grace = self.seats.first_due().map(|(until, _)| until);
        [self.clients.due(), self.gate.due(), grace, self.stopping.due()].into_iter().flatten().min()
    }

    /// The place a client is in, which something is about to happen in.
    fn place_of(&mut self, client: ClientId) -> Option<&mut OpenRoom> {
        self.touch(self.clients.table.room_of(client)?)
    }

    fn touch(&mut self, id: RoomId) -> Option<&mut OpenRoom> {
        let place = self.rooms.get_mut(&id)?;
        if !place.touched {
            place.touched = true;
            self.touched.push(id); // which may be forgotten before it is written to
        }
        Some(place)
    }

    fn act(&mut self, client: ClientId, action: Action, now: Now) {
        if self.gate.holds(client) {
            return self.act_outside(client, action, now);
        }
        let Some(place) = self.place_of(client) else {
            return;
        };
        let is_join = matches!(action, Action::Join { .. });
        place.room.apply(client, action, now, &mut place.batch);
        let (superseded, drafts) = (place.room.take_superseded(), place.room.take_drafts());
        for client in superseded {
            self.close(client, CloseCode::from(CLOSE_SEAT_TAKEN), "This seat was taken elsewhere.", now);
        }
        if let Some(room) = self.clients.table.room_of(client) {
            drafts.into_iter().for_each(|draft| self.record(room, draft));
            if is_join {
                self.note_seats(room);
                self.give_up_seats();
            }
        }
    }

    /// Has a post stored, or refuses it where too many wait.
    fn record(&mut self, room: RoomId, draft: Draft) {
        let Some(place) = self.rooms.get_mut(&room) else { return };
        let name = place.room.name().clone();
        let refused = (draft.id, draft.reference.as_ref().map(|(reference, _)| reference.clone()));
        let takes = self.unstored < MAX_UNSTORED;
        let store = self.store.as_ref().filter(|_| takes);
        if store.is_some_and(|store| store.send(Request::Record { room, name, draft }).is_ok()) {
            self.unstored += 1;
        } else {
            let (author, reference) = refused;
            place.room.record(None, author, reference, &mut place.batch);
        }
    }

    fn hear(&mut self, answer: store::Answer) {
        match answer {
            store::Answer::Loaded { room, log } => {
                self.unloaded -= 1;
                if let Some(place) = self.touch(room) {
                    place.room.load(log);
                }
            }
            store::Answer::Dropped(before) => {
                self.rooms.values_mut().for_each(|place| place.room.drop_before(before));
            }
            store::Answer::Recorded { room, author, reference, entry } => {
                self.unstored -= 1;
                if let Some(place) = self.touch(room) {
                    place.room.record(entry, author, reference, &mut place.batch);
                }
            }
        }
    }

    /// Takes a client out of its room. Whatever ends a membership comes through here.
    fn leave(&mut self, client: ClientId, goodbye: bool, now: Now) {
        self.gate.forget(client);
        let Some(id) = self.clients.table.room_of(client) else {
            return;
        };
        let Some(place) = self.touch(id) else { return };
        place.room.leave(client, goodbye, now, &mut place.batch);
        self.note_seats(id);
    }

    /// Has the seats go whose time is up.
    fn end_graces(&mut self, now: Now) {
        while let Some((until, id)) = self.seats.first_due()
            && until <= now.instant
        {
            if let Some(place) = self.touch(id) {
                place.room.expire(now, &mut place.batch);
            }
            self.note_seats(id);
        }
    }

    /// Gives up the seats of those who have been away for longest, as long as there are more than clients may
    /// be. Those who are here are clients, so one who is away is always among them, though perhaps in another hub,
    /// which gives it up when somebody joins there.
    fn give_up_seats(&mut self) {
        while self.seats.count() > self.limits.max_clients
            && let Some((_, id)) = self.seats.first_due()
        {
            if let Some(place) = self.touch(id) {
                place.room.give_up_seat(&mut place.batch);
            }
            self.note_seats(id);
        }
    }

    /// Counts the seats of a room in which there may be more or fewer now, and forgets it with the last who was
    /// in it.
    fn note_seats(&mut self, id: RoomId) {
        let Some(place) = self.rooms.get(&id) else { return };
        self.seats.note(id, place.room.seats());
        if place.room.is_empty()
            && let Some(place) = self.rooms.remove(&id)
        {
            self.part.rooms.remove(1);
            self.names.remove(place.room.name().key());
            self.last_user = self.last_user.max(place.room.last_user());
        }
    }

    /// Closes a client: it leaves its room at once, its connection ends when it has answered or time is up.
    fn close(&mut self, client: ClientId, code: CloseCode, reason: &'static str, now: Now) {
        self.leave(client, false, now);
        let cut_at = self.stopping.due().unwrap_or(now.instant + CLOSE_PATIENCE);
        self.clients.close(client, close_frame(code, reason), cut_at);
    }

    fn write_room(&mut self, id: RoomId, now: Instant) {
        let Some(place) = self.rooms.get_mut(&id) else {
            return;
        };
        place.touched = false;
        place.room.finish(self.clients.table.forms(id), &mut place.batch);
        if !place.batch.is_empty() {
            self.clients.deliver(id, &place.batch, now);
            place.batch.clear();
        }
    }
}

fn close_frame(code: CloseCode, reason: &'static str) -> Bytes {
    let mut bytes = Vec::new();
    let frame = Frame::close(Some(CloseFrame { code, reason: reason.into() }));
    frame.format(&mut bytes).expect("a Vec takes every write");
    bytes.into()
}
