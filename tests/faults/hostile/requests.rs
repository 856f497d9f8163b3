//! Connections that send requests without waiting for the responses.

use super::attackers::{Attackers, Conduct};
use super::victims::Victims;
use super::{ATTACKED, OTHER, measure, size, start};
use crate::support::client::dial;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;

/// Requests that each connection sends again and again.
const REQUESTS: usize = 64;

/// Clients that make requests and go. One token for each of them would take the server 40 s.
const CLIENTS: usize = 40_000;

fn flood_of(name: &str, request: &str) {
    let count = size(400, 40);
    let program = start(count + 50, &[]);
    let address = program.address;
    let mut victims = Victims::none().and_typing(address, ATTACKED, 3).and_typing(address, OTHER, 3);
    let requests = format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(REQUESTS).into_bytes();
    measure(name, &program, &mut victims, move || {
        let sockets = (0..count).map(|_| dial(address)).collect();
        Attackers::none().and(sockets, &Conduct::flood(requests))
    });
}

#[test]
fn requests_for_qr_codes() {
    let link = "x".repeat(900);
    flood_of("QR codes", &format!("HEAD /qr.svg?link=http%3A%2F%2Flocalhost%2F{link}"));
}

#[test]
fn requests_for_nothing() {
    flood_of("requests for nothing", "GET /nothing");
}

/// Makes requests and goes, as this many clients.
fn make_requests_and_go(address: SocketAddr, clients: usize) {
    let requests = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(REQUESTS);
    for _ in 0..clients {
        let mut socket = dial(address);
        // The server may reset a connection whose requests it has not read.
        let _ = socket.write_all(requests.as_bytes());
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
    }
}

#[test]
fn requests_of_clients_that_have_gone() {
    let program = start(1_000, &[]);
    let address = program.address;
    let flood = |_| thread::spawn(move || make_requests_and_go(address, CLIENTS / 4));
    let floods: Vec<_> = (0..4).map(flood).collect();
    floods.into_iter().for_each(|flood| flood.join().expect("it ends"));
    program.join(ATTACKED, "Ada");
}
