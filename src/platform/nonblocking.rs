//! A socket on systems that have no flag for a single send, or no event for an end that comes after unread bytes: it
//! never blocks, and its reader waits with poll. The socket's time-outs are those of its reader; the system keeps them
//! for us.

use crate::platform::Peer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// How often a thread that waits for the end of a connection looks for it. Only clients that are slowed down wait so.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// The events that show the state of the other end: to ask for, of an end of one direction, and of both. Only some
/// systems tell the two apart, and on others IN has to be asked for, so that there is a HUP.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
const ENDS: [PollFlags; 3] =
    [PollFlags::RDHUP, PollFlags::RDHUP, PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL)];
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
const ENDS: [PollFlags; 3] = [PollFlags::IN, PollFlags::HUP, PollFlags::ERR.union(PollFlags::NVAL)];

/// Prepares a socket for the other functions: it never blocks.
pub(crate) fn prepare(socket: &TcpStream) {
    // An error means that the connection has already ended, which its reader will notice.
    let _ = socket.set_nonblocking(true);
}

/// These systems have no such limit that all versions of them offer. Texts that a slow client reads are older here.
pub(crate) fn limit_unsent(_socket: &TcpStream, _bytes: u32) {}

/// Reads what has come. Blocks until something has, at most for the socket's time-out of reads.
pub(crate) fn read(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    when_ready(socket, PollFlags::IN, TcpStream::read_timeout, || socket.read(buffer))
}

/// Reads what has come, without blocking.
pub(crate) fn read_now(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.read(buffer)
}

/// Writes as much as the system accepts. Blocks until it accepts something, at most for the socket's time-out of writes.
pub(crate) fn write(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    when_ready(socket, PollFlags::OUT, TcpStream::write_timeout, || socket.write(bytes))
}

/// Writes as much as the system accepts, without blocking.
pub(crate) fn send(mut socket: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    match pieces {
        [piece] => socket.write(piece),
        _ => socket.write_vectored(pieces),
    }
}

/// Blocks for `duration`, or until the other end has closed the connection in one direction at least. Not
/// every system sees that behind bytes that were not read yet.
pub(crate) fn wait_for_close(socket: &TcpStream, duration: Duration) -> io::Result<Peer> {
    wait_while(socket, duration, |peer| peer == Peer::Open)
}

/// Blocks for `duration`, or until the connection is closed in both directions.
pub(crate) fn wait_for_end(socket: &TcpStream, duration: Duration) -> io::Result<Peer> {
    wait_while(socket, duration, |peer| peer != Peer::Gone)
}

fn wait_while(socket: &TcpStream, duration: Duration, stays: impl Fn(Peer) -> bool) -> io::Result<Peer> {
    let deadline = Instant::now() + duration;
    loop {
        let peer = peer(socket)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !stays(peer) || left.is_zero() {
            return Ok(peer);
        }
        // Not with poll: the end of one direction would wake it again and again.
        thread::sleep(left.min(CHECK_INTERVAL));
    }
}

/// The state of the other end, as far as the system tells.
fn peer(socket: &TcpStream) -> io::Result<Peer> {
    let [asked, finished, gone] = ENDS;
    let flags = match poll_socket(socket, asked, Some(Duration::ZERO)) {
        // The process was suspended.
        Err(error) if error.kind() == ErrorKind::Interrupted => PollFlags::empty(),
        flags => flags?,
    };
    if flags.intersects(gone) {
        return Ok(Peer::Gone);
    }
    Ok(match socket.peek(&mut [0]) {
        Ok(0) => Peer::Finished,
        Ok(_) if flags.intersects(finished) => Peer::Finished,
        Ok(_) => Peer::Open,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Peer::Open,
        Err(_) => Peer::Gone,
    })
}

/// Repeats a read or a write that would block when the socket is ready for it, or its connection has ended. Fails as a
/// blocking socket does when that takes longer than the time-out.
fn when_ready(
    socket: &TcpStream,
    event: PollFlags,
    timeout: fn(&TcpStream) -> io::Result<Option<Duration>>,
    mut transfer: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match transfer() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if poll_socket(socket, event, timeout(socket)?)?.is_empty() {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

/// Waits for these events, or for the end of the connection. Returns what has happened: nothing if time is up.
fn poll_socket(socket: &TcpStream, events: PollFlags, timeout: Option<Duration>) -> io::Result<PollFlags> {
    let mut ends = [PollFd::new(socket, events)];
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    poll(&mut ends, timeout.as_ref())?;
    Ok(ends[0].revents())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener};

    const TIMEOUT: Duration = Duration::from_secs(20);

    /// Both ends of a connection; the first one is prepared.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        prepare(&server);
        limit_unsent(&server, 1);
        server.set_read_timeout(Some(TIMEOUT)).unwrap();
        server.set_write_timeout(Some(TIMEOUT)).unwrap();
        (server, client)
    }

    #[test]
    fn a_read_waits_until_something_comes_or_time_is_up() {
        let (server, mut client) = connection();
        let mut buffer = [0; 8];
        assert_eq!(read_now(&server, &mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        server.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(read(&server, &mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        server.set_read_timeout(None).unwrap();
        let reader = thread::spawn(move || read(&server, &mut buffer).map(|len| buffer[..len].to_vec()));
        client.write_all(b"now").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b"now");
    }

    #[test]
    fn a_send_does_not_wait_and_a_write_waits_until_there_is_space_or_time_is_up() {
        let (server, mut client) = connection();
        let pieces = [IoSlice::new(&[0; 30_000]), IoSlice::new(&[0; 30_000])];
        let full = |outcome: io::Result<usize>| outcome.unwrap_err().kind() == ErrorKind::WouldBlock;
        let mut sent = 0;
        while let Ok(len) = send(&server, &pieces) {
            sent += len;
        }
        assert!(full(send(&server, &pieces)) && full(send(&server, &pieces[..1])));
        server.set_write_timeout(Some(Duration::from_millis(1))).unwrap();
        assert!(full(write(&server, &[0])));
        server.set_write_timeout(Some(TIMEOUT)).unwrap();
        let writer = thread::spawn(move || write(&server, &[1]));
        client.read_exact(&mut vec![0; sent]).unwrap();
        assert_eq!(writer.join().unwrap().unwrap(), 1);
    }

    #[test]
    fn the_end_of_a_connection_is_seen_in_one_direction_and_in_both() {
        let (server, client) = connection();
        let now = Duration::ZERO;
        assert_eq!(wait_for_close(&server, Duration::from_millis(1)).unwrap(), Peer::Open);
        (&client).write_all(b"last").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // Bytes that were not read may hide the end.
        assert_ne!(wait_for_end(&server, now).unwrap(), Peer::Gone);
        assert_eq!(read(&server, &mut [0; 8]).unwrap(), 4);
        assert_eq!(wait_for_close(&server, TIMEOUT).unwrap(), Peer::Finished);
        assert_eq!(wait_for_end(&server, Duration::from_millis(1)).unwrap(), Peer::Finished);
        // Closed with unread bytes, a socket resets its connection.
        send(&server, &[IoSlice::new(b"unread")]).unwrap();
        client.peek(&mut [0]).unwrap();
        drop(client);
        assert_eq!(wait_for_end(&server, TIMEOUT).unwrap(), Peer::Gone);
    }
}
