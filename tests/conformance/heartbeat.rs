//! Pings, and clients that come too late.

use crate::client::{Received, SLOW, TestServer};
use std::time::{Duration, Instant};
use typewall::internals::SessionOptions;

/// Often pinged, with much time to answer.
const PINGS: SessionOptions = SessionOptions { ping_interval: Duration::from_millis(50), ..SLOW };

/// Often pinged, with little time to answer.
const IMPATIENT: SessionOptions = SessionOptions { ping_timeout: Duration::from_millis(100), ..PINGS };

/// Little time to enter a namespace.
const CONNECT_SOON: SessionOptions = SessionOptions { connect_timeout: Duration::from_millis(200), ..PINGS };

#[test]
fn clients_are_pinged_again_and_again() {
    let server = TestServer::start(PINGS);
    let poller = server.poller("/engine.io/");
    let mut websocket = server.session("/engine.io/");
    for _ in 0..3 {
        assert_eq!(poller.poll(), (200, "2".to_owned()));
        poller.posts("3");
        websocket.receives("2");
        websocket.send("3");
    }
}

#[test]
fn a_client_that_answers_no_ping_is_dropped_but_not_before_its_time() {
    let server = TestServer::start(IMPATIENT);
    let time = IMPATIENT.ping_interval + IMPATIENT.ping_timeout;
    for endpoint in ["/engine.io/", "/socket.io/"] {
        let start = Instant::now();
        let poller = server.poller(endpoint);
        while poller.poll().0 == 200 {}
        assert!(start.elapsed() >= time);
        poller.is_gone();
        let start = Instant::now();
        let mut websocket = server.session(endpoint);
        while websocket.next() != Received::End {}
        assert!(start.elapsed() >= time);
    }
}

#[test]
fn only_a_socket_io_client_has_to_enter_a_namespace_in_time() {
    let server = TestServer::start(CONNECT_SOON);
    let mut echo = server.session("/engine.io/");
    let start = Instant::now();
    let mut late = server.session("/socket.io/");
    while late.next() == Received::Text("2".to_owned()) {
        late.send("3");
    }
    assert!(start.elapsed() >= CONNECT_SOON.connect_timeout);
    echo.send("4still there");
    while echo.next() != Received::Text("4still there".to_owned()) {}
}

#[test]
fn a_client_that_has_left_its_namespace_is_still_pinged() {
    let server = TestServer::start(SessionOptions { connect_timeout: SLOW.connect_timeout, ..PINGS });
    let mut client = server.session("/socket.io/");
    client.send("40");
    client.send("41");
    let mut pings_since_it_left = 0;
    while pings_since_it_left < 10 {
        match client.next() {
            Received::Text(packet) if packet == "2" => pings_since_it_left += 1,
            Received::Text(_) => pings_since_it_left = 0,
            other => panic!("{other:?}"),
        }
        client.send("3");
    }
}
