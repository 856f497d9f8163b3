//! Connections that send control frames, messages without an end, or handshakes without an end.

use super::attackers::{Attackers, Conduct, viewers};
use super::victims::Victims;
use super::{ATTACKED, OTHER, measure, size, start};
use crate::support::client::dial;
use crate::support::frame::{FIN, PING, PONG, TEXT, frame, handshake, header};
use crate::support::program::Program;
use std::io::Write;
use std::time::Duration;

/// Lets attackers do this while victims type.
fn attack(
    name: &str,
    clients: usize,
    attack: impl FnOnce(std::net::SocketAddr) -> Attackers + Send + 'static,
) -> Program {
    let program = start(clients + 50, &[]);
    let address = program.address;
    let mut victims = Victims::none().and_typing(address, ATTACKED, 3).and_typing(address, OTHER, 3);
    measure(name, &program, &mut victims, move || attack(address));
    program
}

#[test]
fn pings_and_pongs() {
    let count = size(400, 40);
    for (name, reads) in [("pings, answers read", true), ("pings, answers not read", false)] {
        attack(name, count, move |address| {
            let pings = [frame(FIN | PING, &[b'x'; 125]), frame(FIN | PONG, b"")].concat().repeat(64);
            let conduct = Conduct { reads, ..Conduct::flood(pings) };
            Attackers::none().and(viewers(address, ATTACKED, count), &conduct)
        });
    }
}

#[test]
fn messages_without_an_end() {
    /// Bytes of each message: almost as many as the server allows.
    const LENGTH: usize = 120_000;
    let count = size(1_000, 50);
    let program = attack("messages without an end", count, move |address| {
        let mut sockets = viewers(address, ATTACKED, count);
        let begun = [header(FIN | TEXT, LENGTH as u64), vec![b' '; LENGTH - 1_000]].concat();
        // The server may stop reading what it has no memory for.
        sockets.retain_mut(|socket| socket.write_all(&begun).is_ok());
        let drips = Some(Duration::from_millis(100));
        Attackers::none().and(sockets, &Conduct { drips, ..Conduct::flood([b' '; 100]) })
    });
    assert!(program.memory("VmHWM") < (64 << 20) + count as u64 * (LENGTH as u64 + 64 * 1024));
}

#[test]
fn handshakes_without_an_end() {
    let count = size(1_000, 50);
    attack("handshakes without an end", count, move |address| {
        let half = handshake("/ws?room=attacked");
        let half = &half[..half.len() - 2];
        let sockets = (0..count).map(|_| dial(address)).filter_map(|mut socket| {
            socket.write_all(half).ok()?;
            Some(socket)
        });
        let drips = Some(Duration::from_millis(100));
        Attackers::none().and(sockets.collect(), &Conduct { drips, ..Conduct::flood(*b"X: y\r\n") })
    });
}
