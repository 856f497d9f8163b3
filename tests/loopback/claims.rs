//! Who gets a seat. It belongs to the latest connection that has its session: not to a guess, not in another room,
//! not after a goodbye or the grace, and not to what is left in the network of a connection before.

use crate::author::Author;
use crate::gate::Gate;
use crate::person::{Person, TestServer, frame, handshake};
use crate::proxy::{Fault, Link, Way};
use serde_json::json;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tungstenite::WebSocket;
use tungstenite::protocol::Role;
use typewall::Limits;
use typewall::room::session::Session;

/// Seats are kept for longer than any test takes.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), ..Limits::DEFAULT };

/// Nobody's seat is kept.
const NO_GRACE: Limits = Limits { grace: Duration::ZERO, ..Limits::DEFAULT };

/// Joins with a session that somebody else may have.
fn claim(server: &TestServer, room: &str, name: &str, session: &str) -> Person {
    let mut person = server.connect(room);
    person.return_as(name, session);
    person
}

#[test]
fn a_guess_is_a_new_user_and_nobody_notices() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let session = ada.session.clone().unwrap();
    let mut last_digit_differs = session.clone();
    let digit = if last_digit_differs.pop() == Some('0') { '1' } else { '0' };
    last_digit_differs.push(digit);
    let malformed =
        [&session[1..], &format!("{session}0"), &format!(" {session}"), &"é".repeat(16), "", "0x", "-1"];
    let guesses = (0..100).map(|_| Session::random().to_hex());
    for guess in guesses.chain([last_digit_differs]).chain(malformed.map(str::to_owned)) {
        let guesser = claim(&server, "r", "Guesser", &guess);
        assert_eq!(
            (guesser.names(), guesser.text_of("Guesser")),
            (vec!["Ada", "Guesser"], Some("")),
            "{guess}"
        );
        guesser.leave();
    }
    for no_text in [json!(7), json!([session]), json!({"session": session})] {
        let mut guesser = server.connect("r");
        guesser.send("got_a_new_user", json!({"name": "Guesser", "session": no_text}));
        assert_eq!(guesser.refused(), "wrong_type");
    }
    ada.catch_up();
    assert_eq!((ada.names(), ada.is_away("Ada")), (vec!["Ada"], Some(false)), "she has her seat");
}

#[test]
fn a_session_is_nothing_in_another_room() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let session = ada.session.clone().unwrap();
    let mut elsewhere = claim(&server, "elsewhere", "Eve", &session);
    assert_eq!((elsewhere.names(), elsewhere.text_of("Eve")), (vec!["Eve"], Some("")));
    elsewhere.write("hers");
    elsewhere.post("posted elsewhere");
    elsewhere.until("the post", |elsewhere| elsewhere.posts() == ["posted elsewhere"]);
    elsewhere.leave();
    ada.catch_up();
    assert_eq!((ada.names(), ada.posts()), (vec!["Ada"], vec![]), "she has her seat");
    assert_eq!(claim(&server, "r", "Ada", &session).text_of("Ada"), Some("mine"));
}

#[test]
fn after_the_grace_a_session_gets_a_new_seat_and_posts_nothing_twice() {
    let server = TestServer::with(Limits { grace: Duration::from_millis(50), ..KEPT });
    let mut observer = server.join("r", "Observer");
    let (socket, link) = Link::to(server.address);
    let mut ada = Author::new("Ada");
    ada.connect(&server, "r", socket).unwrap();
    ada.post("once");
    // It arrives, and she is not told.
    link.fail_after(0, Way::Down, Fault::Silence);
    observer.until("the post", |observer| observer.posts() == ["once"]);
    let id = ada.id.clone();
    drop(link);
    observer.sees_people(&["Observer"]);
    ada.connect(&server, "r", server.dial()).unwrap();
    ada.settle().unwrap();
    assert_ne!(ada.id, id);
    observer.sees_people(&["Observer", "Ada"]);
    assert_eq!(observer.posts(), ["once"]);
}

#[test]
fn after_a_goodbye_a_session_gets_a_new_seat() {
    let server = TestServer::with(KEPT);
    let mut observer = server.join("r", "Observer");
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let (id, session) = (ada.you.clone(), ada.session.clone().unwrap());
    ada.leave();
    let ada = claim(&server, "r", "Ada", &session);
    assert_ne!(ada.you, id);
    assert_eq!((ada.names(), ada.text_of("Ada")), (vec!["Observer", "Ada"], Some("")));
    observer.until("the new Ada", |observer| observer.users.contains_key(ada.you.as_ref().unwrap()));
    assert_eq!(observer.names(), ["Observer", "Ada"]);
}

