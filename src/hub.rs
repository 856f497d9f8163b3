//! The hub: the thread that owns every room and is the only one that writes to clients.
//!
//! Architecture invariant: the hub owns all state. Everyone else holds a `Sender<Event>`; there is no lock and
//! no shared map anywhere.
//!
//! Architecture invariant: drain, then write once. The hub takes one event, then all that wait, and only then
//! writes. Alone, an event goes out at once; under load batches grow by themselves. No timer delays anything.

use crate::batch::{Batch, ClientId, Revision};
use crate::names::RoomName;
use crate::outbox::{Outbox, Outcome, Sink};
use crate::room::{Action, Room, RoomLimits};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::HashMap;
use std::net::Shutdown;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Events taken between two writes: bounds what a batch can hold.
const MAX_DRAIN: usize = 1024;

/// How long a client has to answer a close frame before its connection is cut.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// How long all clients together have for that when the server stops; it promises to be gone after 2 s.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// Too slow, see [`crate::outbox`].
const CLOSE_TOO_SLOW: u16 = 4002;

/// Every reason for which the hub does anything.
///
/// Architecture invariant: this list is closed.
#[derive(Debug)]
pub enum Event<S> {
    /// A WebSocket is open and its client sees `room`.
    Connected {
        /// Names the client in all events that follow.
        client: ClientId,
        /// Where it is.
        room: RoomName,
        /// Where to write to it.
        sink: S,
    },
    /// A client did something.
    Acted {
        /// Which one.
        client: ClientId,
        /// What, checked.
        action: Action,
    },
    /// The reader's WebSocket answers a ping or a close frame.
    Answered {
        /// To which client.
        client: ClientId,
        /// Whole frames.
        frames: Vec<u8>,
    },
    /// A client broke the protocol and is to be closed.
    Violated {
        /// Which one.
        client: ClientId,
        /// The code of the close frame.
        code: CloseCode,
        /// The sentence in the close frame.
        reason: &'static str,
    },
    /// A client's reader has ended, and nothing more comes from it.
    Closed {
        /// Which one.
        client: ClientId,
    },
    /// Somebody asks whether the hub is well.
    Examined(Sender<Health>),
    /// The server is to stop.
    Stopped,
}

/// How the hub is.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// WebSocket connections, users and viewers.
    pub clients: usize,
    /// Rooms that somebody is in.
    pub rooms: usize,
}

/// When something happens: the one for intervals, the other for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For intervals.
    pub instant: Instant,
    /// For people, in milliseconds since 1970.
    pub unix_millis: u64,
}

impl Now {
    fn read() -> Self {
        // A clock set before 1970 shows as 1970 rather than stopping the room.
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            instant: Instant::now(),
            unix_millis: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// How much the hub holds.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// WebSocket connections at once.
    pub max_clients: usize,
    /// Of each room.
    pub room: RoomLimits,
}

/// Names a room within the hub; a room that was forgotten and made again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RoomId(u64);

/// The state of the server. Generic in where it writes to, so that tests can drive it without sockets.
#[derive(Debug)]
pub struct Hub<S> {
    limits: HubLimits,
    clients: HashMap<ClientId, Client<S>>,
    rooms: HashMap<RoomId, Place>,
    /// The rooms by their names' keys.
    names: HashMap<String, RoomId>,
    last_room: RoomId,
    /// Rooms with something in their batch.
    touched: Vec<RoomId>,
    /// Clients to whom something was queued outside a batch.
    answered: Vec<ClientId>,
    /// Clients that something is due for: a full socket, or a close frame to be answered.
    watched: Vec<ClientId>,
    catch_up: Batch,
    /// Once the server stops: when it does so at the latest.
    stop_at: Option<Instant>,
}

/// A room and what it is about to send.
#[derive(Debug)]
struct Place {
    room: Room,
    batch: Batch,
    touched: bool,
}

#[derive(Debug)]
struct Client<S> {
    standing: Standing,
    outbox: Outbox<S>,
    /// It is among the watched.
    watched: bool,
}

/// How far a client is from coming to going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It sees this room.
    In(RoomId),
    /// It was sent a close frame, and its connection is cut if it does not end before that.
    Closing(Instant),
    /// Its connection is cut; its reader will say so.
    Cut,
}

