//! How many there may be of anything, and what the one too many is told.

use crate::http::{Answer, get};
use crate::person::{PATIENCE, Person, TestServer};
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;
use typewall::{Access, Limits};

/// Connections that drip, of which a process with few descriptors has room for four times as many.
const DRIPS: usize = if cfg!(feature = "soak") { 4_000 } else { 200 };

/// Tries until there is a place: one is free when the server has noticed that its client is gone.
fn until_let_in(mut connect: impl FnMut() -> Person) -> Person {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut person = connect();
        person.send("watch", serde_json::json!({}));
        if person.receive_or_close().is_none() {
            return person;
        }
        assert!(Instant::now() < deadline, "a place that is free is given");
    }
}

#[test]
fn clients() {
    let server = TestServer::with(Limits { max_clients: 2, grace: Default::default(), ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    let bob = server.join("r", "Bob");
    assert_eq!(server.connect("r").closed(), 1013);
    bob.leave();
    until_let_in(|| server.connect("r")).join("Cy");
    ada.sees_people(&["Ada", "Cy"]);
}

#[test]
fn clients_from_one_address() {
    let access = Access { trusts_proxy: true, ..Access::default() };
    let limits = Limits { max_per_address: Some(1), hubs: 3, ..Limits::DEFAULT };
    let server = TestServer::with_access(limits, access, None);
    let first = server.connect_from("r", "2001:db8:1:2::1");
    assert_eq!(server.connect_from("r", "2001:db8:1:2::2").closed(), 1013, "it is the same network");
    assert_eq!(server.connect_from("r", "1.1.1.1, 2001:db8:1:2::3").closed(), 1013);
    for room in ["a", "b", "c", "d", "e"] {
        assert_eq!(server.connect_from(room, "2001:db8:1:2::2").closed(), 1013, "in every room");
    }
    server.connect_from("r", "2001:db8:1:3::1").watch();
    server.connect_from("r", "192.0.2.1").watch();
    first.leave();
    until_let_in(|| server.connect_from("r", "2001:db8:1:2::2"));
}

#[test]
fn rooms() {
    let grace = Default::default();
    let server = TestServer::with(Limits { max_rooms: 1, grace, ..Limits::DEFAULT });
    let ada = server.join("r", "Ada");
    assert_eq!(server.connect("other").closed(), 1013);
    server.join("R", "Bob").leave();
    ada.leave();
    until_let_in(|| server.connect("other"));
}

#[test]
fn users_in_a_room() {
    let server = TestServer::with(Limits { max_users: 1, ..Limits::DEFAULT });
    let ada = server.join("r", "Ada");
    let session = ada.session.clone().unwrap();
    let mut bob = server.connect("r");
    bob.send("got_a_new_user", serde_json::json!({ "name": "Bob" }));
    assert_eq!(bob.refused(), "room_full");
    bob.watch();
    bob.sees_people(&["Ada"]);
    server.join("other", "Bob");
    // Who has a seat comes back to it.
    drop(ada);
    let mut ada = server.connect("r");
    ada.return_as("Ada", &session);
    bob.until("Ada", |bob| bob.is_away("Ada") == Some(false));
    ada.leave();
    bob.sees_people(&[]);
    bob.join("Bob");
}

#[test]
fn connections_that_drip_are_in_nobodys_way() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let mut dripping: Vec<TcpStream> = (0..DRIPS).map(|_| server.dial()).collect();
    let mut first = dripping[0].try_clone().unwrap();
    let mut round = 0;
    let mut go_on = || {
        if round % 10 == 0 {
            // The next byte of a request that never ends. One may be too late for an answer that has come.
            dripping.iter_mut().for_each(|socket| drop(socket.write_all(b"G")));
        }
        assert_eq!(get(&server, "/").status, 200);
        ada.write(&round.to_string());
        bob.sees("Ada", &round.to_string());
        round += 1;
    };
    (0..30).for_each(|_| go_on());
    if cfg!(feature = "soak") {
        // Their time is not for each byte, but for all: in the end each is told that it took too long.
        let (answered, answer) = mpsc::channel();
        thread::spawn(move || answered.send(Answer::read(&mut first, true).status));
        while answer.try_recv() != Ok(408) {
            go_on();
        }
        for socket in &mut dripping[1..] {
            assert_eq!(Answer::read(socket, true).status, 408);
        }
    }
}
