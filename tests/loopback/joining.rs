//! Joining and leaving: which users learn of which others, in which order, and under which names.

use crate::server::TestServer;
use serde_json::json;

#[test]
fn users_see_each_other_join_and_leave() {
    let server = TestServer::start();
    let mut ada = server.join("physics", "Ada");
    let bob = server.join("physics", "Bob");
    assert_eq!(bob.page.names(), ["Ada", "Bob"]);
    assert_eq!(bob.page.room.as_deref(), Some("physics"));
    ada.sees_users(&["Ada", "Bob"]);
    bob.leave();
    ada.sees_users(&["Ada"]);
}

#[test]
fn a_new_user_is_sent_its_own_name_and_then_the_snapshot() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("hello");
    ada.catch_up();
    let mut newcomer = server.connect("r");
    newcomer.send("got_a_new_user", json!({"name": "Bob"}));
    let (event, new_user) = newcomer.next_event();
    let (ada, bob) = (ada.page.you.unwrap(), new_user["id"].as_str().unwrap().to_owned());
    let new_user_expected = json!({"id": bob, "new_user_name": "Bob"});
    assert_eq!((event.as_str(), new_user), ("new_user", new_user_expected));
    let (event, mut snapshot) = newcomer.next_event();
    assert_eq!(event, "existing_users");
    let session = snapshot.as_object_mut().unwrap().remove("session").unwrap();
    assert_eq!(session.as_str().unwrap().len(), 32, "128 bits");
    let limits = json!({"text": 10_000, "name": 40});
    let users = json!({
        ada: {"name": "Ada", "text": "hello", "away": false},
        bob.clone(): {"name": "Bob", "text": "", "away": false}
    });
    let state = json!({
        "locked": false, "hidden": false, "frozen": false, "prompt": "", "spotlight": null, "hosts": []
    });
    let expected = json!({
        "you": bob, "name": "Bob", "cleared": 0, "viewers": 0, "room": "r", "state": state, "users": users, "log": [],
        "limits": limits
    });
    assert_eq!(snapshot, expected);
}

#[test]
fn a_second_user_with_the_same_name_gets_a_number() {
    let server = TestServer::start();
    let ada = server.join("r", "Ada");
    let ada_2 = server.join("r", "  ADA ");
    assert_eq!(ada_2.page.name.as_deref(), Some("ADA 2"));
    ada_2.leave();
    let ada_2 = server.join("r", "Ａda");
    assert_eq!(ada_2.page.name.as_deref(), Some("Ａda 2"), "number 2 is free again");
    assert_eq!(ada.page.name.as_deref(), Some("Ada"));
}

#[test]
fn after_a_user_has_left_the_name_is_free_and_the_box_empty() {
    let server = TestServer::start();
    let mut observer = server.join("r", "Observer");
    let mut ada = server.join("r", "Ada");
    ada.write("secret");
    observer.sees("Ada", "secret");
    let first_id = ada.page.you.clone();
    ada.leave();
    observer.sees_users(&["Observer"]);
    let ada = server.join("r", "Ada");
    assert_ne!(ada.page.you, first_id, "ids are not reused");
    assert_eq!(ada.page.text_of("Ada"), Some(""));
    observer.sees("Ada", "");
}

#[test]
fn invalid_names_are_refused_and_the_connection_stays() {
    let server = TestServer::start();
    let mut client = server.connect("r");
    for (name, code) in
        [("", "name_empty"), (" \u{200B}\n", "name_empty"), (&"x".repeat(41), "name_too_long")]
    {
        client.send("got_a_new_user", json!({ "name": name }));
        assert_eq!(client.next_error(), code, "{name:?}");
    }
    client.join("Ada");
    client.send("got_a_new_user", json!({"name": "Bob"}));
    assert_eq!(client.next_error(), "already_joined");
    client.send("watch", json!({}));
    assert_eq!(client.next_error(), "already_joined");
    assert_eq!(client.page.names(), ["Ada"]);
}

#[test]
fn names_may_be_in_any_script() {
    let server = TestServer::start();
    for name in ["李", "Zoë", "👩\u{200D}🚀", "علي", "İpek", "A\u{308}nne"] {
        let client = server.join("names", name);
        assert_eq!(client.page.users.len(), 1);
        let shown = client.page.name.clone().unwrap();
        assert_eq!(shown, if name == "A\u{308}nne" { "Änne" } else { name });
        client.leave();
        server.connect("names").watch();
    }
}
