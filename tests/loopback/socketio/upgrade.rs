//! Upgrades: from polls to a WebSocket, whatever is under way.

use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::client::dial;
use crate::support::frame::{handshake, text};
use crate::support::http::{Response, read_response, read_to_end};
use crate::support::poller::Poller;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// The content of the next text frame from the server, in one piece or several; pings are passed over.
fn read_message(socket: &mut TcpStream) -> String {
    let mut message = Vec::new();
    loop {
        let mut head = [0; 2];
        socket.read_exact(&mut head).expect("a frame");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                socket.read_exact(&mut length).unwrap();
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                socket.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length)
            }
            short => short.into(),
        };
        let start = message.len();
        message.resize(start + length as usize, 0);
        socket.read_exact(&mut message[start..]).unwrap();
        if head[0] & 0x80 != 0 {
            return String::from_utf8(message).expect("UTF-8");
        }
    }
}

/// A WebSocket that asks to take over a session, and its answer.
fn probe(poller: &Poller) -> TcpStream {
    let mut socket = dial(poller.address);
    let path = poller.path().replace("polling", "websocket");
    socket.write_all(&[handshake(&path), text("2probe")].concat()).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 101);
    assert_eq!(read_message(&mut socket), "3probe");
    socket
}

/// The number of a post that is an event, if the packet is one.
fn post_number(packet: &str) -> Option<u64> {
    let event: Value = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
    event[1]["text"].as_str().filter(|_| event[0] == "data")?.parse().ok()
}

/// Posts so many, and upgrades the reader when it has read so many of them. What the reader got.
fn upgrade_after(server: &TestServer, posts: u64, read_before: u64) -> Vec<u64> {
    let mut ada = server.join("r", "Ada");
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("watch", &json!({}));
    bob.wait_for("existing_users");
    let mut got = Vec::new();
    for n in 0..read_before {
        ada.post(&n.to_string());
        got.extend(bob.poll().iter().filter_map(|packet| post_number(packet)));
    }
    let mut open = bob.begin_poll();
    (read_before..posts / 2).for_each(|n| ada.post(&n.to_string()));
    let mut socket = probe(&bob);
    let (_, last) = read_response(&mut open);
    got.extend(last.split('\u{1e}').filter_map(post_number));
    (read_before.max(posts / 2)..posts).for_each(|n| ada.post(&n.to_string()));
    socket.write_all(&text("5")).unwrap();
    ada.catch_up();
    socket.write_all(&text(r#"42["message","last"]"#)).unwrap();
    loop {
        let packet = read_message(&mut socket);
        got.extend(post_number(&packet));
        if packet.contains(r#""text":"last""#) {
            return got;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_by_an_upgrade_in_the_middle_of_a_broadcast(
        posts in 1..30_u64,
        read_before in 0..15_u64,
    ) {
        let server = TestServer::start();
        let posts = posts.max(read_before);
        let got = upgrade_after(&server, posts, read_before);
        prop_assert_eq!(got, (0..posts).collect::<Vec<_>>());
    }
}

#[test]
fn after_the_upgrade_the_session_belongs_to_its_websocket() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("got_a_new_user", &json!({ "name": "Bob" }));
    bob.wait_for("existing_users");
    let mut socket = probe(&bob);
    // The packets that follow may come at once.
    socket.write_all(&[text("5"), text(r#"42["updated_text","over the WebSocket"]"#)].concat()).unwrap();
    ada.sees("Bob", "over the WebSocket");
    assert_eq!(bob.try_post("3").0, 400);
    ada.write("to the WebSocket");
    while !read_message(&mut socket).contains("to the WebSocket") {}
    drop(socket);
    ada.sees_away("Bob", true);
}

#[test]
fn a_websocket_that_does_not_take_over_leaves_the_session_to_its_polls() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("watch", &json!({}));
    bob.wait_for("existing_users");
    let mut open = bob.begin_poll();
    let socket = probe(&bob);
    let (status, body) = read_response(&mut open);
    assert_eq!((status, body.split('\u{1e}').next_back()), (200, Some("6")), "the open poll is ended");
    drop(socket);
    ada.write("polled");
    assert_eq!(bob.wait_for("text_update")["text"], "polled");
}

#[test]
fn a_websocket_gets_its_handshake_and_pings_as_packets() {
    let server = TestServer::with(super::QUICK);
    let mut socket = dial(server.address);
    let path = "/socket.io/?EIO=4&transport=websocket&room=r";
    socket.write_all(&[handshake(path), text("40")].concat()).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 101);
    let open: Value = serde_json::from_str(&read_message(&mut socket)[1..]).unwrap();
    assert_eq!((&open["upgrades"], &open["pingInterval"]), (&json!([]), &json!(100)));
    assert!(read_message(&mut socket).starts_with("40{\"sid\":"));
    while read_message(&mut socket) != "2" {}
    socket.write_all(&text("3")).unwrap();
    while read_message(&mut socket) != "2" {}
    socket.write_all(&text("41")).unwrap();
    read_to_end(&mut socket);
}

#[test]
fn a_websocket_that_sends_without_a_pause_and_answers_no_ping_is_closed() {
    let server = TestServer::with(super::QUICK);
    let mut socket = dial(server.address);
    socket.write_all(&handshake("/socket.io/?EIO=4&transport=websocket")).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 101);
    let (noops, deadline) = (text("6").repeat(1_000), Instant::now() + TIMEOUT);
    while socket.write_all(&noops).is_ok() {
        assert!(Instant::now() < deadline, "the session goes on");
    }
}
