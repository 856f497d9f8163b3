//! Engine.IO: messages over polls and WebSockets.

use crate::client::{SEPARATOR, SLOW, TestServer};
use crate::support::http::read_response;

#[test]
fn packets_come_back_in_one_payload() {
    let server = TestServer::start(SLOW);
    for payload in
        ["4hello", "4test1\u{1e}4test2\u{1e}4test3", "4hello\u{1e}bAQIDBA==", "4", "4\u{e9}\u{1F600}"]
    {
        let poller = server.poller("/engine.io/");
        poller.posts(payload);
        assert_eq!(poller.poll(), (200, payload.to_owned()));
    }
}

#[test]
fn an_open_poll_is_answered_as_soon_as_there_is_something() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    let mut open = poller.begin_poll();
    poller.posts("4one");
    assert_eq!(read_response(&mut open), (200, "4one".to_owned()));
    poller.posts("4two");
    poller.posts("4three");
    poller.receives(&["4two", "4three"]);
}

#[test]
fn an_empty_payload_and_packets_without_effect_are_accepted() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    for payload in ["", "6", "3"] {
        poller.posts(payload);
    }
    poller.posts("4then");
    poller.receives(&["4then"]);
}

#[test]
fn many_and_large_packets_come_back_whole_and_in_order() {
    let server = TestServer::start(SLOW);
    let poller = server.poller("/engine.io/");
    let many: Vec<String> = (0..500).map(|n| format!("4{n}")).collect();
    poller.posts(&many.join(SEPARATOR));
    poller.receives(&many.iter().map(|packet| &packet[..]).collect::<Vec<_>>());
    let large = format!("4{}", "x".repeat(700_000));
    poller.posts(&large);
    poller.receives(&[&large]);
}

#[test]
fn a_websocket_carries_text_and_bytes() {
    let server = TestServer::start(SLOW);
    let mut websocket = server.session("/engine.io/");
    websocket.send("4hello");
    websocket.receives("4hello");
    websocket.send_bytes(&[1, 2, 3, 4]);
    websocket.receives_bytes(&[1, 2, 3, 4]);
    let large = format!("4{}", "x".repeat(300_000));
    websocket.send(&large);
    websocket.receives(&large);
    websocket.send_bytes(&[]);
    websocket.receives_bytes(&[]);
}
