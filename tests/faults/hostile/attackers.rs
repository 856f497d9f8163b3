//! Attackers: many connections that a few threads serve. Each one sends the same bytes again and again, as fast as the
//! server takes them, until it is closed without a close frame.

use crate::support::client::set_timeouts;
use crate::support::frame::{FIN, PONG, frame, handshake, text};
use crate::support::http::Response;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Threads that serve the attackers' connections.
const THREADS: usize = 2;

/// How long a thread waits for its connections before it looks whether the attack is over.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// How an attacker uses its connection.
#[derive(Clone)]
pub(crate) struct Conduct {
    /// What it sends, again and again.
    pub repeats: Arc<[u8]>,
    /// Whether it reads what it is sent.
    pub reads: bool,
    /// The time between two bytes. `None` if it sends as fast as it can.
    pub drips: Option<Duration>,
}

impl Conduct {
    /// Sends this as fast as it can, and reads.
    pub(crate) fn flood(repeats: impl Into<Arc<[u8]>>) -> Self {
        Self { repeats: repeats.into(), reads: true, drips: None }
    }

    /// Reads, and gives signs of life.
    pub(crate) fn quiet() -> Self {
        Self { drips: Some(Duration::from_millis(100)), ..Self::flood(frame(FIN | PONG, b"")) }
    }

    /// Reads nothing.
    pub(crate) fn deaf(self) -> Self {
        Self { reads: false, ..self }
    }
}

/// Attackers at work. Dropping them closes their connections.
pub(crate) struct Attackers {
    threads: Vec<JoinHandle<usize>>,
    is_over: Arc<AtomicBool>,
}

struct Attacker {
    socket: TcpStream,
    conduct: Conduct,
    /// How many of the bytes that it repeats were sent.
    sent: usize,
}

impl Attackers {
    /// Nobody yet.
    pub(crate) fn none() -> Self {
        Self { threads: Vec::new(), is_over: Arc::default() }
    }

    /// These attackers as well.
    pub(crate) fn and(mut self, sockets: Vec<TcpStream>, conduct: &Conduct) -> Self {
        let attacker = |socket| Attacker { socket, conduct: conduct.clone(), sent: 0 };
        let mut all: Vec<Attacker> = sockets.into_iter().map(attacker).collect();
        let share = all.len().div_ceil(THREADS).max(1);
        while !all.is_empty() {
            let some = all.split_off(all.len().saturating_sub(share));
            let is_over = Arc::clone(&self.is_over);
            self.threads.push(thread::spawn(move || attack(some, &is_over)));
        }
        self
    }

    /// Closes their connections. Returns how many of them the server had closed before.
    pub(crate) fn close(mut self) -> usize {
        self.end()
    }

    fn end(&mut self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.threads.drain(..).map(|thread| thread.join().expect("it does not panic")).sum()
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.end();
    }
}

/// Lets these attackers send until the attack is over. Returns how many the server has closed.
fn attack(mut attackers: Vec<Attacker>, is_over: &AtomicBool) -> usize {
    let all = attackers.len();
    let mut buffer = vec![0; 256 * 1024];
    while !is_over.load(Ordering::Relaxed) {
        if let Some(pause) = attackers.first().and_then(|attacker| attacker.conduct.drips) {
            thread::sleep(pause);
            attackers.retain_mut(|attacker| attacker.act(PollFlags::IN | PollFlags::OUT, &mut buffer));
            continue;
        }
        let ready: Vec<PollFlags> = {
            let mut fds: Vec<_> = attackers.iter().map(Attacker::interest).collect();
            poll(&mut fds, Some(&WAIT)).expect("it polls");
            fds.iter().map(PollFd::revents).collect()
        };
        let mut ready = ready.into_iter();
        attackers
            .retain_mut(|attacker| attacker.act(ready.next().unwrap_or(PollFlags::empty()), &mut buffer));
    }
    all - attackers.len()
}

impl Attacker {
    fn interest(&self) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::OUT, !self.conduct.repeats.is_empty());
        flags.set(PollFlags::IN, self.conduct.reads);
        PollFd::new(&self.socket, flags)
    }

    /// Does what its connection is ready for. Returns false if the server has closed it.
    fn act(&mut self, ready: PollFlags, buffer: &mut [u8]) -> bool {
        let mut is_open = true;
        if self.conduct.reads && ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            is_open &= self.read(buffer);
        }
        if ready.contains(PollFlags::OUT) && !self.conduct.repeats.is_empty() {
            is_open &= self.send().is_ok();
        }
        is_open && !ready.contains(PollFlags::ERR)
    }

    /// Reads all that has come. Returns false at the end of the connection.
    fn read(&self, buffer: &mut [u8]) -> bool {
        loop {
            match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, read)) if read == buffer.len() => {}
                Ok((_, read)) => return read > 0,
                Err(error) => return error == Errno::WOULDBLOCK,
            }
        }
    }

    /// Sends as much as the connection takes, at most once what it repeats; or one byte, if it drips.
    fn send(&mut self) -> io::Result<()> {
        let Some(rest) = self.conduct.repeats.get(self.sent..).filter(|rest| !rest.is_empty()) else {
            return Ok(());
        };
        let rest = if self.conduct.drips.is_some() { &rest[..1] } else { rest };
        match send(&self.socket, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => self.sent = (self.sent + sent) % self.conduct.repeats.len(),
            Err(error) if error == Errno::WOULDBLOCK => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Connects to a room, and sends these events at once. Reads nothing but the response to the handshake.
pub(crate) fn connect(address: SocketAddr, room: &str, events: &[String]) -> TcpStream {
    let mut socket = TcpStream::connect(address).expect("a connection");
    set_timeouts(&socket);
    let events = events.iter().map(text);
    let request = handshake(&format!("/ws?room={room}&splice=1"));
    socket
        .write_all(&std::iter::once(request).chain(events).collect::<Vec<_>>().concat())
        .expect("it is read");
    assert_eq!(Response::read_head(&mut socket).status, 101);
    socket
}

/// Users with this text in their boxes. They read nothing yet.
pub(crate) fn users(address: SocketAddr, room: &str, count: usize, content: &str) -> Vec<TcpStream> {
    let write = format!(r#"["updated_text",{{"text":"{content}"}}]"#);
    let join = |n| format!(r#"["got_a_new_user",{{"name":"Eve {n}"}}]"#);
    (0..count).map(|n| connect(address, room, &[join(n), write.clone()])).collect()
}

/// Viewers. They read nothing yet.
pub(crate) fn viewers(address: SocketAddr, room: &str, count: usize) -> Vec<TcpStream> {
    (0..count).map(|_| connect(address, room, &[r#"["watch",{}]"#.to_owned()])).collect()
}
