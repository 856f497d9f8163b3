//! The thread that publishes messages and sends the beats. It sends the requests of all hubs together, and the next
//! ones only once those are answered: what changes meanwhile becomes one message.

use crate::base::clock::Now;
use crate::base::ids::{Epoch, NodeId, RoomId};
use crate::base::warning::Warning;
use crate::cluster::connection::{Redis, RedisFailure, read};
use crate::cluster::fragments::split;
use crate::cluster::link::{Beat, LinkEvent, LinkRequest, Publication};
use crate::cluster::membership::Membership;
use crate::cluster::reader::{Signal, WAKE, probe};
use crate::cluster::reconnecting::Reconnecting;
use crate::cluster::room_link::{BEAT, Ownership, TTL};
use crate::cluster::scripts::call;
use crate::cluster::subscriptions::Change;
use crate::platform::boot_time;
use crossbeam_channel::{Receiver, Select, Sender, TryRecvError};
use redis::{Cmd, Value, cmd};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a node may decide after it has sent a beat. It is half a second shorter than [`TTL`]: in that time, what
/// the node has decided arrives before others may take over.
const LEASE: Duration = Duration::from_millis(2_500);

/// How long Redis remembers dead nodes. Forgetting one changes nothing; without expiry, each restart would leave an
/// entry. A minute is long enough for whoever looks into Redis to see who has just died.
const DEAD: Duration = Duration::from_secs(60);

/// How long Redis remembers the owner of a room without posts and without a record, in milliseconds. If it forgets the
/// owner of an open room, the owner claims the room again. That seldom happens, because few rooms are open for a day. A
/// day after a node was killed, nothing is left of the rooms that only it had.
pub(crate) const UNUSED_ROOM: u64 = 24 * 3600 * 1000;

/// Sends what hubs ask for.
pub(crate) struct Writer<T> {
    redis: Arc<Redis>,
    me: NodeId,
    /// The requests of each hub, until it ends.
    hubs: Vec<Option<Receiver<LinkRequest>>>,
    signals: Receiver<Signal>,
    changes: Sender<Change>,
    /// Tells a hub something, or the hubs that an event concerns.
    tell: T,
    connection: Reconnecting,
    beat_at: Instant,
    /// Until when this node is alive, by the clock of Redis in milliseconds, as the last beat has said. `None` on a new
    /// connection: it may lead to a Redis that has started again, or taken another's place, and has lost something.
    alive_until: Option<u64>,
    membership: Membership,
    /// Since when messages have arrived, and when this node last received its own probe.
    linked: Option<(Instant, Duration)>,
    /// The warning that some data in Redis is invalid.
    invalid: Warning,
}

/// What is sent together.
#[derive(Default)]
struct Batch {
    commands: Vec<Cmd>,
    /// What the answer to each command means.
    answers: Vec<Expected>,
    /// Rooms to be handed over, until that is answered.
    given: BTreeSet<RoomId>,
    /// The hubs that have published something, and how many nodes have received it.
    published: BTreeMap<usize, Vec<(RoomId, usize)>>,
}

/// What the answer to a command means.
enum Expected {
    /// A beat, and when it was sent.
    Beat { sent: Duration, at: Now },
    /// Who owns a room.
    Owned(RoomId),
    /// The epoch in which this node owns a room that was handed over to it; 0 if it does not.
    Given(RoomId, NodeId),
    /// A room is given up.
    Released,
    /// How many nodes have received a message of this hub, and the room that is told.
    Published(usize, Option<RoomId>),
    /// Nothing.
    Nothing,
}

impl Batch {
    fn add(&mut self, command: Cmd, answer: Expected) {
        self.commands.push(command);
        self.answers.push(answer);
    }
}

impl<T: Fn(Option<usize>, LinkEvent)> Writer<T> {
    /// The writer of a node, for the hubs that send these requests.
    pub(crate) fn new(
        redis: Arc<Redis>,
        me: NodeId,
        hubs: Vec<Receiver<LinkRequest>>,
        signals: Receiver<Signal>,
        changes: Sender<Change>,
        tell: T,
    ) -> Self {
        Self {
            redis,
            me,
            hubs: hubs.into_iter().map(Some).collect(),
            signals,
            changes,
            tell,
            connection: Reconnecting::new(),
            beat_at: Instant::now(),
            alive_until: None,
            membership: Membership::default(),
            linked: None,
            invalid: Warning::default(),
        }
    }

    /// Sends until all hubs have ended.
    pub(crate) fn run(mut self) {
        while self.hubs.iter().any(Option::is_some) {
            self.wait();
            self.take_signals();
            let mut batch = Batch::default();
            (0..self.hubs.len()).for_each(|hub| self.add_requests(hub, &mut batch));
            self.add_beat(&mut batch);
            self.send(batch);
        }
        self.say_goodbye();
    }

