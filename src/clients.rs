//! The table of clients: how far each is from coming to going, and what is due to be written to it.

use crate::batch::{Batch, ClientId, TextForm};
use crate::outbox::{Outbox, Outcome, Sink};
use crate::room::Room;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// How late a ping may be: within it, one waking of the hub serves all.
const PING_SLACK: Duration = Duration::from_millis(50);

/// A ping frame without content.
const PING: [u8; 2] = [0x89, 0];

/// Names a room within the hub; a room that was forgotten and made again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoomId(pub u64);

/// Every open WebSocket. Generic in where it writes to, so that tests can do without sockets.
#[derive(Debug)]
pub struct Clients<S> {
    table: HashMap<ClientId, Client<S>>,
    ping_every: Duration,
    /// Whose turn it is to be pinged when, the earliest first.
    pings: VecDeque<(Instant, ClientId)>,
    /// How many of them see a room.
    open: usize,
    /// Frames that belong to no batch. They go out after the batches, so that an answer to a ping comes
    /// behind all that happened before it.
    queued: Vec<(ClientId, Bytes)>,
    /// Those for whom something is due: a full socket, or a close frame to be answered.
    watched: Vec<ClientId>,
    /// When something is due for one of them at the earliest.
    watched_due: Option<Instant>,
    /// Those who are to be closed for it.
    too_slow: Vec<ClientId>,
    catch_up: Batch,
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
}

impl<S: Sink> Client<S> {
    /// When something is to be done about it.
    fn due(&self) -> Option<Instant> {
        match self.standing {
            Standing::In(_) => self.outbox.retry_at(),
            Standing::Closing(cut_at) => Some(self.outbox.retry_at().unwrap_or(cut_at).min(cut_at)),
        }
    }
}

impl<S: Sink> Clients<S> {
    /// No clients, each of which will be pinged that often.
    pub fn new(ping_every: Duration) -> Self {
        Self {
            ping_every,
            pings: VecDeque::new(),
            table: HashMap::new(),
            open: 0,
            queued: Vec::new(),
            watched: Vec::new(),
            watched_due: None,
            too_slow: Vec::new(),
            catch_up: Batch::default(),
        }
    }

    /// How many there are, those that are being closed included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many see a room.
    pub fn open(&self) -> usize {
        self.open
    }

