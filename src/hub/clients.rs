//! The clients of a hub: what is written to them when, and who is cut.

use crate::base::counter::Counter;
use crate::base::ids::ClientId;
use crate::base::ids::RoomId;
use crate::delivery::batch::{Batch, Share, TextForm};
use crate::delivery::outbox::{Outbox, Outcome};
use crate::delivery::transport::Transport;
use crate::hub::keepalive::Pings;
use crate::hub::registry::{Arrival, Audience, Client, Standing, Table};
use crate::room::rules::Room;
use bytes::Bytes;
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// A ping frame without content.
const PING: [u8; 2] = [0x89, 0];

/// Every open WebSocket of a hub. Generic in where it writes to, so that tests can do without sockets.
#[derive(Debug)]
pub struct Clients<S> {
    /// Who they are, and which room each sees.
    pub table: Table<S>,
    /// What everyone is sent whose turn it is.
    ping: Batch,
    pings: Pings,
    /// Frames that belong to no batch. They go out after the batches, so that an answer to a ping comes
    /// behind all that happened before it.
    queued: Vec<(ClientId, Bytes)>,
    /// Those for whom something is due: a full socket, or a close frame to be answered.
    watched: Vec<ClientId>,
    /// When something is due for one of them at the earliest.
    watched_due: Option<Instant>,
    /// Those who are to be closed for it.
    too_slow: Vec<ClientId>,
    /// Those whose last delivery was not the plain case.
    unsettled: Vec<(ClientId, Outcome)>,
    catch_up: Batch,
}

impl<S: Transport> Clients<S> {
    /// No clients, each of which will be pinged that often. All hubs count together in `open` who is not being
    /// closed.
    pub fn new(ping_every: Duration, open: Counter) -> Self {
        Self {
            ping: Batch::of_frame(&PING),
            pings: Pings::new(ping_every),
            table: Table::new(open),
            queued: Vec::new(),
            watched: Vec::new(),
            watched_due: None,
            too_slow: Vec::new(),
            unsettled: Vec::new(),
            catch_up: Batch::default(),
        }
    }

    /// Adds one that sees no room yet, and greets it.
    pub fn insert(&mut self, id: ClientId, arrival: Arrival<S>, now: Instant) {
        let Arrival { address, transport, greeting, form: asked } = arrival;
        let mut outbox = Outbox::new(transport);
        outbox.queue(greeting.into());
        let (standing, reads) = (Standing::In, TextForm::Whole);
        let client = Client { id, address, standing, outbox, asked, reads, watched: false };
        self.table.insert(client);
        self.pings.add(id, now);
        // The greeting goes out even where there is nothing else to say.
        self.queue(id, Bytes::new());
    }

    /// Queues frames for a client that is open.
    pub fn queue(&mut self, client: ClientId, frames: Bytes) {
        if self.table.is_open(client) {
            self.queued.push((client, frames));
        }
    }

    /// Closes a client, which no longer sees its room. Its connection ends when it has answered, at the
    /// latest at `cut_at`.
    pub fn close(&mut self, client: ClientId, close_frame: Bytes, cut_at: Instant) {
        self.queue(client, close_frame);
        self.table.close(client, cut_at);
    }

    /// Forgets a client whose reader has ended.
    pub fn remove(&mut self, client: ClientId, now: Instant) {
        let Some(mut entry) = self.table.take(client) else { return };
        // The answer to its close frame, if that came with the end; nobody waits for what does not arrive.
        let queued = self.queued.iter().filter(|(other, _)| *other == client);
        queued.for_each(|(_, frames)| entry.outbox.queue(frames.clone()));
        let _ = entry.outbox.flush(now);
    }

    /// True where a client that says nothing is busy reading what it was sent: its socket was full, and took
    /// something within that time.
    pub fn is_reading(&self, client: ClientId, within: Duration, now: Instant) -> bool {
        let entry = self.table.get(client);
        entry.and_then(|entry| entry.outbox.last_progress()).is_some_and(|at| now.duration_since(at) < within)
    }

    /// Cuts every connection.
    pub fn cut_all(&mut self) {
        self.table.drain().for_each(|entry| entry.outbox.shutdown(Shutdown::Both));
    }

    /// Those that have become too slow since this was last asked, each to be closed.
    pub fn take_too_slow(&mut self) -> Vec<ClientId> {
        mem::take(&mut self.too_slow)
    }

    /// When something is due without any event.
    pub fn due(&self) -> Option<Instant> {
        [self.watched_due, self.pings.due()].into_iter().flatten().min()
    }

    /// Pings those whose turn it is. Their readers take any answer as a sign of life, see [`crate::client::reader`].
    pub fn ping(&mut self, now: Instant) {
        let ping = self.ping.common_share(TextForm::Whole);
        while let Some(client) = self.pings.take(now, |client| self.table.is_open(client)) {
            if let Some(entry) = self.table.get_mut(client) {
                entry.deliver(&ping, &mut self.unsettled, now);
            }
        }
        self.settle_all();
    }

