//! A way to a server that can be cut, and that leads to another server later: a server that comes back is at the same
//! address, and no test depends on a port that was free a moment ago.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// A relay.
pub(crate) struct Relay {
    pub address: SocketAddr,
    orders: Sender<Order>,
}

enum Order {
    /// Connections lead to this server. Without one, they end at once.
    LeadTo(Option<SocketAddr>),
    Relay(TcpStream),
    Cut,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (orders, received) = mpsc::channel();
        let accepted = orders.clone();
        thread::spawn(move || {
            listener.incoming().flatten().try_for_each(|near| accepted.send(Order::Relay(near)))
        });
        thread::spawn(move || run(&received));
        let relay = Self { address, orders };
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
}

fn run(orders: &Receiver<Order>) {
    let (mut server, mut sockets) = (None, Vec::new());
    for order in orders {
        match order {
            Order::LeadTo(to) => server = to,
            Order::Cut => end(sockets.drain(..)),
            Order::Relay(near) => {
                let Some(far) = server.and_then(|server| TcpStream::connect(server).ok()) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || copy(from, to));
                }
                sockets.extend([near, far]);
            }
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    end([from, to].into_iter());
}

fn end(sockets: impl Iterator<Item = TcpStream>) {
    // The other end may have ended it before.
    sockets.for_each(|socket| _ = socket.shutdown(Shutdown::Both));
}