impl<S: Sink> Client<S> {
    /// When something is to be done about it.
    fn due(&self) -> Option<Instant> {
        match self.standing {
            Standing::In(_) => self.outbox.retry_at(),
            Standing::Closing(cut_at) => Some(self.outbox.retry_at().unwrap_or(cut_at).min(cut_at)),
            Standing::Cut => None,
        }
    }

    fn cut(&mut self) {
        self.standing = Standing::Cut;
        self.outbox.shutdown(Shutdown::Both);
    }
}

impl<S: Sink> Hub<S> {
    /// A hub with no rooms.
    pub fn new(limits: HubLimits) -> Self {
        Self {
            limits,
            clients: HashMap::new(),
            rooms: HashMap::new(),
            names: HashMap::new(),
            last_room: RoomId(0),
            touched: Vec::new(),
            answered: Vec::new(),
            watched: Vec::new(),
            catch_up: Batch::default(),
            stop_at: None,
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
                    events
                        .try_iter()
                        .take(MAX_DRAIN - 1)
                        .for_each(|event| self.handle(event, now));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write(now.instant);
        }
        for client in self.clients.values() {
            client.outbox.shutdown(Shutdown::Both);
        }
    }

    /// Takes an event. What comes of it is sent with the next [`write`](Self::write).
    pub fn handle(&mut self, event: Event<S>, now: Now) {
        match event {
            Event::Connected { client, room, sink } => {
                self.connect(client, room, sink, now.instant);
            }
            Event::Acted { client, action } => {
                if let Some(place) = self.place_of(client) {
                    place
                        .room
                        .apply(client, action, now.unix_millis, &mut place.batch);
                }
            }
            Event::Answered { client, frames } => self.answer(client, &frames),
            Event::Violated {
                client,
                code,
                reason,
            } => self.close(client, code, reason, now.instant),
            Event::Closed { client } => self.disconnect(client, now.instant),
            Event::Examined(asker) => {
                let health = Health {
                    clients: self.clients.len(),
                    rooms: self.rooms.len(),
                };
                // Whoever asked may have given up waiting; then nobody misses the answer.
                let _ = asker.try_send(health);
            }
            Event::Stopped => self.stop(now.instant),
        }
    }

    /// Writes to every client what it is due, and tries again those that could not be written to.
    pub fn write(&mut self, now: Instant) {
        loop {
            while let Some(room) = self.touched.pop() {
                self.write_room(room, now);
            }
            for client in std::mem::take(&mut self.answered) {
                self.flush(client, now);
            }
            self.look_at_watched(now);
            if self.touched.is_empty() && self.answered.is_empty() {
                return; // else somebody was closed meanwhile, which their room is to be told
            }
        }
    }

    /// When [`write`](Self::write) is next due without any event.
    pub fn due(&self) -> Option<Instant> {
        let watched = self
            .watched
            .iter()
            .filter_map(|client| self.clients.get(client)?.due());
        watched.chain(self.stop_at).min()
    }

    fn has_stopped(&self, now: Instant) -> bool {
        self.stop_at
            .is_some_and(|at| now >= at || self.clients.is_empty())
    }

    fn connect(&mut self, client: ClientId, name: RoomName, sink: S, now: Instant) {
        let full = self.clients.len() >= self.limits.max_clients;
        let room = self.room_named(name);
        let entry = Client {
            standing: Standing::In(room),
            outbox: Outbox::new(sink),
            watched: false,
        };
        self.clients.insert(client, entry);
        if let Some(place) = self.touch(room) {
            place.room.enter(client, &mut place.batch);
        }
        if self.stop_at.is_some() {
            self.close(client, CloseCode::Away, "The server is stopping.", now);
        } else if full {
            self.close(
                client,
                CloseCode::Again,
                "The server is full; please try again later.",
                now,
            );
        }
    }