    /// Writes a batch to everyone in its room.
    pub fn deliver(&mut self, room: RoomId, batch: &Batch, now: Instant) {
        let Self { table, unsettled, .. } = self;
        let Some(Audience { clients, spliced }) = table.audience(room) else { return };
        let commons = [TextForm::Whole, TextForm::Spliced].map(|form| batch.common_share(form));
        // Both are in the order of ids, so one walk finds the few who have a share of their own.
        let mut receivers = batch.receivers().peekable();
        for (&client, entry) in clients {
            while receivers.next_if(|&receiver| receiver < client).is_some() {}
            if receivers.next_if_eq(&client).is_none() {
                entry.deliver(&commons[usize::from(entry.reads == TextForm::Spliced)], unsettled, now);
                continue;
            }
            let share = batch.own_share(entry.reads, client);
            if share.snapshot_len() > 0 && entry.reads != entry.asked {
                entry.reads = entry.asked;
                *spliced += 1;
            }
            entry.deliver(&share, unsettled, now);
        }
        self.settle_all();
    }

    fn settle_all(&mut self) {
        while let Some((client, outcome)) = self.unsettled.pop() {
            self.settle(client, outcome);
        }
    }

    /// Sends what was queued outside batches.
    pub fn flush(&mut self, now: Instant) {
        let queued = mem::take(&mut self.queued);
        // All first, because after a close frame a connection is ended as soon as nothing waits.
        for (client, frames) in &queued {
            if let Some(entry) = self.table.get_mut(*client) {
                entry.outbox.queue(frames.clone());
            }
        }
        for (client, _) in queued {
            if let Some(entry) = self.table.get_mut(client) {
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
            let Some(entry) = self.table.get_mut(client) else { continue };
            entry.watched = false;
            match (entry.due(), entry.standing) {
                (None, _) => {}
                (Some(due), _) if due > now => self.watch(client),
                (_, Standing::Closing(cut_at)) if cut_at <= now => self.cut(client),
                _ => {
                    let outcome = self.retry(client, &rooms, now);
                    self.settle(client, outcome);
                }
            }
        }
    }

    /// Ends a connection without waiting. Its reader notices by the end, or by being the last who has it.
    pub fn cut(&mut self, client: ClientId) {
        if let Some(entry) = self.table.take(client) {
            entry.outbox.shutdown(Shutdown::Both);
        }
    }

    /// Draws the consequences of having written to a client.
    fn settle(&mut self, client: ClientId, outcome: Outcome) {
        let Some(entry) = self.table.get_mut(client) else { return };
        match (outcome, entry.standing) {
            (Outcome::Sent, Standing::Closing(_)) => {
                // After the end of what we send, a client finds the close frame even if it was busy sending.
                entry.outbox.shutdown(Shutdown::Write);
                self.watch(client);
            }
            (Outcome::Sent, _) => {}
            (Outcome::TooSlow, Standing::In) => self.too_slow.push(client),
            // One that is being closed may take the time it was given: nothing is added to what it is owed.
            (Outcome::Waiting | Outcome::TooSlow, _) => self.watch(client),
            // Its reader sees the end, and its membership ends as always, when the reader says so.
            (Outcome::Broken, _) => entry.outbox.shutdown(Shutdown::Both),
        }
    }

    /// Puts a client among the watched, once.
    fn watch(&mut self, client: ClientId) {
        let Some(entry) = self.table.get_mut(client) else { return };
        let due = entry.due();
        let is_new = !mem::replace(&mut entry.watched, true);
        self.watched.extend(is_new.then_some(client));
        self.watched_due = self.watched_due.into_iter().chain(due).min();
    }

    /// Tries a full socket again, and once it takes everything, sends what texts its client missed, as they
    /// are now, until it has all or its socket is full again.
    fn retry<'a>(
        &mut self,
        client: ClientId,
        rooms: impl Fn(RoomId) -> Option<&'a Room>,
        now: Instant,
    ) -> Outcome {
        let room = self.table.room_of(client).and_then(rooms);
        let mut batch = mem::take(&mut self.catch_up);
        let Some(entry) = self.table.get_mut(client) else { return Outcome::Broken };
        let mut outcome = entry.outbox.retry(now);
        while outcome == Outcome::Sent
            && let Some(from) = entry.outbox.stale_from()
            && let Some(room) = room
        {
            batch.clear();
            let left = room.catch_up(client, from, &mut batch);
            outcome = entry.outbox.catch_up(&batch.common_share(TextForm::Whole), left, now);
        }
        if outcome == Outcome::Sent {
            entry.outbox.resume();
        }
        self.catch_up = batch;
        outcome
    }
}

impl<S: Transport> Client<S> {
    /// Sends a share of a batch, unless the client is being closed.
    fn deliver(&mut self, share: &Share<'_>, unsettled: &mut Vec<(ClientId, Outcome)>, now: Instant) {
        if self.standing == Standing::In {
            match self.outbox.deliver(share, now) {
                Outcome::Sent => {}
                outcome => unsettled.push((self.id, outcome)),
            }
        }
    }
}
