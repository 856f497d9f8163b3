//! A network between one client and the server that fails as a test says, and when: after so many bytes. It
//! delays, goes silent, ends one way or both, and resets. Nothing in it depends on time.

use crate::person::PATIENCE;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

/// What happens to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No byte passes this way, and neither end is told: a delay, if it is [mended](Link::mend).
    Silence,
    /// Nothing more passes this way, and the receiver is told; the other way goes on.
    HalfEnd,
    /// Both connections end (FIN).
    End,
    /// Both connections are reset (RST).
    Reset,
}

/// A link of one client to the server. It is reset when this is dropped.
pub struct Link {
    rules: Arc<Rules>,
    /// The threads own it, so that it ends with them.
    wire: Weak<Wire>,
}

/// Where bytes of each way come from: the client's connection, and the server's.
struct Wire([TcpStream; 2]);

#[derive(Default)]
struct Rules {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Of each way: how many bytes may pass, and what happens then.
    ways: [(usize, Fault); 2],
    /// Both connections have ended or are about to.
    over: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { ways: [(usize::MAX, Fault::Silence); 2], over: false }
    }
}

impl Link {
    /// A connection to the server over a link that has no fault yet: the client's end, and the link.
    pub fn to(server: SocketAddr) -> (TcpStream, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let near = TcpStream::connect(listener.local_addr().unwrap()).expect("a connection");
        let (client, _) = listener.accept().expect("the connection");
        let server = TcpStream::connect(server).expect("a server");
        for socket in [&near, &client, &server] {
            socket.set_nodelay(true).unwrap();
            socket.set_write_timeout(Some(PATIENCE)).unwrap();
        }
        near.set_read_timeout(Some(PATIENCE)).unwrap();
        let wire = Arc::new(Wire([client, server]));
        let link = Self { rules: Arc::default(), wire: Arc::downgrade(&wire) };
        for way in [Way::Up, Way::Down] {
            let (wire, rules) = (Arc::clone(&wire), Arc::clone(&link.rules));
            thread::spawn(move || pump(&wire, &rules, way));
        }
        (near, link)
    }

    /// Has this happen once so many more bytes have passed.
    pub fn fail_after(&self, bytes: usize, way: Way, fault: Fault) {
        self.rules.state().ways[way as usize] = (bytes, fault);
        if bytes == 0
            && let Some(wire) = self.wire.upgrade()
        {
            self.rules.fail(&wire, way, fault);
        }
        self.rules.changed.notify_all();
    }

    /// Nothing passes any more, either way.
    pub fn go_silent(&self) {
        self.fail_after(0, Way::Up, Fault::Silence);
        self.fail_after(0, Way::Down, Fault::Silence);
    }

    /// Lets pass what waits, and all that follows.
    pub fn mend(&self) {
        self.rules.state().ways = State::default().ways;
        self.rules.changed.notify_all();
    }

    /// True once the fault happened for which both connections end.
    pub fn is_over(&self) -> bool {
        self.rules.state().over
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.fail_after(0, Way::Up, Fault::Reset);
    }
}

impl Rules {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How many bytes may pass now, waiting while it is none; `None` when the link is over.
    fn allowance(&self, way: Way) -> Option<usize> {
        let waits = |state: &mut State| !state.over && state.ways[way as usize] == (0, Fault::Silence);
        // A test that never mends its link ends it by dropping it.
        let state = self.changed.wait_while(self.state(), waits).unwrap();
        (!state.over).then_some(state.ways[way as usize].0)
    }

    /// So many bytes have passed.
    fn passed(&self, wire: &Wire, way: Way, bytes: usize) {
        let (left, fault) = {
            let (left, fault) = &mut self.state().ways[way as usize];
            *left = left.saturating_sub(bytes);
            (*left, *fault)
        };
        if left == 0 {
            self.fail(wire, way, fault);
        }
    }

    fn fail(&self, wire: &Wire, way: Way, fault: Fault) {
        // An error means that the end is there already which was wanted.
        match fault {
            Fault::Silence => {}
            Fault::HalfEnd => drop(wire.receiver(way).shutdown(Shutdown::Write)),
            Fault::End => {
                self.state().over = true;
                wire.0.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
            }
            Fault::Reset => {
                self.state().over = true;
                for socket in &wire.0 {
                    // The close that follows is a reset; this end wakes its thread without a word to the other.
                    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                    let _ = socket.shutdown(Shutdown::Read);
                }
            }
        }
        self.changed.notify_all();
    }
}

impl Wire {
    fn sender(&self, way: Way) -> &TcpStream {
        &self.0[way as usize]
    }

    fn receiver(&self, way: Way) -> &TcpStream {
        &self.0[1 - way as usize]
    }
}

/// Passes bytes on until their sender ends, or the link does.
fn pump(wire: &Wire, rules: &Rules, way: Way) {
    let (mut sender, mut receiver) = (wire.sender(way), wire.receiver(way));
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = sender.read(&mut buffer) {
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            let Some(allowed) = rules.allowance(way) else { return };
            let (pass, rest) = bytes.split_at(bytes.len().min(allowed));
            // None are allowed after a half end: they are lost.
            if pass.is_empty() {
                break;
            }
            if receiver.write_all(pass).is_err() {
                return rules.fail(wire, way, Fault::Reset);
            }
            bytes = rest;
            rules.passed(wire, way, pass.len());
        }
    }
    if rules.allowance(way).is_some() {
        let _ = receiver.shutdown(Shutdown::Write);
    }
}
