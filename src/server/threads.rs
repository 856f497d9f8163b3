//! What a server cannot run without: its hubs, and the threads of its store. Each reports its end.

use crate::base::clock::Now;
use crate::base::ids::NodeId;
use crate::base::limits::Limits;
use crate::cluster::link::{LinkEvent, LinkRequest};
use crate::cluster::{self, Cluster};
use crate::delivery::client_transport::ClientTransport;
use crate::http::access::Access;
use crate::http::metrics::Metrics;
use crate::http::routes::Router;
use crate::hub::Hub;
use crate::hub::shards::{MAX_HUBS, Shard, Shards, SocketEvent};
use crate::platform::boot_time;
use crate::server::storage::Storage;
use crate::server::{Crash, StartError};
use crate::store::commits::Commits;
use crate::store::error::OpenError;
use crate::store::options::StoreOptions;
use crate::store::request::{Answer, Requests};
use crate::store::{self, Store};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Events that wait for a hub. When the queue is full, readers block, and TCP slows their clients down.
const EVENT_QUEUE: usize = 1024;

/// A hub that writes to clients.
type SocketHub = Hub<ClientTransport>;

/// The hubs and the store.
#[derive(Debug)]
pub(super) struct Core {
    pub shards: Shards,
    hubs: HubThreads,
    /// The threads of the store, if there is one, or of the link to other nodes.
    store: Option<[JoinHandle<()>; 2]>,
    /// What the store counts, if there is one.
    commits: Option<Arc<Commits>>,
}

/// The threads of all hubs.
#[derive(Debug)]
struct HubThreads {
    threads: Vec<Option<JoinHandle<()>>>,
    ended: Receiver<ThreadEnd>,
}

/// A thread has ended that the server cannot run without.
#[derive(Debug)]
enum ThreadEnd {
    /// The hub with this number, after a stop or a panic.
    Hub(usize),
    /// A thread of the store, by a panic.
    StorePanicked,
    /// A thread of the link to other nodes, by a panic.
    LinkPanicked,
}

/// Reports a hub's end when dropped, so also after a panic.
struct HubEndReport(usize, Sender<ThreadEnd>);

impl Drop for HubEndReport {
    fn drop(&mut self) {
        // The receiver is gone after the first panic.
        let _ = self.1.send(ThreadEnd::Hub(self.0));
    }
}

/// Passes the store's answers to the hubs. Each of the store's threads owns a clone, which reports a panic of the
/// thread when it is dropped.
#[derive(Clone)]
struct StoreReplies {
    shards: Shards,
    end: Sender<ThreadEnd>,
}

/// Passes to the hubs what the link to other nodes tells. As with [`StoreReplies`], each of its threads owns a clone.
#[derive(Clone)]
struct LinkReports {
    shards: Shards,
    end: Sender<ThreadEnd>,
}

/// What hubs need of the storage.
#[derive(Default)]
struct Backend {
    requests: Option<Requests>,
    threads: Option<[JoinHandle<()>; 2]>,
    commits: Option<Arc<Commits>>,
    /// The node, and where the requests of each hub to its link go.
    node: Option<(NodeId, Vec<Sender<LinkRequest>>)>,
}

impl Core {
    /// Starts the hubs, and what stores their posts.
    pub(super) fn start(limits: &Limits, access: &Access, storage: &Storage) -> Result<Self, StartError> {
        let (events, queues): (Vec<_>, Vec<_>) =
            (0..hub_count(limits, access)).map(|_| bounded(EVENT_QUEUE)).unzip();
        let parts = Shard::split(queues.len());
        let shards = Shards::new(events, &parts[0], limits.max_waiting);
        let (end, ended) = unbounded();
        let Backend { requests, threads, commits, node } = Backend::start(storage, &shards, &end)?;
        let (me, links) = node.unzip();
        let mut links = links.into_iter().flatten();
        // Only the hubs keep clones of `requests`, so that the store ends with them.
        let hub = |shard| {
            let mut hub = Hub::new(*limits, access.passphrase, access.hosts, requests.clone(), shard);
            if let (Some(me), Some(link)) = (me, links.next()) {
                hub.join_cluster(me, link, boot_time);
            }
            hub
        };
        let hubs: Vec<_> = parts.into_iter().map(hub).collect();
        drop(requests);
        let hubs = HubThreads::start(hubs.into_iter().zip(queues), &end, ended)?;
        Ok(Self { shards, hubs, store: threads, commits })
    }

    /// What `/metrics` shows of a server that started at `started`, in milliseconds since 1970.
    pub(super) fn metrics(&self, router: &Router, limits: Limits, started: u64) -> Metrics {
        let responses = Arc::clone(&router.responses);
        Metrics { shards: self.shards.clone(), responses, commits: self.commits.clone(), limits, started }
    }

    /// Waits until all hubs have ended, and then the store.
    pub(super) fn join(self) -> Result<(), Crash> {
        self.hubs.join()?;
        // The hubs have dropped their ends of the store's channels, so its threads end when all is written.
        let mut threads = self.store.into_iter().flatten();
        threads.try_for_each(|thread| thread.join().map_err(|_| Crash::Store))
    }
}

