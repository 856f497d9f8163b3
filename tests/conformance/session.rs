//! One whole session: polls, a second namespace, an upgrade, an acknowledgement with an attachment, pings, and its end.

use crate::client::{Received, SLOW, TestServer, WebSocket, entered};
use crate::support::http::{Response, read_response};
use std::time::Duration;
use typewall::internals::SessionOptions;

/// Often pinged, with much time to answer.
const PINGS: SessionOptions = SessionOptions { ping_interval: Duration::from_millis(200), ..SLOW };

/// The next packet that is not a ping. Pings are answered.
fn next(client: &mut WebSocket) -> Received {
    loop {
        match client.next() {
            Received::Text(packet) if packet == "2" => client.send("3"),
            other => return other,
        }
    }
}

fn receives(client: &mut WebSocket, packet: &str) {
    assert_eq!(next(client), Received::Text(packet.to_owned()));
}

#[test]
fn a_session_from_its_handshake_to_its_close_packet() {
    let server = TestServer::start(SLOW);
    // Clients add `t`, so that nobody answers from a cache.
    let open = Response::read(&mut server.begin("GET", "/socket.io/?EIO=4&transport=polling&t=a1", ""));
    assert_eq!((open.status, &open.body[..1]), (200, &b"0"[..]));
    assert_eq!(open.header("Content-Type"), Some("text/plain; charset=UTF-8"));
    let poller = server.poller("/socket.io/");
    poller.posts("40");
    let mut packets = poller.packets(2);
    assert_eq!(packets.pop().as_deref(), Some(r#"42["auth",{}]"#));
    assert_ne!(entered(&packets[0], "40"), poller.sid);
    poller.posts("42[\"message\",\"one\"]\u{1e}42[\"message\",\"two\"]");
    poller.receives(&[r#"42["message-back","one"]"#, r#"42["message-back","two"]"#]);

    let mut open = poller.begin_poll();
    let mut client = poller.probed();
    assert_eq!(read_response(&mut open), (200, "6".to_owned()));
    client.send("5");
    client.send(r#"42["message","three"]"#);
    client.send(r#"42["message","four"]"#);
    client.receives(r#"42["message-back","three"]"#);
    client.receives(r#"42["message-back","four"]"#);
    client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    client.send(r#"451-/custom,1["message-with-ack",{"_placeholder":true,"num":0}]"#);
    client.send_bytes(&[1, 2, 3]);
    client.receives(r#"461-/custom,1[{"_placeholder":true,"num":0}]"#);
    client.receives_bytes(&[1, 2, 3]);
    client.send("1");
    client.ends();
}

#[test]
fn pings_go_on_after_an_upgrade_and_disturb_nothing() {
    let poller = TestServer::start(PINGS).poller("/socket.io/");
    let mut client = poller.probed();
    client.send("5");
    client.send("40");
    let Received::Text(packet) = next(&mut client) else { panic!("no answer") };
    entered(&packet, "40");
    receives(&mut client, r#"42["auth",{}]"#);
    for _ in 0..2 {
        client.receives("2");
        client.send("3");
        client.send(r#"427["message-with-ack","still there"]"#);
        receives(&mut client, r#"437["still there"]"#);
    }
}
