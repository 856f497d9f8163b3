//! Reading an HTTP request's head: bounded in bytes, in headers and in time.

use crate::delivery::transport::SocketTransport;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};
use tungstenite::http::{self, Method, Uri, Version};

/// Bytes of a request's head. Browsers send one or two thousand, most of them cookies of the same host.
pub const MAX_HEAD: usize = 8 * 1024;

/// Headers in a request's head.
pub const MAX_HEADERS: usize = 100;

/// A request without its body.
pub type Head = http::Request<()>;

/// Why no request could be read.
#[derive(Debug)]
pub enum Unread {
    /// The connection ended or broke, or nothing came: there is nobody to answer.
    Gone,
    /// The head did not come in time.
    Late,
    /// The head is larger than [`MAX_HEAD`] or has more than [`MAX_HEADERS`] headers.
    TooLarge,
    /// These bytes are no HTTP/1 request.
    Malformed,
}

/// A socket on which all reads and writes together may take until `deadline`. Timeouts of the system's
/// are for each read, and a client that drips a byte a second would never meet one.
#[derive(Debug)]
pub struct Timed<'a> {
    /// What is read and written.
    pub transport: &'a SocketTransport,
    /// When it is too late.
    pub deadline: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Duration> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.transport.set_read_timeout(Some(self.left()?))?;
        let mut transport = self.transport;
        transport.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.transport.set_write_timeout(Some(self.left()?))?;
        let mut transport = self.transport;
        transport.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a request's head. What came behind it is left in `buffer`, where also the start of it may stand.
///
/// The head may begin within `idle` from now, and takes `patience` from then on at most.
pub fn read_head(
    transport: &SocketTransport,
    buffer: &mut Vec<u8>,
    idle: Duration,
    patience: Duration,
) -> Result<Head, Unread> {
    if buffer.is_empty() {
        fill(&mut Timed { transport, deadline: Instant::now() + idle }, buffer).map_err(|_| Unread::Gone)?;
    }
    let mut timed = Timed { transport, deadline: Instant::now() + patience };
    loop {
        if let Some((len, head)) = parse_head(buffer)? {
            buffer.drain(..len);
            return Ok(head);
        }
        if buffer.len() >= MAX_HEAD {
            return Err(Unread::TooLarge);
        }
        fill(&mut timed, buffer).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Unread::Late,
            _ => Unread::Gone,
        })?;
    }
}

/// Reads what is there, up to the size of a head in all.
fn fill(timed: &mut Timed<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let start = buffer.len();
    buffer.resize(MAX_HEAD, 0);
    let read = timed.read(&mut buffer[start..]);
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    match read? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Parses a head and says how many bytes it has; `None` where more of it must come.
pub fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Head)>, Unread> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Unread::TooLarge),
        Err(_) => return Err(Unread::Malformed),
    };
    convert(&request).map(|head| Some((len, head))).ok_or(Unread::Malformed)
}

fn convert(request: &httparse::Request<'_, '_>) -> Option<Head> {
    let version = if request.version? == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut head = http::Request::builder()
        .method(Method::from_bytes(request.method?.as_bytes()).ok()?)
        .uri(request.path?.parse::<Uri>().ok()?)
        .version(version);
    for header in request.headers.iter() {
        head = head.header(header.name, header.value);
    }
    head.body(()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    /// Both ends of a connection.
    fn connection() -> (TcpStream, SocketTransport) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, SocketTransport::new(listener.accept().unwrap().0))
    }

    fn read(transport: &SocketTransport, buffer: &mut Vec<u8>) -> Result<Head, Unread> {
        read_head(transport, buffer, Duration::from_millis(50), Duration::from_millis(50))
    }

    #[test]
    fn a_head_that_is_not_ended_in_time_is_late_and_one_that_is_not_begun_is_gone() {
        let (mut client, server) = connection();
        assert!(matches!(read(&server, &mut Vec::new()), Err(Unread::Gone)));
        client.write_all(b"GET / HT").unwrap();
        assert!(matches!(read(&server, &mut Vec::new()), Err(Unread::Late)));
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        drop(client);
        assert!(matches!(read(&server, &mut Vec::new()), Err(Unread::Gone)));
    }

    #[test]
    fn bytes_that_are_there_are_too_late_all_the_same() {
        let (mut client, server) = connection();
        client.write_all(b"G").unwrap();
        let mut timed = Timed { transport: &server, deadline: Instant::now() };
        assert_eq!(timed.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn what_comes_behind_a_head_is_kept() {
        let (mut client, server) = connection();
        client.write_all(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nrest").unwrap();
        let mut buffer = Vec::new();
        assert_eq!(read(&server, &mut buffer).unwrap().uri(), "/a");
        assert_eq!(read(&server, &mut buffer).unwrap().uri(), "/b");
        assert_eq!(buffer, b"rest");
    }

    #[test]
    fn heads_are_bounded() {
        let head = |len: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(len - 18));
        for (len, fits) in [(MAX_HEAD, true), (MAX_HEAD + 1, false)] {
            let (mut client, server) = connection();
            client.write_all(head(len).as_bytes()).unwrap();
            match read(&server, &mut Vec::new()) {
                Ok(_) => assert!(fits),
                Err(unread) => assert!(!fits && matches!(unread, Unread::TooLarge), "{unread:?}"),
            }
        }
    }
}
