//! Who may use the server: scripts, and pages of allowed origins. Guards against cross-site requests and DNS rebinding.

use crate::base::address::Address;
use crate::base::secret::SecretHash;
use crate::http::origin::{Host, Origin, Scheme};
use crate::http::request::Head;
use crate::hub::host_options::HostOptions;
use crate::tls::names::Names;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use tungstenite::http::{Version, header};

/// Who may use the server, as set by the options.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Origins whose pages may use the server, besides its own: that of a proxy in front of it, for example.
    pub allowed: Vec<Origin>,
    /// Hosts that requests may be addressed to, besides those that no stranger can point to this machine.
    pub allowed_hosts: Vec<Host>,
    /// Whether to trust `X-Forwarded-…` headers. Without a proxy that sets them, any client can forge them.
    pub trusts_proxy: bool,
    /// Origins that may embed the page, as sources of a CSP. If empty, only the page's own origin may.
    pub frame_ancestors: Vec<String>,
    /// The passphrase that protects all rooms, if there is one.
    pub passphrase: Option<SecretHash>,
    /// Who can be a host.
    pub hosts: HostOptions,
    /// The names in the server's certificate, if it encrypts its connections.
    pub names: Option<Names>,
}

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessError {
    /// It does not have exactly one valid `Host` header (RFC 9112, section 3.2).
    InvalidHost,
    /// It has more than one `Origin` header.
    SeveralOrigins,
    /// It is addressed to a host of this name, which is neither the server's own nor allowed: perhaps DNS rebinding.
    HostNotAllowed(String),
    /// It comes from a page of this origin, which is neither the server's own nor allowed.
    OriginNotAllowed(Origin),
    /// It comes from a page with an opaque origin, such as a local file, or with an invalid one.
    OpaqueOrigin,
}

impl Access {
    /// The value of the CSP's `frame-ancestors`.
    pub fn frame_ancestors(&self) -> String {
        if self.frame_ancestors.is_empty() { "'self'".to_owned() } else { self.frame_ancestors.join(" ") }
    }

    /// Checks the host and the origin of a request. `listen` is the address that the server listens on.
    pub fn check(&self, head: &Head, listen: SocketAddr) -> Result<(), AccessError> {
        let host = host(head)?;
        if let Some(host) = host.as_ref().filter(|host| !self.accepts_host(host, listen)) {
            return Err(AccessError::HostNotAllowed(host.name().to_owned()));
        }
        let Some(origin) = origin(head)? else {
            return Ok(());
        };
        let public_host = self.forwarded(head, "X-Forwarded-Host").and_then(Host::parse).or(host);
        let scheme = self.forwarded(head, "X-Forwarded-Proto").and_then(Scheme::from_name);
        // Without a header from the proxy, nobody knows which scheme browsers use with it.
        let scheme = scheme.or_else(|| (!self.trusts_proxy && self.names.is_some()).then_some(Scheme::Https));
        if public_host.is_some_and(|host| origin.matches(&host, scheme)) || self.allowed.contains(&origin) {
            Ok(())
        } else {
            Err(AccessError::OriginNotAllowed(origin))
        }
    }

    /// True if requests may be addressed to this host. Otherwise a stranger's page could use the server as its own: its
    /// name only has to resolve to this machine (DNS rebinding).
    fn accepts_host(&self, host: &Host, listen: SocketAddr) -> bool {
        let is_own = match listen.ip().is_loopback() {
            true => host.is_loopback(),
            false => host.is_safe_from_rebinding(&own_name()),
        };
        is_own
            || self.allowed_hosts.iter().any(|allowed| allowed.name() == host.name())
            || self.allowed.iter().any(|origin| origin.has_host(host))
            || self.is_certified(host)
            || (self.trusts_proxy && host.may_be_of_proxy(listen.port(), self.scheme()))
    }

    /// True if the certificate is valid for this host. DNS rebinding needs a page of a stranger under that name, and a
    /// browser opens none without a certificate for it.
    fn is_certified(&self, host: &Host) -> bool {
        self.names.as_ref().is_some_and(|names| names.include(host.name()))
    }

