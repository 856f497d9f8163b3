//! The table of clients: how far each is from coming to going, and what is due to be written to it.

use crate::batch::{Batch, ClientId};
use crate::outbox::{Outbox, Outcome, Sink};
use crate::room::Room;
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
    /// Those to whom something was queued outside a batch.
    queued: Vec<ClientId>,
    /// Those for whom something is due: a full socket, or a close frame to be answered.
    watched: Vec<ClientId>,
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

impl<S: Sink> Clients<S> {
    /// No clients, each of which will be pinged that often.
    pub fn new(ping_every: Duration) -> Self {
        Self {
            ping_every,
            pings: VecDeque::new(),
            table: HashMap::new(),
            queued: Vec::new(),
            watched: Vec::new(),
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

    /// All of them, in no order.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.table.keys().copied()
    }

    /// Adds one that sees `room`.
    pub fn insert(&mut self, client: ClientId, room: RoomId, sink: S, now: Instant) {
        let entry = Client { standing: Standing::In(room), outbox: Outbox::new(sink), watched: false };
        self.table.insert(client, entry);
        self.pings.push_back((now + self.ping_every, client));
    }

    /// The room a client sees; `None` once it is being closed.
    pub fn room_of(&self, client: ClientId) -> Option<RoomId> {
        match self.table.get(&client)?.standing {
            Standing::In(room) => Some(room),
            Standing::Closing(_) | Standing::Cut => None,
        }
    }

    /// Queues frames for a client, unless it was sent a close frame, after which nothing is left to say
    /// (RFC 6455, section 5.5.1).
    pub fn queue(&mut self, client: ClientId, frames: &[u8]) {
        if let Some(entry) = self.table.get_mut(&client)
            && let Standing::In(_) = entry.standing
        {
            entry.outbox.queue(frames);
            self.queued.push(client);
        }
    }

    /// Closes a client, which no longer sees its room. Its connection ends when it has answered, at the
    /// latest at `cut_at`.
    pub fn close(&mut self, client: ClientId, close_frame: &[u8], cut_at: Instant) {
        self.queue(client, close_frame);
        if let Some(entry) = self.table.get_mut(&client)
            && let Standing::In(_) = entry.standing
        {
            entry.standing = Standing::Closing(cut_at);
        }
    }

    /// Forgets a client whose reader has ended.
    pub fn remove(&mut self, client: ClientId, now: Instant) {
        if let Some(mut entry) = self.table.remove(&client) {
            // The answer to its close frame, if that came with the end; nobody waits for what does not arrive.
            let _ = entry.outbox.flush(now);
        }
    }

    /// Cuts every connection.
    pub fn cut_all(&mut self) {
        self.table.values_mut().for_each(Client::cut);
    }

    /// Those that have become too slow since this was last asked, each to be closed.
    pub fn take_too_slow(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.too_slow)
    }

    /// When something is due without any event.
    pub fn due(&self) -> Option<Instant> {
        let watched = self.watched.iter().filter_map(|client| self.table.get(client)?.due());
        let ping = self.pings.front().map(|(due, _)| *due + PING_SLACK);
        watched.chain(ping).min()
    }

    /// Pings those whose turn it is. Their readers take any answer as a sign of life, see [`crate::client`].
    pub fn ping(&mut self, now: Instant) {
        while let Some(&(due, client)) = self.pings.front()
            && due <= now
        {
            self.pings.pop_front();
            if self.room_of(client).is_some() {
                self.queue(client, &PING);
                self.pings.push_back((now + self.ping_every, client));
            }
        }
    }

    /// Writes a batch to everyone in its room.
    pub fn deliver(&mut self, room: &Room, batch: &Batch, now: Instant) {
        let common = batch.common_share();
        for client in room.members() {
            if let Some(entry) = self.table.get_mut(&client) {
                let own = batch.own_share(client);
                let outcome = entry.outbox.deliver(own.as_ref().unwrap_or(&common), now);
                self.settle(client, outcome);
            }
        }
    }

    /// Sends what was queued outside batches.
    pub fn flush(&mut self, now: Instant) {
        for client in mem::take(&mut self.queued) {
            if let Some(entry) = self.table.get_mut(&client) {
                let outcome = entry.outbox.flush(now);
                self.settle(client, outcome);
            }
        }
    }

    /// Does what is due. `room_of` finds the rooms in which clients may have missed texts.
    pub fn look_at_watched<'a>(&mut self, rooms: impl Fn(RoomId) -> Option<&'a Room>, now: Instant) {
        for client in mem::take(&mut self.watched) {
            let Some(entry) = self.table.get_mut(&client) else {
                continue;
            };
            entry.watched = false;
            match (entry.due(), entry.standing) {
                (None, _) => {}
                (Some(due), _) if due > now => self.watch(client),
                (_, Standing::Closing(cut_at)) if cut_at <= now => entry.cut(),
                _ => {
                    let outcome = entry.retry(client, &rooms, &mut self.catch_up, now);
                    self.settle(client, outcome);
                }
            }
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
        if let Some(entry) = self.table.get_mut(&client)
            && !mem::replace(&mut entry.watched, true)
        {
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
            outcome = self.outbox.catch_up(&batch.common_share(), left, now);
        }
        if outcome == Outcome::Sent {
            self.outbox.resume();
        }
        outcome
    }
}
