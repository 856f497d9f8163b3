//! Sessions: a seat belongs to the latest connection with its session, and not to a guess, a session of another room,
//! one after a goodbye or the grace period, or bytes of an earlier connection that arrive late.

use crate::author::Author;
use crate::barrier::Barrier;
use crate::link::{Direction, Fault, Link};
use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::frame::{handshake, text};
use crate::support::http::Response;
use serde_json::json;
use socket2::SockRef;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use tungstenite::WebSocket;
use tungstenite::protocol::Role;
use typewall::Limits;
use typewall::internals::Session;

/// Seats are kept for longer than any test takes.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), ..Limits::DEFAULT };

/// No seat is kept.
const NO_GRACE: Limits = Limits { grace: Duration::ZERO, ..Limits::DEFAULT };

#[test]
fn a_guessed_session_gets_a_new_seat() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let session = ada.page.session.clone().unwrap();
    let mut last_digit_differs = session.clone();
    let digit = if last_digit_differs.pop() == Some('0') { '1' } else { '0' };
    last_digit_differs.push(digit);
    let malformed =
        [&session[1..], &format!("{session}0"), &format!(" {session}"), &"é".repeat(16), "", "0x", "-1"];
    let guesses = (0..100).map(|_| Session::random().to_hex());
    for guess in guesses.chain([last_digit_differs]).chain(malformed.map(str::to_owned)) {
        let guesser = server.rejoin("r", "Guesser", &guess);
        assert_eq!(
            (guesser.page.names(), guesser.page.text_of("Guesser")),
            (vec!["Ada", "Guesser"], Some("")),
            "{guess}"
        );
        guesser.leave();
    }
    for no_text in [json!(7), json!([session]), json!({"session": session})] {
        let mut guesser = server.connect("r");
        guesser.send("got_a_new_user", json!({"name": "Guesser", "session": no_text}));
        assert_eq!(guesser.next_error(), "wrong_type");
    }
    ada.catch_up();
    assert_eq!((ada.page.names(), ada.page.is_away("Ada")), (vec!["Ada"], Some(false)), "she keeps her seat");
}

#[test]
fn a_session_is_unknown_in_another_room() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let session = ada.page.session.clone().unwrap();
    let mut elsewhere = server.rejoin("elsewhere", "Eve", &session);
    assert_eq!((elsewhere.page.names(), elsewhere.page.text_of("Eve")), (vec!["Eve"], Some("")));
    elsewhere.write("hers");
    elsewhere.post_and_wait("posted elsewhere");
    elsewhere.leave();
    ada.catch_up();
    assert_eq!((ada.page.names(), ada.page.posts()), (vec!["Ada"], vec![]), "she keeps her seat");
    assert_eq!(server.rejoin("r", "Ada", &session).page.text_of("Ada"), Some("mine"));
}

#[test]
fn after_the_grace_period_a_session_gets_a_new_seat_and_posts_nothing_twice() {
    let server = TestServer::with(Limits { grace: Duration::from_millis(50), ..KEPT });
    let mut observer = server.join("r", "Observer");
    let (socket, link) = Link::to(server.address);
    let mut ada = Author::new("Ada");
    ada.connect("r", socket).unwrap();
    ada.post("once");
    // It arrives, and she is not told.
    link.fail_after(0, Direction::ToClient, Fault::Silence);
    observer.until("the post", |page| page.posts() == ["once"]);
    let id = ada.id();
    drop(link);
    observer.sees_users(&["Observer"]);
    ada.reconnect(&server, "r");
    ada.settle().unwrap();
    assert_ne!(ada.id(), id);
    observer.sees_users(&["Observer", "Ada"]);
    assert_eq!(observer.page.posts(), ["once"]);
}

#[test]
fn after_a_goodbye_a_session_gets_a_new_seat() {
    let server = TestServer::with(KEPT);
    let mut observer = server.join("r", "Observer");
    let mut ada = server.join("r", "Ada");
    ada.write("mine");
    let (id, session) = (ada.page.you.clone(), ada.page.session.clone().unwrap());
    ada.leave();
    let ada = server.rejoin("r", "Ada", &session);
    assert_ne!(ada.page.you, id);
    assert_eq!((ada.page.names(), ada.page.text_of("Ada")), (vec!["Observer", "Ada"], Some("")));
    observer.until("the new Ada", |page| page.users.contains_key(ada.page.you.as_ref().unwrap()));
    assert_eq!(observer.page.names(), ["Observer", "Ada"]);
}

