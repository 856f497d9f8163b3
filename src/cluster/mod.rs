//! Several processes that serve the same rooms and are connected by Redis.
//!
//! Each process is a node. One node owns a room, and its rules decide. Every other node with clients in the room is a
//! mirror: it follows what the owner decides, and serves its own clients from that.
//!
//! Architecture invariant: unposted texts and session keys are only published, never stored under a key in Redis, so
//! they reach none of its files.

pub(crate) mod connection;
pub(crate) mod fragments;
mod keys;
mod ledger;
pub(crate) mod link;
mod membership;
pub(crate) mod message;
pub(crate) mod options;
mod outage;
mod reader;
mod reconnecting;
mod redis_clock;
pub(crate) mod redis_log;
pub(crate) mod room_link;
mod scripts;
mod subscriptions;
mod validity;
mod writer;

use crate::base::ids::NodeId;
use crate::base::random;
use crate::cluster::connection::{Redis, RedisFailure};
use crate::cluster::ledger::Ledger;
use crate::cluster::link::{LinkEvent, LinkRequest};
use crate::cluster::options::RedisOptions;
use crate::cluster::reader::Reader;
use crate::cluster::room_link::TTL;
use crate::cluster::writer::Writer;
use crate::store::request::{Answer, Requests};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A node that is connected to the others.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The id of this node.
    pub me: NodeId,
    /// For each hub, the sender of its requests to the link.
    pub links: Vec<Sender<LinkRequest>>,
    /// The senders of requests to the ledger.
    pub requests: Requests,
    /// The writer and the ledger. They end once all senders are dropped and all requests are answered.
    pub threads: [JoinHandle<()>; 2],
}

/// Why a node does not start.
#[derive(Debug)]
pub enum ClusterError {
    /// Redis cannot be used.
    Redis(RedisFailure),
    /// The system refused to start a thread.
    System(io::Error),
}

impl From<RedisFailure> for ClusterError {
    fn from(failure: RedisFailure) -> Self {
        Self::Redis(failure)
    }
}

impl From<io::Error> for ClusterError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// How long a starting node waits for its first beat: as long as a beat counts.
const FIRST_BEAT: Duration = TTL;

/// Connects a node with this number of hubs to the other nodes. Events go to `tell`, with the number of a hub, or with
/// `None` for all hubs that the event concerns. Answers of the ledger go to `answer`, which returns false if nobody
/// receives them any more. Fails if Redis cannot be used, or if its user lacks a right that a node needs.
pub(crate) fn start(
    options: &RedisOptions,
    hubs: usize,
    tell: impl Fn(Option<usize>, LinkEvent) + Clone + Send + 'static,
    answer: impl Fn(Answer) -> bool + Send + 'static,
) -> Result<Cluster, ClusterError> {
    let redis = Arc::new(Redis::new(options));
    redis.check_rights(&mut redis.connect()?)?;
    // Random, so that no other node ever has this id. It has 63 bits, so that Redis and tools can read it as a signed
    // integer.
    let me = NodeId(random::number() >> 1);
    let (links, hubs): (Vec<_>, Vec<Receiver<LinkRequest>>) = (0..hubs).map(|_| unbounded()).unzip();
    let ((signals, signal_queue), (changes, change_queue)) = (unbounded(), unbounded());
    let tell_hubs = tell.clone();
    let (known, is_known) = bounded(1);
    let tell = move |hub, event| {
        if matches!(event, LinkEvent::Beat(_)) {
            let _ = known.try_send(());
        }
        tell(hub, event);
    };
    let reader =
        Reader::new(Arc::clone(&redis), me, change_queue, signals, move |event| tell_hubs(None, event));
    let writer = Writer::new(Arc::clone(&redis), me, hubs, signal_queue, changes, tell);
    let ledger = Ledger::new(redis, options, answer);
    let ((loads, load_queue), (writes, write_queue)) = (unbounded(), unbounded());
    // Nobody waits for the end of this thread, because a silent Redis may block it. It ends with the writer.
    spawn("link-read", move || reader.run())?;
    let threads = [
        spawn("link-write", move || writer.run())?,
        spawn("ledger", move || ledger.run(load_queue, write_queue))?,
    ];
    // Before its first beat, the node would refuse people. If Redis is gone again, the node starts alone.
    let _ = is_known.recv_timeout(FIRST_BEAT);
    log::info!("this is node {}, which shares its rooms with the others on {}", me.0, options.url);
    Ok(Cluster { me, links, requests: Requests { loads, writes }, threads })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}
