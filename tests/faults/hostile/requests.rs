//! Connections that send requests without waiting for the responses.

use super::attackers::{Attackers, Conduct};
use super::victims::Victims;
use super::{ATTACKED, OTHER, measure, size, start};
use crate::support::client::dial;

/// Requests that each connection sends again and again.
const REQUESTS: usize = 64;

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
