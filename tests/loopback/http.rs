//! Everything but the page that is asked for by HTTP.

use crate::person::{PATIENCE, TestServer, frame, handshake};
use chunked_transfer::Decoder;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;
use typewall::Limits;
use typewall::base::permits::SPARE_CONNECTIONS;
use typewall::http::log_route::MAX_DOWNLOADS;

/// An answer as it stands on the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one answer, as long as its head says.
    pub fn read(socket: &mut TcpStream, has_body: bool) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).expect("a whole head");
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; if has_body { len.expect("a length").parse().unwrap() } else { 0 }];
        socket.read_exact(&mut body).expect("a whole body");
        Self { status: head[9..12].parse().unwrap(), head, body }
    }

    /// The value of a header that is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a request on a connection of its own, which it asks to be closed.
pub fn ask(server: &TestServer, request: &str) -> Answer {
    let mut socket = server.dial();
    socket.write_all(request.as_bytes()).unwrap();
    let answer = Answer::read(&mut socket, !request.starts_with("HEAD"));
    assert!(answer.head.contains("Connection: close\r\n"), "{}", answer.head);
    let mut rest = Vec::new();
    assert_eq!(socket.read_to_end(&mut rest).expect("an end and not a reset"), 0);
    answer
}

pub fn get(server: &TestServer, path: &str) -> Answer {
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: wall\r\nConnection: close\r\n\r\n"))
}

/// The body of an answer that comes in chunks.
pub fn body(server: &TestServer, path: &str) -> String {
    let mut socket = server.dial();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: wall\r\n\r\n").unwrap();
    let answer = Answer::read(&mut socket, false);
    assert!(
        answer.status == 200 && answer.head.contains("Transfer-Encoding: chunked\r\n"),
        "{}",
        answer.head
    );
    let mut body = String::new();
    Decoder::new(socket).read_to_string(&mut body).expect("a last chunk");
    body
}

#[test]
fn health_is_the_hubs_own_word() {
    let server = TestServer::start();
    assert_eq!(get(&server, "/healthz").text(), "{\"healthy\":true,\"clients\":0,\"rooms\":0}\n");
    let _ada = server.join("r", "Ada");
    let _bob = server.join("s", "Bob");
    assert_eq!(get(&server, "/healthz").text(), "{\"healthy\":true,\"clients\":2,\"rooms\":2}\n");
}

#[test]
fn everything_else_is_answered_in_a_sentence() {
    let server = TestServer::start();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let long = "x".repeat(65);
    for (request, status, header) in [
        ("GET /nothing HTTP/1.1".to_owned(), 404, ""),
        ("GET /index.html HTTP/1.1".to_owned(), 404, ""),
        ("GET /ws/ HTTP/1.1".to_owned(), 404, ""),
        ("POST / HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("DELETE /healthz HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("POST /ws HTTP/1.1".to_owned(), 405, "Allow: GET\r\n"),
        ("GET /ws HTTP/1.1".to_owned(), 426, "Upgrade: websocket\r\n"),
        (
            format!("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{version}{key}"),
            426,
            "Upgrade: websocket\r\n",
        ),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{key}"), 426, "Sec-WebSocket-Version: 13\r\n"),
        (
            format!("GET /ws HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 8\r\n{key}"),
            426,
            "Sec-WebSocket-Version: 13\r\n",
        ),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{version}"), 400, ""),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{version}Sec-WebSocket-Key: short"), 400, ""),
        (format!("GET /ws?room={long} HTTP/1.1\r\n{upgrade}{version}{key}"), 400, ""),
        ("GET / HTTP/2.0".to_owned(), 400, ""),
        ("nonsense".to_owned(), 400, ""),
        (format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000)), 431, ""),
        (format!("GET / HTTP/1.1\r\n{}", "X: x\r\n".repeat(101)), 431, ""),
    ] {
        let request = request.trim_end();
        // What asks for an upgrade cannot ask for an end as well; a body ends a connection too.
        let answer = ask(&server, &format!("{request}\r\nHost: wall\r\nContent-Length: 5\r\n\r\nhello"));
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.head.contains(header), "{request}: {}", answer.head);
        let sentence = answer.text().trim_end();
        assert!(sentence.ends_with('.') && sentence.contains(' '), "{request}: {sentence}");
    }
}

#[test]
fn a_body_of_any_announced_length_is_not_waited_for() {
    let server = TestServer::start();
    for length in ["Content-Length: 100000000000000", "Content-Length: x", "Transfer-Encoding: chunked"] {
        let answer = ask(&server, &format!("GET /healthz HTTP/1.1\r\nHost: wall\r\n{length}\r\n\r\n"));
        assert_eq!(answer.status, 200, "{length}");
    }
}

