//! How frames may arrive: with the request, in single bytes, in fragments, between pings.

use crate::server::TestServer;
use crate::support::frame::{BINARY, CONTINUATION, FIN, PING, TEXT, close, frame, handshake, text};
use std::io::{Read, Write};
use tungstenite::Message;

const JOIN: &str = r#"["got_a_new_user",{"name":"Ada"}]"#;
const UPDATE: &str = r#"["updated_text",{"text":"écrit"}]"#;

/// All that a client sends to have a text in its box.
fn script() -> Vec<u8> {
    [handshake("/ws?room=r"), text(JOIN), text(UPDATE)].concat()
}

#[test]
fn the_first_frames_may_come_in_the_packet_of_the_request() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut socket = server.dial();
    socket.write_all(&script()).unwrap();
    viewer.sees("Ada", "écrit");
}

#[test]
fn everything_may_come_in_single_bytes() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut socket = server.dial();
    for byte in script() {
        socket.write_all(&[byte]).unwrap();
    }
    viewer.sees("Ada", "écrit");
}

#[test]
fn messages_may_come_in_fragments_with_pings_between() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut ada = server.join("r", "Ada");
    // One byte a fragment cuts the é in two.
    let (last, rest) = UPDATE.as_bytes().split_last().unwrap();
    for (n, byte) in rest.iter().enumerate() {
        ada.write_bytes(&frame(if n == 0 { TEXT } else { CONTINUATION }, &[*byte]));
        ada.write_bytes(&frame(FIN | PING, b"between"));
    }
    ada.write_bytes(&frame(FIN | CONTINUATION, &[*last]));
    viewer.sees("Ada", "écrit");
    ada.catch_up();
}

#[test]
fn pings_are_answered_between_the_frames_of_broadcasts() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let texts = 300;
    for n in 0..texts {
        bob.socket.send(Message::Ping(n.to_string().into())).unwrap();
        ada.write(&format!("{n} {}", "x".repeat(1000)));
    }
    let last = format!("{} {}", texts - 1, "x".repeat(1000));
    let mut pongs = 0;
    // Fails if a pong is inside another frame.
    bob.receive_until("all pongs and the last text", |bob, message| {
        pongs += usize::from(message.is_pong());
        bob.take(message);
        (pongs == texts && bob.page.text_of("Ada") == Some(&last)).then_some(())
    });
}

#[test]
fn a_close_frame_is_answered_with_the_same_code_before_the_connection_ends() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write_bytes(&close(1000, b""));
    let mut rest = Vec::new();
    ada.socket.get_mut().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 2, 0x03, 0xE8]);
}

#[test]
fn a_client_that_breaks_the_protocol_gets_a_close_frame_even_while_it_sends() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let binary = frame(FIN | BINARY, b"binary");
    ada.write_bytes(&[binary, text([b'x'; 60_000]).repeat(10)].concat());
    assert_eq!(ada.closed(), 1003);
}
