//! Shards: several hubs, each with rooms of its own. Hubs share nothing but counters.
//!
//! Architecture invariant: the name of a room determines its hub, so there is no table of rooms.

use crate::base::address::Address;
use crate::base::counter::Counter;
use crate::base::ids::RoomId;
use crate::base::memory::MemoryLimit;
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::cluster::link::LinkEvent;
use crate::delivery::client_transport::ClientTransport;
use crate::hub::attempts::Refusal;
use crate::hub::event::Event;
use crate::hub::health::Health;
use crate::hub::report::Report;
use crate::room::room_name::RoomName;
use crate::store::request::Answer;
use crossbeam_channel::{RecvTimeoutError, SendTimeoutError, Sender, bounded};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most hubs that help. With more hubs, the time goes into the system's work for sockets.
pub const MAX_HUBS: usize = 8;

/// An event of a hub that writes to clients.
pub type SocketEvent = Event<ClientTransport>;

/// How long a hub may take to take a question or to reply. A request must not hold its connection for longer while the
/// hub is overloaded.
pub(crate) const HUB_TIMEOUT: Duration = Duration::from_secs(1);

/// Seconds after which somebody may try again whose passphrase was not checked in time.
const RETRY_AFTER: u64 = 5;

/// Why a passphrase does not let somebody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The hub refuses it.
    ByHub(Refusal),
    /// The hub does not respond.
    Busy,
}

/// The event queues of all hubs, and the memory for what arrives.
#[derive(Debug, Clone)]
pub struct Shards {
    hubs: Arc<[Sender<SocketEvent>]>,
    /// The memory for large messages of clients until a hub has handled them.
    pub(crate) input: Arc<MemoryLimit>,
}

impl Shards {
    /// The shards of these hubs, of which there is at least one. Messages may take `max_waiting` bytes.
    pub fn new(hubs: Vec<Sender<SocketEvent>>, shard: &Shard, max_waiting: usize) -> Self {
        Self { hubs: hubs.into(), input: shard.memory(max_waiting).into() }
    }

    /// The hub of a room.
    pub fn of_room(&self, room: &RoomName) -> &Sender<SocketEvent> {
        self.of_key(room.key())
    }

    /// The hub of the room whose name has this key.
    fn of_key(&self, key: &str) -> &Sender<SocketEvent> {
        // Without a random key, so that a room always has the same hub. Clients that choose names of rooms on one hub
        // gain nothing.
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        &self.hubs[(hasher.finish() % self.hubs.len() as u64) as usize]
    }

    /// The only hub of a server that counts wrong passphrases or addresses.
    pub fn only(&self) -> &Sender<SocketEvent> {
        &self.hubs[0]
    }

    /// Lets the hub check a passphrase, because it counts the wrong ones of each address. The attempt may have to wait
    /// for others from the same address, but no longer than `timeout`.
    pub(crate) fn check_passphrase(
        &self,
        address: Address,
        passphrase: SecretHash,
        token: Option<Token>,
        timeout: Duration,
    ) -> Result<(), Refused> {
        let event = |reply_to| Event::PassphraseCheck { address, passphrase, token, reply_to };
        check_secret(self.only(), event, timeout)
    }

    /// The same for the host key, which the hub of the room checks.
    pub(crate) fn check_host_key(
        &self,
        room: &RoomName,
        address: Address,
        key: SecretHash,
        timeout: Duration,
    ) -> Result<(), Refused> {
        let event = |reply_to| Event::HostKeyCheck { address, key, reply_to };
        check_secret(self.of_room(room), event, timeout)
    }

    /// Stops every hub. Does not wait for a hub that takes no event within `timeout`.
    pub fn stop(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        for hub in self.hubs.iter() {
            // A hub that is gone has stopped already.
            if let Err(SendTimeoutError::Timeout(_)) = hub.send_deadline(Event::Stop, deadline) {
                log::error!("a hub does not respond, and cannot be stopped");
            }
        }
    }

