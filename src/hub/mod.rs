//! A hub: the thread that owns rooms. Only the hub writes to their clients.
//!
//! Architecture invariant: the hub owns all state. All other threads hold a `Sender<Event>`; there is no lock and no
//! shared map.
//!
//! Architecture invariant: drain, then write once. The hub takes one event, then all that wait, and only then writes.
//! The result of a single event goes out at once; under load, batches grow by themselves. No timer adds delay.

pub(crate) mod admission;
pub(crate) mod alone;
pub(crate) mod attempts;
pub(crate) mod away;
pub(crate) mod budget;
pub(crate) mod cause;
pub(crate) mod charge;
pub(crate) mod clients;
pub(crate) mod copies;
pub(crate) mod cost;
pub(crate) mod counters;
pub(crate) mod deadlines;
pub(crate) mod decisions;
pub(crate) mod event;
pub(crate) mod first_parts;
pub(crate) mod handover;
pub(crate) mod health;
pub(crate) mod host_key;
pub(crate) mod host_options;
pub(crate) mod hosts;
pub(crate) mod inbox;
pub(crate) mod keepalive;
pub(crate) mod known_viewer_count;
#[cfg(test)]
mod leak_test;
pub(crate) mod link_events;
pub(crate) mod linked;
pub(crate) mod member;
pub(crate) mod mirror;
pub(crate) mod node;
pub(crate) mod open_room;
pub(crate) mod owner;
pub(crate) mod passphrase_gate;
pub(crate) mod post_quota;
pub(crate) mod post_request;
pub(crate) mod post_requests;
pub(crate) mod posts;
pub(crate) mod questions;
pub(crate) mod recovery;
pub(crate) mod registry;
pub(crate) mod replies;
pub(crate) mod report;
pub(crate) mod rooms;
pub(crate) mod seats;
pub(crate) mod secret_check;
pub(crate) mod shards;
pub(crate) mod shutdown;
pub(crate) mod stage;
pub(crate) mod state_delivery;
pub(crate) mod store_link;
pub(crate) mod text_relief;
pub(crate) mod turns;
pub(crate) mod viewer_count;
pub(crate) mod wall_part;

use crate::base::clock::Now;
use crate::base::ids::{ClientId, NodeId, RoomId};
use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::base::secret::SecretHash;
use crate::base::warning::Warning;
use crate::cluster::link::LinkRequest;
use crate::delivery::backlog::MAX_REST;
use crate::delivery::transport::Transport;
use crate::hub::attempts::{Attempt, Requester};
use crate::hub::cause::Cause;
use crate::hub::clients::{Clients, TooSlow};
use crate::hub::counters::Counters;
use crate::hub::deadlines::{Deadline, Deadlines};
use crate::hub::event::Event;
use crate::hub::host_options::HostOptions;
use crate::hub::node::Node;
use crate::hub::passphrase_gate::PassphraseGate;
use crate::hub::post_requests::PostRequests;
use crate::hub::rooms::Rooms;
use crate::hub::seats::Seats;
use crate::hub::secret_check::SecretCheck;
use crate::hub::shards::Shard;
use crate::hub::stage::Stage;
use crate::hub::store_link::StoreLink;
use crate::hub::text_relief::TextRelief;
use crate::hub::wall_part::WallQuestion;
use crate::protocol::close::{CloseReason, SILENT};
use crate::room::state::HostMode;
use crate::room::view::Visibility;
use crate::store::request::Requests;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

/// Most events between two writes. Limits what a batch can hold.
const MAX_DRAIN: usize = 1024;

/// How long a client has to answer a close frame before its connection is cut. A slow client first has to read what
/// precedes the frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The state of a hub. Generic in the transport, so that tests can drive it without sockets.
#[derive(Debug)]
pub struct Hub<T> {
    limits: Limits,
    clients: Clients<T>,
    gate: PassphraseGate,
    hosts: HostMode,
    host_key: Option<SecretCheck>,
    rooms: Rooms,
    seats: Seats,
    shard: Shard,
    /// The memory for the boxes and logs of all rooms.
    text_memory: MemoryLimit,
    text_relief: TextRelief,
    store: StoreLink,
    post_requests: PostRequests,
    deadlines: Deadlines,
    stage: Stage,
    /// The node that this hub is part of, if there are others.
    node: Option<Box<Node>>,
    full_warning: Warning,
    /// The number of this turn: events are handled, then output is written.
    turn: u64,
    counters: Counters,
}

