//! The floor: the cost of sending alone. A loop sends what one client of the server received, at the times at which the
//! client received it, to the same number of sockets, with one `send` each.
//!
//! One send is one batch that the server wrote to one client. The number of sends is the number of reads of the
//! observed client that read most often, times the number of clients. If the driver is late, one read takes several
//! sends. Then too few sends are counted for both, and the floor makes fewer and larger ones, so the server looks worse
//! than it is.
//!
//! The floor leaves out reading and checking what typists send, passing it to another thread and waking that thread,
//! encoding, finding out which client gets what, and pings. It knows its next send in advance, and also sends typists
//! their own texts.

use crate::driver::process;
use crate::driver::recording::Recording;
use crate::driver::scenario::{SECOND, WARM_UP};
use crate::driver::wire;
use crossbeam_channel::bounded;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// The size of a socket's send buffer, in bytes, as in the server.
const SEND_BUFFER: usize = 64 * 1024;

/// Pause between the last connection and the first send.
const LEAD: Duration = Duration::from_millis(200);

/// How often a thread is woken to measure the cost, and at what interval.
const WAKES: u32 = 300;
const WAKE_EVERY: Duration = Duration::from_millis(1);

/// The job of the floor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The number of clients to send to.
    pub clients: usize,
    /// The file with the recording to send.
    pub recording: PathBuf,
}

/// What the floor measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The number of sends, over all clients.
    pub sends: u64,
    /// How often a socket was full.
    pub full: u64,
    /// CPU time, in nanoseconds.
    pub cpu: u64,
    /// CPU time to pass an event to another thread that waits for it, in nanoseconds.
    pub wake: u64,
}

/// Prints its address, waits for all clients, and sends.
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
    // Sockets are slower at first. The server's sockets were warmed up for the same time.
    let warm_up = recording.writes.iter().take_while(|(due, _)| *due < (WARM_UP * SECOND as f64) as u64);
    send_all(&recording, warm_up.count(), &sockets).map_err(explain)?;
    let before = process::cpu(0)?;
    let full = send_all(&recording, recording.writes.len(), &sockets).map_err(explain)?;
    let cpu = process::cpu(0)? - before;
    let sends = (recording.writes.len() * sockets.len()) as u64;
    Ok(Outcome { sends, full, cpu, wake: measure_wake()? })
}

/// The cost of waking a thread, beyond the cost of the sleep that precedes it. In the server, an update wakes the
/// reader of its client.
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
        // The other thread receives until the channel is closed.
        let _ = events.send(1);
    })?;
    drop(events);
    let _ = hub.join();
    Ok(together.saturating_sub(alone) / u64::from(WAKES))
}

/// Answers a handshake, as the server does. A socket that has sent something delays its acknowledgements.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (mut socket, _) = listener.accept()?;
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
    read_once(&socket)?;
    socket.write_all(wire::accepted().as_bytes())?;
    Ok(socket)
}

/// Reads one message of a client: its handshake, or that it joins or watches.
fn read_once(mut socket: &TcpStream) -> io::Result<()> {
    socket.read(&mut [0; 4096]).map(drop)
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    writeln!(io::stdout(), "{}", listener.local_addr()?)
}

/// Sends the first `count` recorded writes. Returns how often a socket was full.
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
