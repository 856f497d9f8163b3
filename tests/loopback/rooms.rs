//! Rooms: what happens in one stays in it, and it lasts as long as it has clients.

use crate::server::TestServer;

#[test]
fn rooms_are_separate() {
    let server = TestServer::start();
    let mut ada = server.join("physics", "Ada");
    let mut other = server.join("chemistry", "Ada");
    assert_eq!(other.page.name.as_deref(), Some("Ada"), "names are unique within a room only");
    let mut viewer = server.watch("chemistry");
    ada.write("atoms");
    ada.post_and_wait("atoms");
    for client in [&mut other, &mut viewer] {
        client.catch_up();
        assert_eq!(client.page.users.len(), 1);
        assert_eq!(client.page.text_of("Ada"), Some(""));
        assert!(client.page.log.is_empty());
    }
}

#[test]
fn the_url_names_the_room_and_the_default_is_lobby() {
    let server = TestServer::start();
    let mut ada = server.join("", "Ada");
    assert_eq!(ada.page.room.as_deref(), Some("lobby"));
    let _bob = server.join("Lobby", "Bob");
    ada.sees_users(&["Ada", "Bob"]);
    assert_eq!(server.join("Caf%C3%A9%20%E2%98%95", "Cem").page.room.as_deref(), Some("Café ☕"));
}

#[test]
fn an_empty_room_is_forgotten() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("gone");
    ada.leave();
    assert!(server.join("r", "Bob").page.log.is_empty());
}

#[test]
fn a_viewer_keeps_a_room_alive() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("kept");
    ada.leave();
    viewer.sees_users(&[]);
    assert_eq!(server.join("r", "Bob").page.posts(), ["kept"]);
}

#[test]
fn a_viewer_receives_broadcasts_before_its_snapshot() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.catch_up();
    let mut ada = server.join("r", "Ada");
    ada.write("live");
    viewer.sees("Ada", "live");
    assert_eq!(viewer.page.room, None, "it has not asked for a snapshot");
    viewer.join("Bob");
    assert_eq!(viewer.page.names(), ["Ada", "Bob"]);
}
