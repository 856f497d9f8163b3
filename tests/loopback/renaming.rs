//! Users who take another name, and keep everything else.

use crate::server::TestServer;
use crate::support::page::Page;
use serde_json::json;

#[test]
fn a_user_takes_another_name_and_keeps_seat_text_and_mark() {
    let server = TestServer::start();
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| server.join("r", name));
    ada.sees_users(&["Ada", "Bob"]);
    ada.write("text");
    ada.post_and_wait("posted as Ada");
    let (id, mark) = (ada.page.you.clone().unwrap(), |page: &Page, id: &str| page.users[id].mark);
    let before = mark(&ada.page, &id);
    ada.send("change_name", json!({"name": " Eve\u{200B} \u{1F451}"}));
    for client in [&mut ada, &mut bob] {
        client.until("the new name", |page| page.names() == ["Eve", "Bob"]);
        assert_eq!(mark(&client.page, &id), before);
    }
    assert_eq!((ada.page.name.as_deref(), bob.page.text_of("Eve")), (Some("Eve"), Some("text")));
    ada.post_and_wait("posted as Eve");
    let mut late = server.join("r", "Ada");
    assert_eq!(late.page.names(), ["Eve", "Bob", "Ada"], "the old name is free");
    assert_eq!(mark(&late.page, &id), before, "whoever comes later sees the same mark");
    let authors: Vec<_> = late.page.log.iter().map(|post| post["name"].as_str().unwrap()).collect();
    assert_eq!(authors, ["Ada", "Eve"], "posts keep the name of their time");
    let session = ada.page.session.clone().unwrap();
    drop(ada);
    late.sees_away("Eve", true);
    let mut back = server.connect("r");
    back.rejoin("whatever", &session);
    assert_eq!((back.page.you, back.page.name.as_deref()), (Some(id), Some("Eve")));
}

#[test]
fn a_name_that_is_taken_gets_a_number_and_ones_own_may_be_written_in_another_way() {
    let server = TestServer::start();
    let mut clients = ["Ada", "Bob"].map(|name| server.join("r", name));
    for (n, typed, given) in [(1, "ADA", "ADA 2"), (0, "ADA", "ADA"), (0, "Ada", "Ada")] {
        clients[n].send("change_name", json!({ "name": typed }));
        clients[n].until(given, |page| page.name.as_deref() == Some(given));
    }
}

#[test]
fn names_that_nobody_may_have_are_refused_and_viewers_have_none() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    for (name, code) in [(" \u{200B}", "name_empty"), (&*"x".repeat(41), "name_too_long")] {
        ada.send("change_name", json!({ "name": name }));
        assert_eq!(ada.next_error(), code);
    }
    let mut viewer = server.connect("r");
    viewer.send("change_name", json!({"name": "Eve"}));
    assert_eq!(viewer.next_error(), "not_joined");
    assert_eq!(ada.page.names(), ["Ada"]);
}
