//! HTTP request heads: read from a socket with limits on bytes, headers and time.

use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;
use tungstenite::http::{self, Method, Uri, Version, header};

/// Largest request head, in bytes. Browsers send one or two thousand, most of them cookies of the same host.
pub const MAX_HEAD: usize = 8 * 1024;

/// Most headers in a request head.
pub const MAX_HEADERS: usize = 100;

/// How long a request head may take to arrive, and how long a response may take to send.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request without its body.
pub type Head = http::Request<()>;

/// Why no request head could be read.
#[derive(Debug)]
pub enum HeadError {
    /// The connection ended, broke, or stayed idle. Nobody waits for a response.
    Disconnected,
    /// The head did not arrive in time.
    Timeout,
    /// The head has more than [`MAX_HEAD`] bytes or more than [`MAX_HEADERS`] headers.
    TooLarge,
    /// The bytes are not an HTTP/1 request.
    Malformed,
}

/// Reads a request head. Bytes that follow it stay in `buffer`, which may already hold the start of the head.
///
/// The head must begin within `idle_timeout`, and arrive whole within `timeout` after that.
pub fn read_head(
    transport: &SocketTransport,
    buffer: &mut Vec<u8>,
    idle_timeout: Duration,
    timeout: Duration,
) -> Result<Head, HeadError> {
    if buffer.is_empty() {
        let mut stream = DeadlineStream::with_timeout(transport, idle_timeout);
        fill(&mut stream, buffer).map_err(|_| HeadError::Disconnected)?;
    }
    let mut stream = DeadlineStream::with_timeout(transport, timeout);
    loop {
        if let Some((len, head)) = parse_head(buffer)? {
            buffer.drain(..len);
            return Ok(head);
        }
        if buffer.len() >= MAX_HEAD {
            return Err(HeadError::TooLarge);
        }
        fill(&mut stream, buffer).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => HeadError::Timeout,
            _ => HeadError::Disconnected,
        })?;
    }
}

/// Appends the bytes of one read to `buffer`, up to [`MAX_HEAD`] bytes in total.
fn fill(stream: &mut DeadlineStream<'_>, buffer: &mut Vec<u8>) -> io::Result<()> {
    let start = buffer.len();
    buffer.resize(MAX_HEAD, 0);
    let read = stream.read(&mut buffer[start..]);
    buffer.truncate(start + *read.as_ref().unwrap_or(&0));
    match read? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Parses a request head and returns its length in bytes with it, or `None` if the head is incomplete.
pub fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Head)>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(_) => return Err(HeadError::Malformed),
    };
    convert(&request).map(|head| Some((len, head))).ok_or(HeadError::Malformed)
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

/// True if a body follows the head. Any length but zero counts, even one that is not a number.
pub(crate) fn has_body(head: &Head) -> bool {
    let mut lengths = head.headers().get_all(header::CONTENT_LENGTH).iter();
    head.headers().contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length != "0")
}

/// True if the client asks to close the connection after the response.
pub(crate) fn must_close(head: &Head) -> bool {
    let values = head.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = values.flat_map(|value| value.split(','));
    head.version() < Version::HTTP_11 || options.any(|option| option.trim().eq_ignore_ascii_case("close"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    /// Both ends of a connection.
    fn connection() -> (TcpStream, SocketTransport) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, SocketTransport::new(listener.accept().unwrap().0))
    }

    fn read(transport: &SocketTransport, buffer: &mut Vec<u8>) -> Result<Head, HeadError> {
        read_head(transport, buffer, Duration::from_millis(50), Duration::from_millis(50))
    }

    #[test]
    fn an_incomplete_head_times_out_and_an_idle_connection_is_disconnected() {
        let (mut client, server) = connection();
        assert!(matches!(read(&server, &mut Vec::new()), Err(HeadError::Disconnected)));
        client.write_all(b"GET / HT").unwrap();
        assert!(matches!(read(&server, &mut Vec::new()), Err(HeadError::Timeout)));
        client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        drop(client);
        assert!(matches!(read(&server, &mut Vec::new()), Err(HeadError::Disconnected)));
    }

    #[test]
    fn bytes_after_a_head_are_kept() {
        let (mut client, server) = connection();
        client.write_all(b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nrest").unwrap();
        let mut buffer = Vec::new();
        assert_eq!(read(&server, &mut buffer).unwrap().uri(), "/a");
        assert_eq!(read(&server, &mut buffer).unwrap().uri(), "/b");
        assert_eq!(buffer, b"rest");
    }

    #[test]
    fn a_head_has_a_largest_size() {
        let head = |len: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(len - 18));
        for (len, fits) in [(MAX_HEAD, true), (MAX_HEAD + 1, false)] {
            let (mut client, server) = connection();
            client.write_all(head(len).as_bytes()).unwrap();
            match read(&server, &mut Vec::new()) {
                Ok(_) => assert!(fits),
                Err(error) => assert!(!fits && matches!(error, HeadError::TooLarge), "{error:?}"),
            }
        }
    }
}
