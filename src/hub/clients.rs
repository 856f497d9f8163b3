//! The clients of a hub: what is written to them and when, and which are cut.

use crate::base::counter::Counter;
use crate::base::ids::{ClientId, RoomId};
use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::base::tally::Tally;
use crate::base::warning::Warning;
use crate::delivery::backlog::MAX_REST_UNDER_PRESSURE;
use crate::delivery::batch::Batch;
use crate::delivery::outbox::{Outbox, OutboxLimits, Outcome};
use crate::delivery::sent::Sent;
use crate::delivery::share::Share;
use crate::delivery::transport::Transport;
use crate::hub::counters::ClientKind;
use crate::hub::deadlines::{Deadline, Deadlines};
use crate::hub::event::NewClient;
use crate::hub::keepalive::Keepalive;
use crate::hub::registry::{Client, ClientState, Registry, TextAccess};
use crate::hub::rooms::Rooms;
use crate::hub::state_delivery::StateDelivery;
use crate::protocol::close::{CLOSE_LABELS, CloseLabel, CloseReason};
use crate::protocol::encoding::Encoding;
use bytes::Bytes;
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// Bytes of snapshots and missed texts in one write, after which other events have their turn.
const MIN_WRITTEN_STATE: usize = 1024 * 1024;

/// The same for each share of a batch that was sent since the last write of state: about as many as are sent in the
/// time that one more send takes.
const STATE_PER_SEND: usize = 4 * 1024;

/// Every WebSocket of a hub.
#[derive(Debug)]
pub(crate) struct Clients<T> {
    /// All clients, and their rooms.
    pub registry: Registry<T>,
    keepalive: Keepalive,
    /// Frames outside batches. They are sent after the batches, so that a pong follows everything that happened before
    /// its ping.
    pub(super) queued: Vec<(ClientId, Bytes)>,
    limits: OutboxLimits,
    state: StateDelivery,
    memory_warning: Warning,
    /// Connections that were closed, or cut because nothing came.
    pub closes: Tally<CloseLabel>,
    /// Shares of batches that were sent since the last write of state.
    sends: usize,
}

/// Clients that are too slow and have to be closed.
pub(crate) type TooSlow = Vec<ClientId>;

impl<T: Transport> Clients<T> {
    /// No clients yet. All hubs count their clients that are not closing in `open`.
    pub(crate) fn new(limits: &Limits, open: Counter, memory: MemoryLimit) -> Self {
        Self {
            registry: Registry::new(open),
            keepalive: Keepalive::new(limits.ping_every),
            queued: Vec::new(),
            limits: OutboxLimits::new(limits, memory),
            state: StateDelivery::default(),
            memory_warning: Warning::default(),
            closes: Tally::new(&CLOSE_LABELS),
            sends: 0,
        }
    }

    /// Adds a client, and sends it the response to its handshake.
    pub(crate) fn insert(&mut self, client: NewClient<T>, deadlines: &mut Deadlines, now: Instant) {
        let NewClient { id, address, room, encoding, transport, handshake, admitted: _ } = client;
        let mut outbox = Outbox::new(transport);
        outbox.queue(handshake.into(), &self.limits);
        let state = ClientState::Unauthenticated(Box::new(room));
        let texts = TextAccess::default();
        self.registry.insert(Client { id, address, state, outbox, encoding, in_sync: false, texts });
        self.keepalive.add(id, now);
        self.schedule_pings(deadlines);
        // The response goes out even if there is nothing else to send.
        self.queue(id, Bytes::new());
    }

    /// A client goes on over another transport, which gets what waits at once. If the client was cut before the hub heard
    /// of the transport, this ends the transport too: its reader would wait for ever.
    pub(crate) fn replace_transport(
        &mut self,
        client: ClientId,
        transport: T,
        deadlines: &mut Deadlines,
        now: Instant,
    ) {
        let Some(entry) = self.registry.get_mut(client) else { return transport.shutdown(Shutdown::Both) };
        entry.outbox.replace_transport(transport);
        if entry.outbox.retry_at().is_some() {
            deadlines.set(Deadline::Retry(client), now);
        }
    }

    /// The memory of what waits for these clients.
    pub(crate) fn memory(&self) -> &MemoryLimit {
        &self.limits.memory
    }

    /// Bytes that connections have accepted.
    pub(crate) fn sent_bytes(&self) -> u64 {
        self.limits.sent()
    }

    /// The state that slow clients were sent.
    pub(crate) fn sent_state(&self) -> &Sent {
        &self.state.sent
    }

    /// How many clients of each kind there are.
    pub(crate) fn kinds(&self) -> Tally<ClientKind> {
        let mut kinds = Tally::new(&ClientKind::ALL);
        self.registry.all().for_each(|client| kinds.note(client.kind()));
        kinds
    }

    fn schedule_pings(&self, deadlines: &mut Deadlines) {
        match self.keepalive.due() {
            Some(due) => deadlines.set(Deadline::Keepalive, due),
            None => deadlines.cancel(Deadline::Keepalive),
        }
    }

