//! The server: starts the hubs and accepts connections, each of which gets a thread of its own.

use crate::access::{Access, Address};
use crate::batch::ClientId;
use crate::client::SocketEvent;
use crate::clock::Now;
use crate::connection::Connection;
use crate::download::Downloads;
use crate::hub::Hub;
use crate::hubs::{Hubs, MAX_HUBS, Part};
use crate::limits::Limits;
use crate::page::{self, Answer};
use crate::places::{Place, Places};
use crate::store::{self, Store, StoreOptions};
use crate::trouble::OpenError;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use socket2::SockRef;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Pause after a failed accept. Out of descriptors it fails at once, again and again, until one is closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that wait to be accepted, as when a whole school comes back after a restart. The standard
/// library asks for 128, and beyond that each waits a second or more for its next try.
const ACCEPT_QUEUE: i32 = 4096;

/// How long the acceptor is given to be woken at the end.
const WAKE_PATIENCE: Duration = Duration::from_millis(100);

/// How often the log says that connections are being lost.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Events that wait for the hub. When they are so many, readers wait, and TCP makes their clients wait.
const EVENT_QUEUE: usize = 1024;

/// Bytes of a connection thread's stack, of which only those that are used take memory.
const STACK: usize = 256 * 1024;

/// Bytes asked for as a socket's send buffer, of which Linux gives twice as many. The system would let it grow to megabytes, and a slow client would read
/// texts from long ago; what does not fit here is sent as it is when there is room.
///
/// Measured with 400 updates a second and a client that reads 20 kB of their 100 a second: what it reads is 6 s
/// old, with twice the buffer 11 s, with half of it 3 s, and with the system's choice older and older. Those who
/// keep up notice nothing of the size; but what 200 type at once does not fit half of it, and takes half as long again.
const SEND_BUFFER: usize = 64 * 1024;

/// Bytes of a socket's receive buffer: what a client can have sent and the server not have read, so that
/// one who floods is slowed down early.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    hubs: Hubs,
    hub_threads: HubThreads,
    store: Option<JoinHandle<()>>,
    acceptor: JoinHandle<()>,
    stopped: Arc<AtomicBool>,
}

/// Stops a server, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper(Hubs);

impl Stopper {
    /// Has the server close every client with code 1001 and end: within two seconds, or five where a store is busy.
    pub fn stop(&self) {
        self.0.stop();
    }
}

/// A hub has panicked, and with it the server is gone.
#[derive(Debug)]
pub struct HubDied;

/// Why a server does not start.
#[derive(Debug)]
pub enum StartError {
    /// The system gives it no thread, or no address.
    System(io::Error),
    /// The store cannot be used.
    Store(OpenError),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Server {
    /// Starts to serve on a listener; posts are stored, or else kept in memory.
    pub fn start(
        listener: TcpListener,
        limits: Limits,
        access: Access,
        store: Option<&StoreOptions>,
    ) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        // Listening again only changes how many may wait.
        SockRef::from(&listener).listen(ACCEPT_QUEUE)?;
        let per_hub = |_| bounded(EVENT_QUEUE);
        let (events, queues): (Vec<_>, Vec<_>) = (0..hub_count(&limits, &access)).map(per_hub).unzip();
        let hubs = Hubs::new(events);
        let hear = {
            let hubs = hubs.clone();
            move |answer| hubs.hear(answer)
        };
        let writer = store
            .map(|options| store::start(options, Now::read, hear))
            .transpose()
            .map_err(StartError::Store)?;
        let (requests, store_thread) = writer.map(|Store { requests, thread }| (requests, thread)).unzip();
        let parts = Part::split(queues.len());
        let hub = |part| Hub::new(limits, access.passphrase, requests.clone(), part);
        let hub_threads = HubThreads::start(parts.into_iter().map(hub).zip(queues))?;
        drop(requests); // only hubs have it, so that the store ends with them
        let stopped = Arc::new(AtomicBool::new(false));
        let policy = page::policy(&access.frame_ancestors()).into();
        // Behind a proxy they are all from its address; the hub, which is told theirs, counts them then.
        let per_address = limits.max_per_address.filter(|_| !access.trusts_proxy);
        let acceptor = Acceptor {
            spare: spare_descriptor(),
            places: Places::new(limits.max_clients, per_address),
            limits,
            listen: address,
            access: Arc::new(access),
            policy,
            store: store.map(|options| options.file.as_path().into()),
            downloads: Downloads::default(),
            hubs: hubs.clone(),
            stopped: Arc::clone(&stopped),
        };
        let acceptor =
            thread::Builder::new().name("acceptor".to_owned()).spawn(move || acceptor.run(&listener))?;
        Ok(Self { address, hubs, hub_threads, store: store_thread, acceptor, stopped })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stops it.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.hubs.clone())
    }

    /// Waits until it was stopped and its clients are closed.
    pub fn join(self) -> Result<(), HubDied> {
        let outcome = self.hub_threads.join();
        if outcome.is_ok() {
            // The hubs have let go of the store, which ends when all is written.
            let _ = self.store.map(JoinHandle::join);
        }
        self.stopped.store(true, Ordering::Relaxed);
        // A connection wakes the acceptor, so that it sees that; if there can be none, it is not accepting.
        if TcpStream::connect_timeout(&reachable(self.address), WAKE_PATIENCE).is_ok() {
            let _ = self.acceptor.join();
        }
        outcome
    }
}

