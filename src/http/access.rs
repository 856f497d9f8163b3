//! Who may ask for anything: no web page of another origin, and none that a DNS server has pointed here.

use crate::base::address::Address;
use crate::base::passphrase::Passphrase;
use crate::http::origin::{Host, Origin, Scheme};
use crate::http::request::Head;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use tungstenite::http::{Version, header};

/// What was said at the start about who may get in.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Origins of pages that may talk to the server beside its own, such as that of a proxy before it.
    pub allowed: Vec<Origin>,
    /// Whether `X-Forwarded-…` headers come from a proxy; otherwise anybody may have made them up.
    pub trusts_proxy: bool,
    /// Who may show the page in a frame, as sources of a CSP; its own origin where there are none.
    pub frame_ancestors: Vec<String>,
    /// What everybody has to give who wants to see a room, if anything.
    pub passphrase: Option<Passphrase>,
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// It names no host, or several (RFC 9112, section 3.2).
    NoHost,
    /// The server is on loopback and was asked for by a name that is not loopback's.
    Rebound(Host),
    /// It comes from a page of this origin, which is not the server's own.
    Foreign(Origin),
    /// It comes from a page without an origin that can be named.
    Opaque,
}

impl Access {
    /// Who may show the page in a frame, as a CSP says it.
    pub fn frame_ancestors(&self) -> String {
        if self.frame_ancestors.is_empty() { "'self'".to_owned() } else { self.frame_ancestors.join(" ") }
    }

    /// Checks where a request comes from and what it asks for. `listen` is where the server listens.
    pub fn check(&self, head: &Head, listen: SocketAddr) -> Result<(), Denied> {
        let host = host(head)?;
        if listen.ip().is_loopback()
            && let Some(host) = &host
            && !host.is_loopback()
            && !self.allowed.iter().any(|origin| origin.has_name_of(host))
        {
            return Err(Denied::Rebound(host.clone()));
        }
        let Some(origin) = head.headers().get(header::ORIGIN) else {
            return Ok(());
        };
        let origin: Origin = origin.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Denied::Opaque)?;
        let outside = self.forwarded(head, "X-Forwarded-Host").and_then(Host::parse).or(host);
        let scheme = self.forwarded(head, "X-Forwarded-Proto").and_then(Scheme::named);
        if outside.is_some_and(|host| origin.is_of(&host, scheme)) || self.allowed.contains(&origin) {
            Ok(())
        } else {
            Err(Denied::Foreign(origin))
        }
    }

    /// Whom a request comes from: the other end of the connection, or who was at the other end of the proxy's.
    pub fn address(&self, head: &Head, peer: IpAddr) -> Address {
        let forwarded = self.forwarded(head, "X-Forwarded-For");
        // Some proxies add the port.
        let parse = |text: &str| text.parse().or_else(|_| text.parse().map(|at: SocketAddr| at.ip()));
        Address::of(forwarded.and_then(|text| parse(text).ok()).unwrap_or(peer))
    }

    /// The last of a header's values: what the nearest proxy has added. Those before it are anybody's word.
    fn forwarded<'a>(&self, head: &'a Head, name: &str) -> Option<&'a str> {
        let mut values = head.headers().get_all(name).iter();
        let last = values.next_back().filter(|_| self.trusts_proxy)?.to_str().ok()?;
        last.rsplit(',').next().map(str::trim)
    }
}

/// The host that a request asks for; none in HTTP/1.0, which knows of none.
fn host(head: &Head) -> Result<Option<Host>, Denied> {
    let mut hosts = head.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next(), head.uri().authority()) {
        (None, _, _) if head.version() < Version::HTTP_11 => Ok(None),
        (None, _, _) | (_, Some(_), _) => Err(Denied::NoHost),
        (Some(_), None, Some(authority)) => Host::of(authority).map(Some).ok_or(Denied::NoHost),
        (Some(host), None, None) => host.to_str().ok().and_then(Host::parse).map(Some).ok_or(Denied::NoHost),
    }
}

impl Denied {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoHost => 400,
            Self::Rebound(_) | Self::Foreign(_) | Self::Opaque => 403,
        }
    }
}