    /// The scheme that the server itself serves.
    pub(super) fn scheme(&self) -> Scheme {
        if self.names.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Where a request that was not encrypted belongs. `None` unless it names a host that is accepted.
    pub(super) fn secure_address(&self, head: &Head, listen: SocketAddr) -> Option<String> {
        let host = host(head).ok()??;
        let path = head.uri().path_and_query()?;
        self.accepts_host(&host, listen).then(|| format!("https://{host}{path}"))
    }

    /// The address of the client: the connection's peer, or the one that a trusted proxy forwards.
    pub fn client_address(&self, head: &Head, peer: IpAddr) -> Address {
        let forwarded = self.forwarded(head, "X-Forwarded-For");
        // Some proxies append the port.
        let parse = |text: &str| text.parse().or_else(|_| text.parse().map(|at: SocketAddr| at.ip()));
        Address::of(forwarded.and_then(|text| parse(text).ok()).unwrap_or(peer))
    }

    /// The last value of a header, which the nearest proxy added. The client may have forged those before it.
    fn forwarded<'a>(&self, head: &'a Head, name: &str) -> Option<&'a str> {
        let mut values = head.headers().get_all(name).iter();
        let last = values.next_back().filter(|_| self.trusts_proxy)?.to_str().ok()?;
        last.rsplit(',').next().map(str::trim)
    }
}

/// The host of a request. `None` for an HTTP/1.0 request without one, which that version allows.
fn host(head: &Head) -> Result<Option<Host>, AccessError> {
    let mut hosts = head.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next(), head.uri().authority()) {
        (None, _, _) if head.version() < Version::HTTP_11 => Ok(None),
        (None, _, _) | (_, Some(_), _) => Err(AccessError::InvalidHost),
        (Some(_), None, Some(authority)) => {
            Host::from_authority(authority).map(Some).ok_or(AccessError::InvalidHost)
        }
        (Some(host), None, None) => {
            host.to_str().ok().and_then(Host::parse).map(Some).ok_or(AccessError::InvalidHost)
        }
    }
}

/// The origin of the page that sends a request. `None` for a script, and for most reads by the server's own page.
fn origin(head: &Head) -> Result<Option<Origin>, AccessError> {
    let mut origins = head.headers().get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (_, Some(_)) => Err(AccessError::SeveralOrigins),
        (Some(origin), None) => {
            let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
            origin.map(Some).ok_or(AccessError::OpaqueOrigin)
        }
        (None, None) => Ok(None),
    }
}

/// The name of this machine. The system is asked each time, because the name may change.
fn own_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

impl AccessError {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidHost | Self::SeveralOrigins => 400,
            Self::HostNotAllowed(_) | Self::OriginNotAllowed(_) | Self::OpaqueOrigin => 403,
        }
    }
}