impl Backend {
    fn start(storage: &Storage, shards: &Shards, end: &Sender<ThreadEnd>) -> Result<Self, StartError> {
        let replies = StoreReplies { shards: shards.clone(), end: end.clone() };
        match storage {
            Storage::Memory => Ok(Self::default()),
            Storage::File(options) => {
                let store = start_store(options, Now::read, replies).map_err(StartError::Store)?;
                let Store { requests, threads, commits } = store;
                Ok(Self {
                    requests: Some(requests),
                    threads: Some(threads),
                    commits: Some(commits),
                    node: None,
                })
            }
            Storage::Redis(options) => {
                let reports = LinkReports { shards: shards.clone(), end: end.clone() };
                let tell = move |hub, event| reports.pass(hub, event);
                let answer = move |answer| replies.pass(answer);
                let Cluster { me, links, requests, threads } =
                    cluster::start(options, shards.count(), tell, answer)?;
                Ok(Self {
                    requests: Some(requests),
                    threads: Some(threads),
                    commits: None,
                    node: Some((me, links)),
                })
            }
        }
    }
}

fn start_store(
    options: &StoreOptions,
    clock: impl Fn() -> Now + Clone + Send + 'static,
    replies: StoreReplies,
) -> Result<Store, OpenError> {
    store::start(options, clock, move |answer| replies.pass(answer))
}

/// How many hubs to start. Passphrases and addresses are counted by one hub, so with either of them there is one.
fn hub_count(limits: &Limits, access: &Access) -> usize {
    match access.passphrase.is_some() || limits.max_per_address.is_some() {
        true => 1,
        false => limits.hubs.clamp(1, MAX_HUBS),
    }
}

impl StoreReplies {
    /// Passes an answer on. Returns false if nobody receives it any more.
    fn pass(&self, answer: Answer) -> bool {
        self.shards.on_store_reply(answer)
    }
}

impl Drop for StoreReplies {
    fn drop(&mut self) {
        if thread::panicking() {
            // The receiver is gone after the first panic.
            let _ = self.end.send(ThreadEnd::StorePanicked);
        }
    }
}

impl LinkReports {
    fn pass(&self, hub: Option<usize>, event: LinkEvent) {
        self.shards.on_link(hub, event);
    }
}

impl Drop for LinkReports {
    fn drop(&mut self) {
        if thread::panicking() {
            // The receiver is gone after the first panic.
            let _ = self.end.send(ThreadEnd::LinkPanicked);
        }
    }
}

impl HubThreads {
    /// Starts the hubs. They report their ends to `end`, whose receiver is `ended`.
    fn start(
        hubs: impl Iterator<Item = (SocketHub, Receiver<SocketEvent>)>,
        end: &Sender<ThreadEnd>,
        ended: Receiver<ThreadEnd>,
    ) -> io::Result<Self> {
        let start = |(number, (hub, queue)): (usize, (SocketHub, Receiver<SocketEvent>))| {
            let report = HubEndReport(number, end.clone());
            let run = move || {
                let _report = report;
                hub.run(&queue);
            };
            thread::Builder::new().name(format!("hub {number}")).spawn(run).map(Some)
        };
        let threads = hubs.enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads, ended })
    }

    /// Waits until all hubs have ended, or until a hub or the store has panicked. A server that has lost rooms or posts
    /// must not go on.
    fn join(mut self) -> Result<(), Crash> {
        for _ in 0..self.threads.len() {
            match self.ended.recv().map_err(|_| Crash::Hub)? {
                ThreadEnd::StorePanicked => return Err(Crash::Store),
                ThreadEnd::LinkPanicked => return Err(Crash::Link),
                ThreadEnd::Hub(number) => {
                    if let Some(thread) = self.threads.get_mut(number).and_then(Option::take) {
                        thread.join().map_err(|_| Crash::Hub)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RoomId;
    use crate::base::secret::SecretHash;
    use crate::hub::host_options::HostOptions;
    use crate::room::room_name::RoomName;
    use crate::store::request::Load;
    use std::time::Duration;

    #[test]
    fn one_hub_counts_passphrases_and_addresses_and_several_share_the_rest() {
        let (open, passphrase) = (Access::default(), Some(SecretHash::new("correct horse")));
        let locked = Access { passphrase, ..Access::default() };
        for (hubs, max_per_address, access, count) in [
            (3, None, &open, 3),
            (3, Some(1), &open, 1),
            (3, None, &locked, 1),
            (3, Some(1), &locked, 1),
            (0, None, &open, 1),
            (MAX_HUBS + 1, None, &open, MAX_HUBS),
        ] {
            let limits = Limits { hubs, max_per_address, ..Limits::DEFAULT };
            assert_eq!(hub_count(&limits, access), count, "{hubs} {max_per_address:?}");
        }
    }

    /// What ends a server whose store panics in the thread with this name, when it gets the request.
    fn crash_of(name: &'static str, request: Option<Load>) -> Crash {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("wall.sqlite"));
        let ((events, queue), (end, ended)) = (bounded(1), unbounded());
        let hub = Hub::new(Limits::DEFAULT, None, HostOptions::default(), None, Shard::single());
        let hubs = HubThreads::start([(hub, queue)].into_iter(), &end, ended).unwrap();
        let clock = move || {
            assert_ne!(thread::current().name(), Some(name), "as by a bug in the store");
            Now::read()
        };
        let replies = StoreReplies { shards: Shards::new(vec![events], &Shard::single(), 0), end };
        let store = start_store(&options, clock, replies).unwrap();
        request.into_iter().for_each(|load| store.requests.loads.send(load).unwrap());
        let (done, outcome) = bounded(1);
        thread::spawn(move || done.send(hubs.join()));
        outcome.recv_timeout(Duration::from_secs(20)).expect("an end in time").expect_err("a crash")
    }

    #[test]
    fn a_panic_in_the_store_ends_the_server() {
        let load = Load { room: RoomId(1), name: RoomName::parse("r").unwrap(), count: 1, epoch: None };
        assert_eq!(crash_of("store loader", Some(load)), Crash::Store);
        // This one reads the clock at once.
        assert_eq!(crash_of("store writer", None), Crash::Store);
    }
}