#[test]
fn without_a_grace_a_seat_is_taken_from_a_connection_that_lives_and_from_no_other() {
    let server = TestServer::with(NO_GRACE);
    let mut observer = server.join("r", "Observer");
    let mut old = server.join("r", "Ada");
    old.write("mine");
    old.catch_up();
    let (id, session) = (old.you.clone(), old.session.clone().unwrap());
    let new = claim(&server, "r", "Ada", &session);
    assert_eq!((&new.you, new.text_of("Ada")), (&id, Some("mine")));
    assert_eq!(old.closed(), 4001);
    observer.catch_up();
    assert_eq!(observer.names(), ["Observer", "Ada"]);
    drop(new);
    observer.sees_people(&["Observer"]);
    let late = claim(&server, "r", "Ada", &session);
    assert_ne!(late.you, id);
    assert_eq!(late.text_of("Ada"), Some(""));
}

#[test]
fn of_two_that_claim_a_seat_at_once_the_one_that_connected_later_has_it() {
    let server = TestServer::with(KEPT);
    let mut observer = server.join("r", "Observer");
    for round in 0..50 {
        let name = format!("Ada {round}");
        let session = Session::random().to_hex();
        let (earlier, later) = (server.connect("r"), server.connect("r"));
        let gate = &Gate::for_all(2);
        let [earlier, mut later] = thread::scope(|scope| {
            let racers = [earlier, later].map(|mut racer| {
                let join = json!({"name": name, "session": session});
                scope.spawn(move || {
                    gate.wait();
                    racer.send("got_a_new_user", join);
                    racer
                })
            });
            racers.map(|racer| racer.join().unwrap())
        });
        assert_eq!(earlier.closed(), 4001, "whoever's claim came first");
        later.write("mine");
        later.until("a snapshot", |later| later.you.is_some());
        observer.sees(&name, "mine");
        assert_eq!(observer.names(), ["Observer", &name], "one user");
        later.leave();
        observer.sees_people(&["Observer"]);
    }
}

#[test]
fn one_that_does_not_read_does_not_keep_its_seat() {
    let server = TestServer::with(KEPT);
    let mut bob = server.join("r", "Bob");
    let socket = server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut old = server.open("r", socket);
    old.join("Ada");
    // More than the buffers between the two take, and less than may wait.
    for n in 1..=90 {
        bob.post(&"x".repeat(10_000));
        bob.until("the post", |bob| bob.log.len() == n);
    }
    let new = claim(&server, "r", "Ada", old.session.as_ref().unwrap());
    assert_eq!((&new.you, new.log.len()), (&old.you, 90));
    bob.catch_up();
    assert_eq!((bob.names(), bob.is_away("Ada")), (vec!["Bob", "Ada"], Some(false)));
    assert_eq!(old.closed(), 4001, "it finds out when it reads again");
}

/// What she sends on her first connection, from the handshake on.
fn script(room: &str, ada: &Author) -> Vec<u8> {
    let event = |event: &str, data| frame(0x81, json!([event, data]).to_string().as_bytes());
    [
        handshake(&format!("/ws?room={room}")).into_bytes(),
        event("got_a_new_user", json!({"name": ada.name, "session": ada.session})),
        event("updated_text", json!({"text": "old"})),
        event("message", json!({"text": "once", "ref": "1"})),
        event("updated_text", json!({"text": "older than new"})),
    ]
    .concat()
}

/// What answers a handshake that was written as bytes.
fn answered(mut socket: TcpStream) -> Person {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).expect("an answer");
        head.extend(byte);
    }
    Person::new(WebSocket::from_raw_socket(socket, Role::Client, None))
}

#[test]
fn what_comes_late_from_an_old_connection_changes_nothing() {
    let server = TestServer::with(KEPT);
    let len = script("room-000", &Author::new("Ada")).len();
    for bytes in 0..len {
        let room = format!("room-{bytes:03}");
        let mut observer = server.join(&room, "Observer");
        let mut ada = Author::new("Ada");
        let (mut old, link) = Link::to(server.address);
        link.fail_after(bytes, Way::Up, Fault::Silence);
        old.write_all(&script(&room, &ada)).unwrap();
        ada.post("once");
        ada.write("new");
        ada.connect(&server, &room, server.dial()).unwrap();
        ada.settle().unwrap();
        link.mend();
        assert_eq!(answered(old).closed(), 4001, "late after {bytes} bytes");
        ada.settle().expect("the new one stays");
        observer.sees("Ada", "new");
        observer.catch_up();
        assert_eq!((observer.names(), observer.posts()), (vec!["Observer", "Ada"], vec!["once"]));
        assert_eq!((observer.text_of("Ada"), observer.is_away("Ada")), (Some("new"), Some(false)));
    }
}
