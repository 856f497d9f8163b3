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
fn the_newcomer_hears_of_itself_first_and_then_of_everyone() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("hello");
    ada.catch_up();
    let mut bob_page = server.connect("r");
    bob_page.send("got_a_new_user", json!({"name": "Bob"}));
    let (event, new_user) = bob_page.receive().unwrap();
    let (ada, bob) = (ada.you.unwrap(), new_user["id"].as_str().unwrap().to_owned());
    assert_eq!((event.as_str(), new_user), ("new_user", json!({"id": bob, "new_user_name": "Bob"})));
    let (event, mut snapshot) = bob_page.receive().unwrap();
    assert_eq!(event, "existing_users");
    let session = snapshot.as_object_mut().unwrap().remove("session").unwrap();
    assert_eq!(session.as_str().unwrap().len(), 32, "128 bits");
    let limits = json!({"text": 10_000, "name": 40});
    let users = json!({
        ada: {"name": "Ada", "text": "hello", "away": false},
        bob.clone(): {"name": "Bob", "text": "", "away": false}
    });
    assert_eq!(
        snapshot,
        json!({"you": bob, "name": "Bob", "room": "r", "users": users, "log": [], "limits": limits})
    );
}

#[test]
fn the_second_of_a_name_is_numbered_and_told() {
    let server = TestServer::start();
    let ada = server.join("r", "Ada");
    let ada_2 = server.join("r", "  ADA ");
    assert_eq!(ada_2.name.as_deref(), Some("ADA 2"));
    ada_2.leave();
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