    /// Waits for requests, until the next beat.
    fn wait(&self) {
        let mut select = Select::new();
        for hub in self.hubs.iter().flatten() {
            select.recv(hub);
        }
        select.recv(&self.signals);
        let _ = select.ready_deadline(self.beat_at);
    }

    fn take_signals(&mut self) {
        while let Ok(signal) = self.signals.try_recv() {
            match signal {
                Signal::Linked(since) => {
                    self.linked = Some((since, boot_time()));
                    self.beat_at = Instant::now(); // others, and the hubs, learn of it at once
                }
                Signal::Heard => self.linked = self.linked.map(|(since, _)| (since, boot_time())),
                Signal::Cut => self.linked = None,
            }
        }
    }

    /// Adds a beat, if one is due. A node that does not receive its own probes sends no beats.
    fn add_beat(&mut self, batch: &mut Batch) {
        let now = Now::read();
        if now.instant < self.beat_at {
            return;
        }
        self.beat_at = now.instant + BEAT;
        let sent = boot_time();
        if self.linked.is_none_or(|(_, heard)| sent.saturating_sub(heard) >= TTL) {
            return;
        }
        let keys = &self.redis.keys;
        let mut beat = call(&self.redis.scripts.beat, &[keys.nodes()]);
        beat.arg(self.me.0).arg(TTL.as_millis() as u64).arg(DEAD.as_millis() as u64);
        beat.arg(keys.inbox(self.me)).arg(probe());
        batch.add(beat, Expected::Beat { sent, at: now });
    }

    /// Adds what a hub asks for.
    fn add_requests(&mut self, hub: usize, batch: &mut Batch) {
        let mut has_changes = false;
        while let Some(requests) = &self.hubs[hub] {
            match requests.try_recv() {
                Ok(LinkRequest::Subscribe(room, key)) => {
                    has_changes |= self.changes.send(Change::Subscribe(room, key)).is_ok();
                }
                Ok(LinkRequest::Unsubscribe(key)) => {
                    has_changes |= self.changes.send(Change::Unsubscribe(key)).is_ok();
                }
                Ok(LinkRequest::Beat) => self.beat_at = Instant::now(),
                Ok(LinkRequest::Own { room, key, known, may_take }) => {
                    batch.add(self.own(&key, known, may_take), Expected::Owned(room));
                }
                Ok(LinkRequest::Release(key)) => {
                    let room = self.redis.keys.room(&key);
                    let release = call(&self.redis.scripts.release, &[room]).arg(self.me.0).take();
                    batch.add(release, Expected::Released);
                }
                Ok(LinkRequest::Give { room, key, epoch, to }) => {
                    let keys = [self.redis.keys.nodes(), self.redis.keys.room(&key)];
                    let mut give = call(&self.redis.scripts.give, &keys);
                    give.arg(self.me.0).arg(epoch.0).arg(to.0);
                    batch.add(give, Expected::Given(room, to));
                    batch.given.insert(room);
                }
                Ok(LinkRequest::Publish(publications)) => self.add_publications(hub, publications, batch),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => self.hubs[hub] = None,
            }
        }
        if has_changes {
            let wake = cmd("PUBLISH").arg(self.redis.keys.inbox(self.me)).arg(WAKE).take();
            batch.add(wake, Expected::Nothing);
        }
    }

    fn own(&self, room: &str, known: Epoch, may_take: bool) -> Cmd {
        let keys = &self.redis.keys;
        let mut own = call(&self.redis.scripts.own, &[keys.nodes(), keys.room(room)]);
        own.arg(self.me.0).arg(known.0).arg(u8::from(may_take)).arg(UNUSED_ROOM).take()
    }

    fn add_publications(&self, hub: usize, publications: Vec<Publication>, batch: &mut Batch) {
        batch.published.entry(hub).or_default();
        for Publication { channel, json, counted_for } in publications {
            let channel = self.redis.keys.channel(&channel);
            for piece in split(self.me, json) {
                let publish = cmd("PUBLISH").arg(&channel).arg(piece).take();
                batch.add(publish, Expected::Published(hub, counted_for));
            }
        }
    }

    /// Sends a batch, and tells the hubs what has become of it.
    fn send(&mut self, mut batch: Batch) {
        if batch.commands.is_empty() {
            return;
        }
        let outcome = self.exchange(&mut batch);
        let Batch { given, published, .. } = batch;
        match outcome {
            Ok(()) => {
                if self.connection.recover() {
                    log::info!("messages to other nodes reach Redis again");
                }
                let tell = |(hub, counts)| (self.tell)(Some(hub), LinkEvent::Published(counts));
                published.into_iter().for_each(tell);
            }
            Err(why) => {
                if self.connection.fail(&why) {
                    log::warn!("messages to other nodes do not reach Redis: {why}");
                }
                self.alive_until = None;
                given.into_iter().for_each(|room| (self.tell)(None, LinkEvent::GiveFailed(room)));
                published.into_keys().for_each(|hub| (self.tell)(Some(hub), LinkEvent::Unpublished));
            }
        }
    }

