//! Seats: a user whose connection breaks keeps the seat for the grace period, and takes it again with the session.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::frame::{CLOSE, FIN, close, frame};
use crate::support::wait_until;
use serde_json::json;
use std::time::Duration;
use typewall::Limits;

/// Seats are kept for longer than any test takes.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), ..Limits::DEFAULT };

/// Seats are kept for next to no time.
const BRIEF: Limits = Limits { grace: Duration::from_millis(50), ..Limits::DEFAULT };

#[test]
fn a_user_whose_connection_breaks_is_away_and_takes_the_seat_again() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    bob.write("half a sent");
    ada.sees("Bob", "half a sent");
    let (id, session) = (bob.page.you.clone(), bob.page.session.clone().unwrap());
    drop(bob);
    ada.sees_away("Bob", true);
    assert_eq!(ada.page.text_of("Bob"), Some("half a sent"), "the box stays");
    assert_eq!(server.join("r", "Cem").page.is_away("Bob"), Some(true), "and is shown to new users");
    let mut bob = server.rejoin("r", "Bob", &session);
    assert_eq!((bob.page.you.clone(), bob.page.name.as_deref()), (id, Some("Bob")));
    assert_eq!(bob.page.text_of("Bob"), Some("half a sent"), "its author gets it back");
    ada.sees_away("Bob", false);
    bob.write("half a sentence");
    ada.sees("Bob", "half a sentence");
}

#[test]
fn a_user_who_comes_back_is_told_of_it_by_the_snapshot_alone() {
    let server = TestServer::with(KEPT);
    let mut bob = server.join("r", "Bob");
    let session = bob.page.session.clone().unwrap();
    bob.write("x");
    bob.catch_up();
    drop(bob);
    server.watch("r").sees_away("Bob", true);
    let mut bob = server.connect("r");
    bob.send("got_a_new_user", json!({ "name": "Bob", "session": session }));
    assert_eq!(bob.next_event().0, "existing_users");
}

#[test]
fn after_the_grace_period_the_box_is_gone_and_the_name_free() {
    let server = TestServer::with(BRIEF);
    let mut ada = server.join("r", "Ada");
    let bob = server.join("r", "Bob");
    let (id, session) = (bob.page.you.clone(), bob.page.session.clone().unwrap());
    drop(bob);
    ada.sees_users(&["Ada", "Bob"]);
    ada.sees_users(&["Ada"]);
    let bob = server.rejoin("r", "Bob", &session);
    assert_ne!(bob.page.you, id, "after the grace period a session gets a new seat");
    assert_eq!((bob.page.name.as_deref(), bob.page.text_of("Bob")), (Some("Bob"), Some("")));
}

#[test]
fn without_a_grace_period_nobody_is_away() {
    let server = TestServer::with(Limits { grace: Duration::ZERO, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    drop(server.join("r", "Bob"));
    ada.sees_users(&["Ada", "Bob"]);
    ada.until("Bob gone", |page| {
        assert_ne!(page.is_away("Bob"), Some(true));
        page.names() == ["Ada"]
    });
}

#[test]
fn only_close_code_1000_is_a_goodbye() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let without_code = frame(FIN | CLOSE, b"");
    for (n, close) in [close(1001, b""), without_code, close(4000, b"")].into_iter().enumerate() {
        let name = format!("Bob {n}");
        let mut bob = server.join("r", &name);
        bob.write("x");
        bob.write_bytes(&close);
        ada.sees_away(&name, true);
    }
    let mut bob = server.join("r", "Goodbye");
    bob.write("x");
    ada.until("the last one", |page| page.names().contains(&"Goodbye"));
    bob.write_bytes(&close(1000, b""));
    ada.until("the last one gone", |page| {
        assert_ne!(page.is_away("Goodbye"), Some(true));
        !page.names().contains(&"Goodbye")
    });
}

#[test]
fn a_newer_connection_takes_the_seat_of_one_that_still_looks_alive() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let old = server.join("r", "Bob");
    let session = old.page.session.clone().unwrap();
    let mut new = server.rejoin("r", "Bob", &session);
    assert_eq!((&new.page.you, new.page.names()), (&old.page.you, vec!["Ada", "Bob"]));
    assert_eq!(old.closed(), 4001);
    ada.catch_up();
    assert_eq!(
        (ada.page.names(), ada.page.is_away("Bob")),
        (vec!["Ada", "Bob"], Some(false)),
        "nobody else notices"
    );
    new.write("mine");
    ada.sees("Bob", "mine");
}

#[test]
fn sessions_are_never_sent_to_others() {
    let server = TestServer::with(KEPT);
    let ada = server.join("r", "Ada");
    let session = ada.page.session.unwrap();
    let mut viewer = server.connect("r");
    viewer.send("watch", serde_json::json!({}));
    let (_, snapshot) = viewer.next_event();
    assert!(snapshot["session"].is_null());
    assert!(!snapshot.to_string().contains(&session));
}

#[test]
fn a_user_who_is_gone_at_once_and_wrote_nothing_is_not_away() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    let mut attempts = 0..;
    // A slow machine may take so long that Bob has stayed.
    wait_until("Bob gone at once", || {
        let name = format!("Bob {}", attempts.next().unwrap_or_default());
        let bob = server.join("r", &name);
        ada.until("Bob", |page| page.names().contains(&name.as_str()));
        drop(bob);
        ada.until("Bob gone or away", |page| page.is_away(&name) != Some(false));
        ada.page.is_away(&name).is_none()
    });
}

#[test]
fn a_full_server_gives_a_new_user_the_seat_of_the_away_user_who_was_there_for_the_shortest_time() {
    let server = TestServer::with_hubs(1, Limits { max_clients: 4, ..KEPT }, None);
    let write = |client: &mut Client| {
        client.write("x");
        client.catch_up();
    };
    let mut ada = server.join("r", "Ada");
    let mut eve = server.join("s", "Eve");
    let mut bob = server.join("r", "Bob");
    write(&mut bob);
    let mut first = server.join("s", "First");
    write(&mut first);
    drop(first);
    eve.sees_away("First", true);
    let (id, session) = (bob.page.you.clone(), bob.page.session.clone().unwrap());
    drop(bob);
    ada.sees_away("Bob", true);
    // Neither a viewer nor a user who comes back takes a seat from anyone.
    let _viewer = server.connect("s");
    let bob = server.rejoin("r", "Bob", &session);
    assert_eq!(bob.page.you, id);
    drop(bob);
    ada.sees_away("Bob", true);
    eve.catch_up();
    assert_eq!(eve.page.names(), ["Eve", "First"]);
    let mut cem = server.join("r", "Cem");
    eve.sees_users(&["Eve"]);
    assert_eq!(cem.page.names(), ["Ada", "Bob", "Cem"]);
    write(&mut cem);
    drop(cem);
    ada.sees_away("Cem", true);
    let dora = server.join("r", "Dora");
    ada.sees_users(&["Ada", "Bob", "Dora"]);
    assert_eq!(dora.page.is_away("Ada"), Some(false), "users who are not away stay");
}

#[test]
fn a_seat_keeps_its_room_alive() {
    let server = TestServer::with(KEPT);
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("kept");
    let session = ada.page.session.clone().unwrap();
    drop(ada);
    assert_eq!(server.rejoin("r", "Ada", &session).page.posts(), ["kept"]);
}
