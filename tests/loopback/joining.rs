//! Coming and going: who hears of whom, in which order, under which name.

use crate::person::TestServer;
use serde_json::json;

#[test]
fn two_see_each_other_and_one_leaves() {
    let server = TestServer::start();
    let mut ada = server.join("physics", "Ada");
    let bob = server.join("physics", "Bob");
    assert_eq!(bob.names(), ["Ada", "Bob"]);
    assert_eq!(bob.room.as_deref(), Some("physics"));
    ada.sees_people(&["Ada", "Bob"]);
    bob.leave();
    ada.sees_people(&["Ada"]);
}

#[test]
fn a_broken_connection_takes_its_box_with_it() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    drop(server.join("r", "Bob"));
    ada.sees_people(&["Ada", "Bob"]);
    ada.sees_people(&["Ada"]);
}

#[test]
fn the_newcomer_hears_of_itself_first_and_then_of_everyone() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("hello");
    ada.catch_up();
    let mut bob = server.connect("r");
    bob.send("got_a_new_user", json!({"name": "Bob"}));
    assert_eq!(bob.receive(), Some(("new_user".to_owned(), json!({"id": "2", "new_user_name": "Bob"}))));
    let (event, snapshot) = bob.receive().unwrap();
    assert_eq!(event, "existing_users");
    let limits = json!({"text": 10_000, "name": 40});
    let users = json!({"1": {"name": "Ada", "text": "hello"}, "2": {"name": "Bob", "text": ""}});
    assert_eq!(
        snapshot,
        json!({"you": "2", "name": "Bob", "room": "r", "users": users, "log": [], "limits": limits})
    );
}

#[test]
fn the_second_of_a_name_is_numbered_and_told() {
    let server = TestServer::start();
    let ada = server.join("r", "Ada");
    assert_eq!(server.join("r", "  ADA ").name.as_deref(), Some("ADA 2"));
    let ada_2 = server.join("r", "Ａda");
    assert_eq!(ada_2.name.as_deref(), Some("Ａda 2"), "the other number two has left");
    assert_eq!(ada.name.as_deref(), Some("Ada"));
}

#[test]
fn a_name_is_free_again_and_its_box_empty_after_a_leave() {
    let server = TestServer::start();
    let mut watcher = server.join("r", "Watcher");
    let mut ada = server.join("r", "Ada");
    ada.write("secret");
    watcher.sees("Ada", "secret");
    let first_id = ada.you.clone();
    ada.leave();
    watcher.sees_people(&["Watcher"]);
    let ada = server.join("r", "Ada");
    assert_ne!(ada.you, first_id, "an id is never used again");
    assert_eq!(ada.text_of("Ada"), Some(""));
    watcher.sees("Ada", "");
}

#[test]
fn names_that_cannot_be_are_refused_and_the_connection_stays() {
    let server = TestServer::start();
    let mut person = server.connect("r");
    for (name, code) in
        [("", "name_empty"), (" \u{200B}\n", "name_empty"), (&"x".repeat(41), "name_too_long")]
    {
        person.send("got_a_new_user", json!({ "name": name }));
        assert_eq!(person.refused(), code, "{name:?}");
    }
    person.join("Ada");
    person.send("got_a_new_user", json!({"name": "Bob"}));
    assert_eq!(person.refused(), "already_joined");
    person.send("watch", json!({}));
    assert_eq!(person.refused(), "already_joined");
    assert_eq!(person.names(), ["Ada"]);
}

#[test]
fn names_are_unicode() {
    let server = TestServer::start();
    for name in ["李", "Zoë", "👩\u{200D}🚀", "علي", "İpek", "A\u{308}nne"] {
        let person = server.join("names", name);
        assert_eq!(person.users.len(), 1);
        let shown = person.name.clone().unwrap();
        assert_eq!(shown, if name == "A\u{308}nne" { "Änne" } else { name });
        person.leave();
        server.connect("names").watch();
    }
}