#[test]
fn without_a_grace_period_a_seat_can_only_be_taken_from_a_live_connection() {
    let server = TestServer::with(NO_GRACE);
    let mut observer = server.join("r", "Observer");
    let mut old = server.join("r", "Ada");
    old.write("mine");
    old.catch_up();
    let (id, session) = (old.page.you.clone(), old.page.session.clone().unwrap());
    let new = server.rejoin("r", "Ada", &session);
    assert_eq!((&new.page.you, new.page.text_of("Ada")), (&id, Some("mine")));
    assert_eq!(old.closed(), 4001);
    observer.catch_up();
    assert_eq!(observer.page.names(), ["Observer", "Ada"]);
    drop(new);
    observer.sees_users(&["Observer"]);
    let late = server.rejoin("r", "Ada", &session);
    assert_ne!(late.page.you, id);
    assert_eq!(late.page.text_of("Ada"), Some(""));
}

#[test]
fn of_two_connections_that_join_at_once_the_later_one_has_the_seat() {
    let server = TestServer::with(KEPT);
    let mut observer = server.join("r", "Observer");
    for round in 0..50 {
        let name = format!("Ada {round}");
        let session = Session::random().to_hex();
        let (earlier, later) = (server.connect("r"), server.connect("r"));
        let gate = &Barrier::new(2);
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
        assert_eq!(earlier.closed(), 4001, "whichever joined first");
        later.write("mine");
        later.until("a snapshot", |page| page.you.is_some());
        observer.sees(&name, "mine");
        assert_eq!(observer.page.names(), ["Observer", &name], "one user");
        later.leave();
        observer.sees_users(&["Observer"]);
    }
}

#[test]
fn a_connection_that_does_not_read_loses_its_seat_to_a_newer_one() {
    let server = TestServer::with(KEPT);
    let mut bob = server.join("r", "Bob");
    let socket = server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut old = Client::open(socket, "r");
    old.join("Ada");
    // More than the buffers between the two hold, and less than may wait for a client.
    for n in 1..=90 {
        bob.post(&"x".repeat(10_000));
        bob.until("the post", |page| page.log.len() == n);
    }
    let new = server.rejoin("r", "Ada", old.page.session.as_ref().unwrap());
    assert_eq!((&new.page.you, new.page.log.len()), (&old.page.you, 90));
    bob.catch_up();
    assert_eq!((bob.page.names(), bob.page.is_away("Ada")), (vec!["Bob", "Ada"], Some(false)));
    assert_eq!(old.closed(), 4001, "it is told when it reads again");
}

/// What the author sends on the first connection, from the handshake on.
fn script(room: &str, ada: &Author) -> Vec<u8> {
    let event = |event: &str, data| text(json!([event, data]).to_string());
    [
        handshake(&format!("/ws?room={room}")),
        event("got_a_new_user", json!({"name": ada.name, "session": ada.session})),
        event("updated_text", json!({"text": "old"})),
        event("message", json!({"text": "once", "ref": "1"})),
        event("updated_text", json!({"text": "older than new"})),
    ]
    .concat()
}

/// The client of a handshake that was written as bytes.
fn answered(mut socket: TcpStream) -> Client {
    assert_eq!(Response::read_head(&mut socket).status, 101);
    Client::new(WebSocket::from_raw_socket(socket, Role::Client, None))
}

#[test]
fn bytes_of_an_old_connection_that_arrive_late_change_nothing() {
    let server = TestServer::with(KEPT);
    let length = script("room-000", &Author::new("Ada")).len();
    for bytes in 0..length {
        let room = format!("room-{bytes:03}");
        let mut observer = server.join(&room, "Observer");
        let mut ada = Author::new("Ada");
        let (mut old, link) = Link::to(server.address);
        link.fail_after(bytes, Direction::ToServer, Fault::Silence);
        old.write_all(&script(&room, &ada)).unwrap();
        ada.post("once");
        ada.write("new");
        ada.reconnect(&server, &room);
        ada.settle().unwrap();
        link.mend();
        assert_eq!(answered(old).closed(), 4001, "late after {bytes} bytes");
        ada.settle().expect("the new connection stays");
        observer.sees("Ada", "new");
        observer.catch_up();
        assert_eq!((observer.page.names(), observer.page.posts()), (vec!["Observer", "Ada"], vec!["once"]));
        assert_eq!((observer.page.text_of("Ada"), observer.page.is_away("Ada")), (Some("new"), Some(false)));
    }
}
