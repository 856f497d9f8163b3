//! Clients that enter no room.

use super::QUICK;
use crate::server::TestServer;
use crate::support::client::dial;
use crate::support::frame::{handshake, text};
use crate::support::http::read_response;
use crate::support::poller::Poller;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use typewall::internals::SPARE_CONNECTIONS;
use typewall::{Access, Limits, SecretHash};

/// An empty ping of a WebSocket, masked with zeros.
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

/// An empty pong, which is not answered.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];

fn open(server: &TestServer) -> TcpStream {
    let mut socket = dial(server.address);
    socket.write_all(&handshake("/socket.io/?EIO=4&transport=websocket")).unwrap();
    socket
}

#[test]
fn a_client_in_no_room_is_late_whatever_frames_it_sends() {
    let server = TestServer::with(QUICK);
    let mut socket = open(&server);
    socket.set_read_timeout(Some(QUICK.ping_every / 5)).unwrap();
    let (mut received, started) = (Vec::new(), Instant::now());
    loop {
        let mut buffer = [0; 1024];
        match socket.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
        assert!(started.elapsed() < Duration::from_secs(10), "the session goes on");
        if socket.write_all(&PONG).is_err() {
            break;
        }
    }
    assert!(received.windows(3).any(|bytes| bytes == b"\x81\x012"), "it was pinged");
}

#[test]
fn a_client_in_no_room_may_send_few_packets_and_frames() {
    let server = TestServer::start();
    let mut socket = open(&server);
    // The server may end the connection before it has read all.
    let _ = socket.write_all(&PING.repeat(1_000));
    let mut received = Vec::new();
    let _ = socket.read_to_end(&mut received);
    let pongs = received.windows(2).filter(|bytes| *bytes == [0x8a, 0]).count();
    assert!(pongs < 100 && !received.is_empty(), "{pongs} pongs");
    let poller = Poller::open(server.address, "r");
    let _ = poller.try_post(&["6"; 1_000].join("\u{1e}"));
    while poller.try_post("6").0 == 200 {}
}

#[test]
fn text_frames_of_a_client_in_no_room_are_counted_too() {
    let server = TestServer::start();
    let mut socket = open(&server);
    socket.write_all(&text("6").repeat(100)).unwrap();
    let mut received = Vec::new();
    let _ = socket.read_to_end(&mut received);
    let protocol_error = 1002_u16.to_be_bytes();
    assert!(
        received.windows(2).any(|bytes| bytes == protocol_error),
        "it ended for another reason: {received:?}"
    );
}

#[test]
fn of_too_many_clients_in_no_room_the_oldest_is_disconnected() {
    /// A quarter of all connections.
    const MAX_EARLY: usize = (8 + SPARE_CONNECTIONS) / 4;
    let server = TestServer::with(Limits { max_clients: 8, ..Limits::DEFAULT });
    let mut kept_alive = dial(server.address);
    write!(kept_alive, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut kept_alive).0, 200);
    let entered = Poller::connect(server.address, "r");
    let [first, second] = [(); 2].map(|()| Poller::open(server.address, "r"));
    let mut third = open(&server);
    third.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(third.read(&mut [0; 1]).unwrap() > 0, "the handshake is answered");
    let _others = [(); MAX_EARLY - 3].map(|()| Poller::open(server.address, "r"));
    // A connection that is older than all sessions begins one.
    let latest = Poller::open_over(&mut kept_alive, server.address);
    assert_eq!(first.try_post("40").0, 400, "the oldest has gone");
    second.post("40");
    entered.emit("ping", &json!({}));
    let _later = [(); 2].map(|()| Poller::open(server.address, "r"));
    latest.post("40");
    let ended = third.read_to_end(&mut Vec::new());
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    second.emit("ping", &json!({}));
}

#[test]
fn a_token_that_is_not_valid_does_not_pass_for_a_wrong_passphrase() {
    let access = Access { passphrase: Some(SecretHash::new("open sesame")), ..Access::default() };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    let mut poller = Poller::open(server.address, "r");
    for auth in [json!({}), json!({ "token": "0".repeat(96) }), json!({ "token": "x" })] {
        poller.post(&format!("40{auth}"));
        let refused = poller.until(|packet| packet.starts_with("44"));
        assert!(refused.contains("passphrase_needed") && !refused.contains("unlock"), "{refused}");
    }
    poller.post(&format!("40{}", json!({ "passphrase": "close sesame" })));
    let refused = poller.until(|packet| packet.starts_with("44"));
    assert!(refused.contains("passphrase_wrong"), "{refused}");
}

#[test]
fn a_page_that_expects_the_client_here_is_told_where_it_is() {
    let server = TestServer::start();
    for path in ["/socket.io/socket.io.js", "/socket.io/socket.io.esm.min.js"] {
        let response = server.get(path);
        assert!(
            response.status == 404 && response.text().contains("socket.io-client"),
            "{}",
            response.text()
        );
    }
}

#[test]
fn a_payload_takes_memory_only_for_a_session_that_exists_and_little_until_it_is_in_a_room() {
    let server = TestServer::start();
    let announce = |poller: &Poller, length: usize| {
        let mut socket = dial(server.address);
        write!(
            socket,
            "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n",
            poller.path()
        )
        .unwrap();
        socket.write_all(b"4").unwrap(); // the rest never comes
        socket
    };
    let mut unknown = Poller::open(server.address, "r");
    unknown.sid = "A".repeat(20);
    assert_eq!(read_response(&mut announce(&unknown, 1_000_000)).0, 400);
    let mut poller = Poller::open(server.address, "r");
    assert_eq!(read_response(&mut announce(&poller, 1_000_000)).0, 413);
    poller.post(&format!(r#"40{{"more":"{}"}}"#, "x".repeat(100_000)));
    poller.until(|packet| packet.starts_with("40{"));
    poller.post(&format!(r#"42["unknown","{}"]"#, "x".repeat(500_000)));
}