    /// Queues frames for a client that is not closing.
    pub(crate) fn queue(&mut self, client: ClientId, frames: Bytes) {
        if self.registry.is_open(client) {
            self.queued.push((client, frames));
        }
    }

    /// Has what is queued for a client go out before anything of the room that it is about to enter.
    pub(crate) fn send_queued_first(&mut self, client: ClientId) {
        let Some(entry) = self.registry.get_mut(client) else { return };
        for (_, frames) in self.queued.iter_mut().filter(|(other, _)| *other == client) {
            // The emptied entry stays, so that the client is flushed even if the room has nothing for it.
            entry.outbox.queue(mem::take(frames), &self.limits);
        }
    }

    /// Sends a close frame, and before it what only some clients are told. The client has until `cut_at` to answer.
    pub(crate) fn close(
        &mut self,
        client: ClientId,
        reason: &CloseReason,
        cut_at: Instant,
        deadlines: &mut Deadlines,
    ) {
        let encoding = self.registry.get(client).map(|client| client.encoding);
        // In the middle of a snapshot, which does not go on, only the close frame can follow.
        if let Some(farewell) = encoding.and_then(|encoding| reason.farewell(encoding)) {
            self.queue(client, farewell);
        }
        self.queue(client, reason.frame());
        if self.registry.close(client) {
            self.closes.note(reason.label());
            deadlines.set(Deadline::Close(client), cut_at);
        }
    }

    /// Removes a client whose reader has ended.
    pub(crate) fn remove(&mut self, client: ClientId, deadlines: &mut Deadlines, now: Instant) {
        let Some(mut entry) = self.take(client, deadlines) else { return };
        // The answer to its close frame may still be queued. What the transport does not take now is lost.
        let queued = self.queued.iter().filter(|(other, _)| *other == client);
        queued.for_each(|(_, frames)| entry.outbox.queue(frames.clone(), &self.limits));
        let _ = entry.outbox.flush(&self.limits, now);
    }

    /// Ends a connection at once. Its reader sees the end.
    pub(crate) fn cut(&mut self, client: ClientId, deadlines: &mut Deadlines) {
        if let Some(entry) = self.take(client, deadlines) {
            entry.outbox.shutdown(Shutdown::Both);
        }
    }

    fn take(&mut self, client: ClientId, deadlines: &mut Deadlines) -> Option<Client<T>> {
        deadlines.cancel(Deadline::Close(client));
        deadlines.cancel(Deadline::Retry(client));
        self.registry.remove(client)
    }

    /// Ends every connection.
    pub(crate) fn cut_all(&mut self) {
        self.registry.drain().for_each(|entry| entry.outbox.shutdown(Shutdown::Both));
    }

    /// Whether a client that sends nothing is busy reading: its transport was full and took something within that time.
    pub(crate) fn is_reading(&self, client: ClientId, within: Duration, now: Instant) -> bool {
        let entry = self.registry.get(client);
        entry.and_then(|entry| entry.outbox.last_progress()).is_some_and(|at| now.duration_since(at) < within)
    }

    /// Pings the clients that are due. Any answer ends the silence that their readers measure.
    pub(crate) fn ping(&mut self, deadlines: &mut Deadlines, now: Instant) -> TooSlow {
        let due = self.keepalive.take_due(now, |client| self.registry.is_open(client));
        self.schedule_pings(deadlines);
        let deliver = |client| {
            let entry: &mut Client<T> = self.registry.get_mut(client)?;
            let ping = Share::of_frame(entry.encoding.carrier.ping());
            Some((client, entry.outbox.deliver(&ping, &self.limits, now)))
        };
        let outcomes: Vec<_> = due.into_iter().filter_map(deliver).collect();
        self.settle_all(outcomes, deadlines)
    }

