//! The thread that receives messages of other nodes. It also decides whether this node is linked to them: a probe that
//! the node's own beat publishes each second must arrive here.

use crate::base::clock::Now;
use crate::base::ids::NodeId;
use crate::base::warning::Warning;
use crate::cluster::connection::{Connection, RECONNECT_PAUSE, Redis, RedisFailure, read};
use crate::cluster::fragments::Fragments;
use crate::cluster::link::{InvalidMessage, LinkEvent};
use crate::cluster::outage::Outage;
use crate::cluster::room_link::TTL;
use crate::cluster::subscriptions::{Change, Subscriptions};
use crate::platform::boot_time;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use redis::{Cmd, Value, cmd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most channels in one command, so that a node with many rooms does not keep Redis busy.
const CHANNELS_AT_ONCE: usize = 1_000;

/// What a node publishes to itself so that this thread looks for changes.
pub(crate) const WAKE: &str = "wake";

/// What the reader tells the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Messages have arrived again since then.
    Linked(Instant),
    /// A probe has arrived.
    Heard,
    /// No messages arrive.
    Cut,
}

/// Receives messages.
pub(crate) struct Reader<T> {
    redis: Arc<Redis>,
    inbox: String,
    /// The rooms that were opened and closed, from the writer. When the writer ends, so does this thread.
    changes: Receiver<Change>,
    signals: Sender<Signal>,
    /// Tells the hubs something.
    tell: T,
    subscriptions: Subscriptions,
    fragments: Fragments,
    outage: Outage,
    warning: Warning,
}

/// Why the reader gives up a connection.
enum Break {
    /// The writer has ended.
    Stopped,
    Failed(RedisFailure),
}

impl From<RedisFailure> for Break {
    fn from(failure: RedisFailure) -> Self {
        Self::Failed(failure)
    }
}

/// What comes over the connection.
enum Incoming {
    Message {
        channel: String,
        payload: String,
    },
    /// The confirmation of a command.
    Confirmed,
}

/// The probe for a beat that is sent now.
pub(crate) fn probe() -> String {
    format!("probe {}", boot_time().as_millis())
}

/// How long ago a probe was sent.
fn age(probe: &str, now: Duration) -> Option<Duration> {
    let sent = Duration::from_millis(probe.strip_prefix("probe ")?.parse().ok()?);
    Some(now.saturating_sub(sent))
}

impl<T: Fn(LinkEvent)> Reader<T> {
    /// The reader of a node.
    pub(crate) fn new(
        redis: Arc<Redis>,
        me: NodeId,
        changes: Receiver<Change>,
        signals: Sender<Signal>,
        tell: T,
    ) -> Self {
        let inbox = redis.keys.inbox(me);
        let (subscriptions, fragments) = (Subscriptions::default(), Fragments::default());
        let warning = Warning::default();
        Self {
            redis,
            inbox,
            changes,
            signals,
            tell,
            subscriptions,
            fragments,
            outage: Outage::default(),
            warning,
        }
    }

    /// Receives messages until the writer has ended.
    pub(crate) fn run(mut self) {
        loop {
            let why = match self.link().and_then(|connection| self.listen(connection)) {
                Ok(()) | Err(Break::Stopped) => return,
                Err(Break::Failed(why)) => why,
            };
            if self.outage.note(&why) {
                let cause = if why.is_suspension() { "" } else { "Redis cannot be used: " };
                log::warn!("cut off from the other nodes, because {cause}{why}");
            }
            self.signal(Signal::Cut);
            (self.tell)(LinkEvent::Cut);
            if self.pause() == RecvTimeoutError::Disconnected {
                return;
            }
        }
    }

    /// Waits until a connection may be made again, or until the writer has ended.
    fn pause(&mut self) -> RecvTimeoutError {
        let end = Instant::now() + RECONNECT_PAUSE;
        loop {
            match self.changes.recv_deadline(end) {
                Ok(change) => self.subscriptions.apply(change),
                Err(why) => return why,
            }
        }
    }

    /// Tells the writer something, unless it has ended.
    fn signal(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }

    /// Connects, and subscribes to all rooms that are open.
    fn link(&mut self) -> Result<Connection, Break> {
        self.take_changes()?;
        self.fragments.clear();
        let mut connection = self.redis.subscribe()?;
        let keys = self.redis.keys.clone();
        let rooms = self.subscriptions.restart().map(|room| keys.room_channel(room));
        let channels: Vec<String> = [self.inbox.clone()].into_iter().chain(rooms).collect();
        for some in channels.chunks(CHANNELS_AT_ONCE) {
            connection.send(&[cmd("SUBSCRIBE").arg(some).take()])?;
            let mut unconfirmed = some.len();
            // Messages that arrive before the hubs know that they are linked count as lost, like earlier ones.
            while unconfirmed > 0 {
                unconfirmed -= usize::from(matches!(self.receive(&mut connection)?, Incoming::Confirmed));
            }
        }
        if self.outage.end() {
            log::info!("linked to the other nodes again");
        }
        self.signal(Signal::Linked(Instant::now()));
        (self.tell)(LinkEvent::Linked);
        self.subscriptions.on_restarted().for_each(|room| (self.tell)(LinkEvent::Subscribed(room)));
        Ok(connection)
    }

