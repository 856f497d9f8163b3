//! Asks a server whether it is healthy, for containers and supervisors that have no other HTTP client.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};
use tungstenite::http::Uri;
use typewall::Tls;

/// How long the check may take once the address is known: longer than a busy server needs, and shorter than supervisors
/// wait.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The path of the check, below that of the page.
const PATH: &str = "/healthz";

/// The ports of URLs without one.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Length of a response's beginning up to its status, as in `HTTP/1.1 200` (RFC 9112, section 4).
const STATUS_LENGTH: usize = 12;

/// Which server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    is_secure: bool,
    /// The host and the port, as the `Host` header has them.
    authority: String,
    host: String,
    port: u16,
    path: String,
}

impl Target {
    /// Parses the URL of a page or of its health check.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let expected = || "expected an http or https URL, such as http://127.0.0.1:8080/".to_owned();
        let uri: Uri = url.parse().map_err(|_| expected())?;
        let (is_secure, port) = match uri.scheme_str() {
            Some("http") => (false, HTTP_PORT),
            Some("https") => (true, HTTPS_PORT),
            _ => return Err(expected()),
        };
        let authority = uri.authority().ok_or_else(expected)?;
        let page = uri.path().trim_end_matches('/');
        Ok(Self {
            is_secure,
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(port),
            path: format!("{}{PATH}", page.strip_suffix(PATH).unwrap_or(page)),
        })
    }

    /// The server at an address of this machine.
    pub(crate) fn at(address: SocketAddr, is_secure: bool) -> Self {
        let (host, port) = (address.ip().to_string(), address.port());
        Self { is_secure, authority: address.to_string(), host, port, path: PATH.to_owned() }
    }

    /// Asks the server. An error says why it is not healthy. Authorities in `ca_file` count in place of those that the
    /// system trusts.
    pub(crate) fn check(&self, ca_file: Option<&Path>) -> Result<(), String> {
        let Self { is_secure, authority, path, .. } = self;
        let tls = is_secure.then(|| self.tls(ca_file)).transpose()?;
        let url = format!("{}://{authority}{path}", if *is_secure { "https" } else { "http" });
        match self.status(tls.as_ref()) {
            Ok(200) => Ok(()),
            Ok(307) => Err(format!("{url} redirects; if the server has a certificate, use https.")),
            Ok(status) => Err(format!("{url} answers with status {status}.")),
            Err(error) => Err(format!("{url} does not answer: {error}.")),
        }
    }

    /// Whom to trust. Nobody can intercept a connection from this machine to itself, and a certificate rarely has a
    /// loopback address.
    fn tls(&self, ca_file: Option<&Path>) -> Result<Tls, String> {
        let is_loopback =
            self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) || self.host == "localhost";
        if is_loopback && ca_file.is_none() { Tls::without_checks() } else { Tls::new(ca_file) }
    }

    /// The status of the server's response.
    fn status(&self, tls: Option<&Tls>) -> io::Result<u16> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs()?;
        let deadline = Instant::now() + TIMEOUT;
        let stream = Bounded { stream: connect(addresses, deadline)?, deadline };
        match tls {
            None => self.ask(stream),
            Some(tls) => self.ask(tls.stream(&self.host, stream).map_err(io::Error::other)?),
        }
    }

    fn ask(&self, mut stream: impl Read + Write) -> io::Result<u16> {
        let Self { authority, path, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        stream.flush()?;
        let mut start = [0; STATUS_LENGTH];
        stream.read_exact(&mut start).map_err(|error| match error.kind() {
            // In the words of the system, instead of those of `read_exact` about a buffer.
            ErrorKind::UnexpectedEof => ErrorKind::UnexpectedEof.into(),
            _ => error,
        })?;
        let status = str::from_utf8(&start).ok().and_then(|start| start.strip_prefix("HTTP/1."));
        let status = status.and_then(|rest| rest.get(2..)?.parse().ok());
        status.ok_or_else(|| io::Error::other("the response is not HTTP"))
    }
}

/// A connection that must end by a deadline.
struct Bounded {
    stream: TcpStream,
    deadline: Instant,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(remaining(self.deadline)?))?;
        self.stream.read(buffer).map_err(as_timeout)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(remaining(self.deadline)?))?;
        self.stream.write(bytes).map_err(as_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
            let target = Target { is_secure: false, authority, host, port, path };
            assert_eq!(Target::parse(url), Ok(target.clone()));
            let secure = Target { is_secure: true, port: if port == 80 { 443 } else { port }, ..target };
            assert_eq!(Target::parse(&url.replace("http:", "https:")), Ok(secure));
        }
        for url in ["ftp://wall.example/", "wall.example", "/healthz", "http://", "http://a b/", ""] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_a_target() {
        for address in ["127.0.0.1:8080", "[::1]:8080"] {
            let at = |is_secure| Ok(Target::at(address.parse().unwrap(), is_secure));
            assert_eq!(Target::parse(&format!("http://{address}")), at(false));
            assert_eq!(Target::parse(&format!("https://{address}")), at(true));
        }
    }
}
