//! The pump of one connection: passes bytes between an encrypted connection and one end of a pair of sockets. At the
//! other end is the code of a connection, which reads and writes as if the client were there.
//!
//! Architecture invariant: a pump holds little ([`CHUNK`] says how much), so that a client that does not read fills the
//! pair, and the hub notices it as it notices a full socket. A pump knows no room, no client and no request, and decides
//! about nothing but the end of its own connection.

use crate::base::permits::Permit;
use crate::delivery::transport::{SocketTransport, Transport, is_full, wait_for_either};
use crate::platform::readiness::Readiness;
use crossbeam_channel::Sender;
use rustls::ServerConnection;
use std::convert::Infallible;
use std::io::{self, BufRead, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Bytes that are encrypted at once. Only when all of them were sent are the next ones taken from the pair.
///
/// A pump holds at most 64 KiB: these bytes twice, as they came and encrypted, and from the client one record, which may
/// be incomplete, and one that was decrypted, of at most 18 KiB each (RFC 8446, section 5.2). Of an idle connection
/// it holds none, except 4 KiB that rustls keeps to read into.
const CHUNK: usize = 12 * 1024;

/// Encrypted bytes that a client may send without any that are decrypted: keys that change, and records without
/// content. More than one record, and less than what a client needs to keep a thread busy for nothing.
const MAX_EMPTY: usize = 32 * 1024;

/// How long a pump rests when the system has woken it for nothing. Some systems announce the end of one direction again
/// and again.
const REST: Duration = Duration::from_millis(10);

/// Stack of a pump's thread, in bytes. The same as a reader's, so that both can use the stacks of ended threads, and
/// neither gets one that a handshake has used.
const STACK_SIZE: usize = 48 * 1024;

/// A connection for a pump.
#[derive(Debug)]
pub(crate) struct Pump {
    /// The encrypted connection, after its handshake.
    pub tls: Box<ServerConnection>,
    /// The socket of the client.
    pub network: SocketTransport,
    /// One end of the pair.
    pub pair: SocketTransport,
    /// How long the last bytes may take to send once the server has ended the connection.
    pub timeout: Duration,
    /// Counts the pump until it ends, which may be later than its connection.
    pub permit: Permit,
    /// Is dropped with the pump, so that a server that stops knows when all have ended.
    pub running: Sender<Infallible>,
}

/// How far each direction has come.
#[derive(Debug, Default)]
struct State {
    /// Decrypted bytes for the pair, which rustls holds.
    decrypted: usize,
    /// Encrypted bytes since the last ones that had content.
    empty: usize,
    /// The client sends nothing more.
    client_ended: bool,
    /// The end of what the client has sent was passed on.
    end_passed: bool,
    /// The connection to the client has ended, perhaps with bytes that were not read yet.
    network_gone: bool,
    /// The server sends nothing more.
    server_ended: bool,
    /// The last bytes of the server were sent, and the client was told that nothing follows.
    is_flushed: bool,
    /// The server has closed its end of the pair, perhaps with bytes that were not read yet.
    pair_gone: bool,
    /// Until when the last bytes may be sent.
    deadline: Option<Instant>,
}

/// A socket whose reads and writes do not block.
struct Now<'a>(&'a SocketTransport);

impl Read for Now<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_now(buffer)
    }
}

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(&[IoSlice::new(bytes)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts a pump.
pub(crate) fn spawn(pump: Pump, number: u64) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("tls {number}")).stack_size(STACK_SIZE);
    thread.spawn(move || pump.run()).map(drop)
}

impl Pump {
    /// Passes bytes on until the connection has ended.
    fn run(mut self) {
        let mut state = State { decrypted: self.decrypted(), ..State::default() };
        // An error means that the client has gone, or does not keep to the protocol. Dropping the sockets tells both.
        while !state.is_over() && self.step(&mut state).is_ok() {}
        let Self { network, pair, permit, running, .. } = self;
        drop((network, pair));
        drop((permit, running));
    }

    /// What was decrypted with the last bytes of the handshake.
    fn decrypted(&mut self) -> usize {
        self.tls.process_new_packets().map_or(0, |state| state.plaintext_bytes_to_read())
    }

