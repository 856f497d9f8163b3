//! Origins and hosts: the values of the `Origin` and `Host` headers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use tungstenite::http::Uri;
use tungstenite::http::uri::Authority;

/// The origin of a web page (RFC 6454): scheme, lower-case host, and port, which is never left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// The scheme of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Unencrypted.
    Http,
    /// Encrypted, by this server or by a proxy.
    Https,
}

/// A host with an optional port, as in a `Host` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// The text is not `http://host[:port]` or `https://host[:port]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidOrigin;

impl Scheme {
    /// Parses `http` or `https`, or the scheme of a WebSocket: Socket.IO's client for Swift sends the WebSocket's URL as
    /// its origin, and some proxies forward its scheme.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "http" | "ws" => Some(Self::Http),
            "https" | "wss" => Some(Self::Https),
            _ => None,
        }
    }

    /// The port of a URL that has none.
    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Origin {
    /// True if the page comes from `host`. Either side may leave out the scheme's default port. `scheme` is the one
    /// that the browser used, which is known only if a proxy forwards it.
    pub fn matches(&self, host: &Host, scheme: Option<Scheme>) -> bool {
        let port = host.port.unwrap_or(self.scheme.default_port());
        self.host == host.name && self.port == port && scheme.is_none_or(|scheme| scheme == self.scheme)
    }

    /// True if the host is this origin's. The port is ignored, because a proxy may forward its own or the server's.
    pub fn has_host(&self, host: &Host) -> bool {
        self.host == host.name
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let scheme = uri.scheme_str().and_then(Scheme::from_name).ok_or(InvalidOrigin)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(InvalidOrigin);
        }
        let Host { name, port } =
            Host::from_authority(uri.authority().ok_or(InvalidOrigin)?).ok_or(InvalidOrigin)?;
        if !name.bytes().all(is_in_host_name) {
            return Err(InvalidOrigin);
        }
        Ok(Self { scheme, host: name, port: port.unwrap_or(scheme.default_port()) })
    }
}

/// The value of the browser's `Origin` header.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl Host {
    /// Parses the value of a `Host` header.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_authority(&text.parse().ok()?)
    }

    /// Takes the host and port of a URI. `None` if it has a user name.
    pub fn from_authority(authority: &Authority) -> Option<Self> {
        let text = authority.as_str();
        let name = authority.host().to_ascii_lowercase();
        let port = match text.get(name.len()..)? {
            "" | ":" => None,
            port => Some(parse_port(port.strip_prefix(':')?)?),
        };
        (!name.is_empty() && !text.contains('@')).then_some(Self { name, port })
    }

    /// The name or IP address, without the port; an IPv6 address in brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, unless it is left out.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// True for hosts that always mean this machine. A DNS server resolves any other name, perhaps to this machine too.
    pub fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// True for hosts that no stranger can point to this machine: IP addresses, `localhost`, names of multicast DNS
    /// (RFC 6762), which the public DNS never has, and the name of this machine, with or without its domain.
    pub fn is_safe_from_rebinding(&self, own_name: &str) -> bool {
        let own_label = own_name.split('.').next().unwrap_or_default();
        self.ip().is_some()
            || self.name == "localhost"
            || self.name.ends_with(".local")
            || [own_name, own_label].iter().any(|own| self.name.eq_ignore_ascii_case(own))
    }

    /// True if a proxy may have sent a request with this host to the server's own `port`, over this scheme. A browser
    /// that bypasses the proxy cannot leave out that port, or change it; a proxy sends the port that it has itself, or
    /// the name by which it knows the server. A name without a dot, as containers have, is never a stranger's.
    pub fn may_be_of_proxy(&self, port: u16, scheme: Scheme) -> bool {
        self.port.unwrap_or(scheme.default_port()) != port || !self.name.contains('.')
    }

    fn ip(&self) -> Option<IpAddr> {
        match self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(v6) => v6.parse().ok().map(IpAddr::V6),
            None => self.name.parse().ok().map(IpAddr::V4),
        }
    }
}

/// Whether a host name or an IP address in brackets may hold this byte. A URI may have others, such as `;`, which would
/// end a directive of the Content-Security-Policy.
fn is_in_host_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte)
}

/// Parses digits. Rust's own parser would also accept a plus sign.
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

    fn matches(origin: &str, host: &str, scheme: Option<Scheme>) -> bool {
        origin.parse::<Origin>().unwrap().matches(&Host::parse(host).unwrap(), scheme)
    }

    #[test]
    fn default_ports_may_be_left_out() {
        for (origin, host) in [
            ("http://wall.example", "wall.example"),
            ("http://wall.example", "wall.example:80"),
            ("http://wall.example:80", "Wall.Example"),
            ("https://wall.example", "wall.example"),
            ("https://wall.example", "wall.example:443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("ws://127.0.0.1:8080", "127.0.0.1:8080"),
            ("wss://wall.example", "wall.example"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert!(matches(origin, host, None), "{origin} {host}");
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
            ("ws://evil.example", "wall.example"),
        ] {
            assert!(!matches(origin, host, None), "{origin} {host}");
        }
        assert!(matches("https://wall.example", "wall.example", Some(Scheme::Https)));
        assert!(!matches("http://wall.example", "wall.example", Some(Scheme::Https)));
        assert!(!matches("https://wall.example", "wall.example", Some(Scheme::Http)));
    }

    #[test]
    fn invalid_origins_are_rejected() {
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
            "https://wall.example;script-src",
            "https://wall.example,self",
            "https://*",
            "https://'none'",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
        let shown = |text: &str| text.parse::<Origin>().unwrap().to_string();
        assert_eq!(shown("HTTPS://Wall.Example:443/"), "https://wall.example");
        assert_eq!(shown("wss://wall.example:443"), "https://wall.example");
        assert_eq!(shown("http://[::1]:8080"), "http://[::1]:8080");
    }

    #[test]
    fn a_host_is_shown_as_it_was_given_in_lower_case() {
        for (text, shown, port) in
            [("Wall.Example:8080", "wall.example:8080", Some(8080)), ("[::1]", "[::1]", None)]
        {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.to_string().as_str(), host.port()), (shown, port));
        }
        for bad in ["", ":80", "me@wall.example", "wall.example:x"] {
            assert!(Host::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_localhost_and_loopback_addresses_are_loopback() {
        let is_loopback = |text: &str| Host::parse(text).unwrap().is_loopback();
        for name in ["localhost:8080", "LOCALHOST", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "[::2]"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn a_stranger_cannot_point_an_address_or_a_local_name_to_this_machine() {
        let is_safe = |text: &str| Host::parse(text).unwrap().is_safe_from_rebinding("Desk.school.example");
        for name in
            ["192.168.1.20:8080", "[2001:db8::1]", "localhost", "wall.local", "desk", "desk.school.example"]
        {
            assert!(is_safe(name), "{name}");
        }
        for name in [
            "desk.evil.example",
            "school.example",
            "local",
            "notlocal",
            "wall.local.evil.example",
            "1.2.3.4.5",
        ] {
            assert!(!is_safe(name), "{name}");
        }
        assert!(!Host::parse("evil.example").unwrap().is_safe_from_rebinding(""));
    }
}
