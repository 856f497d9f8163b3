//! A server that stops.

use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::client::dial;
use crate::support::frame::handshake;
use crate::support::http::{Response, read_response, read_to_end};
use crate::support::poller::Poller;
use serde_json::json;
use std::io::Write;
use typewall::Limits;

#[test]
fn every_poll_is_answered_when_the_server_stops() {
    // No ping answers a poll.
    let server =
        TestServer::with(Limits { ping_every: TIMEOUT * 2, max_silence: TIMEOUT * 4, ..Limits::DEFAULT });
    let outside = Poller::open(server.address, "r");
    let mut inside = Poller::connect(server.address, "r");
    inside.emit("watch", &json!({}));
    inside.wait_for("existing_users"); // nothing else is said in this room
    let mut polls = [&outside, &inside].map(Poller::begin_poll);
    server.get("/healthz"); // by now, the connections of the polls were accepted
    server.stop();
    let [outside, inside] = polls.each_mut().map(read_response);
    assert!(inside.1.starts_with(r#"42["closed",{"code":1001,"reason":"stopping"}]"#), "{inside:?}");
    // Refused, if the poll itself came after the stop.
    assert!(outside == (200, "6".to_owned()) || outside.0 == 400, "{outside:?}");
}

#[test]
fn a_websocket_in_no_room_ends_with_the_server() {
    let server = TestServer::start();
    let mut socket = dial(server.address);
    socket.write_all(&handshake("/socket.io/?EIO=4&transport=websocket")).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 101);
    server.stop();
    read_to_end(&mut socket);
}
