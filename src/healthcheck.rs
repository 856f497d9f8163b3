//! Asks a server whether it is healthy, for containers and supervisors that have no other HTTP client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};
use tungstenite::http::Uri;

/// How long the check may take once the address is known: longer than a busy server needs, and shorter than supervisors
/// wait.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The path of the check, below that of the page.
const PATH: &str = "/healthz";

/// The port of an `http` URL without one.
const HTTP_PORT: u16 = 80;

/// Length of a response's beginning up to its status, as in `HTTP/1.1 200` (RFC 9112, section 4).
const STATUS_LENGTH: usize = 12;

/// Which server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The host and the port, as the `Host` header has them.
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// Parses the URL of a page or of its health check.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let expected = || "expected an http URL, such as http://127.0.0.1:8080/".to_owned();
        let uri: Uri = url.parse().map_err(|_| expected())?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http")).ok_or_else(expected)?;
        let page = uri.path().trim_end_matches('/');
        Ok(Self {
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            path: format!("{}{PATH}", page.strip_suffix(PATH).unwrap_or(page)),
        })
    }

    /// The server at an address of this machine.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let (host, port) = (address.ip().to_string(), address.port());
        Self { authority: address.to_string(), host, port, path: PATH.to_owned() }
    }

    /// Asks the server. An error says why it is not healthy.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { authority, path, .. } = self;
        match self.status() {
            Ok(200) => Ok(()),
            Ok(status) => Err(format!("http://{authority}{path} answers with status {status}.")),
            Err(error) => Err(format!("http://{authority}{path} does not answer: {error}.")),
        }
    }

    /// The status of the server's response.
    fn status(&self) -> io::Result<u16> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs()?;
        let deadline = Instant::now() + TIMEOUT;
        let mut stream = connect(addresses, deadline)?;
        let Self { authority, path, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.set_write_timeout(Some(remaining(deadline)?))?;
        stream.write_all(request.as_bytes())?;
        let mut start = [0; STATUS_LENGTH];
        let mut length = 0;
        while length < STATUS_LENGTH {
            stream.set_read_timeout(Some(remaining(deadline)?))?;
            match stream.read(&mut start[length..]).map_err(as_timeout)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => length += read,
            }
        }
        let status = str::from_utf8(&start).ok().and_then(|start| start.strip_prefix("HTTP/1."));
        let status = status.and_then(|rest| rest.get(2..)?.parse().ok());
        status.ok_or_else(|| io::Error::other("the response is not HTTP"))
    }
}

/// Connects to the first of the addresses that accepts.
fn connect(addresses: impl Iterator<Item = SocketAddr>, deadline: Instant) -> io::Result<TcpStream> {
    let mut error = io::Error::from(ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, remaining(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(refused) => error = refused,
        }
    }
    Err(error)
}

/// The time until the deadline, which is not zero.
fn remaining(deadline: Instant) -> io::Result<Duration> {
    let remaining = deadline.saturating_duration_since(Instant::now());
    if remaining.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(remaining) }
}

/// A socket's read time-out is reported as an operation that would block.
fn as_timeout(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_below_the_page() {
        for (url, authority, host, port, path) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1", 8080, "/healthz"),
            ("http://wall.example/", "wall.example", "wall.example", 80, "/healthz"),
            ("http://wall.example/wall/?room=r", "wall.example", "wall.example", 80, "/wall/healthz"),
            ("http://[::1]:8080/a/b/healthz", "[::1]:8080", "::1", 8080, "/a/b/healthz"),
        ] {
            let (authority, host, path) = (authority.to_owned(), host.to_owned(), path.to_owned());
            assert_eq!(Target::parse(url), Ok(Target { authority, host, port, path }));
        }
        for url in ["https://wall.example/", "wall.example", "/healthz", "http://", "http://a b/", ""] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_a_target() {
        for address in ["127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(Target::parse(&format!("http://{address}")), Ok(Target::at(address.parse().unwrap())));
        }
    }
}
