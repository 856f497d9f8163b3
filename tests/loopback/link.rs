//! A network link between one client and the server that fails as a test chooses, after a number of bytes: it delays,
//! goes silent, ends in one direction or both, or is reset. Nothing in it depends on time.

use crate::support::client::{dial, set_timeouts};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

impl Direction {
    pub(crate) const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// What happens to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No byte passes in this direction, and neither end is told: a delay, if it is [mended](Link::mend).
    Silence,
    /// Nothing more passes in this direction, and the receiver is told; the other direction works.
    HalfEnd,
    /// Both connections end (FIN).
    End,
    /// Both connections are reset (RST).
    Reset,
}

/// A link of one client to the server. It is reset when this is dropped.
pub(crate) struct Link {
    rules: Arc<Rules>,
    /// The threads own it, so that it ends with them.
    wire: Weak<Wire>,
}

/// The sender of each direction: the client's connection, and the server's.
struct Wire([TcpStream; 2]);

#[derive(Default)]
struct Rules {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// For each direction: how many bytes may pass, and what happens then.
    directions: [(usize, Fault); 2],
    /// Both connections have ended or are about to.
    over: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { directions: [(usize::MAX, Fault::Silence); 2], over: false }
    }
}

impl Link {
    /// A connection to the server over a link that has no fault yet: the client's socket, and the link.
    pub(crate) fn to(server: SocketAddr) -> (TcpStream, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let near = dial(listener.local_addr().unwrap());
        let (client, server) = (listener.accept().expect("the connection").0, dial(server));
        set_timeouts(&client);
        // A link may be silent for as long as its test likes.
        [&client, &server].into_iter().for_each(|socket| socket.set_read_timeout(None).unwrap());
        let wire = Arc::new(Wire([client, server]));
        let link = Self { rules: Arc::default(), wire: Arc::downgrade(&wire) };
        for direction in Direction::BOTH {
            let (wire, rules) = (Arc::clone(&wire), Arc::clone(&link.rules));
            thread::spawn(move || pump(&wire, &rules, direction));
        }
        (near, link)
    }

    /// Schedules a fault for when `bytes` more bytes have passed.
    pub(crate) fn fail_after(&self, bytes: usize, direction: Direction, fault: Fault) {
        self.rules.state().directions[direction as usize] = (bytes, fault);
        if bytes == 0
            && let Some(wire) = self.wire.upgrade()
        {
            self.rules.fail(&wire, direction, fault);
        }
        self.rules.changed.notify_all();
    }

    /// Removes the faults: what was held back passes, and all that follows.
    pub(crate) fn mend(&self) {
        self.rules.state().directions = State::default().directions;
        self.rules.changed.notify_all();
    }

    /// True once a fault has ended both connections.
    pub(crate) fn is_over(&self) -> bool {
        self.rules.state().over
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.fail_after(0, Direction::ToServer, Fault::Reset);
    }
}

impl Rules {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// How many bytes may pass now; waits while there are none, and is `None` when the link has ended.
    fn allowance(&self, direction: Direction) -> Option<usize> {
        let waits =
            |state: &mut State| !state.over && state.directions[direction as usize] == (0, Fault::Silence);
        // A link that is never mended ends when it is dropped.
        let state = self.changed.wait_while(self.state(), waits).unwrap();
        (!state.over).then_some(state.directions[direction as usize].0)
    }

    /// Counts bytes that have passed.
    fn passed(&self, wire: &Wire, direction: Direction, bytes: usize) {
        let (left, fault) = {
            let (left, fault) = &mut self.state().directions[direction as usize];
            *left = left.saturating_sub(bytes);
            (*left, *fault)
        };
        if left == 0 {
            self.fail(wire, direction, fault);
        }
    }

    fn fail(&self, wire: &Wire, direction: Direction, fault: Fault) {
        // An error means that the connection has ended already.
        match fault {
            Fault::Silence => {}
            Fault::HalfEnd => drop(wire.receiver(direction).shutdown(Shutdown::Write)),
            Fault::End => {
                self.state().over = true;
                wire.0.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
            }
            Fault::Reset => {
                self.state().over = true;
                for socket in &wire.0 {
                    // The close that follows is a reset; this shutdown wakes its thread and tells the peer nothing.
                    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                    let _ = socket.shutdown(Shutdown::Read);
                }
            }
        }
        self.changed.notify_all();
    }
}

impl Wire {
    fn sender(&self, direction: Direction) -> &TcpStream {
        &self.0[direction as usize]
    }

    fn receiver(&self, direction: Direction) -> &TcpStream {
        &self.0[1 - direction as usize]
    }
}

/// Passes bytes on until their sender or the link ends.
fn pump(wire: &Wire, rules: &Rules, direction: Direction) {
    let (mut sender, mut receiver) = (wire.sender(direction), wire.receiver(direction));
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = sender.read(&mut buffer) {
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            let Some(allowed) = rules.allowance(direction) else { return };
            let (pass, rest) = bytes.split_at(bytes.len().min(allowed));
            // After a half end none may pass: they are lost.
            if pass.is_empty() {
                break;
            }
            if receiver.write_all(pass).is_err() {
                return rules.fail(wire, direction, Fault::Reset);
            }
            bytes = rest;
            rules.passed(wire, direction, pass.len());
        }
    }
    if rules.allowance(direction).is_some() {
        let _ = receiver.shutdown(Shutdown::Write);
    }
}