/// How many hubs there are.
fn hub_count(limits: &Limits, access: &Access) -> usize {
    match access.passphrase.is_some() || limits.max_per_address.is_some() {
        true => 1,
        false => limits.hubs.clamp(1, MAX_HUBS),
    }
}

/// A hub that writes to sockets.
type SocketHub = Hub<Arc<TcpStream>>;

/// The threads of all hubs.
#[derive(Debug)]
struct HubThreads {
    threads: Vec<Option<JoinHandle<()>>>,
    /// Says which one has ended.
    ended: Receiver<usize>,
}

/// Says so when it is dropped, however a thread ends.
struct Ends(usize, Sender<usize>);

impl Drop for Ends {
    fn drop(&mut self) {
        // Nobody may be waiting any more.
        let _ = self.1.send(self.0);
    }
}

impl HubThreads {
    fn start(hubs: impl Iterator<Item = (SocketHub, Receiver<SocketEvent>)>) -> io::Result<Self> {
        let (end, ended) = unbounded();
        let start = |(number, (hub, queue)): (usize, (SocketHub, Receiver<SocketEvent>))| {
            let ends = Ends(number, end.clone());
            let run = move || {
                let _ends = ends;
                hub.run(&queue);
            };
            thread::Builder::new().name(format!("hub {number}")).spawn(run).map(Some)
        };
        let threads = hubs.enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads, ended })
    }

    /// Waits for all of them, or for the first that has panicked: without its rooms the others are not the server
    /// that people were told of.
    fn join(mut self) -> Result<(), HubDied> {
        for _ in 0..self.threads.len() {
            let number = self.ended.recv().map_err(|_| HubDied)?;
            if let Some(thread) = self.threads.get_mut(number).and_then(Option::take) {
                thread.join().map_err(|_| HubDied)?;
            }
        }
        Ok(())
    }
}

/// An address at which this machine reaches a listener, which may listen on all of them.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => address.ip(),
    };
    SocketAddr::new(host, address.port())
}

struct Acceptor {
    /// A descriptor that is given up where there is no other, so that a client can be told.
    spare: Option<File>,
    places: Places,
    limits: Limits,
    listen: SocketAddr,
    access: Arc<Access>,
    policy: Arc<str>,
    store: Option<Arc<Path>>,
    downloads: Downloads,
    hubs: Hubs,
    stopped: Arc<AtomicBool>,
}

impl Acceptor {
    /// Accepts until the server has stopped. No error ends it: each harms one connection at most.
    fn run(mut self, listener: &TcpListener) {
        let mut warned: Option<Instant> = None;
        for n in 1.. {
            let accepted = self.accept(listener);
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let outcome = accepted.and_then(|(socket, peer)| {
                let Some(place) = self.places.take(Address::of(peer.ip())) else {
                    refuse(&socket);
                    return Ok(());
                };
                self.spawn(ClientId(n), socket, peer, place)
            });
            if let Err(error) = outcome {
                if warned.is_none_or(|at| at.elapsed() > WARN_EVERY) {
                    log::warn!("connections are being lost: {error}");
                    warned = Some(Instant::now());
                }
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }

    /// Accepts a connection. Out of descriptors it is refused, with the one that was kept for that.
    fn accept(&mut self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let exhausted = match listener.accept() {
            Err(error) if is_exhaustion(&error) => error,
            accepted => return accepted,
        };
        self.spare = None;
        let (socket, peer) = listener.accept()?;
        self.spare = spare_descriptor();
        if self.spare.is_some() {
            return Ok((socket, peer)); // it was over while nobody came
        }
        refuse(&socket);
        drop(socket);
        self.spare = spare_descriptor();
        Err(exhausted)
    }

    fn spawn(&self, client: ClientId, socket: TcpStream, peer: SocketAddr, place: Place) -> io::Result<()> {
        // These fail only for a connection that has ended already, as its thread will see. With Nagle's algorithm, for
        // which a text waits until the one before is acknowledged, the slowest of a class take 45 ms and not 8.
        let _ = socket.set_nodelay(true);
        let _ = SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER);
        let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        let connection = Connection {
            client,
            peer: peer.ip(),
            socket: Arc::new(socket),
            limits: self.limits,
            listen: self.listen,
            access: Arc::clone(&self.access),
            policy: Arc::clone(&self.policy),
            store: self.store.clone(),
            downloads: self.downloads.clone(),
            hubs: self.hubs.clone(),
            place,
        };
        // The connection is handed over, so that it is still here to be refused where there is no thread.
        let (hand_over, taken) = bounded::<Connection>(1);
        let serve = move || taken.into_iter().for_each(Connection::serve);
        let name = format!("connection {}", client.0);
        let thread = thread::Builder::new().name(name).stack_size(STACK).spawn(serve);
        if thread.is_err() {
            refuse(&connection.socket);
        } else {
            let _ = hand_over.send(connection); // to a thread that cannot have ended before it
        }
        thread.map(drop)
    }
}

fn spare_descriptor() -> Option<File> {
    File::open("/dev/null").ok()
}

/// True where this process or the system has no descriptor left.
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Says that there are too many connections, as far as that can be done without waiting. What the client has
/// sent already is read, because closing with it unread would take the answer back.
fn refuse(mut socket: &TcpStream) {
    if socket.set_nonblocking(true).is_ok() {
        // It fits an empty send buffer; a client that has gone already needs no answer.
        let _ = Answer::exhausted().write(socket, false, true);
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read(&mut [0; 4096]);
    }
}
