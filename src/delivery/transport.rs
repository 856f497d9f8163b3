//! Transports: what outboxes write to and readers read from.

use crate::platform::readiness::{self, Readiness};
use crate::platform::{Peer, is_out_of_buffers, socket};
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Bytes in a socket's send buffer that the network is not ready for. Beyond them, the transport is full. A slow line
/// takes seconds for these bytes, and nothing newer can overtake them.
///
/// Measured with three phones that read 5 kB a second in a room where others type far more: the median text on the
/// phones is 9 s old, and 0.3 s in the 20 s after the others have stopped. Without this limit, it is 12 to 30 s old,
/// and 12 to 24 s.
const MAX_UNSENT: u32 = 16 * 1024;

/// What an outbox writes to: a socket, or in tests a fake that accepts as little as a socket might.
pub trait Transport {
    /// Writes as many bytes as the transport accepts without blocking. Returns how many. If it accepts none, the error
    /// is one that [`is_full`] recognises.
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Everything that waited was sent. If what was sent is a response, it ends here.
    fn end_response(&self) {}

    /// Whether a response has the beginning of a message without its end, so that no other transport can go on.
    fn is_mid_message(&self) -> bool {
        false
    }

    /// Whether it is of a client that polls.
    fn is_polling(&self) -> bool {
        false
    }

    /// Ends the connection in one direction or both; its reader sees the end.
    fn shutdown(&self, how: Shutdown);
}

/// A TCP socket that its reader and the hub share: reads block, sends do not.
#[derive(Debug, Clone)]
pub struct SocketTransport(Arc<TcpStream>);

impl SocketTransport {
    /// A transport over a new socket.
    pub fn new(socket: TcpStream) -> Self {
        socket::prepare(&socket);
        Self(Arc::new(socket))
    }

    /// The same, with the system's buffers of these sizes, in bytes, and without Nagle's algorithm. Ignores errors.
    /// They occur only if the connection has already ended, which its reader will notice.
    pub(crate) fn with_buffers(socket: TcpStream, send_buffer: usize, receive_buffer: usize) -> Self {
        let options = SockRef::from(&socket);
        let _ = options.set_tcp_nodelay(true);
        let _ = options.set_send_buffer_size(send_buffer);
        let _ = options.set_recv_buffer_size(receive_buffer);
        socket::limit_unsent(&socket, MAX_UNSENT);
        Self::new(socket)
    }

    /// How long a read may block; `None` for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_read_timeout(timeout)
    }

    /// How long a write may block; `None` for ever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.set_write_timeout(timeout)
    }

    /// Blocks for `duration`, or until the other end has closed the connection in one direction at least.
    pub(crate) fn wait_for_close(&self, duration: Duration) -> io::Result<Peer> {
        socket::wait_for_close(&self.0, duration)
    }

    /// Blocks for `duration`, or until the connection is closed in both directions.
    pub(crate) fn wait_for_end(&self, duration: Duration) -> io::Result<Peer> {
        socket::wait_for_end(&self.0, duration)
    }

    /// Reads what has come, without blocking.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        socket::read_now(&self.0, buffer)
    }
}

/// Blocks for `timeout`, or until one of two sockets is as wanted or ends. One for which nothing is given is not watched.
pub(crate) fn wait_for_either(
    sockets: [(&SocketTransport, Option<Readiness>); 2],
    timeout: Option<Duration>,
) -> io::Result<[Readiness; 2]> {
    readiness::wait(sockets.map(|(transport, wanted)| (&*transport.0, wanted)), timeout)
}

/// Blocks until bytes arrive, at most for the read time-out.
impl Read for &SocketTransport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry_interrupted(|| socket::read(&self.0, buffer))
    }
}

/// Blocks until the system accepts some of the bytes, at most for the write time-out. Used only before the connection
/// belongs to the hub, which is the only writer after that.
impl Write for &SocketTransport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        socket::write(&self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for SocketTransport {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        socket::send(&self.0, pieces)
    }

    fn shutdown(&self, how: Shutdown) {
        // An error means that the connection has already ended.
        let _ = self.0.shutdown(how);
    }
}

/// True if the system has no buffer space now but may have some later.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::OutOfMemory)
        || is_out_of_buffers(error)
}

/// Repeats a read that was interrupted. A read with a time-out returns EINTR after the process was suspended, even if
/// no signal is caught (signal(7), "Interruption of system calls by stop signals").
fn retry_interrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_transport_sends_at_once_and_buffers_little() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let transport = SocketTransport::with_buffers(socket, 20_000, 30_000);
        let options = SockRef::from(&*transport.0);
        assert!(options.tcp_nodelay().unwrap());
        #[cfg(all(target_os = "linux", not(typewall_portable)))]
        assert_eq!(options.tcp_notsent_lowat().unwrap(), MAX_UNSENT);
        // Linux doubles both, for its own bookkeeping.
        assert!([20_000, 40_000].contains(&options.send_buffer_size().unwrap()));
        assert!([30_000, 60_000].contains(&options.recv_buffer_size().unwrap()));
    }
}
