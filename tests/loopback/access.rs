//! Access: which web pages may talk to the server, and the security headers that a browser gets with its own page.

use crate::server::TestServer;
use crate::support::frame::handshake;
use crate::support::http::Response;
use std::io::Write;
use std::net::TcpListener;
use typewall::{Access, Limits};

/// Every route; the log with a query that is answered without chunks.
const PATHS: [&str; 7] = ["/", "/ws", "/log?format=pdf", "/invite", "/qr.svg", "/healthz", "/nothing"];

fn start(access: Access) -> TestServer {
    TestServer::with_access(Limits::DEFAULT, access, None)
}

/// The status of a handshake with these headers, a `Host` among them.
fn shake_hands(server: &TestServer, headers: &str) -> u16 {
    let mut socket = server.dial();
    let handshake = String::from_utf8(handshake("/ws?room=r")).unwrap();
    write!(socket, "{}", handshake.replace("Host: localhost\r\n", headers)).unwrap();
    Response::read_head(&mut socket).status
}

#[test]
fn pages_of_other_origins_are_refused() {
    let server = start(Access::default());
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n", server.address);
    let foreign = format!("Host: {}\r\nOrigin: https://evil.example\r\n", server.address);
    assert_eq!(shake_hands(&server, &own), 101);
    assert_eq!(shake_hands(&server, &foreign), 403);
    for path in PATHS {
        assert_ne!(server.get_with(path, &own).status, 403, "{path}");
        let response = server.get_with(path, &foreign);
        assert_eq!(response.status, 403, "{path}");
        assert!(response.text().contains("--allow-origin https://evil.example"), "{}", response.text());
    }
}

#[test]
fn names_that_a_dns_server_points_to_loopback_are_refused() {
    let server = start(Access::default());
    let port = server.address.port();
    let rebound = format!("Host: evil.example:{port}\r\n");
    assert_eq!(shake_hands(&server, &format!("{rebound}Origin: http://evil.example:{port}\r\n")), 403);
    for path in PATHS {
        let response = server.get_with(path, &rebound);
        assert_eq!(response.status, 403, "{path}");
        let advice = "restart the server with --allow-host evil.example.";
        assert!(response.text().contains(advice), "{}", response.text());
    }
    assert_eq!(shake_hands(&server, &format!("Host: localhost:{port}\r\n")), 101);
}

#[test]
fn names_that_a_dns_server_points_to_a_server_on_a_network_are_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().unwrap().port();
    let server = TestServer::on(listener, Access::default());
    let shake_hands = |host: &str| {
        let host = format!("{host}:{port}");
        shake_hands(&server, &format!("Host: {host}\r\nOrigin: http://{host}\r\n"))
    };
    for host in ["127.0.0.1", "192.0.2.1", "[2001:db8::1]", "localhost", "wall.local"] {
        assert_eq!(shake_hands(host), 101, "{host}");
    }
    assert_eq!(shake_hands("evil.example"), 403);
    let response = server.get_with("/log", &format!("Host: evil.example:{port}\r\n"));
    let advice = "restart the server with --allow-host evil.example.";
    assert!(response.status == 403 && response.text().contains(advice), "{}", response.text());
}

#[test]
fn the_origin_of_a_proxy_may_be_allowed_or_forwarded() {
    let allowed = vec!["https://wall.example".parse().unwrap()];
    let server = start(Access { allowed, ..Access::default() });
    for host in ["wall.example", &server.address.to_string()] {
        let headers = format!("Host: {host}\r\nOrigin: https://wall.example\r\n");
        assert_eq!(shake_hands(&server, &headers), 101, "{host}");
    }
    let server = start(Access { trusts_proxy: true, ..Access::default() });
    for headers in [
        "Host: localhost\r\nX-Forwarded-Host: wall.example\r\n",
        // Caddy
        "Host: wall.example\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: wall.example\r\n\
         X-Forwarded-Proto: https\r\n",
        // nginx with `proxy_set_header Host $host`
        "Host: wall.example\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n",
    ] {
        assert_eq!(server.get_with("/", headers).status, 200, "{headers}");
        let own = format!("{headers}Origin: https://wall.example\r\n");
        assert_eq!(shake_hands(&server, &own), 101, "{headers}");
        let foreign = format!("{headers}Origin: https://evil.example\r\n");
        assert_eq!(shake_hands(&server, &foreign), 403, "{headers}");
    }
}

#[test]
fn a_request_without_exactly_one_host_is_refused() {
    let server = TestServer::start();
    assert_eq!(server.get_with("/", "").status, 400);
    assert_eq!(server.get_with("/", "Host: localhost\r\nHost: localhost\r\n").status, 400);
}

#[test]
fn a_request_with_two_origins_is_refused() {
    let server = TestServer::start();
    let origin = format!("Origin: http://{}\r\n", server.address);
    let headers = format!("Host: {}\r\n{origin}", server.address);
    assert_eq!(shake_hands(&server, &headers), 101);
    assert_eq!(shake_hands(&server, &format!("{headers}{origin}")), 400);
    assert_eq!(server.get_with("/", &format!("{headers}Origin: https://evil.example\r\n")).status, 400);
}

#[test]
fn a_browser_is_told_to_run_nothing_except_the_page() {
    let server = TestServer::start();
    let page = server.get("/").head;
    let policy = page.lines().find_map(|line| line.strip_prefix("Content-Security-Policy: ")).expect(&page);
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'self'") && !policy.contains("unsafe"), "{policy}");
    for path in PATHS {
        let head = server.get(path).head;
        for header in ["X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"] {
            assert!(head.contains(header), "{path}: {head}");
        }
        let policies = head.matches("Content-Security-Policy: default-src 'none'").count();
        assert_eq!(policies, 1, "{path}: {head}");
    }
    let frame_ancestors = vec!["https://one.example".to_owned(), "https://two.example".to_owned()];
    let server = start(Access { frame_ancestors, ..Access::default() });
    let head = server.get_with("/", "Host: localhost\r\n").head;
    assert!(head.contains("frame-ancestors https://one.example https://two.example\r\n"), "{head}");
}
