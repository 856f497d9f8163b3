//! Encrypted connections: what they leave behind, and what they can make the program hold.

use crate::process::start;
use crate::support::client::Client;
use crate::support::program::{Program, server};
use crate::support::tls::{Authority, Encrypted, client_hello};
use crate::support::wait_until;
use std::io::{ErrorKind, Read, Write};

/// Handshakes that are begun.
const HALVES: usize = 200;

/// Memory that one of them may take, in bytes: the part of its stack that is in use, and what rustls keeps of a greeting.
const MAX_HALF: u64 = 64 * 1024;

/// The program with the certificate of an authority, and as many clients as these tests need.
fn encrypted(authority: &Authority) -> Program {
    let mut command = server();
    command.args(authority.arguments());
    start(command)
}

fn join(authority: &Authority, program: &Program, name: &str) -> Client<Encrypted> {
    let mut client = Client::open(authority.dial(program.address), "r");
    client.join(name);
    client
}

#[test]
fn connections_leave_no_thread_and_no_descriptor() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let _witness = join(&authority, &program, "Witness");
    let before = program.counts();
    for n in 0..50 {
        let client = join(&authority, &program, &format!("Ada {n}"));
        match n % 3 {
            0 => client.leave(),
            1 => drop(client),
            _ => drop(authority.dial(program.address)),
        }
        // Some are not even encrypted.
        let mut plain = program.dial();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let _ = plain.read_to_end(&mut Vec::new());
    }
    program.until_counts_are(before);
}

#[test]
fn handshakes_that_do_not_end_take_little_memory() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    drop(authority.dial(program.address));
    let before = program.memory("VmRSS");
    let hello = client_hello(&authority);
    let halves: Vec<_> = (0..HALVES)
        .map(|_| {
            let mut socket = program.dial();
            socket.write_all(&hello[..hello.len() - 1]).unwrap();
            socket
        })
        .collect();
    let mut ada = join(&authority, &program, "Ada");
    ada.write("typed meanwhile");
    ada.catch_up();
    let taken = program.memory("VmRSS").saturating_sub(before);
    assert!(taken < HALVES as u64 * MAX_HALF, "{taken} bytes");
    drop(halves);
}

#[test]
fn a_client_that_makes_a_pump_full_and_goes_is_forgotten() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let _witness = join(&authority, &program, "Witness");
    let before = program.counts();
    let mut socket = authority.dial(program.address);
    // Far more answers than all buffers hold, of which none is read.
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(90);
    match socket.write_all(&request) {
        Ok(()) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
    wait_until("its threads", || program.counts() != before);
    drop(socket);
    program.until_counts_are(before);
}
