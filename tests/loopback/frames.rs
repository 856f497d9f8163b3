//! How frames may arrive: with the request, in single bytes, in fragments, between pings.

use crate::person::{TestServer, frame, handshake};
use std::io::{Read, Write};
use tungstenite::Message;

const JOIN: &[u8] = br#"["got_a_new_user",{"name":"Ada"}]"#;
const TEXT: &[u8] = r#"["updated_text",{"text":"écrit"}]"#.as_bytes();

#[test]
fn the_first_frames_may_come_in_the_packet_of_the_request() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut socket = server.dial();
    let all = [handshake("/ws?room=r").as_bytes(), &frame(0x81, JOIN), &frame(0x81, TEXT)].concat();
    socket.write_all(&all).unwrap();
    viewer.sees("Ada", "écrit");
}

#[test]
fn everything_may_come_in_single_bytes() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut socket = server.dial();
    let all = [handshake("/ws?room=r").as_bytes(), &frame(0x81, JOIN), &frame(0x81, TEXT)].concat();
    for byte in all {
        socket.write_all(&[byte]).unwrap();
    }
    viewer.sees("Ada", "écrit");
}

#[test]
fn messages_may_come_in_fragments_with_pings_between() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut ada = server.join("r", "Ada");
    // One byte a fragment cuts the é in two.
    let (last, rest) = TEXT.split_last().unwrap();
    for (n, byte) in rest.iter().enumerate() {
        ada.write_bytes(&frame(if n == 0 { 0x01 } else { 0x00 }, &[*byte]));
        ada.write_bytes(&frame(0x89, b"between"));
    }
    ada.write_bytes(&frame(0x80, &[*last]));
    viewer.sees("Ada", "écrit");
    ada.catch_up();
}

#[test]
fn pings_are_answered_while_the_hub_broadcasts() {
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
    // Pongs are whole frames between whole frames, or reading fails here.
    while pongs < texts || bob.text_of("Ada") != Some(&last) {
        match bob.socket.read().expect("whole frames") {
            Message::Pong(_) => pongs += 1,
            Message::Text(text) => {
                let (_, data): (String, serde_json::Value) = serde_json::from_str(&text).unwrap();
                bob.users.values_mut().for_each(|user| user.text = data["text"].as_str().unwrap().to_owned());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pongs, texts);
}

#[test]
fn a_close_frame_is_answered_with_its_code_and_the_connection_ended() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write_bytes(&frame(0x88, &1000_u16.to_be_bytes()));
    let mut rest = Vec::new();
    ada.socket.get_mut().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 2, 0x03, 0xE8]);
}

#[test]
fn a_protocol_error_is_told_even_to_one_who_keeps_sending() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write_bytes(&[frame(0x82, b"binary"), frame(0x81, &[b'x'; 60_000]).repeat(10)].concat());
    assert_eq!(ada.closed(), 1003);
}