    /// Passes an answer of the store to its hub. Returns false if that hub is gone.
    pub fn on_store_reply(&self, answer: Answer) -> bool {
        let room = match answer {
            Answer::Loaded { room, .. }
            | Answer::Keys { room, .. }
            | Answer::Saved { room, .. }
            | Answer::Erased { room, .. }
            | Answer::PostStored { room, .. }
            | Answer::PostReturned { room, .. }
            | Answer::Restored { room, .. } => room,
            Answer::Trimmed { before } => {
                let send =
                    |hub: &&Sender<_>| hub.send(Event::Stored(Box::new(Answer::Trimmed { before }))).is_ok();
                return self.hubs.iter().filter(send).count() > 0;
            }
        };
        self.hubs[Shard::of_room(room, self.hubs.len())].send(Event::Stored(Box::new(answer))).is_ok()
    }

    /// Passes on what the link tells the hub with this number, or else the hubs that it concerns.
    pub(crate) fn on_link(&self, hub: Option<usize>, event: LinkEvent) {
        let of = |room: RoomId| &self.hubs[Shard::of_room(room, self.hubs.len())];
        let hub = match (hub, &event) {
            (Some(hub), _) => &self.hubs[hub],
            (None, LinkEvent::Room { room, .. } | LinkEvent::Node { room, .. }) => self.of_key(room),
            (
                None,
                LinkEvent::Subscribed(room)
                | LinkEvent::Owned(room, _)
                | LinkEvent::NotGiven(room, _)
                | LinkEvent::GiveFailed(room),
            ) => of(*room),
            (None, LinkEvent::Beat(beat)) => return self.tell_all(|| LinkEvent::Beat(beat.clone())),
            (None, LinkEvent::Linked) => return self.tell_all(|| LinkEvent::Linked),
            (None, LinkEvent::Cut) => return self.tell_all(|| LinkEvent::Cut),
            (None, LinkEvent::Published(_) | LinkEvent::Unpublished) => return, // a hub's number comes with it
        };
        let _ = hub.send(Event::Link(Box::new(event))); // a hub that has ended needs nothing
    }

    fn tell_all(&self, event: impl Fn() -> LinkEvent) {
        for hub in self.hubs.iter() {
            let _ = hub.send(Event::Link(Box::new(event()))); // a hub that has ended needs nothing
        }
    }

    /// The health of all hubs together. `None` if one of them does not answer in time.
    pub fn health(&self, timeout: Duration) -> Option<Health> {
        let all = self.ask_all(|reply_to| Event::HealthCheck { reply_to }, timeout)?;
        let hubs: Health = all.into_iter().sum();
        Some(Health { waiting: hubs.waiting + self.input.of_owner(), ..hubs })
    }

    /// The numbers of all hubs together. `None` if one of them does not answer in time.
    pub(crate) fn report(&self, timeout: Duration) -> Option<Report> {
        let all = self.ask_all(|reply_to| Event::MetricsRequest { reply_to }, timeout)?;
        all.into_iter().map(|report| *report).reduce(|sum, report| sum.with(&report))
    }

    /// The number of hubs.
    pub(crate) fn count(&self) -> usize {
        self.hubs.len()
    }

    /// Asks all hubs at once. `None` if one of them does not answer in time.
    fn ask_all<T>(&self, event: impl Fn(Sender<T>) -> SocketEvent, timeout: Duration) -> Option<Vec<T>> {
        let deadline = Instant::now() + timeout;
        let (reply_to, replies) = bounded(self.hubs.len());
        for hub in self.hubs.iter() {
            hub.send_deadline(event(reply_to.clone()), deadline).ok()?;
        }
        self.hubs.iter().map(|_| replies.recv_deadline(deadline).ok()).collect()
    }
}