    /// Passes on what can be, and waits until there is more.
    fn step(&mut self, state: &mut State) -> io::Result<()> {
        let may_read =
            Readiness { read: !state.client_ended && state.decrypted == 0, ..Readiness::default() };
        let of_network = Readiness { write: self.tls.wants_write(), ..may_read };
        let of_pair = Readiness {
            read: !state.server_ended && !self.tls.wants_write(),
            write: state.decrypted > 0,
            ended: false,
        };
        let [network, pair] = wait_for_either(
            [
                (&self.network, watched(of_network, state.network_gone)),
                (&self.pair, watched(of_pair, state.pair_gone)),
            ],
            state.time_left()?,
        )?;
        state.network_gone |= network.ended;
        if pair.ended {
            state.pair_gone = true;
            state.end_within(self.timeout);
        }
        let mut has_moved = false;
        if of_network.read && (network.read || state.network_gone) {
            has_moved |= self.receive(state)?;
        }
        if of_pair.read && (pair.read || state.pair_gone) {
            has_moved |= self.take(state)?;
        }
        has_moved |= self.deliver(state);
        has_moved |= self.send(state)?;
        if !has_moved && (state.network_gone || state.pair_gone) {
            thread::sleep(REST);
        }
        Ok(())
    }

    /// Reads what the client has sent, and decrypts it.
    fn receive(&mut self, state: &mut State) -> io::Result<bool> {
        let Some(read) = unless_full(self.tls.read_tls(&mut Now(&self.network)))? else { return Ok(false) };
        state.empty += read;
        let decrypted = self.tls.process_new_packets().map_err(|error| {
            // The client is told why, if that is possible at once.
            let _ = self.tls.write_tls(&mut Now(&self.network));
            io::Error::new(ErrorKind::InvalidData, error)
        })?;
        state.decrypted = decrypted.plaintext_bytes_to_read();
        state.client_ended = read == 0 || decrypted.peer_has_closed();
        if state.decrypted > 0 {
            state.empty = 0;
        }
        if state.empty > MAX_EMPTY { Err(ErrorKind::InvalidData.into()) } else { Ok(true) }
    }

    /// Passes on what the client has sent, and its end.
    fn deliver(&mut self, state: &mut State) -> bool {
        let before = state.decrypted;
        while state.decrypted > 0 {
            let mut reader = self.tls.reader();
            let Some(bytes) = reader.fill_buf().ok().filter(|bytes| !bytes.is_empty()) else { break };
            match unless_full(self.pair.send(&[IoSlice::new(bytes)])) {
                Ok(None) => break,
                Ok(Some(sent)) => {
                    reader.consume(sent);
                    state.decrypted -= sent;
                }
                // The server has closed the connection, and wants nothing of this.
                Err(_) => {
                    let rest = bytes.len();
                    reader.consume(rest);
                    state.decrypted -= rest;
                }
            }
        }
        if state.decrypted == 0 && state.client_ended && !state.end_passed {
            self.pair.shutdown(Shutdown::Write);
            state.end_passed = true;
            return true;
        }
        state.decrypted < before
    }

    /// Reads what the server has written, and encrypts it.
    fn take(&mut self, state: &mut State) -> io::Result<bool> {
        let mut buffer = vec![0; CHUNK];
        match unless_full(self.pair.read_now(&mut buffer)) {
            Ok(None) => return Ok(false),
            Ok(Some(read @ 1..)) => self.tls.writer().write_all(&buffer[..read])?,
            // The server has closed the connection. An error says that it has not read everything before.
            Ok(Some(_)) | Err(_) => {
                self.tls.send_close_notify();
                state.server_ended = true;
                state.end_within(self.timeout);
            }
        }
        Ok(true)
    }

    /// Sends what is encrypted, and the end.
    fn send(&mut self, state: &mut State) -> io::Result<bool> {
        let mut has_moved = false;
        while self.tls.wants_write() {
            match unless_full(self.tls.write_tls(&mut Now(&self.network)))? {
                Some(_) => has_moved = true,
                None => return Ok(has_moved),
            }
        }
        if state.server_ended && !state.is_flushed {
            self.network.shutdown(Shutdown::Write);
            state.is_flushed = true;
            has_moved = true;
        }
        Ok(has_moved)
    }
}

impl State {
    /// Whether nothing is left to do.
    fn is_over(&self) -> bool {
        self.is_flushed && (self.pair_gone || self.end_passed)
    }

    /// The time for the last bytes, if they are being sent. Fails when it is over.
    fn time_left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// From now on, time is limited.
    fn end_within(&mut self, timeout: Duration) {
        self.deadline = self.deadline.or_else(|| Some(Instant::now() + timeout));
    }
}

/// What to watch a socket for. One that has ended would wake the pump again and again.
fn watched(wanted: Readiness, is_gone: bool) -> Option<Readiness> {
    (!is_gone || wanted != Readiness::default()).then_some(wanted)
}

/// `None` if the socket has nothing, or no space, now.
fn unless_full(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(error) if is_full(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