#[test]
fn a_connection_is_kept_for_more_requests_and_a_websocket() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut socket = server.dial();
    for _ in 0..3 {
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: wall\r\n\r\n").unwrap();
        assert_eq!(Answer::read(&mut socket, true).status, 200);
    }
    // Requests may also come all at once.
    let two = "GET /healthz HTTP/1.1\r\nHost: wall\r\n\r\nHEAD / HTTP/1.1\r\nHost: wall\r\n\r\n";
    let join = frame(0x81, br#"["got_a_new_user",{"name":"Ada"}]"#);
    socket.write_all(&[two.as_bytes(), handshake("/ws?room=r").as_bytes(), &join].concat()).unwrap();
    assert_eq!(Answer::read(&mut socket, true).status, 200);
    assert_eq!(Answer::read(&mut socket, false).status, 200);
    assert_eq!(Answer::read(&mut socket, false).status, 101);
    viewer.sees_people(&["Ada"]);
}

#[test]
fn an_old_http_client_is_answered_and_closed() {
    let server = TestServer::start();
    let answer = ask(&server, "GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(answer.status, 200);
}

#[test]
fn invitations_are_links_and_pictures_of_them() {
    let server = TestServer::start();
    let invite = get(&server, "/invite?room=physics");
    assert_eq!(
        (invite.status, invite.text()),
        (200, "{\"links\":[]}\n"),
        "on loopback there is nobody to invite"
    );
    let picture = get(&server, "/qr.svg?link=http%3A%2F%2F192.168.1.20%3A8080%2F%3Froom%3Dphysics");
    assert_eq!(picture.status, 200);
    assert!(picture.head.contains("Content-Type: image/svg+xml\r\n") && picture.text().contains("<svg"));
    let unlogged = "GET /qr.svg HTTP/1.1\r\nHost: wall\r\nTypewall-Link: http://192.168.1.20:8080/?room=physics\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(&server, unlogged).text(), picture.text(), "the same, without a link in the address");
    assert_eq!(get(&server, "/qr.svg").status, 400);
    assert_eq!(get(&server, &format!("/qr.svg?link={}", "x".repeat(1001))).status, 400);
    assert_eq!(get(&server, &format!("/invite?room={}", "x".repeat(65))).status, 400);
}

#[test]
fn a_log_is_given_as_text_markdown_or_json() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post("one");
    ada.post("two");
    ada.until("two posts", |ada| ada.log.len() == 2);
    assert_eq!(body(&server, "/log?room=r").lines().count(), 2);
    assert!(body(&server, "/log?room=r&after=1").ends_with(" Ada: two\n"));
    assert!(body(&server, "/log?room=r&format=md").starts_with("**Ada**"));
    let posts: Vec<serde_json::Value> =
        serde_json::from_str(&body(&server, "/log?room=r&format=json")).unwrap();
    assert_eq!(posts, ada.log);
    assert_eq!(body(&server, "/log?room=empty"), "");
    for bad in ["/log?format=pdf", "/log?after=x", "/log?after=99999999999999999999"] {
        assert_eq!(get(&server, bad).status, 400, "{bad}");
    }
}

#[test]
fn only_so_many_save_a_log_at_once() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    // More than what fits between a server and a client that does not read, once it is escaped.
    let post = "\u{1}".repeat(10_000);
    for n in 1..=100 {
        ada.post(&post);
        ada.until("the post", |ada| ada.log.len() == n);
    }
    let ask = || {
        let mut socket = server.dial();
        write!(socket, "GET /log?room=r&format=json HTTP/1.1\r\nHost: wall\r\n\r\n").unwrap();
        let answer = Answer::read(&mut socket, false);
        (socket, answer.status)
    };
    let stalled: Vec<(TcpStream, u16)> = (0..MAX_DOWNLOADS).map(|_| ask()).collect();
    assert!(stalled.iter().all(|(_, status)| *status == 200));
    assert_eq!(ask().1, 503);
    drop(stalled);
    // Their threads end in their own time.
    let deadline = Instant::now() + PATIENCE;
    while ask().1 != 200 {
        assert!(Instant::now() < deadline, "places that are free are given");
    }
}

#[test]
fn an_answer_is_not_lost_to_what_the_client_is_still_sending() {
    let server = TestServer::start();
    let mut socket = server.dial();
    write!(socket, "POST / HTTP/1.1\r\nHost: wall\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    socket.write_all(&[b'x'; 1_000_000]).expect("the server reads on");
    assert_eq!(Answer::read(&mut socket, true).status, 405);
    let mut rest = Vec::new();
    assert_eq!(socket.read_to_end(&mut rest).expect("an end and not a reset"), 0);
}

#[test]
fn too_many_connections_are_told_so() {
    let server = TestServer::with(Limits { max_clients: 1, ..Limits::DEFAULT });
    let kept: Vec<TcpStream> = (0..SPARE_CONNECTIONS + 1).map(|_| server.dial()).collect();
    assert_eq!(Answer::read(&mut server.dial(), true).status, 503);
    drop(kept);
    // Their threads end in their own time.
    let deadline = Instant::now() + PATIENCE;
    let answers = || {
        let mut socket = server.dial();
        // A refused one may be closed before it asks.
        let _ = socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: wall\r\n\r\n");
        Answer::read(&mut socket, true).status == 200
    };
    while !answers() {
        assert!(Instant::now() < deadline, "places that are free are given");
    }
}
