//! Frames of every kind of RFC 6455, whole, broken and cut short: the right close code, and no effect on others.

use crate::{PATIENCE, Running, receive};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use tungstenite::Message;

/// A client that becomes one without asking for anything first.
pub const HANDSHAKE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Any mask will do, but for one that hides nothing.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A frame with that first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ ..=125) => bytes.push(MASKED | len),
        _ => {
            bytes.push(MASKED | 126);
            bytes.extend(u16::try_from(payload.len()).expect("a small frame").to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Reads to the end, and returns the code of the close frame; 1005 where it holds none, 1006 where there is
/// no close frame (RFC 6455, section 7.4.1).
fn close_code(socket: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    // A reset is an end as well, but none that may come instead of a close frame.
    let _ = socket.read_to_end(&mut bytes);
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a handshake") + 4;
    let mut frames = &bytes[head..];
    while let [first, len, rest @ ..] = frames {
        let (len, rest) = match len {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            len => (usize::from(*len), rest),
        };
        if *first == FIN | CLOSE {
            return rest.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
        }
        frames = &rest[len..];
    }
    1006
}

/// Has somebody join beside a witness and send each of these. They get their close code, the witness sees
/// them come and go and nothing else, and nothing is left of them.
fn each(attacks: &[(Vec<u8>, u16)], then: impl Fn(&TcpStream)) {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    let mut witness = running.connect();
    let before = running.counts();
    for (attack, code) in attacks {
        let mut socket = running.dial();
        let join = frame(FIN | TEXT, br#"["got_a_new_user",{"name":"Eve"}]"#);
        socket.write_all(&[HANDSHAKE, &join].concat()).unwrap();
        receive(&mut witness, "new_user");
        socket.write_all(attack).unwrap();
        then(&socket);
        assert_eq!(close_code(&mut socket), *code, "{attack:02X?}");
        assert!(receive(&mut witness, "disconnect_user").contains("Eve"));
    }
    running.until_counts_are(before);
    witness.send(Message::text(r#"["watch",{}]"#)).unwrap();
    let snapshot = receive(&mut witness, "existing_users");
    assert!(snapshot.contains(r#""users":{}"#) && snapshot.contains(r#""log":[]"#), "{snapshot}");
}

fn nothing(_: &TcpStream) {}

#[test]
fn frames_that_break_the_protocol() {
    let mut attacks = Vec::new();
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        attacks.push(frame(FIN | opcode, b"[]"));
    }
    for opcode in [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] {
        for reserved in [0x40, 0x20, 0x10, 0x70] {
            attacks.push(frame(FIN | reserved | opcode, b""));
        }
        attacks.push(vec![FIN | opcode, 2, b'[', b']']); // not masked
    }
    for control in [CLOSE, PING, PONG] {
        attacks.push(frame(control, b"")); // in fragments
        attacks.push(frame(FIN | control, &[b' '; 126]));
    }
    attacks.push(frame(FIN | CONTINUATION, b"[]"));
    attacks.push(frame(CONTINUATION, b"[]"));
    attacks.push([frame(TEXT, b"["), frame(FIN | TEXT, b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(TEXT, b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(BINARY, b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(CONTINUATION, b" "), frame(FIN | BINARY, b"]")].concat());
    let attacks: Vec<_> = attacks.into_iter().map(|attack| (attack, 1002)).collect();
    each(&attacks, nothing);
}

#[test]
fn frames_that_hold_what_they_must_not() {
    let not_utf8: [&[u8]; 6] =
        [b"\xFF", b"\xC0\x80", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\xE2\x82", b"\xE2\x28\xA1"];
    let mut attacks: Vec<_> = not_utf8.iter().map(|text| (frame(FIN | TEXT, text), 1007)).collect();
    for text in not_utf8 {
        let (first, rest) = text.split_at(1);
        let fragments = [frame(TEXT, first), frame(FIN | PING, b""), frame(FIN | CONTINUATION, rest)];
        attacks.push((fragments.concat(), 1007));
    }
    attacks.push((frame(FIN | BINARY, b"[]"), 1003));
    attacks.push(([frame(BINARY, b"["), frame(FIN | CONTINUATION, b"]")].concat(), 1003));
    for len in [1 << 20, 1 << 40, 1 << 62, u64::MAX] {
        let mut header = vec![FIN | TEXT, MASKED | 127];
        header.extend(len.to_be_bytes());
        header.extend(MASK);
        attacks.push((header, 1009));
    }
    each(&attacks, nothing);
}

#[test]
fn close_frames() {
    let mut attacks = Vec::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999] {
        attacks.push((close(code, b""), code));
        attacks.push((close(code, "Lebwohl, schöne Welt".as_bytes()), code));
    }
    // 1014 was registered later than RFC 6455, which reserves it.
    for code in [0, 1, 999, 1004, 1005, 1006, 1014, 1015, 1016, 2999, 5000, 65535] {
        attacks.push((close(code, b""), 1002));
    }
    attacks.push((frame(FIN | CLOSE, b"\x03"), 1002));
    attacks.push((close(1000, b"\xFF"), 1007));
    each(&attacks, nothing);
}

#[test]
fn frames_that_are_cut_short() {
    let mut attacks = Vec::new();
    for whole in
        [frame(FIN | TEXT, br#"["watch",{}]"#), frame(FIN | PING, b"ping"), frame(FIN | TEXT, &[b' '; 200])]
    {
        attacks.extend((0..whole.len()).map(|len| (whole[..len].to_vec(), 1006)));
    }
    attacks.push((frame(TEXT, b"["), 1006));
    each(&attacks, |socket| socket.shutdown(Shutdown::Write).unwrap());
}

#[test]
fn frames_of_which_single_bits_are_wrong() {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    let mut witness = running.connect();
    let before = running.counts();
    let whole =
        [frame(TEXT, br#"["upda"#), frame(FIN | CONTINUATION, br#"ted_text",{"text":"a"}]"#)].concat();
    for bit in 0..whole.len() * 8 {
        let mut wrong = whole.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let mut socket = running.dial();
        socket.write_all(&[HANDSHAKE, &wrong].concat()).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        // Whatever the bit has made of it, the end comes.
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        close_code(&mut socket);
    }
    running.until_counts_are(before);
    witness.send(Message::text(r#"["watch",{}]"#)).unwrap();
    assert!(receive(&mut witness, "existing_users").contains(r#""users":{}"#));
}
