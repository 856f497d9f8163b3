//! Engine.IO: handshakes, refused requests, and how a session ends.

use crate::client::{Received, SLOW, TestServer, refusal};
use crate::support::http::{Response, read_response};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;

const ENDPOINTS: [&str; 2] = ["/engine.io/", "/socket.io/"];

fn handshake(sid: &Value, upgrades: &[&str]) -> Value {
    json!({
        "sid": sid.as_str().expect("a string"), "upgrades": upgrades,
        "pingInterval": 60_000, "pingTimeout": 60_000, "maxPayload": 1_000_000,
    })
}

#[test]
fn a_handshake_says_what_the_client_needs_and_nothing_else() {
    let server = TestServer::start(SLOW);
    for endpoint in ENDPOINTS {
        let polling = server.poller(endpoint).handshake;
        assert_eq!(polling, handshake(&polling["sid"], &["websocket"]));
        let mut websocket = server.websocket(&format!("{endpoint}?EIO=4&transport=websocket"));
        let Received::Text(open) = websocket.next() else { panic!("no packet") };
        let open: Value = serde_json::from_str(open.strip_prefix('0').expect("an open packet")).unwrap();
        assert_eq!(open, handshake(&open["sid"], &[]));
        assert_ne!(open["sid"], polling["sid"]);
    }
}

#[test]
fn a_request_that_breaks_the_protocol_is_refused_with_the_reason() {
    let server = TestServer::start(SLOW);
    for endpoint in ENDPOINTS {
        for (method, query, code, message) in [
            ("GET", "EIO=4", 0, "Transport unknown"),
            ("GET", "EIO=4&transport=abc", 0, "Transport unknown"),
            ("GET", "transport=polling", 5, "Unsupported protocol version"),
            ("GET", "EIO=abc&transport=polling", 5, "Unsupported protocol version"),
            ("GET", "EIO=3&transport=websocket", 5, "Unsupported protocol version"),
            ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
            ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
            ("GET", "EIO=4&transport=polling&sid=unknown", 1, "Session ID unknown"),
            ("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
        ] {
            let response = server.request(method, &format!("{endpoint}?{query}"), "");
            assert_eq!(response, refusal(code, message), "{method} {query}");
        }
    }
}

#[test]
fn a_session_belongs_to_its_endpoint() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    let elsewhere = poller.path("polling").replace("engine", "socket");
    assert_eq!(server.request("GET", &elsewhere, "").0, 400);
    poller.posts("4still there");
    poller.receives(&["4still there"]);
}

#[test]
fn a_client_ends_its_session_and_its_open_poll_with_it() {
    let server = TestServer::start(SLOW);
    for endpoint in ENDPOINTS {
        let poller = server.poller(endpoint);
        let mut open = poller.begin_poll();
        poller.posts("1");
        assert_eq!(read_response(&mut open), (200, "6".to_owned()));
        poller.is_gone();
        let without_poll = server.poller(endpoint);
        without_poll.posts("1");
        without_poll.is_gone();
        let mut websocket = server.session(endpoint);
        websocket.send("1");
        websocket.ends();
    }
}

#[test]
fn an_invalid_packet_ends_a_session() {
    let server = TestServer::start(SLOW);
    for packet in ["abc", "7", "1x", "4a\u{1e}", "\u{1e}4a", "b*", "4a\u{1e}abc"] {
        let poller = server.poller("/engine.io/");
        assert_eq!(poller.post(packet).0, 400, "{packet}");
        poller.is_gone();
        let mut websocket = server.session("/engine.io/");
        websocket.send(if packet.starts_with('4') { "abc" } else { packet });
        websocket.ends();
    }
    // Packets of the server, and one that only a WebSocket that takes over may send.
    for packet in ["0{}", "2", "5"] {
        let mut websocket = server.session("/engine.io/");
        websocket.send(packet);
        websocket.ends();
    }
}

#[test]
fn two_polls_at_once_end_a_session() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    let mut polls: [TcpStream; 2] = [poller.begin_poll(), poller.begin_poll()];
    let mut outcomes = polls.each_mut().map(read_response);
    outcomes.sort();
    assert_eq!((outcomes[0].clone(), outcomes[1].0), ((200, "1".to_owned()), 400));
    poller.is_gone();
}

#[test]
fn two_payloads_at_once_end_a_session() {
    let server = TestServer::start(SLOW);
    for endpoint in ENDPOINTS {
        let poller = server.poller(endpoint);
        let mut posts = [poller.begin_post(5), poller.begin_post(5)];
        while poller.poll().0 == 200 {}
        for post in &mut posts {
            post.write_all(b"4late").unwrap();
            assert_eq!(read_response(post).0, 400);
        }
        poller.is_gone();
    }
}

#[test]
fn the_content_type_of_a_payload_need_not_be_said() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    for header in
        ["", "Content-Type: text/plain;charset=UTF-8\r\n", "Content-Type: application/octet-stream\r\n"]
    {
        let mut socket = server.begin_with("POST", &poller.path("polling"), header, "bAQI=");
        let ok = Response::read(&mut socket);
        assert_eq!((ok.status, ok.text()), (200, "ok"));
        assert_eq!(ok.header("Content-Type"), Some("text/plain; charset=UTF-8"));
        let echo = Response::read(&mut poller.begin_poll());
        assert_eq!((echo.status, echo.text()), (200, "bAQI="));
        assert_eq!(echo.header("Content-Type"), Some("text/plain; charset=UTF-8"), "Base64 is text");
    }
}

#[test]
fn a_payload_may_be_as_long_as_the_handshake_says() {
    let poller = TestServer::start(SLOW).poller("/engine.io/");
    let payload = [format!("4{}", "x".repeat(499_998)), "4".repeat(500_000)].join("\u{1e}");
    assert_eq!(poller.handshake["maxPayload"], payload.len());
    poller.posts(&payload);
    poller.receives(&payload.split('\u{1e}').collect::<Vec<_>>());
    let mut longer = poller.begin_post(payload.len() + 1);
    assert_eq!(read_response(&mut longer).0, 413, "before the payload was sent");
}

#[test]
fn a_connection_serves_several_requests() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    let mut connection = poller.server.begin("POST", &poller.path("polling"), "4one");
    assert_eq!(read_response(&mut connection), (200, "ok".to_owned()));
    write!(connection, "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", poller.path("polling")).unwrap();
    assert_eq!(read_response(&mut connection), (200, "4one".to_owned()));
}