    fn room_named(&mut self, name: RoomName) -> RoomId {
        if let Some(&id) = self.names.get(name.key()) {
            return id;
        }
        self.last_room.0 += 1;
        let id = self.last_room;
        self.names.insert(name.key().to_owned(), id);
        let room = Room::new(name, self.limits.room);
        self.rooms.insert(
            id,
            Place {
                room,
                batch: Batch::default(),
                touched: false,
            },
        );
        id
    }

    /// The place a client is in, which is to be written to.
    fn place_of(&mut self, client: ClientId) -> Option<&mut Place> {
        match self.clients.get(&client)?.standing {
            Standing::In(room) => self.touch(room),
            Standing::Closing(_) | Standing::Cut => None,
        }
    }

    fn touch(&mut self, room: RoomId) -> Option<&mut Place> {
        let place = self.rooms.get_mut(&room)?;
        if !place.touched {
            place.touched = true;
            self.touched.push(room);
        }
        Some(place)
    }

    /// Takes a client out of its room. Whatever ends a membership comes through here.
    fn leave(&mut self, client: ClientId) {
        if let Some(place) = self.place_of(client) {
            place.room.leave(client, &mut place.batch);
        }
    }

    /// Closes a client: it leaves its room at once, its connection ends when it has answered or time is up.
    fn close(&mut self, client: ClientId, code: CloseCode, reason: &'static str, now: Instant) {
        self.leave(client);
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        if let Standing::In(_) = entry.standing {
            entry.standing = Standing::Closing(self.stop_at.unwrap_or(now + CLOSE_PATIENCE));
            entry.outbox.queue(&close_frame(code, reason));
            self.answered.push(client);
        }
    }

    fn answer(&mut self, client: ClientId, frames: &[u8]) {
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        // After our own close frame there is nothing left to say (RFC 6455, section 5.5.1).
        if let Standing::In(_) = entry.standing {
            entry.outbox.queue(frames);
            self.answered.push(client);
        }
    }

    /// Forgets a client whose reader has ended.
    fn disconnect(&mut self, client: ClientId, now: Instant) {
        self.leave(client);
        if let Some(mut entry) = self.clients.remove(&client) {
            // The answer to its close frame, if that came with the end; nobody waits for what does not arrive.
            let _ = entry.outbox.flush(now);
        }
    }

    fn stop(&mut self, now: Instant) {
        if self.stop_at.is_none() {
            self.stop_at = Some(now + STOP_PATIENCE);
            let clients: Vec<ClientId> = self.clients.keys().copied().collect();
            for client in clients {
                self.close(client, CloseCode::Away, "The server is stopping.", now);
            }
        }
    }

    fn write_room(&mut self, id: RoomId, now: Instant) {
        let Some(place) = self.rooms.get_mut(&id) else {
            return;
        };
        place.touched = false;
        place.room.finish(&mut place.batch);
        let mut failed = Vec::new();
        if !place.batch.is_empty() {
            let common = place.batch.common_share();
            for client in place.room.members() {
                let Some(entry) = self.clients.get_mut(&client) else {
                    continue;
                };
                let own = place.batch.own_share(client);
                match entry.outbox.deliver(own.as_ref().unwrap_or(&common), now) {
                    Outcome::Sent => {}
                    Outcome::Waiting => watch(&mut self.watched, client, entry),
                    failure => failed.push((client, failure)),
                }
            }
            place.batch.clear();
        }
        if place.room.is_empty() {
            self.names.remove(place.room.name().key());
            self.rooms.remove(&id);
        }
        for (client, failure) in failed {
            self.give_up(client, &failure, now);
        }
    }

