//! Rooms: what happens in one stays in it, and it lasts as long as somebody is there.

use crate::person::TestServer;

#[test]
fn rooms_know_nothing_of_each_other() {
    let server = TestServer::start();
    let mut ada = server.join("physics", "Ada");
    let mut other = server.join("chemistry", "Ada");
    assert_eq!(other.name.as_deref(), Some("Ada"), "a name is taken in its room only");
    let mut viewer = server.connect("chemistry");
    viewer.watch();
    ada.write("atoms");
    ada.post("atoms");
    ada.until("the post", |ada| !ada.log.is_empty());
    for person in [&mut other, &mut viewer] {
        person.catch_up();
        assert_eq!(person.users.len(), 1);
        assert_eq!(person.text_of("Ada"), Some(""));
        assert!(person.log.is_empty());
    }
}

#[test]
fn rooms_are_named_in_the_url_and_one_is_the_lobby() {
    let server = TestServer::start();
    let mut ada = server.join("", "Ada");
    assert_eq!(ada.room.as_deref(), Some("lobby"));
    let _bob = server.join("Lobby", "Bob");
    ada.sees_people(&["Ada", "Bob"]);
    assert_eq!(server.join("Caf%C3%A9%20%E2%98%95", "Cem").room.as_deref(), Some("Café ☕"));
}

#[test]
fn a_room_is_forgotten_with_the_last_who_leaves_it() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post("gone");
    ada.until("the post", |ada| !ada.log.is_empty());
    ada.leave();
    assert!(server.join("r", "Bob").log.is_empty());
}

#[test]
fn a_room_is_kept_for_a_viewer() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.watch();
    let mut ada = server.join("r", "Ada");
    ada.post("kept");
    ada.until("the post", |ada| !ada.log.is_empty());
    ada.leave();
    viewer.sees_people(&[]);
    assert_eq!(server.join("r", "Bob").posts(), ["kept"]);
}

#[test]
fn a_viewer_gets_broadcasts_from_the_moment_it_connects() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.catch_up();
    let mut ada = server.join("r", "Ada");
    ada.write("live");
    viewer.sees("Ada", "live");
    assert_eq!(viewer.room, None, "it has not even asked for a snapshot");
    viewer.join("Bob");
    assert_eq!(viewer.names(), ["Ada", "Bob"]);
}