impl<T: Transport> Hub<T> {
    /// A hub without rooms. Without a store, it keeps posts in memory only.
    pub fn new(
        limits: Limits,
        passphrase: Option<SecretHash>,
        hosts: HostOptions,
        store: Option<Requests>,
        shard: Shard,
    ) -> Self {
        Self {
            limits,
            clients: Clients::new(&limits, shard.open.clone(), shard.memory(limits.max_waiting)),
            gate: PassphraseGate::new(passphrase, limits.max_clients),
            hosts: hosts.mode,
            host_key: hosts.key_check(),
            rooms: Rooms::new(shard.clone()),
            text_memory: shard.text_memory(limits.max_texts),
            text_relief: TextRelief::default(),
            seats: Seats::new(shard.seats.clone()),
            shard,
            store: StoreLink::new(store),
            post_requests: PostRequests::new(&limits),
            deadlines: Deadlines::default(),
            stage: Stage::Running,
            node: None,
            full_warning: Warning::default(),
            turn: 0,
            counters: Counters::default(),
        }
    }

    /// Makes the hub part of a node, before it gets events.
    pub fn join_cluster(&mut self, me: NodeId, requests: Sender<LinkRequest>, clock: fn() -> Duration) {
        self.node = Some(Box::new(Node::new(me, requests, clock)));
    }

    /// Runs until the hub has stopped and its clients are gone, or until all senders of events are gone.
    pub fn run(mut self, events: &Receiver<Event<T>>) {
        while !self.has_stopped() {
            let first = self.next_event(events);
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
            self.counters.turns.note(now.instant.elapsed());
        }
        self.clients.cut_all();
        // These clients connected too late to be closed. Without this, their readers would wait for input.
        for event in events.try_iter() {
            if let Event::Connected(client) = event {
                client.transport.shutdown(Shutdown::Both);
            }
        }
    }

    /// Handles an event. The results are sent with the next [`write`](Self::write).
    pub fn handle(&mut self, event: Event<T>, now: Now) {
        match event {
            Event::Connected(client) => self.connect(client, now),
            Event::FromClient(event) => {
                event.count(&mut self.counters, now.instant);
                self.receive(event, now);
            }
            Event::NewTransport { client, transport } => {
                self.clients.replace_transport(client, transport, &mut self.deadlines, now.instant);
            }
            Event::PostRequest { connection, request } => self.receive_post(connection, *request, now),
            Event::Stored(answer) => self.on_store_reply(*answer, now),
            Event::Link(event) => self.on_link(*event, now),
            Event::PassphraseCheck { address, passphrase, token, reply_to } => {
                let from = Requester::Request { reply_to };
                self.attempt(address, Attempt { from, secret: passphrase }, token, now);
            }
            Event::HostKeyCheck { address, key, reply_to } => {
                self.check_key_of_request(address, key, reply_to, now);
            }
            Event::HistoryRequest { room, reply_to } => self.answer_history(&room, &reply_to),
            Event::WallRequest { room, is_host, after, reply_to } => {
                self.answer_wall(&room, WallQuestion { is_host, after, reply_to }, now);
            }
            // Whoever asked may have given up waiting, so a failed reply is no error.
            Event::HealthCheck { reply_to } => {
                let _ = reply_to.try_send(self.health());
            }
            Event::MetricsRequest { reply_to } => _ = reply_to.try_send(Box::new(self.report())),
            Event::Stop => self.stop(now),
        }
    }

    /// Handles the events that have waited for this turn and the deadlines that have passed, and writes to every client
    /// with pending output.
    pub fn write(&mut self, now: Now) {
        self.check_link(now);
        self.begin_turn(now);
        self.text_relief.free(&self.text_memory, &mut self.rooms, now.instant);
        let mut retries = self.meet_deadlines(now);
        loop {
            let mut too_slow = TooSlow::new();
            while let Some(id) = self.rooms.pop_dirty() {
                self.save_room(id, now);
                too_slow.extend(self.write_room(id, now.instant));
                self.await_nodes(id);
            }
            self.continue_stopping(now.instant);
            too_slow.extend(self.clients.flush(&mut self.deadlines, now.instant));
            // After the rooms, so that clients catch up with the latest texts. Snapshots that were begun continue at
            // once.
            retries.extend(self.meet_deadlines(now));
            let Self { clients, rooms, deadlines, .. } = self;
            too_slow.extend(clients.retry(mem::take(&mut retries), rooms, deadlines, now.instant));
            too_slow.extend(clients.relieve_memory(deadlines, now.instant));
            if too_slow.is_empty() && !self.rooms.are_dirty() {
                self.write_to_nodes(now);
                return;
            }
            for client in too_slow {
                log::debug!("client {} is too slow and is closed", client.0);
                self.clients.discard(client, MAX_REST);
                self.close(client, &CloseReason::TooSlow, now);
            }
        }
    }

    /// When [`write`](Self::write) is next due without an event: at once if rooms wait for their next turn, otherwise at
    /// the next deadline.
    pub fn due(&self) -> Option<Instant> {
        if self.rooms.are_deferred() { Some(Instant::now()) } else { self.deadlines.next() }
    }