/// The sentence, for people.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost => write!(f, "A request has one Host header."),
            Self::Rebound(host) => write!(
                f,
                "This server is for its own machine, and not for {host}. \
                 If a proxy serves it there, start it with --allow-origin https://{host}."
            ),
            Self::Foreign(origin) => write!(
                f,
                "Pages from {origin} may not talk to this server. \
                 If they should, or if a proxy serves it there, start it with --allow-origin {origin}."
            ),
            Self::Opaque => write!(
                f,
                "Pages without an address of their own, such as files, may not talk to this server; \
                 others may with --allow-origin."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse_head;
    use std::net::Ipv4Addr;

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
    const NETWORK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);

    fn head(headers: &str) -> Head {
        let text = format!("GET /ws HTTP/1.1\r\n{headers}\r\n");
        parse_head(text.as_bytes()).unwrap().expect("a whole head").1
    }

    fn check(access: &Access, listen: SocketAddr, headers: &str) -> Result<(), Denied> {
        access.check(&head(headers), listen)
    }

    fn allowing(origin: &str) -> Access {
        Access { allowed: vec![origin.parse().unwrap()], ..Access::default() }
    }

    #[test]
    fn a_page_talks_to_its_own_server_and_scripts_to_any() {
        let access = Access::default();
        for headers in [
            "Host: localhost:8080\r\n",
            "Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\n",
            "Host: [::1]:8080\r\nOrigin: http://[::1]:8080\r\n",
        ] {
            assert_eq!(check(&access, LOOPBACK, headers), Ok(()), "{headers}");
        }
        let headers = "Host: wall.example:8080\r\nOrigin: http://wall.example:8080\r\n";
        assert_eq!(check(&access, NETWORK, headers), Ok(()));
        let denied = check(&access, NETWORK, "Host: wall.example\r\nOrigin: https://evil.example\r\n");
        let sentence = denied.unwrap_err().to_string();
        assert!(sentence.contains("--allow-origin https://evil.example"), "{sentence}");
        assert_eq!(check(&access, NETWORK, "Host: wall.example\r\nOrigin: null\r\n"), Err(Denied::Opaque));
    }

    #[test]
    fn on_loopback_only_its_own_names_are_served() {
        let rebound = "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n";
        let sentence = check(&Access::default(), LOOPBACK, rebound).unwrap_err().to_string();
        assert!(sentence.contains("--allow-origin https://evil.example:8080"), "{sentence}");
        let proxied = "Host: wall.example\r\nOrigin: https://wall.example\r\n";
        assert!(check(&Access::default(), LOOPBACK, proxied).is_err());
        assert_eq!(check(&allowing("https://wall.example"), LOOPBACK, proxied), Ok(()));
        // A proxy may as well pass on the address at which it finds the server.
        let passed = "Host: 127.0.0.1:8080\r\nOrigin: https://wall.example\r\n";
        assert_eq!(check(&allowing("https://wall.example"), LOOPBACK, passed), Ok(()));
        assert!(check(&allowing("https://wall.example"), LOOPBACK, rebound).is_err());
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let headers = "Host: 127.0.0.1:8080\r\nOrigin: https://wall.example\r\n\
                       X-Forwarded-Host: wall.example\r\nX-Forwarded-Proto: https\r\n";
        assert!(check(&Access::default(), LOOPBACK, headers).is_err());
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        assert_eq!(check(&trusting, LOOPBACK, headers), Ok(()));
        assert!(check(&trusting, LOOPBACK, &headers.replace("Proto: https", "Proto: http")).is_err());
        // The name that the browser asked for is checked even so: a page can make up the others.
        let rebound =
            "Host: evil.example\r\nOrigin: http://evil.example\r\nX-Forwarded-Host: evil.example\r\n";
        assert!(check(&trusting, LOOPBACK, rebound).is_err());
    }

    #[test]
    fn a_request_names_one_host() {
        for headers in ["", "Host: a\r\nHost: b\r\n", "Host: \r\n", "Host: a b\r\n", "Host: me@a\r\n"] {
            assert_eq!(check(&Access::default(), NETWORK, headers), Err(Denied::NoHost), "{headers}");
        }
    }

    #[test]
    fn an_address_is_the_last_that_a_trusted_proxy_saw() {
        let peer = "192.0.2.1".parse().unwrap();
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        let of = |text: &str| Address::of(text.parse().unwrap());
        for (headers, address) in [
            ("X-Forwarded-For: 1.1.1.1, 198.51.100.7\r\n", "198.51.100.7"),
            ("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7:4711\r\n", "198.51.100.7"),
            ("X-Forwarded-For: 2001:db8:1:2:3:4:5:6\r\n", "2001:db8:1:2::"),
            ("X-Forwarded-For: somebody\r\n", "192.0.2.1"),
            ("", "192.0.2.1"),
        ] {
            let head = head(&format!("Host: a\r\n{headers}"));
            assert_eq!(trusting.address(&head, peer), of(address), "{headers}");
            assert_eq!(Access::default().address(&head, peer), of("192.0.2.1"));
        }
    }
}