fn check_secret(
    hub: &Sender<SocketEvent>,
    event: impl FnOnce(Sender<Result<(), Refusal>>) -> SocketEvent,
    timeout: Duration,
) -> Result<(), Refused> {
    let (reply_to, reply) = bounded(1);
    hub.send_timeout(event(reply_to), HUB_TIMEOUT).map_err(|_| Refused::Busy)?;
    match reply.recv_timeout(timeout) {
        Ok(answer) => answer.map_err(Refused::ByHub),
        Err(RecvTimeoutError::Timeout) => Err(Refused::ByHub(Refusal::Wait(RETRY_AFTER))),
        Err(RecvTimeoutError::Disconnected) => Err(Refused::Busy),
    }
}

/// One of the hubs, and the counters that it shares with the others.
#[derive(Debug, Clone)]
pub struct Shard {
    number: usize,
    of: usize,
    /// Clients that are not closing.
    pub open: Counter,
    /// Rooms.
    pub rooms: Counter,
    /// Seats, including those of away users.
    pub seats: Counter,
    /// Bytes that wait for clients, or that have arrived of large messages.
    waiting: Counter,
    /// Bytes of boxes and logs.
    texts: Counter,
}

impl Shard {
    /// The shard of a single hub.
    pub fn single() -> Self {
        Self {
            number: 0,
            of: 1,
            open: Counter::default(),
            rooms: Counter::default(),
            seats: Counter::default(),
            waiting: Counter::default(),
            texts: Counter::default(),
        }
    }

    /// One shard for each of `of` hubs.
    pub fn split(of: usize) -> Vec<Self> {
        let single = Self::single();
        (0..of).map(|number| Self { number, of, ..single.clone() }).collect()
    }

    /// The number of hubs, including this one.
    pub fn hubs(&self) -> usize {
        self.of
    }

    /// Memory for what waits, for one owner: this hub, or the readers of all clients. All owners together may use `max`
    /// bytes.
    pub(crate) fn memory(&self, max: usize) -> MemoryLimit {
        MemoryLimit::new(self.waiting.clone(), max, self.of + 1)
    }

    /// Memory for the boxes and logs of this hub's rooms. All hubs together may use `max` bytes.
    pub(crate) fn text_memory(&self, max: usize) -> MemoryLimit {
        MemoryLimit::new(self.texts.clone(), max, self.of)
    }

    /// The id of this hub's room number `n`, counted from 1. No room of another hub has the same id.
    pub fn room_id(&self, n: u64) -> RoomId {
        RoomId(n * self.of as u64 + self.number as u64)
    }

    /// The number of the hub of a room.
    fn of_room(room: RoomId, of: usize) -> usize {
        (room.0 % of as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::NodeId;
    use crate::hub::health::ClusterHealth;
    use std::thread;

    #[test]
    fn a_hub_that_takes_no_events_does_not_keep_the_others_from_stopping() {
        let ((stuck, _queue), (hub, events)) = (bounded(0), bounded(1));
        thread::spawn(|| Shards::new(vec![stuck, hub], &Shard::single(), 0).stop(Duration::from_millis(10)));
        assert!(matches!(events.recv_timeout(Duration::from_secs(20)), Ok(Event::Stop)));
    }

    #[test]
    fn the_health_of_all_hubs_is_their_sum() {
        let cluster = |n| Some(ClusterHealth { node: NodeId(7), nodes: n, linked: n > 20 });
        let health =
            |n| Health { clients: n, rooms: n + 1, waiting: n + 2, texts: n + 3, cluster: cluster(n) };
        let all: Health = [health(10), health(300)].into_iter().sum();
        let Health { clients, rooms, waiting, texts, cluster } = all;
        assert_eq!((clients, rooms, waiting, texts), (310, 312, 314, 316));
        assert!(
            cluster.is_some_and(
                |cluster| (cluster.node, cluster.nodes, cluster.linked) == (NodeId(7), 10, false)
            )
        );
    }
}
