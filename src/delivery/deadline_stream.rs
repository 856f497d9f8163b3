//! A socket with one deadline for all its reads and writes.

use crate::delivery::transport::SocketTransport;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// A socket whose reads and writes fail once the deadline has passed.
///
/// The system's time-outs restart with each call, so a client that sends one byte a second would never exceed them.
#[derive(Debug)]
pub(crate) struct DeadlineStream<'a> {
    transport: &'a SocketTransport,
    deadline: Instant,
}

impl<'a> DeadlineStream<'a> {
    /// A stream that fails after `deadline`.
    pub(crate) fn new(transport: &'a SocketTransport, deadline: Instant) -> Self {
        Self { transport, deadline }
    }

    /// A stream that fails after `timeout` from now.
    pub(crate) fn with_timeout(transport: &'a SocketTransport, timeout: Duration) -> Self {
        Self::new(transport, Instant::now() + timeout)
    }

    fn time_left(&self) -> io::Result<Duration> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for DeadlineStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.transport.set_read_timeout(Some(self.time_left()?))?;
        let mut transport = self.transport;
        transport.read(buffer)
    }
}

impl Write for DeadlineStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.set_write_timeout(Some(self.time_left()?))?;
        let mut transport = self.transport;
        transport.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_read_after_the_deadline_fails_even_if_bytes_are_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = SocketTransport::new(listener.accept().unwrap().0);
        client.write_all(b"G").unwrap();
        let mut stream = DeadlineStream::new(&server, Instant::now());
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
