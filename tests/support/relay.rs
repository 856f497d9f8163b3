//! A way to a server that can be cut or go silent, and that leads to another server later: a server that comes back is
//! at the same address, and no test depends on a port that was free a moment ago.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

/// A relay. All its connections end when this is dropped.
pub(crate) struct Relay {
    pub address: SocketAddr,
    orders: Sender<Order>,
    gate: Arc<Gate>,
    /// The one that accepts connections, and the one that does what it is told.
    threads: Vec<JoinHandle<()>>,
}

enum Order {
    /// Connections lead to this server. Without one, they end at once.
    LeadTo(Option<SocketAddr>),
    Relay(TcpStream),
    Cut,
    Stop,
}

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What holds bytes back while the relay is silent.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    /// For each way: whether bytes wait.
    holds: [bool; 2],
    is_over: bool,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (orders, received) = mpsc::channel();
        let (accepted, gate) = (orders.clone(), Arc::<Gate>::default());
        let held = Arc::clone(&gate);
        let accept = move || {
            // The one that gets orders ends first, because it is told before this is woken.
            _ = listener.incoming().flatten().try_for_each(|near| accepted.send(Order::Relay(near)));
        };
        let threads = vec![thread::spawn(move || run(&received, &held)), thread::spawn(accept)];
        let relay = Self { address, orders, gate, threads };
        relay.lead_to(Some(server));
        relay
    }

    pub(crate) fn lead_to(&self, server: Option<SocketAddr>) {
        self.orders.send(Order::LeadTo(server)).unwrap();
    }

    /// Ends all connections, without a goodbye.
    pub(crate) fn cut(&self) {
        self.orders.send(Order::Cut).unwrap();
    }

    /// Holds back what goes this way, on these and later connections; neither end is told.
    pub(crate) fn hold(&self, way: Way) {
        self.gate.state.lock().unwrap().holds[way as usize] = true;
    }

    /// Passes on what was held back, and all that follows.
    pub(crate) fn release(&self) {
        self.gate.state.lock().unwrap().holds = [false; 2];
        self.gate.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.gate.state.lock().unwrap().is_over = true;
        self.gate.changed.notify_all();
        // It may have ended, if a test has failed.
        let _ = self.orders.send(Order::Stop);
        if let Some(orders) = (!self.threads.is_empty()).then(|| self.threads.remove(0)) {
            let _ = orders.join();
        }
        // Wakes the one that accepts connections.
        let _ = TcpStream::connect(self.address);
        self.threads.drain(..).for_each(|thread| _ = thread.join());
    }
}

impl Gate {
    /// Waits while bytes are held back. False once the relay has ended.
    fn pass(&self, way: Way) -> bool {
        let waits = |state: &mut GateState| state.holds[way as usize] && !state.is_over;
        !self.changed.wait_while(self.state.lock().unwrap(), waits).unwrap().is_over
    }
}

fn run(orders: &Receiver<Order>, gate: &Arc<Gate>) {
    let (mut server, mut sockets, mut threads) = (None, Vec::new(), Vec::new());
    for order in orders {
        match order {
            Order::LeadTo(to) => server = to,
            Order::Cut => end(sockets.drain(..)),
            Order::Stop => break,
            Order::Relay(near) => {
                let Some(far) = server.and_then(|server| TcpStream::connect(server).ok()) else { continue };
                for (from, to, way) in [(&near, &far, Way::ToServer), (&far, &near, Way::ToClient)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let gate = Arc::clone(gate);
                    threads.push(thread::spawn(move || copy(from, to, way, &gate)));
                }
                sockets.extend([near, far]);
            }
        }
    }
    end(sockets.into_iter());
    threads.into_iter().for_each(|thread| _ = thread.join());
}

fn copy(mut from: TcpStream, mut to: TcpStream, way: Way, gate: &Gate) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !gate.pass(way) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    end([from, to].into_iter());
}

fn end(sockets: impl Iterator<Item = TcpStream>) {
    // The other end may have ended it before.
    sockets.for_each(|socket| _ = socket.shutdown(Shutdown::Both));
}
