//! Frames of every kind of RFC 6455, whole, broken and cut short: the right close code, and no effect on others.

use crate::process::{start_for, start_server};
use crate::support::client::Client;
use crate::support::frame::{
    BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, close, close_code, first_frame, frame, handshake,
    header, text,
};
use crate::support::http::Response;
use crate::support::program::server;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// Reads to the end, and returns the code of the close frame; 1006 if there is none (RFC 6455, section 7.4.1).
fn read_close_code(socket: &mut TcpStream) -> u16 {
    assert_eq!(Response::read_head(socket).status, 101);
    let mut bytes = Vec::new();
    // A reset is an end as well, but none that may come instead of a close frame.
    let _ = socket.read_to_end(&mut bytes);
    let mut rest = &bytes[..];
    while let Some((first, payload, length)) = first_frame(rest) {
        if first == FIN | CLOSE {
            return close_code(payload);
        }
        rest = &rest[length..];
    }
    1006
}

/// Lets a user join for each attack, and send it. They get their close codes, a witness sees them join and leave and
/// nothing else, and nothing is left of them.
fn each(attacks: &[(Vec<u8>, u16)], then: impl Fn(&TcpStream)) {
    let program = start_server();
    let mut witness = program.watch("r");
    let before = program.counts();
    for (attack, code) in attacks {
        let mut socket = program.dial();
        let join = text(r#"["got_a_new_user",{"name":"Eve"}]"#);
        socket.write_all(&[handshake("/ws?room=r"), join].concat()).unwrap();
        witness.sees_users(&["Eve"]);
        socket.write_all(attack).unwrap();
        then(&socket);
        assert_eq!(read_close_code(&mut socket), *code, "{attack:02X?}");
        witness.sees_users(&[]);
    }
    program.until_counts_are(before);
    let page = program.watch("r").page;
    assert!(page.users.is_empty() && page.log.is_empty(), "{page:?}");
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
    attacks.push([frame(TEXT, b"["), text(b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(TEXT, b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(BINARY, b"]")].concat());
    attacks.push([frame(TEXT, b"["), frame(CONTINUATION, b" "), frame(FIN | BINARY, b"]")].concat());
    let attacks: Vec<_> = attacks.into_iter().map(|attack| (attack, 1002)).collect();
    each(&attacks, nothing);
}

#[test]
fn frames_with_a_payload_that_is_not_allowed() {
    let not_utf8: [&[u8]; 6] =
        [b"\xFF", b"\xC0\x80", b"\xED\xA0\x80", b"\xF4\x90\x80\x80", b"\xE2\x82", b"\xE2\x28\xA1"];
    let mut attacks: Vec<_> = not_utf8.iter().map(|bytes| (text(bytes), 1007)).collect();
    for bytes in not_utf8 {
        let (first, rest) = bytes.split_at(1);
        let fragments = [frame(TEXT, first), frame(FIN | PING, b""), frame(FIN | CONTINUATION, rest)];
        attacks.push((fragments.concat(), 1007));
    }
    attacks.push((frame(FIN | BINARY, b"[]"), 1003));
    attacks.push(([frame(BINARY, b"["), frame(FIN | CONTINUATION, b"]")].concat(), 1003));
    for len in [1 << 20, 1 << 40, 1 << 62, u64::MAX] {
        attacks.push((header(FIN | TEXT, len), 1009)); // whose length is enough, without any payload
    }
    let fragment = |n| frame(if n == 0 { TEXT } else { CONTINUATION }, &[b' '; 60_000]);
    attacks.push(((0..10).flat_map(fragment).collect(), 1009));
    each(&attacks, nothing);
}

#[test]
fn close_frames() {
    let mut attacks = Vec::new();
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999] {
        attacks.push((close(code, b""), code));
        attacks.push((close(code, "Lebwohl, schöne Welt".as_bytes()), code));
    }
    // 1014 was registered after RFC 6455, which reserves it.
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
    for whole in [text(br#"["watch",{}]"#), frame(FIN | PING, b"ping"), text([b' '; 200])] {
        attacks.extend((0..whole.len()).map(|len| (whole[..len].to_vec(), 1006)));
    }
    attacks.push((frame(TEXT, b"["), 1006));
    each(&attacks, |socket| socket.shutdown(Shutdown::Write).unwrap());
}

#[test]
fn frames_with_any_single_bit_wrong() {
    let program = start_server();
    let mut witness = program.watch("r");
    let before = program.counts();
    let whole =
        [frame(TEXT, br#"["upda"#), frame(FIN | CONTINUATION, br#"ted_text",{"text":"a"}]"#)].concat();
    for bit in 0..whole.len() * 8 {
        let mut wrong = whole.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let mut socket = program.dial();
        socket.write_all(&[handshake("/ws?room=r"), wrong].concat()).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        // Whatever the bit has made of it, the connection ends.
        read_close_code(&mut socket);
    }
    program.until_counts_are(before);
    witness.catch_up();
    assert!(program.watch("r").page.users.is_empty());
}

#[test]
fn clients_that_have_sent_a_large_message_hold_no_more_memory_than_others() {
    const CLIENTS: usize = 200;
    const LARGE: usize = 110_000;
    let program = start_for(CLIENTS + 1, server());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::open(program.dial(), "r")).collect();
    let before = program.memory("VmRSS");
    for client in &mut clients {
        client.send_raw(&" ".repeat(LARGE));
        assert_eq!(client.next_error(), "not_json");
    }
    let grown = program.memory("VmRSS").saturating_sub(before);
    assert!(grown < (CLIENTS * LARGE / 4) as u64, "{} KiB for each", grown / 1024 / CLIENTS as u64);
    // They go on as before.
    for client in &mut clients {
        client.send_raw("again");
        assert_eq!(client.next_error(), "not_json");
    }
}