    /// All of them, in no order.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.table.keys().copied()
    }

    /// Adds one that sees `room`, to be greeted with bytes before all else.
    pub fn insert(&mut self, client: ClientId, room: RoomId, sink: S, greeting: Bytes, now: Instant) {
        let mut outbox = Outbox::new(sink);
        outbox.queue(greeting);
        self.open += 1;
        self.table.insert(client, Client { standing: Standing::In(room), outbox, watched: false });
        self.pings.push_back((now + self.ping_every, client));
    }

    /// The room a client sees; `None` once it is being closed.
    pub fn room_of(&self, client: ClientId) -> Option<RoomId> {
        match self.table.get(&client)?.standing {
            Standing::In(room) => Some(room),
            Standing::Closing(_) => None,
        }
    }

    /// Queues frames for a client, unless it was sent a close frame, after which nothing is left to say
    /// (RFC 6455, section 5.5.1).
    pub fn queue(&mut self, client: ClientId, frames: Bytes) {
        if self.room_of(client).is_some() {
            self.queued.push((client, frames));
        }
    }

    /// Closes a client, which no longer sees its room. Its connection ends when it has answered, at the
    /// latest at `cut_at`.
    pub fn close(&mut self, client: ClientId, close_frame: Bytes, cut_at: Instant) {
        self.queue(client, close_frame);
        if let Some(entry) = self.table.get_mut(&client)
            && let Standing::In(_) = entry.standing
        {
            entry.standing = Standing::Closing(cut_at);
            self.open -= 1;
        }
    }

    /// Forgets a client whose reader has ended.
    pub fn remove(&mut self, client: ClientId, now: Instant) {
        let Some(mut entry) = self.table.remove(&client) else { return };
        if let Standing::In(_) = entry.standing {
            self.open -= 1;
        }
        // The answer to its close frame, if that came with the end; nobody waits for what does not arrive.
        let queued = self.queued.iter().filter(|(other, _)| *other == client);
        queued.for_each(|(_, frames)| entry.outbox.queue(frames.clone()));
        let _ = entry.outbox.flush(now);
    }

    /// True where a client that says nothing is busy reading what it was sent: its socket was full, and took
    /// something within that time.
    pub fn is_reading(&self, client: ClientId, within: Duration, now: Instant) -> bool {
        let entry = self.table.get(&client);
        entry.and_then(|entry| entry.outbox.last_progress()).is_some_and(|at| now.duration_since(at) < within)
    }

    /// Cuts every connection.
    pub fn cut_all(&mut self) {
        self.table.drain().for_each(|(_, entry)| entry.outbox.shutdown(Shutdown::Both));
    }

    /// Those that have become too slow since this was last asked, each to be closed.
    pub fn take_too_slow(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.too_slow)
    }

    /// When something is due without any event.
    pub fn due(&self) -> Option<Instant> {
        let ping = self.pings.front().map(|(due, _)| *due + PING_SLACK);
        [self.watched_due, ping].into_iter().flatten().min()
    }

    /// Pings those whose turn it is. Their readers take any answer as a sign of life, see [`crate::client`].
    pub fn ping(&mut self, now: Instant) {
        while let Some(&(due, client)) = self.pings.front()
            && due <= now
        {
            self.pings.pop_front();
            if self.room_of(client).is_some() {
                self.queue(client, Bytes::from_static(&PING));
                self.pings.push_back((now + self.ping_every, client));
            }
        }
    }

    /// Writes a batch to everyone in its room.
    pub fn deliver(&mut self, room: &Room, batch: &Batch, now: Instant) {
        let whole = batch.common_share(TextForm::Whole);
        let spliced = batch.common_share(TextForm::Spliced);
        for (client, form) in room.readers() {
            if let Some(entry) = self.table.get_mut(&client) {
                let common = if form == TextForm::Whole { &whole } else { &spliced };
                let own = batch.own_share(form, client);
                let outcome = entry.outbox.deliver(own.as_ref().unwrap_or(common), now);
                self.settle(client, outcome);
            }
        }
    }

    /// Sends what was queued outside batches.
    pub fn flush(&mut self, now: Instant) {
        let queued = mem::take(&mut self.queued);
        // All first, because after a close frame a connection is ended as soon as nothing waits.
        for (client, frames) in &queued {
            if let Some(entry) = self.table.get_mut(client) {
                entry.outbox.queue(frames.clone());
            }
        }
        for (client, _) in queued {
            if let Some(entry) = self.table.get_mut(&client) {
                let outcome = entry.outbox.flush(now);
                self.settle(client, outcome);
            }
        }
    }

    /// Does what is due. `rooms` finds the rooms in which clients may have missed texts.
    pub fn look_at_watched<'a>(&mut self, rooms: impl Fn(RoomId) -> Option<&'a Room>, now: Instant) {
        if self.watched_due.is_none_or(|due| due > now) {
            return;
        }
        self.watched_due = None;
        for client in mem::take(&mut self.watched) {
            let Some(entry) = self.table.get_mut(&client) else { continue };
            entry.watched = false;
            match (entry.due(), entry.standing) {
                (None, _) => {}
                (Some(due), _) if due > now => self.watch(client),
                (_, Standing::Closing(cut_at)) if cut_at <= now => self.cut(client),
                _ => {
                    let outcome = entry.retry(client, &rooms, &mut self.catch_up, now);
                    self.settle(client, outcome);
                }
            }
        }
    }

    /// Ends a connection without waiting. Its reader notices by the end, or by being the last who has it.
    pub fn cut(&mut self, client: ClientId) {
        if let Some(entry) = self.table.remove(&client) {
            if let Standing::In(_) = entry.standing {
                self.open -= 1;
            }
            entry.outbox.shutdown(Shutdown::Both);
        }
    }

    /// Draws the consequences of having written to a client.
    fn settle(&mut self, client: ClientId, outcome: Outcome) {
        let Some(entry) = self.table.get_mut(&client) else {
            return;
        };
        match (outcome, entry.standing) {
            (Outcome::Sent, Standing::Closing(_)) => {
                // After the end of what we send, a client finds the close frame even if it was busy sending.
                entry.outbox.shutdown(Shutdown::Write);
                self.watch(client);
            }
            (Outcome::Sent, _) => {}
            (Outcome::TooSlow, Standing::In(_)) => self.too_slow.push(client),
            // One that is being closed may take the time it was given: nothing is added to what it is owed.
            (Outcome::Waiting | Outcome::TooSlow, _) => self.watch(client),
            // Its reader sees the end, and its membership ends as always, when the reader says so.
            (Outcome::Broken, _) => entry.outbox.shutdown(Shutdown::Both),
        }
    }

    /// Puts a client among the watched, once.
    fn watch(&mut self, client: ClientId) {
        let Some(entry) = self.table.get_mut(&client) else { return };
        self.watched_due = self.watched_due.into_iter().chain(entry.due()).min();
        if !mem::replace(&mut entry.watched, true) {
            self.watched.push(client);
        }
    }
}

impl<S: Sink> Client<S> {
    /// Tries a full socket again, and once it takes everything, sends what texts its client missed, as they
    /// are now, until it has all or its socket is full again.
    fn retry<'a>(
        &mut self,
        client: ClientId,
        rooms: impl Fn(RoomId) -> Option<&'a Room>,
        batch: &mut Batch,
        now: Instant,
    ) -> Outcome {
        let mut outcome = self.outbox.retry(now);
        while outcome == Outcome::Sent
            && let Some(from) = self.outbox.stale_from()
            && let Standing::In(room) = self.standing
            && let Some(room) = rooms(room)
        {
            batch.clear();
            let left = room.catch_up(client, from, batch);
            outcome = self.outbox.catch_up(&batch.common_share(TextForm::Whole), left, now);
        }
        if outcome == Outcome::Sent {
            self.outbox.resume();
        }
        outcome
    }
}