    /// Writes a batch to everyone in its room.
    pub(crate) fn deliver(
        &mut self,
        room: RoomId,
        batch: &Batch,
        encodings: &[Encoding],
        deadlines: &mut Deadlines,
        now: Instant,
    ) -> TooSlow {
        let mut commons: [Share<'_>; Encoding::COUNT] = Default::default();
        for encoding in encodings {
            commons[encoding.index()] = batch.common_share(*encoding);
        }
        // Both are ordered by id, so one pass finds the few clients that have a share of their own.
        let mut exceptions = batch.exceptions().peekable();
        let mut unsettled = Vec::new();
        for entry in self.registry.clients_of(room).filter(|entry| entry.is_open()) {
            while exceptions.next_if(|&exception| exception < entry.id).is_some() {}
            let encoding = entry.current_encoding();
            let outcome = match exceptions.next_if_eq(&entry.id) {
                None => entry.outbox.deliver(&commons[encoding.index()], &self.limits, now),
                Some(client) => entry.outbox.deliver(&batch.own_share(encoding, client), &self.limits, now),
            };
            match outcome {
                Outcome::Sent => {
                    entry.outbox.end_response();
                    self.sends += 1;
                }
                _ => unsettled.push((entry.id, outcome)),
            }
        }
        self.settle_all(unsettled, deadlines)
    }

    /// Sends what was queued outside batches.
    pub(crate) fn flush(&mut self, deadlines: &mut Deadlines, now: Instant) -> TooSlow {
        let mut queued = mem::take(&mut self.queued);
        // All frames are queued first, because a closing connection ends as soon as its outbox is empty.
        for (client, frames) in &mut queued {
            if let Some(entry) = self.registry.get_mut(*client) {
                entry.outbox.queue(mem::take(frames), &self.limits);
            }
        }
        let flush =
            |(client, _)| Some((client, self.registry.get_mut(client)?.outbox.flush(&self.limits, now)));
        let outcomes: Vec<_> = queued.into_iter().filter_map(flush).collect();
        self.settle_all(outcomes, deadlines)
    }

    /// Tries full transports again, in this order, and sends their clients what they are owed of their rooms' states.
    /// If that is much, the others get their turn in the next write.
    pub(crate) fn retry(
        &mut self,
        clients: Vec<ClientId>,
        rooms: &mut Rooms,
        deadlines: &mut Deadlines,
        now: Instant,
    ) -> TooSlow {
        let mut outcomes = Vec::new();
        let clients = self.registry.interleave(clients);
        let Self { registry, limits, state, sends, .. } = self;
        let mut left = MIN_WRITTEN_STATE + mem::take(sends) * STATE_PER_SEND;
        for client in clients {
            let room = registry.room_of(client).and_then(|id| Some((id, rooms.get_mut(id)?)));
            if let Some(entry) = registry.get_mut(client) {
                if left == 0 {
                    // It keeps its place ahead of the clients that were served now.
                    deadlines.set(Deadline::Retry(client), entry.outbox.retry_at().unwrap_or(now));
                    continue;
                }
                let (sent, outcome) = state.retry(entry, room, limits, now);
                left = left.saturating_sub(sent);
                outcomes.push((client, outcome));
            }
        }
        state.end_write();
        self.settle_all(outcomes, deadlines)
    }

    /// Frees memory if what waits for all clients takes too much: cuts those that are closing, and returns those that
    /// have to be closed because their transports have accepted nothing for the longest time. What they are owed is
    /// discarded. A client that reads steadily comes late, even if it has not caught up for long.
    pub(crate) fn relieve_memory(&mut self, deadlines: &mut Deadlines, now: Instant) -> TooSlow {
        if !self.limits.memory.must_free() {
            return TooSlow::new();
        }
        let text = || "the memory for pending output is used up; see --waiting-memory".to_owned();
        self.memory_warning.log(now, text);
        let mut stalled: Vec<(bool, Instant, ClientId)> = self.registry.stalled().collect();
        stalled.sort_unstable(); // those that are closing first
        let mut closed = TooSlow::new();
        for (is_open, _, client) in stalled {
            if !self.limits.memory.must_free() {
                break;
            }
            match is_open {
                false => self.cut(client, deadlines),
                true => {
                    self.discard(client, MAX_REST_UNDER_PRESSURE);
                    closed.push(client);
                }
            }
        }
        closed
    }

    /// Discards what a client is owed, before it is closed, except at most `max_rest` bytes of a frame that was begun.
    /// Ends the connection if no close frame can follow.
    pub(crate) fn discard(&mut self, client: ClientId, max_rest: usize) {
        let Self { registry, limits, .. } = self;
        if let Some(entry) = registry.get_mut(client)
            && !entry.outbox.discard(max_rest, limits)
        {
            entry.outbox.shutdown(Shutdown::Both);
        }
    }

    /// Handles the outcomes of writes. Returns the clients that are too slow.
    fn settle_all(&mut self, outcomes: Vec<(ClientId, Outcome)>, deadlines: &mut Deadlines) -> TooSlow {
        let settle = |(client, outcome)| self.settle(client, outcome, deadlines).then_some(client);
        outcomes.into_iter().filter_map(settle).collect()
    }

    /// Handles the outcome of a write. Returns whether the client is too slow.
    fn settle(&mut self, client: ClientId, outcome: Outcome, deadlines: &mut Deadlines) -> bool {
        let Some(entry) = self.registry.get_mut(client) else { return false };
        match (outcome, entry.is_open()) {
            (Outcome::Sent, true) => entry.outbox.end_response(),
            // A client that is busy sending sees the end of the stream, and before it the close frame.
            (Outcome::Sent, false) => entry.outbox.shutdown(Shutdown::Write),
            (Outcome::TooSlow, true) => return true,
            // A closing client has until its deadline, because nothing is added to its outbox.
            (Outcome::Stalled | Outcome::TooSlow, _) => {
                if let Some(at) = entry.outbox.retry_at() {
                    deadlines.set(Deadline::Retry(client), at);
                }
            }
            // The reader sees the end of the connection and sends `Closed`, which ends the membership.
            (Outcome::Broken, _) => entry.outbox.shutdown(Shutdown::Both),
        }
        false
    }
}