    /// Passes messages on until the connection fails.
    fn listen(&mut self, mut connection: Connection) -> Result<(), Break> {
        let mut heard = boot_time();
        loop {
            match self.receive(&mut connection)? {
                Incoming::Confirmed => {
                    if let Some(room) = self.subscriptions.confirm() {
                        (self.tell)(LinkEvent::Subscribed(room));
                    }
                }
                Incoming::Message { channel, payload } if channel == self.inbox => {
                    let now = boot_time();
                    if age(&payload, now).is_some_and(|age| age < TTL) {
                        heard = now;
                        self.signal(Signal::Heard);
                    }
                    self.on_inbox(payload);
                    connection.send(&self.take_changes()?)?;
                }
                Incoming::Message { channel, payload } => self.on_room(&channel, payload),
            }
            if boot_time().saturating_sub(heard) >= TTL {
                return Err(RedisFailure::new("this node does not receive its own beats").into());
            }
        }
    }

    fn receive(&self, connection: &mut Connection) -> Result<Incoming, RedisFailure> {
        incoming(self.redis.checked(connection.receive()?)?)
    }

    /// A message on this node's own channel.
    fn on_inbox(&mut self, payload: String) {
        let Some(payload) = self.fragments.add(&self.inbox, payload) else { return };
        if payload != WAKE && age(&payload, Duration::ZERO).is_none() {
            self.pass_on(LinkEvent::of_node(&payload, self.time()));
        }
    }

    fn on_room(&mut self, channel: &str, payload: String) {
        let Some(payload) = self.fragments.add(channel, payload) else { return };
        if let Some(room) = self.redis.keys.room_of_channel(channel) {
            self.pass_on(LinkEvent::of_room(room.to_owned(), &payload, self.time()));
        }
    }

    /// The time by the clock of Redis, in milliseconds since 1970.
    fn time(&self) -> u64 {
        self.redis.clock.at(Now::read().unix_millis)
    }

    /// Passes a message on, unless it is invalid: another version, or somebody else, may have published it.
    fn pass_on(&mut self, message: Result<LinkEvent, InvalidMessage>) {
        match message {
            Ok(event) => (self.tell)(event),
            Err(why) => {
                let text = || format!("dropped a message of another node, which {why}");
                self.warning.log(Instant::now(), text);
            }
        }
    }

    /// Notes which rooms were opened and closed, and returns what to tell Redis.
    fn take_changes(&mut self) -> Result<Vec<Cmd>, Break> {
        let mut commands = Vec::new();
        loop {
            match self.changes.try_recv() {
                Ok(change) => {
                    commands.push(self.command_of(&change));
                    self.subscriptions.apply(change);
                }
                Err(TryRecvError::Empty) => return Ok(commands),
                Err(TryRecvError::Disconnected) => return Err(Break::Stopped),
            }
        }
    }

    fn command_of(&self, change: &Change) -> Cmd {
        let (command, room) = match change {
            Change::Subscribe(_, room) => ("SUBSCRIBE", room),
            Change::Unsubscribe(room) => ("UNSUBSCRIBE", room),
        };
        cmd(command).arg(self.redis.keys.room_channel(room)).take()
    }
}

fn incoming(value: Value) -> Result<Incoming, RedisFailure> {
    let (kind, channel, rest): (String, String, Value) = read(value)?;
    match &*kind {
        // A payload that is not UTF-8 is dropped as unreadable.
        "message" => Ok(Incoming::Message { channel, payload: read(rest).unwrap_or_default() }),
        "subscribe" | "unsubscribe" => Ok(Incoming::Confirmed),
        _ => Err(RedisFailure::unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RoomId;
    use crate::cluster::connection::tests::redis_that;
    use crossbeam_channel::unbounded;
    use std::thread;

    #[test]
    fn a_room_that_is_opened_while_redis_is_gone_does_not_end_the_pause() {
        let ((changes, queue), (attempt, attempts)) = (unbounded(), unbounded());
        // It closes each connection, after a room was opened.
        let redis = redis_that(move |_client| {
            let _ = attempt.send(Instant::now());
            let _ = changes.send(Change::Subscribe(RoomId(1), "r".to_owned()));
        });
        let reader = Reader::new(redis.into(), NodeId(1), queue, unbounded().0, |_| {});
        thread::spawn(move || reader.run());
        let next = || attempts.recv_timeout(Duration::from_secs(20)).expect("an attempt");
        let [first, _, third] = [next(), next(), next()];
        assert!(third - first >= 2 * RECONNECT_PAUSE);
    }

    #[test]
    fn a_probe_says_when_it_was_sent() {
        let now = boot_time();
        assert!(age(&probe(), now).is_some_and(|age| age < Duration::from_secs(20)));
        assert_eq!(age("probe 1000", Duration::from_secs(5)), Some(Duration::from_secs(4)));
        for other in [WAKE, "probe", "probe x", "probe -1", "{}"] {
            assert_eq!(age(other, now), None, "{other}");
        }
    }

    #[test]
    fn what_no_redis_sends_is_refused() {
        let bulk = |text: &str| Value::BulkString(text.into());
        assert!(incoming(Value::Array(vec![bulk("subscribe"), bulk("a"), Value::Int(1)])).is_ok());
        for bad in [
            Value::Nil,
            Value::Array(vec![bulk("message"), bulk("a")]),
            Value::Array(vec![bulk("pmessage"), bulk("a"), bulk("b")]),
        ] {
            assert!(incoming(bad).is_err());
        }
        let no_text = Value::Array(vec![bulk("message"), bulk("a"), Value::BulkString(vec![0xFF])]);
        assert!(matches!(incoming(no_text), Ok(Incoming::Message { payload, .. }) if payload.is_empty()));
    }
}
