//! The listener of `/metrics`. It shares nothing with the page's listener, so a client that asks too often or reads too
//! slowly delays only others that ask here.

use crate::base::address::Address;
use crate::base::address_slots::AddressSlots;
use crate::base::warning::Warning;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use crate::http::connection::linger;
use crate::http::metrics::Metrics;
use crate::http::request::{HeadError, read_head};
use crate::http::response::Response;
use crate::http::responses::ResponseCounters;
use crate::server::acceptor::{ACCEPT_PAUSE, refuse};
use crate::server::{Server, wake};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tungstenite::http::Method;

/// Connections at once: enough for a few Prometheus servers, each of which has one, and somebody with a browser.
const MAX_CONNECTIONS: usize = 8;

/// Connections at once from one address, so that a slow one leaves places to others.
const MAX_PER_ADDRESS: usize = 4;

/// How long a request may take to begin and to arrive, and its answer to be read: no longer than Prometheus waits by
/// default.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A socket's send and receive buffers, in bytes. An answer has about 15 KB.
const BUFFER: usize = 32 * 1024;

/// Stack of a connection's thread, in bytes. Only the part in use takes memory.
const STACK_SIZE: usize = 128 * 1024;

/// The thread that accepts connections.
#[derive(Debug)]
pub(super) struct MetricsListener {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serves `/metrics` on this listener, until the server has stopped. Returns the address.
    pub fn serve_metrics(&mut self, listener: TcpListener) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        let (metrics, stopped) = (Arc::clone(&self.metrics), Arc::clone(&self.stopped));
        let thread = thread::Builder::new().name("metrics".to_owned());
        let thread = thread.spawn(move || accept_all(&listener, &metrics, &stopped))?;
        self.metrics_listener = Some(MetricsListener { address, thread });
        Ok(address)
    }
}

impl MetricsListener {
    /// Waits for the thread, after the server has stopped.
    pub(super) fn join(self) {
        if wake(self.address) {
            let _ = self.thread.join();
        }
    }
}

/// Accepts connections until the server has stopped. No error ends it.
fn accept_all(listener: &TcpListener, metrics: &Arc<Metrics>, stopped: &AtomicBool) {
    let mut warning = Warning::default();
    let places = AddressSlots::<MAX_CONNECTIONS, MAX_PER_ADDRESS>::default();
    // Only the page's responses are shown.
    let uncounted = ResponseCounters::default();
    loop {
        let accepted = listener.accept();
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        let outcome = accepted.and_then(|(socket, peer)| {
            let transport = SocketTransport::with_buffers(socket, BUFFER, BUFFER);
            let Some(place) = places.acquire(Address::of(peer.ip())) else {
                refuse(&transport, &uncounted);
                return Ok(());
            };
            let metrics = Arc::clone(metrics);
            let thread = thread::Builder::new().name("metrics request".to_owned()).stack_size(STACK_SIZE);
            let serve = move || {
                serve(&transport, &metrics);
                drop(place);
            };
            thread.spawn(serve).map(drop)
        });
        if let Err(error) = outcome {
            warning.log(Instant::now(), || format!("connections to /metrics are being lost: {error}"));
            thread::sleep(ACCEPT_PAUSE);
        }
    }
}

/// Answers one request. Its connection ends with the answer.
fn serve(transport: &SocketTransport, metrics: &Metrics) {
    let (response, head_only) = match read_head(transport, &mut Vec::new(), TIMEOUT, TIMEOUT) {
        Ok(head) => (metrics.respond(&head), head.method() == Method::HEAD),
        Err(HeadError::Disconnected | HeadError::Timeout) => return,
        Err(HeadError::TooLarge | HeadError::Malformed) => {
            (Response::text(400, "This is not an HTTP/1.1 request."), false)
        }
    };
    if response.write(DeadlineStream::with_timeout(transport, TIMEOUT), head_only, true).is_ok() {
        linger(transport);
    }
}