    /// Waits for an event, at most until [`write`](Self::write) is due.
    fn next_event(&self, events: &Receiver<Event<T>>) -> Result<Event<T>, RecvTimeoutError> {
        match self.due() {
            Some(due) => events.recv_deadline(due),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Handles the deadlines that have passed. Returns the clients whose full transports are to be tried again.
    fn meet_deadlines(&mut self, now: Now) -> Vec<ClientId> {
        let mut retries = Vec::new();
        while let Some(deadline) = self.deadlines.pop(now.instant) {
            match deadline {
                Deadline::Grace(room, user) => {
                    if !self.pauses_grace(deadline, room, now) {
                        self.end_grace(room, user, now);
                    }
                }
                Deadline::Save(room) => self.retry_save(room),
                Deadline::Hosts(room) => self.on_hosts_deadline(room, now),
                Deadline::Budget(room) => self.on_budget(room, now),
                Deadline::ViewerCount(room) => self.broadcast_viewer_count(room),
                Deadline::Passphrase(client) => self.on_passphrase_timeout(client, now),
                Deadline::PassphraseAttempt(address) => self.check_attempts(address, now),
                Deadline::HostKeyAttempt(address) => self.check_host_keys(address, now),
                Deadline::Close(client) => self.clients.cut(client, &mut self.deadlines),
                Deadline::Retry(client) => retries.push(client),
                Deadline::Keepalive => {
                    for client in self.clients.ping(&mut self.deadlines, now.instant) {
                        self.close(client, &CloseReason::TooSlow, now);
                    }
                }
                Deadline::Shutdown => self.on_shutdown_deadline(now.instant),
            }
        }
        retries
    }

    /// A client has broken the WebSocket protocol.
    fn on_protocol_error(&mut self, client: ClientId, code: CloseCode, reason: &'static str, now: Now) {
        self.close(client, &CloseReason::Protocol(code, reason), now);
    }

    /// A client has sent nothing for too long: its connection is dead, unless it is busy reading.
    fn on_read_timeout(&mut self, client: ClientId, now: Now) {
        if !self.clients.is_reading(client, self.limits.max_silence, now.instant) {
            if self.clients.registry.is_open(client) {
                self.clients.closes.note(SILENT);
            }
            self.leave(client, false, now);
            self.clients.cut(client, &mut self.deadlines);
        }
    }

    /// Takes a client out of its room. Every membership ends here.
    fn leave(&mut self, client: ClientId, goodbye: bool, now: Now) {
        self.gate.release(client);
        if let Some(check) = &mut self.host_key {
            check.remove(client);
        }
        self.deadlines.cancel(Deadline::Passphrase(client));
        let Some(id) = self.clients.registry.room_of(client) else { return };
        let Some(room) = self.rooms.touch(id) else { return };
        if room.is_mirror() {
            room.forward_leave(client, goodbye, now.instant);
        } else {
            let actor = room.actor(client);
            if let Some(user) = room.leave(client, now.instant)
                && let Some(fact) = room.decide_leave(user, goodbye, now)
            {
                self.publish(id, fact, Cause::default(), now);
            }
            self.note_left(id, client, actor, goodbye);
        }
        self.on_viewers_changed(id, now);
        self.on_vacated(id);
    }

    /// Closes a client. It leaves its room at once. Its connection ends when it answers, or after [`CLOSE_TIMEOUT`].
    fn close(&mut self, client: ClientId, reason: &CloseReason, now: Now) {
        self.leave(client, false, now);
        let cut_at = self.stage.closes_at().unwrap_or(now.instant + CLOSE_TIMEOUT);
        self.clients.close(client, reason, cut_at, &mut self.deadlines);
    }

    fn write_room(&mut self, id: RoomId, now: Instant) -> TooSlow {
        let Self { rooms, clients, deadlines, counters, .. } = self;
        let Some(room) = rooms.get_mut(id) else { return TooSlow::new() };
        // While texts are hidden, every client is looked at before every batch, so that no change of who is a host can
        // be missed. That takes a hundredth of the time that sending takes.
        let is_hidden = room.view().state().hidden;
        let is_revealed = mem::replace(&mut room.was_hidden, is_hidden) && !is_hidden;
        if is_hidden || is_revealed {
            let clients = clients.registry.clients_of(id);
            clients.for_each(|client| client.texts.show(room.visibility(client.id) == Visibility::All));
        }
        let encodings = clients.registry.encodings(id);
        let encoding_of = |client| clients.registry.get(client).map(|client| client.current_encoding());
        let synced = room.finish_batch(&encodings, encoding_of, clients.memory());
        let too_slow = match room.batch().is_empty() {
            true => TooSlow::new(),
            false => clients.deliver(id, room.batch(), &encodings, deadlines, now),
        };
        room.move_sent_to(&mut counters.sent);
        room.clear_batch();
        if is_revealed {
            clients.registry.clients_of(id).for_each(|client| client.texts.mark_caught_up());
        }
        for client in synced {
            if let Some(client) = clients.registry.get_mut(client) {
                client.in_sync = true;
                client.texts.mark_caught_up();
            }
        }
        too_slow
    }
}
