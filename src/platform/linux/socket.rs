//! A socket that blocks for its reader, and not for the hub.

use crate::platform::Peer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Prepares a socket for the other functions: it blocks, as it does when it is new.
pub(crate) fn prepare(_socket: &TcpStream) {}

/// Limits the bytes in the send buffer that the network is not ready for. Ignores errors.
pub(crate) fn limit_unsent(socket: &TcpStream, bytes: u32) {
    let _ = SockRef::from(socket).set_tcp_notsent_lowat(bytes);
}

/// Reads what has come. Blocks until something has, at most for the socket's time-out of reads.
pub(crate) fn read(mut socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.read(buffer)
}

/// Reads what has come, without blocking.
pub(crate) fn read_now(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(recv(socket, buffer, RecvFlags::DONTWAIT)?.1)
}

/// Writes as much as the system accepts. Blocks until it accepts something, at most for the socket's time-out of writes.
pub(crate) fn write(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    socket.write(bytes)
}

/// Writes as much as the system accepts, without blocking.
pub(crate) fn send(socket: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let socket = SockRef::from(socket);
    match pieces {
        [piece] => socket.send_with_flags(piece, flags),
        _ => socket.send_vectored_with_flags(pieces, flags),
    }
}

/// Blocks for `duration`, or until the other end has closed the connection in one direction at least.
pub(crate) fn wait_for_close(socket: &TcpStream, duration: Duration) -> io::Result<Peer> {
    wait(socket, PollFlags::RDHUP, duration)
}

/// Blocks for `duration`, or until the connection is closed in both directions.
pub(crate) fn wait_for_end(socket: &TcpStream, duration: Duration) -> io::Result<Peer> {
    wait(socket, PollFlags::empty(), duration)
}

fn wait(socket: &TcpStream, flags: PollFlags, duration: Duration) -> io::Result<Peer> {
    let mut ends = [PollFd::new(socket, flags)];
    let duration = Timespec::try_from(duration).map_err(io::Error::other)?;
    match poll(&mut ends, Some(&duration)) {
        // The process was suspended, which may have taken the whole time.
        Ok(0) | Err(Errno::INTR) => Ok(Peer::Open),
        Ok(_) if ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) => Ok(Peer::Gone),
        Ok(_) => Ok(Peer::Finished),
        Err(error) => Err(error.into()),
    }
}
