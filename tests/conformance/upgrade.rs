//! Engine.IO: from polls to a WebSocket.

use crate::client::{Poller, SLOW, TestServer, WebSocket, refusal};
use crate::support::http::read_response;

fn poller() -> Poller {
    TestServer::start(SLOW).poller("/engine.io/")
}

fn echoes(websocket: &mut WebSocket, packet: &str) {
    websocket.send(packet);
    websocket.receives(packet);
}

#[test]
fn a_session_goes_on_over_a_websocket_after_a_probe() {
    let poller = poller();
    let mut open = poller.begin_poll();
    let mut websocket = poller.probed();
    assert_eq!(read_response(&mut open), (200, "6".to_owned()), "the open poll ends");
    assert_eq!(poller.poll(), (200, "6".to_owned()), "so does one that follows");
    websocket.send("5");
    echoes(&mut websocket, "4hello");
}

#[test]
fn what_waits_at_the_upgrade_comes_over_the_websocket() {
    let poller = poller();
    let mut websocket = poller.probed();
    poller.posts("4one\u{1e}bAQI=");
    assert_eq!(poller.poll(), (200, "6".to_owned()));
    websocket.send("5");
    websocket.receives("4one");
    websocket.receives_bytes(&[1, 2]);
    echoes(&mut websocket, "4two");
}

#[test]
fn polls_and_payloads_after_the_upgrade_are_refused() {
    let poller = poller();
    let mut websocket = poller.probed();
    websocket.send("5");
    echoes(&mut websocket, "4hello");
    poller.is_gone();
    echoes(&mut websocket, "4still there");
}

#[test]
fn a_poll_that_overtakes_the_upgrade_is_refused_too() {
    for _ in 0..20 {
        let poller = poller();
        let mut websocket = poller.candidate();
        websocket.send("2probe");
        websocket.send("5");
        assert_eq!(poller.poll().0, 400);
        websocket.receives("3probe");
        echoes(&mut websocket, "4hello");
    }
}

#[test]
fn a_second_websocket_is_closed() {
    let poller = poller();
    let mut websocket = poller.candidate();
    poller.candidate().ends();
    websocket.send("2probe");
    websocket.receives("3probe");
    poller.candidate().ends();
    websocket.send("5");
    poller.candidate().ends();
    echoes(&mut websocket, "4hello");
    poller.candidate().ends();
}

#[test]
fn a_websocket_that_breaks_the_protocol_is_closed_and_polls_go_on() {
    let poller = poller();
    for packets in [&["4hello"][..], &["2prob"], &["2"], &["5"], &["2probe", "4hello"], &["2probe", "2probe"]]
    {
        let mut websocket = poller.candidate();
        packets.iter().for_each(|packet| websocket.send(packet));
        if packets[0] == "2probe" {
            websocket.receives("3probe");
        }
        websocket.ends();
        poller.posts("4hello");
        poller.receives(&["4hello"]);
    }
    poller.probed().send("5");
}

#[test]
fn a_websocket_for_an_unknown_session_is_refused() {
    let server = TestServer::start(SLOW);
    let path = "/engine.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA";
    assert_eq!(server.refused_websocket(path), refusal(1, "Session ID unknown"));
}

#[test]
fn a_websocket_without_a_parameter_that_it_needs_is_refused() {
    let server = TestServer::start(SLOW);
    for endpoint in ["/engine.io/", "/socket.io/"] {
        for (query, code, message) in [
            ("transport=websocket", 5, "Unsupported protocol version"),
            ("EIO=&transport=websocket", 5, "Unsupported protocol version"),
            ("EIO=3&transport=websocket", 5, "Unsupported protocol version"),
            ("EIO=4", 0, "Transport unknown"),
            ("EIO=4&transport=", 0, "Transport unknown"),
            ("EIO=4&transport=websocket&sid=", 1, "Session ID unknown"),
            ("", 0, "Transport unknown"),
        ] {
            let response = server.refused_websocket(&format!("{endpoint}?{query}"));
            assert_eq!(response, refusal(code, message), "{query}");
        }
    }
}
