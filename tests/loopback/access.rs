//! Which web pages may ask, and what a browser is told about the one that is served.

use crate::http::{Answer, ask, get};
use crate::person::{TestServer, handshake};
use std::io::Write;
use typewall::{Access, Limits};

/// Every address that may be asked for; the log in a way that is refused without chunks.
const PATHS: [&str; 7] = ["/", "/ws", "/log?format=pdf", "/invite", "/qr.svg", "/healthz", "/nothing"];

fn start(access: Access) -> TestServer {
    TestServer::with_access(Limits::DEFAULT, access, None)
}

/// Asks with these headers.
fn answer(server: &TestServer, path: &str, headers: &str) -> Answer {
    ask(server, &format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

/// Asks for a WebSocket with these headers instead of a host.
fn shake_hands(server: &TestServer, headers: &str) -> u16 {
    let mut socket = server.dial();
    let handshake = handshake("/ws?room=r").replace("Host: wall\r\n", headers);
    socket.write_all(handshake.as_bytes()).unwrap();
    Answer::read(&mut socket, false).status
}

#[test]
fn no_page_of_another_origin_is_answered_anything() {
    let server = start(Access::default());
    let own = format!("Host: {0}\r\nOrigin: http://{0}\r\n", server.address);
    let foreign = format!("Host: {}\r\nOrigin: https://evil.example\r\n", server.address);
    assert_eq!(shake_hands(&server, &own), 101);
    assert_eq!(shake_hands(&server, &foreign), 403);
    for path in PATHS {
        assert_ne!(answer(&server, path, &own).status, 403, "{path}");
        let denied = answer(&server, path, &foreign);
        assert_eq!(denied.status, 403, "{path}");
        assert!(denied.text().contains("--allow-origin https://evil.example"), "{}", denied.text());
    }
}

#[test]
fn no_page_that_a_name_was_turned_to_loopback_for_is_answered_anything() {
    let server = start(Access::default());
    let port = server.address.port();
    let rebound = format!("Host: evil.example:{port}\r\n");
    assert_eq!(shake_hands(&server, &format!("{rebound}Origin: http://evil.example:{port}\r\n")), 403);
    for path in PATHS {
        let denied = answer(&server, path, &rebound);
        assert_eq!(denied.status, 403, "{path}");
        assert!(denied.text().contains("--allow-origin https://evil.example"), "{}", denied.text());
    }
    assert_eq!(shake_hands(&server, &format!("Host: localhost:{port}\r\n")), 101);
}

#[test]
fn a_proxy_is_let_in_by_its_address() {
    let allowed = vec!["https://wall.example".parse().unwrap()];
    let server = start(Access { allowed, ..Access::default() });
    for host in ["wall.example", &server.address.to_string()] {
        let headers = format!("Host: {host}\r\nOrigin: https://wall.example\r\n");
        assert_eq!(shake_hands(&server, &headers), 101, "{host}");
    }
    let server = start(Access { trusts_proxy: true, ..Access::default() });
    let headers = "Host: localhost\r\nOrigin: https://wall.example\r\nX-Forwarded-Host: wall.example\r\n";
    assert_eq!(shake_hands(&server, headers), 101);
}

#[test]
fn a_request_without_a_host_is_no_request() {
    let server = TestServer::start();
    assert_eq!(answer(&server, "/", "").status, 400);
    assert_eq!(answer(&server, "/", "Host: wall\r\nHost: wall\r\n").status, 400);
}

#[test]
fn a_browser_is_told_to_run_nothing_but_the_page() {
    let server = TestServer::start();
    let page = get(&server, "/").head;
    let policy = page.lines().find_map(|line| line.strip_prefix("Content-Security-Policy: ")).expect(&page);
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'self'") && !policy.contains("unsafe"), "{policy}");
    for path in PATHS {
        let head = get(&server, path).head;
        for header in ["X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer"] {
            assert!(head.contains(header), "{path}: {head}");
        }
        let policies = head.matches("Content-Security-Policy: default-src 'none'").count();
        assert_eq!(policies, 1, "{path}: {head}");
    }
    let frame_ancestors = vec!["https://one.example".to_owned(), "https://two.example".to_owned()];
    let server = start(Access { frame_ancestors, ..Access::default() });
    let head = answer(&server, "/", "Host: localhost\r\n").head;
    assert!(head.contains("frame-ancestors https://one.example https://two.example\r\n"), "{head}");
}