    /// Sends a batch, and handles the answers.
    fn exchange(&mut self, batch: &mut Batch) -> Result<(), RedisFailure> {
        let answers = self.connection.run(&self.redis, |connection| connection.run(&batch.commands))?;
        for (answer, expected) in answers.into_iter().zip(std::mem::take(&mut batch.answers)) {
            let answer = self.redis.checked(answer);
            match expected {
                Expected::Beat { sent, at } => self.on_beat(answer?, sent, at)?,
                Expected::Owned(room) => {
                    if let Some(owned) = self.skip_key_errors(answer.and_then(owned))? {
                        (self.tell)(None, LinkEvent::Owned(room, owned));
                    }
                }
                Expected::Given(room, to) => {
                    let epoch = self.skip_key_errors(answer.and_then(read))?;
                    (self.tell)(None, event_of_give(room, to, epoch));
                    batch.given.remove(&room);
                }
                Expected::Released => _ = self.skip_key_errors(answer)?,
                Expected::Published(hub, Some(room)) => {
                    batch.published.entry(hub).or_default().push((room, read(answer?)?));
                }
                Expected::Published(_, None) | Expected::Nothing => _ = answer?,
            }
        }
        Ok(())
    }

    /// The answer to a request about a room. `None` if the room cannot be used, and others can: the request comes
    /// again.
    fn skip_key_errors<A>(&mut self, answer: Result<A, RedisFailure>) -> Result<Option<A>, RedisFailure> {
        match answer {
            Err(why) if why.concerns_keys_only() => {
                let text = || format!("Redis cannot be used for a room: {why}");
                self.invalid.log(Instant::now(), text);
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    fn on_beat(&mut self, answer: Value, sent: Duration, at: Now) -> Result<(), RedisFailure> {
        let (time, before, alive): (u64, String, Vec<Vec<u8>>) = read(answer)?;
        // A score in a sorted set is a floating-point number.
        let before = before.parse::<f64>().map_err(|_| RedisFailure::unexpected())?;
        // If Redis has gone back to older data, it has gone back to an earlier beat.
        let has_last = |until: u64| before >= until as f64;
        let was_alive = before >= time as f64 && self.alive_until.is_some_and(has_last);
        self.alive_until = Some(time.saturating_add(TTL.as_millis() as u64));
        // Redis has read its clock about when half of the time for the answer had passed.
        let half = boot_time().saturating_sub(sent).as_millis() as u64 / 2;
        let middle = at.unix_millis.saturating_add(half);
        let clock_offset = time.cast_signed().wrapping_sub(middle.cast_signed());
        self.redis.clock.set_offset(clock_offset);
        let Some((linked_since, _)) = self.linked else { return Ok(()) };
        let alive = Arc::new(alive.iter().filter_map(|id| node_of(id)).collect());
        if let Some(changes) = self.membership.update(self.me, &alive) {
            log::info!("{changes}");
        }
        (self.tell)(
            None,
            LinkEvent::Beat(Beat { was_alive, alive, valid_until: sent + LEASE, linked_since, clock_offset }),
        );
        Ok(())
    }

    /// The server stops: the others need not wait until this node counts as dead.
    fn say_goodbye(&mut self) {
        let mut batch = Batch::default();
        batch.add(cmd("ZREM").arg(self.redis.keys.nodes()).arg(self.me.0).take(), Expected::Nothing);
        batch.add(cmd("PUBLISH").arg(self.redis.keys.inbox(self.me)).arg(WAKE).take(), Expected::Nothing);
        // If Redis is gone, they find out in time.
        let _ = self.exchange(&mut batch);
    }
}

/// What a hub is told about a handover. `epoch` is that of the new owner, 0 if the room was not handed over, and `None`
/// if that is not known.
fn event_of_give(room: RoomId, to: NodeId, epoch: Option<u64>) -> LinkEvent {
    match epoch {
        None => LinkEvent::GiveFailed(room),
        Some(0) => LinkEvent::NotGiven(room, to),
        Some(epoch) => LinkEvent::Owned(room, Ownership { owner: Some(to), epoch: Epoch(epoch) }),
    }
}

/// The node with this id; `None` if this is no id, because somebody else has written it.
fn node_of(id: &[u8]) -> Option<NodeId> {
    std::str::from_utf8(id).ok()?.parse().ok().map(NodeId)
}

fn owned(answer: Value) -> Result<Ownership, RedisFailure> {
    let (owner, epoch): (Vec<u8>, u64) = read(answer)?;
    let owner = match &*owner {
        b"" => None,
        id => Some(node_of(id).ok_or_else(RedisFailure::invalid_data)?),
    };
    Ok(Ownership { owner, epoch: Epoch(epoch) })
}

#[cfg(test)]
mod tests;
