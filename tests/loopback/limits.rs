//! Limits on clients, rooms, users and slow requests: one too many is refused, and the place of one that ended is free.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::http::Response;
use crate::support::wait_until;
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use typewall::{Access, Limits};

/// Connections that send a byte at a time: a quarter of what a process with 1,024 descriptors could hold.
const DRIPS: usize = if cfg!(feature = "soak") { 4_000 } else { 200 };

/// Connects again until the server has noticed that another client has ended.
fn connect_when_free(connect: impl Fn() -> Client) -> Client {
    let mut client = connect();
    wait_until("the place of a client that has ended", || {
        client.send("watch", json!({}));
        let first = client.next();
        if first.is_close() {
            client = connect();
            return false;
        }
        client.take(first);
        true
    });
    client
}

#[test]
fn clients_of_the_server() {
    let server = TestServer::with(Limits { max_clients: 2, grace: Default::default(), ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    let bob = server.join("r", "Bob");
    assert_eq!(server.connect("r").closed(), 1013);
    ada.catch_up();
    assert_eq!(ada.page.names(), ["Ada", "Bob"], "nobody is told of a client that was refused");
    bob.leave();
    connect_when_free(|| server.connect("r")).join("Cy");
    ada.sees_users(&["Ada", "Cy"]);
}

#[test]
fn clients_from_one_address() {
    let access = Access { trusts_proxy: true, ..Access::default() };
    let limits = Limits { max_per_address: Some(1), hubs: 3, ..Limits::DEFAULT };
    let server = TestServer::with_access(limits, access, None);
    let connect = |room: &str, address: &str| Client::connect_from(server.address, room, address);
    let first = connect("r", "2001:db8:1:2::1");
    assert_eq!(connect("r", "2001:db8:1:2::2").closed(), 1013, "it is the same network");
    assert_eq!(connect("r", "1.1.1.1, 2001:db8:1:2::3").closed(), 1013);
    for room in ["a", "b", "c", "d", "e"] {
        assert_eq!(connect(room, "2001:db8:1:2::2").closed(), 1013, "in every room");
    }
    connect("r", "2001:db8:1:3::1").watch();
    connect("r", "192.0.2.1").watch();
    first.leave();
    connect_when_free(|| connect("r", "2001:db8:1:2::2"));
}

#[test]
fn rooms_of_the_server() {
    let grace = Default::default();
    let server = TestServer::with(Limits { max_rooms: 1, grace, ..Limits::DEFAULT });
    let ada = server.join("r", "Ada");
    assert_eq!(server.connect("other").closed(), 1013);
    server.join("R", "Bob").leave();
    ada.leave();
    connect_when_free(|| server.connect("other"));
}

#[test]
fn users_in_a_room() {
    let server = TestServer::with(Limits { max_users: 1, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    ada.write("x");
    ada.catch_up();
    let (id, session) = (ada.page.you.clone(), ada.page.session.clone().unwrap());
    let mut bob = server.connect("r");
    bob.send("got_a_new_user", json!({ "name": "Bob" }));
    assert_eq!(bob.next_error(), "room_full");
    bob.watch();
    bob.sees_users(&["Ada"]);
    server.join("other", "Bob");
    // A user who is away comes back to the seat.
    drop(ada);
    let ada = server.rejoin("r", "Ada", &session);
    assert_eq!(ada.page.you, id);
    bob.sees_away("Ada", false);
    ada.leave();
    bob.sees_users(&[]);
    bob.join("Bob");
}

#[test]
fn connections_that_drip_delay_nobody() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let mut dripping: Vec<TcpStream> = (0..DRIPS).map(|_| server.dial()).collect();
    let mut first = dripping[0].try_clone().unwrap();
    let mut round = 0;
    let mut go_on = || {
        if round % 10 == 0 {
            // The next byte of a request that never ends. The server may have answered and closed already.
            dripping.iter_mut().for_each(|socket| drop(socket.write_all(b"G")));
        }
        assert_eq!(server.get("/").status, 200);
        ada.write(&round.to_string());
        bob.sees("Ada", &round.to_string());
        round += 1;
    };
    (0..30).for_each(|_| go_on());
    if cfg!(feature = "soak") {
        // The deadline is for all bytes together, and not for each: in the end all are answered with 408.
        let (answered, status) = mpsc::channel();
        thread::spawn(move || answered.send(Response::read(&mut first).status));
        wait_until("the deadline of a request", || {
            go_on();
            status.try_recv() == Ok(408)
        });
        for socket in &mut dripping[1..] {
            assert_eq!(Response::read(socket).status, 408);
        }
    }
}
