//! Encrypted connections: the same wall behind TLS.

mod attacks;
mod ends;
mod reload;

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::http::{Response, read_response};
use crate::support::tls::{Authority, Encrypted};
use serde_json::{Value, json};
use std::io::Write;
use typewall::Limits;

/// A server and the authority that its clients trust.
struct Wall {
    authority: Authority,
    server: TestServer,
}

impl Wall {
    fn start() -> Self {
        Self::with(Limits::DEFAULT)
    }

    fn with(limits: Limits) -> Self {
        let authority = Authority::new();
        let server = TestServer::encrypted(limits, &authority.files());
        Self { authority, server }
    }

    fn dial(&self) -> Encrypted {
        self.authority.dial(self.server.address)
    }

    fn connect(&self, room: &str) -> Client<Encrypted> {
        Client::open(self.dial(), room)
    }

    fn join(&self, room: &str, name: &str) -> Client<Encrypted> {
        let mut client = self.connect(room);
        client.join(name);
        client
    }

    fn request(&self, request: &str) -> (u16, String) {
        let mut socket = self.dial();
        socket.write_all(request.as_bytes()).unwrap();
        read_response(&mut socket)
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.request(&format!("GET {path} HTTP/1.1\r\nHost: wall.example\r\n\r\n"))
    }
}

#[test]
fn the_page_comes_encrypted() {
    let wall = Wall::start();
    let mut socket = wall.dial();
    for _ in 0..2 {
        socket.write_all(b"GET / HTTP/1.1\r\nHost: wall.example\r\n\r\n").unwrap();
        let page = Response::read(&mut socket);
        assert!(page.status == 200 && page.text().trim_end().ends_with("</html>"));
    }
}

#[test]
fn two_people_type() {
    let wall = Wall::start();
    let (mut ada, mut ben) = (wall.join("r", "Ada"), wall.join("r", "Ben"));
    for n in 0..50 {
        ada.write(&format!("{n} of Ada"));
        ben.sees("Ada", &format!("{n} of Ada"));
        ben.write(&format!("{n} of Ben"));
        ada.sees("Ben", &format!("{n} of Ben"));
    }
    ada.post_and_wait("posted");
    ben.until("the post", |page| page.posts() == ["posted"]);
    ada.leave();
    ben.sees_users(&["Ben"]);
}

#[test]
fn long_messages_pass_in_both_directions() {
    let wall = Wall::with(Limits::DEFAULT.with_max_text(1_000_000));
    let (mut ada, mut ben) = (wall.join("r", "Ada"), wall.join("r", "Ben"));
    let long = "x".repeat(1_000_000);
    ada.write(&long);
    ben.sees("Ada", &long);
    wall.connect("r").watch();
}

#[test]
fn a_socket_io_client_polls() {
    const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
    let wall = Wall::start();
    let (status, opened) = wall.get(POLLING);
    assert_eq!(status, 200, "{opened}");
    let opened: Value = serde_json::from_str(opened.strip_prefix('0').expect("an open packet")).unwrap();
    let path = format!("{POLLING}&sid={}", opened["sid"].as_str().unwrap());
    let post = |payload: &str| {
        let length = payload.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: wall.example\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(wall.request(&format!("{head}{payload}")), (200, "ok".to_owned()));
    };
    let poll_until = |expected: &str| loop {
        // The client answers no ping, so the server ends the session if it waits for too long.
        let (status, payload) = wall.get(&path);
        assert_eq!(status, 200, "{payload}");
        if payload.contains(expected) {
            return;
        }
    };
    post("40");
    poll_until("40{");
    post(&format!("42{}", json!(["got_a_new_user", { "name": "Poller" }])));
    poll_until("existing_users");
    let mut ada = wall.join("lobby", "Ada");
    ada.sees_users(&["Poller", "Ada"]);
    ada.write("hello");
    poll_until("hello");
}

#[test]
fn only_pages_of_this_origin_over_https_may_connect() {
    let wall = Wall::start();
    let status = |host: &str, origin: &str| {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        wall.request(&format!("GET /healthz HTTP/1.1\r\n{headers}\r\n")).0
    };
    for (host, origin, expected) in [
        ("localhost:8443", "https://localhost:8443", 200),
        ("localhost:8443", "http://localhost:8443", 403),
        ("localhost", "https://localhost", 200),
        // The certificate has this name, so it is the server's.
        ("wall.example:8443", "https://wall.example:8443", 200),
        ("other.example:8443", "https://other.example:8443", 403),
    ] {
        assert_eq!(status(host, origin), expected, "{host} {origin}");
    }
}