/// The text of the response.
impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHost => write!(f, "A request must have exactly one valid Host header."),
            Self::SeveralOrigins => write!(f, "A request must not have more than one Origin header."),
            Self::HostNotAllowed(host) => write!(
                f,
                "This server does not accept requests addressed to {host}. \
                 To accept them, restart the server with --allow-host {host}."
            ),
            Self::OriginNotAllowed(origin) => write!(
                f,
                "Pages from {origin} may not use this server. \
                 To allow them, or if a proxy serves Typewall at {origin}, restart the server with \
                 --allow-origin {origin}."
            ),
            Self::OpaqueOrigin => write!(
                f,
                "Pages without an origin, such as local files, may not use this server. \
                 Serve the page over HTTP and restart the server with --allow-origin and the page's origin."
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

    fn check(access: &Access, listen: SocketAddr, headers: &str) -> Result<(), AccessError> {
        access.check(&head(headers), listen)
    }

    fn allowing(origin: &str) -> Access {
        Access { allowed: vec![origin.parse().unwrap()], ..Access::default() }
    }

    #[test]
    fn a_page_may_use_its_own_server_and_a_script_any() {
        let access = Access::default();
        for headers in [
            "Host: localhost:8080\r\n",
            "Host: 127.0.0.1:8080\r\nOrigin: http://127.0.0.1:8080\r\n",
            "Host: [::1]:8080\r\nOrigin: http://[::1]:8080\r\n",
        ] {
            assert_eq!(check(&access, LOOPBACK, headers), Ok(()), "{headers}");
        }
        let headers = "Host: wall.local:8080\r\nOrigin: http://wall.local:8080\r\n";
        assert_eq!(check(&access, NETWORK, headers), Ok(()));
        let rejected = check(&access, NETWORK, "Host: wall.local\r\nOrigin: https://evil.example\r\n");
        let text = rejected.unwrap_err().to_string();
        assert!(text.contains("--allow-origin https://evil.example"), "{text}");
        assert_eq!(
            check(&access, NETWORK, "Host: wall.local\r\nOrigin: null\r\n"),
            Err(AccessError::OpaqueOrigin)
        );
    }

    #[test]
    fn a_server_on_loopback_accepts_only_loopback_hosts() {
        let rebound = "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n";
        let text = check(&Access::default(), LOOPBACK, rebound).unwrap_err().to_string();
        assert!(text.contains("restart the server with --allow-host evil.example."), "{text}");
        assert!(check(&Access::default(), LOOPBACK, "Host: 192.168.1.20:8080\r\n").is_err());
        let proxied = "Host: wall.example\r\nOrigin: https://wall.example\r\n";
        assert!(check(&Access::default(), LOOPBACK, proxied).is_err());
        assert_eq!(check(&allowing("https://wall.example"), LOOPBACK, proxied), Ok(()));
        // A proxy may also forward the address of the server.
        let passed = "Host: 127.0.0.1:8080\r\nOrigin: https://wall.example\r\n";
        assert_eq!(check(&allowing("https://wall.example"), LOOPBACK, passed), Ok(()));
        assert!(check(&allowing("https://wall.example"), LOOPBACK, rebound).is_err());
    }

    #[test]
    fn a_server_on_a_network_accepts_only_hosts_that_no_stranger_can_point_to_it() {
        let own = own_name();
        for host in ["192.168.1.20:8080", "[2001:db8::1]:8080", "localhost", "Wall.local:8080", &own] {
            let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
            assert_eq!(check(&Access::default(), NETWORK, &headers), Ok(()), "{host}");
        }
        let rebound = "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n";
        let text = check(&Access::default(), NETWORK, rebound).unwrap_err().to_string();
        assert!(text.contains("restart the server with --allow-host evil.example."), "{text}");
        let allowed_hosts = vec![Host::parse("evil.example").unwrap()];
        let access = Access { allowed_hosts, ..Access::default() };
        for listen in [NETWORK, LOOPBACK] {
            assert_eq!(check(&access, listen, rebound), Ok(()));
            assert!(check(&access, listen, &rebound.replace("evil", "other")).is_err());
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_own_name_is_the_host_name_of_the_system() {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
        assert_eq!(own_name(), name.trim_end());
    }

    #[test]
    fn forwarded_headers_count_only_if_the_proxy_is_trusted() {
        let headers = "Host: 127.0.0.1:8080\r\nOrigin: https://wall.example\r\n\
                       X-Forwarded-Host: evil.example\r\nX-Forwarded-Host: wall.example\r\n\
                       X-Forwarded-Proto: https\r\n";
        assert!(check(&Access::default(), LOOPBACK, headers).is_err());
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        assert_eq!(check(&trusting, LOOPBACK, headers), Ok(()));
        assert!(check(&trusting, LOOPBACK, &headers.replace("Proto: https", "Proto: http")).is_err());
    }

    #[test]
    fn a_trusted_proxy_may_keep_the_host() {
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        let caddy = "Host: wall.example\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: wall.example\r\n\
                     X-Forwarded-Proto: https\r\nOrigin: https://wall.example\r\n";
        let nginx = "Host: wall.example\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\
                     Origin: https://wall.example\r\n";
        // The name by which a proxy in another container knows the server.
        let upstream =
            "Host: typewall:8080\r\nX-Forwarded-Host: wall.example\r\nOrigin: https://wall.example\r\n";
        for headers in [caddy, nginx, upstream] {
            for listen in [LOOPBACK, NETWORK] {
                assert_eq!(check(&trusting, listen, headers), Ok(()), "{headers}");
                let foreign = headers.replace("Origin: https://wall", "Origin: https://evil");
                let refused = check(&trusting, listen, &foreign).unwrap_err();
                assert!(matches!(refused, AccessError::OriginNotAllowed(_)), "{refused}");
            }
            assert!(check(&Access::default(), LOOPBACK, headers).is_err(), "{headers}");
        }
    }

    #[test]
    fn a_page_that_bypasses_the_proxy_by_its_own_name_is_refused_whatever_it_forwards() {
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        let rebound = "Host: evil.example:8080\r\nOrigin: http://evil.example:8080\r\n";
        let forged = "X-Forwarded-Host: evil.example:8080\r\nX-Forwarded-Proto: http\r\n";
        for listen in [LOOPBACK, NETWORK] {
            for headers in [rebound.to_owned(), format!("{rebound}{forged}")] {
                assert!(check(&trusting, listen, &headers).is_err(), "{headers}");
            }
        }
    }

    #[test]
    fn a_browser_leaves_out_the_default_port_of_the_host_and_of_the_origin() {
        let at = |port| SocketAddr::new(NETWORK.ip(), port);
        let named = Access { allowed_hosts: vec![Host::parse("example.org").unwrap()], ..Access::default() };
        let direct = "Host: example.org\r\nOrigin: http://example.org\r\n";
        assert_eq!(check(&named, at(80), direct), Ok(()));
        assert!(
            check(&named, at(80), &direct.replace("http://example.org", "http://example.org:8080")).is_err()
        );
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        for host in ["example.org", "example.org:443"] {
            let forwarded =
                format!("Host: {host}\r\nX-Forwarded-Proto: https\r\nOrigin: https://example.org\r\n");
            assert_eq!(check(&trusting, at(8080), &forwarded), Ok(()), "{host}");
            for other in ["http://example.org", "http://example.org:443", "https://example.org:80"] {
                let headers = forwarded.replace("https://example.org", other);
                assert!(check(&trusting, at(8080), &headers).is_err(), "{host} {other}");
            }
        }
    }

    #[test]
    fn a_page_that_bypasses_the_proxy_on_port_80_is_refused() {
        let trusting = Access { trusts_proxy: true, ..Access::default() };
        let listen = SocketAddr::new(NETWORK.ip(), 80);
        for host in ["evil.example", "evil.example:80"] {
            let rebound = format!("Host: {host}\r\nOrigin: http://evil.example\r\n");
            assert!(check(&trusting, listen, &rebound).is_err(), "{host}");
        }
        let forwarded = "Host: wall.example:8080\r\nOrigin: http://wall.example:8080\r\n";
        assert_eq!(check(&trusting, listen, forwarded), Ok(()));
    }

    #[test]
    fn a_request_has_one_origin_at_most() {
        let headers = "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost\r\n";
        let rejected = check(&Access::default(), LOOPBACK, headers).unwrap_err();
        assert_eq!((rejected.status(), &rejected), (400, &AccessError::SeveralOrigins));
    }

    #[test]
    fn a_request_has_exactly_one_host() {
        for headers in ["", "Host: a\r\nHost: b\r\n", "Host: \r\n", "Host: a b\r\n", "Host: me@a\r\n"] {
            assert_eq!(
                check(&Access::default(), NETWORK, headers),
                Err(AccessError::InvalidHost),
                "{headers}"
            );
        }
    }

    #[test]
    fn the_client_address_is_the_last_that_a_trusted_proxy_forwards() {
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
            assert_eq!(trusting.client_address(&head, peer), of(address), "{headers}");
            assert_eq!(Access::default().client_address(&head, peer), of("192.0.2.1"));
        }
    }
}
