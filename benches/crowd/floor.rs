//! The floor: what sending alone costs. A bare loop sends what one client of the server received, at the times
//! at which it received it, to as many sockets, one `send` each.
//!
//! A send is counted as one batch that the server wrote to one client: the reads of the observed client that
//! read most often, times the clients. Where the driver is late, one read takes several sends; then too few are
//! counted for both, and the floor sends fewer and larger ones, which makes the server look worse.
//!
//! What the floor leaves out: reading and checking what typists send, handing it to another thread and waking
//! that, encoding, finding out who gets what, pings. It knows its next send beforehand, and sends typists their
//! own texts too.

use crate::process;
use crate::recording::Recording;
use crate::scenario::{SECOND, WARM_UP};
use crate::wire;
use crossbeam_channel::bounded;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// As the server's.
const SEND_BUFFER: usize = 64 * 1024;

/// How long after everyone has come the sending starts.
const LEAD: Duration = Duration::from_millis(200);

/// How often a thread is woken to find out what that costs, and at what distance.
const WAKES: u32 = 300;
const WAKE_EVERY: Duration = Duration::from_millis(1);

/// What the floor is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// To how many.
    pub clients: usize,
    /// What to send.
    pub recording: PathBuf,
}

/// What it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// How often something was sent to one client.
    pub sends: u64,
    /// How often a socket was full.
    pub full: u64,
    /// Nanoseconds it took on the processor.
    pub cpu: u64,
    /// Nanoseconds it takes to hand something to another thread that waits for it.
    pub wake: u64,
}

/// Says where it is, waits for everyone, sends.
pub(crate) fn run(job: &Job) -> Result<Outcome, String> {
    let explain = |error: io::Error| format!("The floor has failed: {error}.");
    let recording = Recording::load(&job.recording)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(explain)?;
    let backlog = i32::try_from(job.clients).unwrap_or(i32::MAX);
    SockRef::from(&listener).listen(backlog).map_err(explain)?;
    announce(&listener).map_err(explain)?;
    let sockets: Vec<TcpStream> =
        (0..job.clients).map(|_| accept(&listener)).collect::<io::Result<_>>().map_err(explain)?;
    sockets.iter().try_for_each(read_once).map_err(explain)?;
    thread::sleep(LEAD);
    // Sockets are slower at first, and the server's have been typed to for as long.
    let warm_up = recording.writes.iter().take_while(|(due, _)| *due < (WARM_UP * SECOND as f64) as u64);
    send_all(&recording, warm_up.count(), &sockets).map_err(explain)?;
    let before = process::cpu(0)?;
    let full = send_all(&recording, recording.writes.len(), &sockets).map_err(explain)?;
    let cpu = process::cpu(0)? - before;
    let sends = (recording.writes.len() * sockets.len()) as u64;
    Ok(Outcome { sends, full, cpu, wake: measure_wake()? })
}

/// What waking a thread costs beyond what the one that wakes it would have done anyway, which is to wait for the
/// time. In the server that is the reader, whom an update wakes.
fn measure_wake() -> Result<u64, String> {
    let sleep_all = |wake: &dyn Fn()| {
        let before = process::cpu(0)?;
        for _ in 0..WAKES {
            thread::sleep(WAKE_EVERY);
            wake();
        }
        process::cpu(0).map(|after| after - before)
    };
    let alone = sleep_all(&|| {})?;
    let (events, queue) = bounded::<u64>(1024);
    let hub = thread::spawn(move || queue.iter().sum::<u64>());
    let together = sleep_all(&|| {
        // The other one reads until nobody sends.
        let _ = events.send(1);
    })?;
    drop(events);
    let _ = hub.join();
    Ok(together.saturating_sub(alone) / u64::from(WAKES))
}

/// Answers a handshake, because a socket that has sent something acknowledges more lazily what it receives.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
    read_once(&socket)?;
    socket.write_all(wire::accepted().as_bytes())?;
    Ok(socket)
}

/// Reads what a client sends at once: its handshake, or that it joins or watches.
fn read_once(mut socket: &TcpStream) -> io::Result<()> {
    socket.read(&mut [0; 4096]).map(drop)
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    writeln!(io::stdout(), "{}", listener.local_addr()?)
}

/// Sends the first of what was recorded; returns how often a socket was full.
fn send_all(recording: &Recording, count: usize, sockets: &[TcpStream]) -> io::Result<u64> {
    let start = Instant::now();
    let (mut rest, mut full) = (&recording.bytes[..], 0);
    for &(due, len) in &recording.writes[..count] {
        let (bytes, after) = rest.split_at(len);
        rest = after;
        thread::sleep(Duration::from_nanos(due).saturating_sub(start.elapsed()));
        for socket in sockets {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let sent = match SockRef::from(socket).send_with_flags(bytes, flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                sent => sent?,
            };
            if sent < len {
                full += 1;
                (&*socket).write_all(&bytes[sent..])?;
            }
        }
    }
    Ok(full)
}
