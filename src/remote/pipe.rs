//! A connection that can be waited for together with other events: a thread reads the socket and hands over what comes,
//! so whoever owns the connection reads without blocking.

use crate::remote::failure::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::{Duration, Instant};

/// One IP address of a host has this long to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that reads nothing for this long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

/// Chunks that wait. When there are as many, the socket is not read.
const CHUNKS: usize = 16;

/// What came at once, or how the connection ended. Nothing follows an error, and the end is an empty chunk.
pub(crate) type Chunk = io::Result<Vec<u8>>;

/// Connects to the first IP address of a host that accepts it.
pub(crate) fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Failure> {
    let cannot = |why: String| Failure::Lost(format!("Cannot connect to {host}, port {port}: {why}."));
    let addresses = (host, port).to_socket_addrs().map_err(|error| cannot(error.to_string()))?;
    let mut last = cannot("the name has no IP address".to_owned());
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now()).min(CONNECT_TIMEOUT);
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = cannot(error.to_string()),
        }
    }
    Err(last)
}

/// A socket, of which a thread reads.
#[derive(Debug)]
pub(crate) struct Pipe {
    socket: TcpStream,
    chunks: Receiver<Chunk>,
    unread: io::Cursor<Vec<u8>>,
    /// Until when reads block. `None` if they do not.
    deadline: Option<Instant>,
}

impl Pipe {
    /// Starts to read. Until this deadline, reads from the pipe block.
    pub(crate) fn new(socket: TcpStream, deadline: Instant) -> io::Result<Self> {
        // Without these, a server that reads nothing would hold up everything, and small frames would come late.
        socket.set_write_timeout(Some(WRITE_TIMEOUT))?;
        socket.set_nodelay(true)?;
        let (send, chunks) = bounded(CHUNKS);
        let reader = socket.try_clone()?;
        thread::Builder::new().name("socket".to_owned()).spawn(move || read_socket(reader, &send))?;
        Ok(Self { socket, chunks, unread: io::Cursor::default(), deadline: Some(deadline) })
    }

    /// What has come and was not read yet; to wait for.
    pub(crate) fn chunks(&self) -> &Receiver<Chunk> {
        &self.chunks
    }

    /// From now on, reads do not block.
    pub(crate) fn stop_blocking(&mut self) {
        self.deadline = None;
    }

    fn next_chunk(&self) -> Chunk {
        let ended = || Ok(Vec::new());
        match self.deadline {
            None => self.chunks.try_recv().unwrap_or_else(|error| match error {
                TryRecvError::Empty => Err(ErrorKind::WouldBlock.into()),
                TryRecvError::Disconnected => ended(),
            }),
            // A server may send without end.
            Some(deadline) if Instant::now() >= deadline => Err(ErrorKind::TimedOut.into()),
            Some(deadline) => self.chunks.recv_deadline(deadline).unwrap_or_else(|error| match error {
                RecvTimeoutError::Timeout => Err(ErrorKind::TimedOut.into()),
                RecvTimeoutError::Disconnected => ended(),
            }),
        }
    }
}

/// Ends when the connection does, or when nobody wants to know any more.
fn read_socket(mut socket: TcpStream, chunks: &Sender<Chunk>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let chunk = match socket.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.map(|length| buffer[..length].to_vec()),
        };
        let is_end = chunk.as_ref().is_ok_and(Vec::is_empty) || chunk.is_err();
        if chunks.send(chunk).is_err() || is_end {
            return;
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.unread.read(to)?;
        if read > 0 || to.is_empty() {
            return Ok(read);
        }
        self.unread = io::Cursor::new(self.next_chunk()?);
        self.unread.read(to)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The time-out of a blocking socket looks as if it were a socket that does not block.
        self.socket.write(bytes).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Ends the thread that reads.
impl Drop for Pipe {
    fn drop(&mut self) {
        // The server may have ended the connection before.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn pair() -> (Pipe, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let port = listener.local_addr().unwrap().port();
        let pipe = Pipe::new(connect("127.0.0.1", port, deadline).unwrap(), deadline).unwrap();
        (pipe, listener.accept().unwrap().0)
    }

    #[test]
    fn reads_block_only_while_they_may() {
        let (mut pipe, mut server) = pair();
        server.write_all(b"hello").unwrap();
        let mut buffer = [0; 2];
        pipe.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"he");
        pipe.stop_blocking();
        let mut rest = [0; 3];
        pipe.read_exact(&mut rest).unwrap();
        assert_eq!(pipe.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(server);
        pipe.deadline = Some(Instant::now() + Duration::from_secs(20));
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0, "the end");
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0, "and nothing after it");
    }

    #[test]
    fn a_deadline_ends_a_read() {
        let (mut pipe, _server) = pair();
        pipe.deadline = Some(Instant::now());
        assert_eq!(pipe.read(&mut [0; 2]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_deadline_ends_reads_also_if_bytes_wait() {
        let (mut pipe, mut server) = pair();
        server.write_all(b"hello").unwrap();
        let mut select = crossbeam_channel::Select::new();
        select.recv(&pipe.chunks);
        select.ready_timeout(Duration::from_secs(20)).expect("bytes");
        pipe.deadline = Some(Instant::now());
        assert_eq!(pipe.read(&mut [0; 2]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn dropping_it_ends_the_connection() {
        let (pipe, mut server) = pair();
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        drop(pipe);
        assert_eq!(server.read(&mut [0; 2]).unwrap(), 0);
    }
}
