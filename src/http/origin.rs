//! Origins of web pages: what a browser says in `Origin`, and what the server was asked for in `Host`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use tungstenite::http::Uri;
use tungstenite::http::uri::Authority;

/// Scheme, host and port, as RFC 6454 compares them: in lower case, and the port always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// The two schemes that a browser opens a WebSocket from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Through TLS, which ends in a proxy.
    Https,
}

/// What a request asks for: a host, and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// This was no `http://host:port` or `https://host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoOrigin;

impl Scheme {
    /// Reads `http` or `https`.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    /// The port where none is named.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// True where the page comes from the server that was asked. Both leave out the port that the scheme
    /// has anyway; the scheme itself is known only where a proxy has told it.
    pub fn is_of(&self, host: &Host, scheme: Option<Scheme>) -> bool {
        let port = host.port.unwrap_or(scheme.unwrap_or(self.scheme).port());
        self.host == host.name && self.port == port && scheme.is_none_or(|scheme| scheme == self.scheme)
    }

    /// True where the host is this origin's, whatever the port: a proxy may pass on either its own or ours.
    pub fn has_name_of(&self, host: &Host) -> bool {
        self.host == host.name
    }
}

impl FromStr for Origin {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let uri: Uri = text.parse().map_err(|_| NoOrigin)?;
        let scheme = uri.scheme_str().and_then(Scheme::named).ok_or(NoOrigin)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(NoOrigin);
        }
        let Host { name, port } = Host::of(uri.authority().ok_or(NoOrigin)?).ok_or(NoOrigin)?;
        Ok(Self { scheme, host: name, port: port.unwrap_or(scheme.port()) })
    }
}

/// As a browser writes it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Host {
    /// Reads a `Host` header.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&text.parse().ok()?)
    }

    /// Takes the host of an absolute address.
    pub fn of(authority: &Authority) -> Option<Self> {
        let text = authority.as_str();
        let name = authority.host().to_ascii_lowercase();
        let port = match text.get(name.len()..)? {
            "" | ":" => None,
            port => Some(parse_port(port.strip_prefix(':')?)?),
        };
        // What has a name and a password before the host is no origin and no `Host`.
        (!name.is_empty() && !text.contains('@')).then_some(Self { name, port })
    }

    /// True for names that no DNS server can point at this machine, because none is asked for them.
    pub fn is_loopback(&self) -> bool {
        let v6 = self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        self.name == "localhost"
            || self.name.parse().is_ok_and(|v4: Ipv4Addr| v4.is_loopback())
            || v6.and_then(|name| name.parse().ok()).is_some_and(|v6: Ipv6Addr| v6.is_loopback())
    }
}

/// Digits only: Rust's own parsing takes a plus sign as well.
fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(origin: &str, host: &str, scheme: Option<Scheme>) -> bool {
        origin.parse::<Origin>().unwrap().is_of(&Host::parse(host).unwrap(), scheme)
    }

    #[test]
    fn ports_may_be_left_out_where_the_scheme_has_them() {
        for (origin, host) in [
            ("http://wall.example", "wall.example"),
            ("http://wall.example", "wall.example:80"),
            ("http://wall.example:80", "Wall.Example"),
            ("https://wall.example", "wall.example"),
            ("https://wall.example", "wall.example:443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(is_of(origin, host, None), "{origin} {host}");
        }
    }

    #[test]
    fn another_host_port_or_scheme_is_another_origin() {
        for (origin, host) in [
            ("http://evil.example", "wall.example"),
            ("http://wall.example.evil.example", "wall.example"),
            ("http://wall.example:8080", "wall.example"),
            ("http://wall.example", "wall.example:8080"),
            ("http://localhost:8080", "127.0.0.1:8080"),
        ] {
            assert!(!is_of(origin, host, None), "{origin} {host}");
        }
        assert!(is_of("https://wall.example", "wall.example", Some(Scheme::Https)));
        assert!(!is_of("http://wall.example", "wall.example", Some(Scheme::Https)));
        assert!(!is_of("https://wall.example", "wall.example", Some(Scheme::Http)));
    }

    #[test]
    fn what_is_no_origin_is_not_taken_for_one() {
        for text in [
            "",
            "null",
            "wall.example",
            "ftp://wall.example",
            "https://",
            "https://wall.example/path",
            "https://wall.example?query",
            "https://me@wall.example",
            "https://wall.example:99999",
            "https://wall.example:+80",
            "https://wall example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NoOrigin), "{text}");
        }
        let shown = |text: &str| text.parse::<Origin>().unwrap().to_string();
        assert_eq!(shown("HTTPS://Wall.Example:443/"), "https://wall.example");
        assert_eq!(shown("http://[::1]:8080"), "http://[::1]:8080");
    }

    #[test]
    fn only_this_machines_own_names_are_loopback() {
        let is_loopback = |text: &str| Host::parse(text).unwrap().is_loopback();
        for name in ["localhost:8080", "LOCALHOST", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::2]"] {
            assert!(!is_loopback(name), "{name}");
        }
    }
}
