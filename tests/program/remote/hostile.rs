//! The commands against a server that wants to harm whoever uses them.

use crate::remote::{Running, read};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

#[test]
fn what_a_server_says_controls_no_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = Running::start(&mut read(listener.local_addr().unwrap()));
    let server = thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        let _request = socket.read(&mut [0; 4096]).unwrap();
        socket
            .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\n\r\n\x1b]0;title\x07\x1b[2JNo")
            .unwrap();
    });
    let said = "typewall: The server answers 403: \u{FFFD}]0;title\u{FFFD}\u{FFFD}[2JNo\n";
    assert_eq!(running.ended(), (Some(1), said.to_owned()));
    server.join().unwrap();
}
