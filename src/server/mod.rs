//! The server: starts the hubs, the store and the acceptor, and stops them.

pub(crate) mod acceptor;
pub(crate) mod capacity;
mod encryption;
mod metrics;
mod stopper;
pub(crate) mod storage;
mod threads;

use crate::base::clock::Now;
use crate::base::limits::Limits;
use crate::base::permits::ConnectionLimiter;
use crate::base::random::{NoRandomSource, check_random_source};
use crate::cluster::ClusterError;
use crate::cluster::connection::RedisFailure;
use crate::http::access::Access;
use crate::http::download::DownloadLimiter;
use crate::http::metrics::Metrics;
use crate::http::qr::QrCodes;
use crate::http::routes::Router;
use crate::http::socketio::Endpoint;
use crate::server::acceptor::Acceptor;
use crate::server::encryption::{Encryption, wait_for_pumps};
use crate::server::metrics::MetricsListener;
use crate::server::stopper::{LastConnection, wake};
pub use crate::server::stopper::{Stopper, reachable};
use crate::server::storage::Storage;
use crate::server::threads::Core;
use crate::store::error::OpenError;
use crate::tls::certificate::Certificate;
use crossbeam_channel::{Receiver, bounded, unbounded};
use socket2::SockRef;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Connections that wait to be accepted, as when a whole school reconnects after a restart. The standard library asks
/// for 128; each connection beyond that waits a second or more for its next try.
const ACCEPT_QUEUE: i32 = 4096;

/// How long the first requests of connections may take to be answered once the hubs have ended. Browsers also open
/// connections on which they send nothing.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    core: Core,
    endpoint: Endpoint,
    acceptor: JoinHandle<()>,
    last: LastConnection,
    /// Disconnected when the acceptor has ended and all connections have had a response.
    unanswered: Receiver<Infallible>,
    metrics: Arc<Metrics>,
    metrics_listener: Option<MetricsListener>,
    stopped: Arc<AtomicBool>,
    /// Disconnected when the last pump has ended, if connections are encrypted.
    pumps: Option<Receiver<Infallible>>,
}

/// What has panicked. The server has ended, because rooms or posts are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// A hub.
    Hub,
    /// The store.
    Store,
    /// The link to the other nodes.
    Link,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "A hub has crashed",
            Self::Store => "The store has crashed",
            Self::Link => "The link to the other nodes has crashed",
        })
    }
}

/// Why a server does not start.
#[derive(Debug)]
pub enum StartError {
    /// The system refused a thread, or has no address for the listener.
    System(io::Error),
    /// There are no random numbers for secrets.
    Random(NoRandomSource),
    /// The store cannot be used.
    Store(OpenError),
    /// Redis cannot be used.
    Redis(RedisFailure),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => write!(f, "{error}"),
            Self::Random(error) => write!(f, "{error}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::Redis(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<ClusterError> for StartError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Redis(failure) => Self::Redis(failure),
            ClusterError::System(error) => Self::System(error),
        }
    }
}

impl Server {
    /// Serves on a listener. Posts go to the storage. With a certificate, all connections are encrypted.
    pub fn start(
        listener: TcpListener,
        limits: Limits,
        mut access: Access,
        storage: impl Into<Storage>,
        certificate: Option<Certificate>,
    ) -> Result<Self, StartError> {
        check_random_source().map_err(StartError::Random)?;
        let started = Now::read().unix_millis;
        let address = listener.local_addr()?;
        // Listening again only changes how many connections may wait.
        SockRef::from(&listener).listen(ACCEPT_QUEUE)?;
        access.names = certificate.as_ref().map(|certificate| certificate.names.clone());
        let storage = storage.into();
        let core = Core::start(&limits, &access, &storage)?;
        let endpoint = Endpoint::for_rooms(limits, &core.shards)?;
        let stopped = Arc::new(AtomicBool::new(false));
        let encryption = certificate.map(|certificate| Encryption::start(certificate, &stopped));
        let (encryption, pumps) = encryption.transpose()?.unzip();
        let ((from, last), (pending, unanswered)) = (unbounded(), bounded(0));
        let limiter = connection_limiter(&limits, &access);
        let router = Arc::new(Router::new(address, access, core.shards.clone(), QrCodes::start()?));
        let metrics = Arc::new(core.metrics(&router, limits, started));
        let acceptor = Acceptor {
            encryption,
            limiter,
            limits,
            router,
            endpoint: endpoint.clone(),
            store: storage.logs(),
            downloads: DownloadLimiter::default(),
            unanswered: pending,
            last,
            stopped: Arc::clone(&stopped),
        };
        let thread = thread::Builder::new().name("acceptor".to_owned());
        let acceptor = thread.spawn(move || acceptor.run(&listener))?;
        let (last, metrics_listener) = (LastConnection { listen: address, from }, None);
        Ok(Self {
            address,
            core,
            endpoint,
            acceptor,
            last,
            unanswered,
            metrics,
            metrics_listener,
            stopped,
            pumps,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle that stops the server.
    pub fn stopper(&self) -> Stopper {
        Stopper { shards: self.core.shards.clone(), last: self.last.clone() }
    }

    /// Waits until the server was stopped and its clients are closed.
    pub fn join(self) -> Result<(), Crash> {
        let outcome = self.core.join();
        self.stopped.store(true, Ordering::Relaxed);
        // After a crash, nobody has ended the acceptor. If no connection can be made, it is not accepting.
        if self.acceptor.is_finished() || self.last.connect().is_ok() {
            let _ = self.acceptor.join();
        }
        self.metrics_listener.into_iter().for_each(MetricsListener::join);
        let answered_by = Instant::now() + ANSWER_TIMEOUT;
        // Last, because the hubs have answered polls too.
        self.endpoint.stop();
        let _ = self.unanswered.recv_deadline(answered_by);
        self.pumps.iter().for_each(wait_for_pumps);
        outcome
    }
}

/// Behind a proxy all connections have its address; the hub, which is told the client's, counts those.
fn connection_limiter(limits: &Limits, access: &Access) -> ConnectionLimiter {
    let limiter = match access.trusts_proxy {
        true => ConnectionLimiter::behind_proxy(limits.max_clients),
        false => ConnectionLimiter::new(limits.max_clients, limits.max_per_address),
    };
    if access.names.is_some() { limiter.with_pumps() } else { limiter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Address;
    use std::net::Ipv4Addr;

    #[test]
    fn only_behind_a_proxy_connections_from_one_address_do_not_share_their_requests() {
        for trusts_proxy in [true, false] {
            let access = Access { trusts_proxy, ..Access::default() };
            let mut limiter = connection_limiter(&Limits::DEFAULT, &access);
            let permit = limiter.acquire(Address::of(Ipv4Addr::LOCALHOST.into())).unwrap();
            assert_eq!(permit.ticket().is_none(), trusts_proxy);
        }
    }

    #[test]
    fn only_a_listener_on_all_interfaces_is_reached_on_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), reached.parse().unwrap(), "{listen}");
        }
    }
}