    /// Sends what was queued for a client outside a batch.
    fn flush(&mut self, client: ClientId, now: Instant) {
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        match entry.outbox.flush(now) {
            Outcome::Sent => self.sent_all(client),
            Outcome::Waiting => watch(&mut self.watched, client, entry),
            failure => self.give_up(client, &failure, now),
        }
    }

    /// Nothing waits for a client any more; if it is being closed, it is time for it to answer.
    fn sent_all(&mut self, client: ClientId) {
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        if let Standing::Closing(_) = entry.standing {
            // After the end of what we send, a client finds the close frame even if it was busy sending.
            entry.outbox.shutdown(Shutdown::Write);
            watch(&mut self.watched, client, entry);
        }
    }

    /// A client's outbox has failed.
    fn give_up(&mut self, client: ClientId, why: &Outcome, now: Instant) {
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        match (why, entry.standing) {
            (Outcome::TooSlow, Standing::In(_)) => {
                log::debug!("client {} is too slow and is closed", client.0);
                self.close(
                    client,
                    CloseCode::from(CLOSE_TOO_SLOW),
                    "This connection is too slow.",
                    now,
                );
            }
            // Nothing is added to what it is owed, so it may have the time it was given.
            (Outcome::TooSlow, Standing::Closing(_)) => watch(&mut self.watched, client, entry),
            // Its reader sees the end of the connection, and its membership ends as always, by `Closed`.
            _ => entry.outbox.shutdown(Shutdown::Both),
        }
    }

    fn look_at_watched(&mut self, now: Instant) {
        for client in std::mem::take(&mut self.watched) {
            let Some(entry) = self.clients.get_mut(&client) else {
                continue;
            };
            entry.watched = false;
            match (entry.due(), entry.standing) {
                (None, _) => {}
                (Some(due), _) if due > now => watch(&mut self.watched, client, entry),
                (_, Standing::Closing(cut_at)) if cut_at <= now => entry.cut(),
                _ => self.retry(client, now),
            }
        }
    }

    /// Tries a full socket again, and once it takes everything, sends what texts its client missed.
    fn retry(&mut self, client: ClientId, now: Instant) {
        let Some(entry) = self.clients.get_mut(&client) else {
            return;
        };
        let mut outcome = entry.outbox.retry(now);
        if outcome == Outcome::Sent
            && let Some(stale) = entry.outbox.take_stale()
            && let Standing::In(room) = entry.standing
            && let Some(place) = self.rooms.get(&room)
        {
            outcome = catch_up(
                &place.room,
                client,
                stale,
                &mut entry.outbox,
                &mut self.catch_up,
                now,
            );
        }
        match outcome {
            Outcome::Sent => self.sent_all(client),
            Outcome::Waiting => watch(&mut self.watched, client, entry),
            failure => self.give_up(client, &failure, now),
        }
    }
}

/// Sends a client the texts it missed, as they are now, until it has all or its socket is full again.
fn catch_up<S: Sink>(
    room: &Room,
    client: ClientId,
    from: Revision,
    outbox: &mut Outbox<S>,
    batch: &mut Batch,
    now: Instant,
) -> Outcome {
    let mut next = Some(from);
    while let Some(from) = next {
        batch.clear();
        next = room.catch_up(client, from, batch);
        let outcome = outbox.deliver(&batch.common_share(), now);
        if outcome != Outcome::Sent {
            if let Some(left) = next {
                outbox.missed(left);
            }
            return outcome;
        }
    }
    Outcome::Sent
}

/// Puts a client among the watched, once.
fn watch<S>(watched: &mut Vec<ClientId>, client: ClientId, entry: &mut Client<S>) {
    if !entry.watched {
        entry.watched = true;
        watched.push(client);
    }
}

fn close_frame(code: CloseCode, reason: &'static str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = Frame::close(Some(CloseFrame {
        code,
        reason: reason.into(),
    }));
    frame.format(&mut bytes).expect("a Vec takes every write");
    bytes
}
