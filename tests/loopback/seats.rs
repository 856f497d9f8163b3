//! Seats: whose connection breaks keeps theirs for a while, and whoever has the session takes it again.

use crate::person::{Person, TestServer, frame};
use std::time::Duration;
use typewall::Limits;

/// Seats are kept for longer than any test takes.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), ..Limits::DEFAULT };

/// Seats are kept for hardly any time.
const BRIEF: Limits = Limits { grace: Duration::from_millis(50), ..Limits::DEFAULT };

impl Person {
    fn sees_away(&mut self, name: &str, away: bool) {
        self.until(&format!("{name} away: {away}"), |person| person.is_away(name) == Some(away));
    }
}

#[test]
fn a_broken_connection_is_away_and_its_seat_is_taken_again() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    bob.write("half a sent");
    ada.sees("Bob", "half a sent");
    let (id, session) = (bob.you.clone(), bob.session.clone().unwrap());
    drop(bob);
    ada.sees_away("Bob", true);
    assert_eq!(ada.text_of("Bob"), Some("half a sent"), "the box stays");
    assert_eq!(server.join("r", "Cem").is_away("Bob"), Some(true), "and is shown to who comes");
    let mut bob = server.connect("r");
    bob.return_as("Bob", &session);
    assert_eq!((bob.you.clone(), bob.name.as_deref()), (id, Some("Bob")));
    assert_eq!(bob.text_of("Bob"), Some("half a sent"), "its author gets it back");
    ada.sees_away("Bob", false);
    bob.write("half a sentence");
    ada.sees("Bob", "half a sentence");
}

#[test]
fn after_the_grace_the_box_goes_and_the_name_is_free() {
    let server = TestServer::with(BRIEF);
    let mut ada = server.join("r", "Ada");
    let bob = server.join("r", "Bob");
    let (id, session) = (bob.you.clone(), bob.session.clone().unwrap());
    drop(bob);
    ada.sees_people(&["Ada", "Bob"]);
    ada.sees_people(&["Ada"]);
    let mut bob = server.connect("r");
    bob.return_as("Bob", &session);
    assert_ne!(bob.you, id, "a session after the grace gets a new seat");
    assert_eq!((bob.name.as_deref(), bob.text_of("Bob")), (Some("Bob"), Some("")));
}

#[test]
fn without_a_grace_nobody_is_away() {
    let server = TestServer::with(Limits { grace: Duration::ZERO, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    drop(server.join("r", "Bob"));
    ada.sees_people(&["Ada", "Bob"]);
    ada.until("Bob gone", |ada| {
        assert_ne!(ada.is_away("Bob"), Some(true));
        ada.names() == ["Ada"]
    });
}

#[test]
fn only_code_1000_is_a_goodbye() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    for (n, close) in [&b"\x03\xE9"[..], b"", b"\x0F\xA0"].into_iter().enumerate() {
        let name = format!("Bob {n}");
        let mut bob = server.join("r", &name);
        bob.write_bytes(&frame(0x88, close));
        ada.sees_away(&name, true);
    }
    let mut bob = server.join("r", "Goodbye");
    ada.until("the last", |ada| ada.names().contains(&"Goodbye"));
    bob.write_bytes(&frame(0x88, b"\x03\xE8"));
    ada.until("the last gone", |ada| {
        assert_ne!(ada.is_away("Goodbye"), Some(true));
        !ada.names().contains(&"Goodbye")
    });
}

#[test]
fn a_newer_connection_takes_the_seat_of_one_that_does_not_know_it_is_dead() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let old = server.join("r", "Bob");
    let session = old.session.clone().unwrap();
    let mut new = server.connect("r");
    new.return_as("Bob", &session);
    assert_eq!((&new.you, new.names()), (&old.you, vec!["Ada", "Bob"]));
    assert_eq!(old.closed(), 4001);
    ada.catch_up();
    assert_eq!((ada.names(), ada.is_away("Bob")), (vec!["Ada", "Bob"], Some(false)), "nobody else notices");
    new.write("mine");
    ada.sees("Bob", "mine");
}

#[test]
fn sessions_are_shown_to_nobody_else() {
    let server = TestServer::with(KEPT);
    let ada = server.join("r", "Ada");
    let session = ada.session.unwrap();
    let mut viewer = server.connect("r");
    viewer.send("watch", serde_json::json!({}));
    let (_, snapshot) = viewer.receive().unwrap();
    assert!(snapshot["session"].is_null());
    assert!(!snapshot.to_string().contains(&session));
}

#[test]
fn a_client_that_gives_no_sign_of_life_is_away() {
    let limits =
        Limits { ping_every: Duration::from_millis(50), max_silence: Duration::from_millis(500), ..KEPT };
    let server = TestServer::with(limits);
    let mut ada = server.join("r", "Ada");
    // It does not read, and so does not answer pings; its network is as good as gone.
    let _silent = server.join("r", "Silent");
    ada.sees_away("Silent", true);
    assert_eq!(ada.is_away("Ada"), Some(false), "who answers stays");
}

#[test]
fn the_seat_that_has_been_empty_for_longest_is_given_up_for_a_new_one() {
    let server = TestServer::with_hubs(1, Limits { max_clients: 4, ..KEPT }, None);
    let mut ada = server.join("r", "Ada");
    let mut eve = server.join("s", "Eve");
    drop(server.join("s", "First"));
    eve.sees_away("First", true);
    let bob = server.join("r", "Bob");
    let (id, session) = (bob.you.clone(), bob.session.clone().unwrap());
    drop(bob);
    ada.sees_away("Bob", true);
    // Neither a viewer takes a seat nor who comes back.
    let _viewer = server.connect("s");
    let mut bob = server.connect("r");
    bob.return_as("Bob", &session);
    assert_eq!(bob.you, id);
    drop(bob);
    ada.sees_away("Bob", true);
    eve.catch_up();
    assert_eq!(eve.names(), ["Eve", "First"]);
    let cem = server.join("r", "Cem");
    eve.sees_people(&["Eve"]);
    assert_eq!(cem.names(), ["Ada", "Bob", "Cem"]);
    drop(cem);
    ada.sees_away("Cem", true);
    let dora = server.join("r", "Dora");
    ada.sees_people(&["Ada", "Cem", "Dora"]);
    assert_eq!(dora.is_away("Ada"), Some(false), "who is here stays");
}

#[test]
fn a_seat_keeps_its_room() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.post("kept");
    ada.until("the post", |ada| !ada.log.is_empty());
    let session = ada.session.clone().unwrap();
    drop(ada);
    let mut ada = server.connect("r");
    ada.return_as("Ada", &session);
    assert_eq!(ada.posts(), ["kept"]);
}
