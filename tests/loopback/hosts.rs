//! Hosts: who can be one, what they can do, and that nobody else can.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::page::State;
use serde_json::{Value, json};
use std::time::Duration;
use typewall::{Access, HostMode, HostOptions, Limits, SecretHash, StoreOptions};

pub(crate) const KEY: &str = "the host key";

fn access(mode: HostMode) -> Access {
    let hosts = HostOptions { mode, key: Some(SecretHash::new(KEY)) };
    Access { hosts, ..Access::default() }
}

fn start() -> TestServer {
    start_as(HostMode::Key, Limits::DEFAULT, None)
}

pub(crate) fn start_as(mode: HostMode, limits: Limits, store: Option<&StoreOptions>) -> TestServer {
    TestServer::with_access(Limits { hubs: 3, ..limits }, access(mode), store)
}

/// A viewer who is the room's host.
pub(crate) fn host(server: &TestServer, room: &str) -> Client {
    let mut host = server.watch(room);
    host.send("host", json!({ "key": KEY }));
    host.until("hosting", |page| page.hosting);
    host
}

/// The id of a user on the wire.
pub(crate) fn id(client: &Client) -> String {
    client.page.you.clone().expect("a user")
}

/// A host changes the state of the room, and everyone sees it.
pub(crate) fn set(host: &mut Client, change: Value, others: &mut [&mut Client]) {
    let expected = |before: &State| {
        let flag = |name: &str, before: bool| change[name].as_bool().unwrap_or(before);
        State {
            locked: flag("locked", before.locked),
            hidden: flag("hidden", before.hidden),
            frozen: flag("frozen", before.frozen),
            prompt: change["prompt"].as_str().unwrap_or(&before.prompt).to_owned(),
            spotlight: match change.get("spotlight") {
                Some(shown) => shown.as_str().map(str::to_owned),
                None => before.spotlight.clone(),
            },
        }
    };
    let expected = expected(&host.page.state);
    host.send("set_room", change);
    for client in others.iter_mut().map(|client| &mut **client).chain([host]) {
        client.until("the state", |page| page.state == expected);
    }
}

#[test]
fn whoever_proves_the_key_is_a_host_with_or_without_a_seat() {
    let server = start();
    let (mut ada, mut bob) = (server.join("r", "Ada"), server.join("r", "Bob"));
    bob.send("host", json!({"key": "a guess"}));
    assert_eq!(bob.next_error(), "host_key_wrong");
    ada.send("host", json!({ "key": KEY }));
    ada.until("hosting", |page| page.hosting);
    let ada_id = id(&ada);
    bob.until("a host", |page| page.hosts.contains(&ada_id));
    let mut viewer = host(&server, "r");
    assert_eq!(viewer.page.hosts.len(), 1, "a viewer is not in the list");
    set(&mut viewer, json!({"prompt": "Why?"}), &mut [&mut ada, &mut bob]);
    // Of a new page of the same user, and of one that comes with the key.
    ada.send("resync", json!({}));
    assert_eq!(ada.wait_for("existing_users")["host"], true);
    let mut late = host(&server, "r");
    late.join("Late");
    let late_id = id(&late);
    bob.until("another host", |page| page.hosts.contains(&late_id));
}

#[test]
fn only_a_host_can_do_what_hosts_do() {
    let server = start();
    let (mut ada, mut bob) = (server.join("r", "Ada"), server.join("r", "Bob"));
    ada.post_and_wait("posted by Ada");
    let mut viewer = server.watch("r");
    let actions = [
        ("set_room", json!({"locked": true})),
        ("set_room", json!({})),
        ("remove_user", json!({"id": id(&ada)})),
        ("clear_box", json!({"id": id(&bob)})),
        ("clear_box", json!({})),
        ("make_host", json!({"id": id(&bob)})),
        ("remove_post", json!({"n": 1})),
    ];
    for (event, data) in &actions {
        for client in [&mut bob, &mut viewer] {
            client.send(event, data.clone());
            assert_eq!(client.next_error(), "not_host", "{event} {data}");
        }
    }
    ada.catch_up();
    assert_eq!((ada.page.state.clone(), ada.page.posts()), (State::default(), vec!["posted by Ada"]));
}

#[test]
fn malformed_actions_of_a_host_are_refused() {
    let server = start();
    let mut host = host(&server, "r");
    let stranger = server.join("elsewhere", "Stranger");
    for (event, data, code) in [
        ("set_room", json!({"locked": 1}), "wrong_type"),
        ("set_room", json!({"prompt": "x".repeat(501)}), "prompt_too_long"),
        ("set_room", json!({"spotlight": id(&stranger)}), "unknown_user"),
        ("set_room", json!({"spotlight": "nobody"}), "unknown_user"),
        ("remove_user", json!({"id": id(&stranger)}), "unknown_user"),
        ("remove_user", json!({}), "wrong_type"),
        ("clear_box", json!({"id": "7"}), "unknown_user"),
        ("make_host", json!({"id": "-1"}), "unknown_user"),
        ("make_host", json!({"id": "7"}), "unknown_user"),
        ("remove_post", json!({"n": 1}), "unknown_post"),
        ("remove_post", json!({"n": 0}), "unknown_post"),
        ("remove_post", json!({"n": "1"}), "wrong_type"),
        ("host", json!({"key": 7}), "wrong_type"),
    ] {
        host.send(event, data.clone());
        assert_eq!(host.next_error(), code, "{event} {data}");
    }
    set(&mut host, json!({"prompt": "界".repeat(500)}), &mut []);
}

#[test]
fn without_hosts_there_are_none() {
    let server = start_as(HostMode::None, Limits::DEFAULT, None);
    let mut ada = server.join("r", "Ada");
    ada.send("host", json!({ "key": KEY }));
    assert_eq!(ada.next_error(), "no_hosts");
}

#[test]
fn while_answers_are_hidden_only_hosts_see_them() {
    let server = start();
    let mut host = host(&server, "r");
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| server.join("r", name));
    ada.write("early");
    bob.sees("Ada", "early");
    set(&mut host, json!({"hidden": true}), &mut [&mut ada, &mut bob]);
    let (ada_id, bob_id) = (id(&ada), id(&bob));
    assert_eq!((bob.page.text_of("Ada"), bob.page.wrote.contains(&ada_id)), (Some(""), true));
    ada.write("my secret");
    bob.write("another");
    host.sees("Ada", "my secret");
    ada.until("Bob has written", |page| page.wrote.contains(&bob_id));
    let mut late = server.watch("r");
    assert_eq!((late.page.wrote.len(), late.page.text_of("Ada")), (2, Some("")));
    // Their own texts come back to people who lost the connection.
    let mut again = server.rejoin("r", "Ada", &ada.page.session.clone().unwrap());
    assert_eq!((again.page.text_of("Ada"), again.page.text_of("Bob")), (Some("my secret"), Some("")));
    again.write("");
    bob.until("Ada has written nothing", |page| page.wrote.is_empty());
    again.write("my answer");
    host.sees("Ada", "my answer");
    set(&mut host, json!({"hidden": false}), &mut [&mut again, &mut bob, &mut late]);
    for client in [&mut bob, &mut late] {
        client.sees("Ada", "my answer");
    }
    again.sees("Bob", "another");
    again.write("my answer, longer");
    late.sees("Ada", "my answer, longer");
}

#[test]
fn nobody_new_gets_a_seat_in_a_locked_room() {
    let server = start();
    let mut boss = host(&server, "r");
    let mut ada = server.join("r", "Ada");
    set(&mut boss, json!({"locked": true}), &mut [&mut ada]);
    let mut bob = server.watch("r");
    bob.send("got_a_new_user", json!({"name": "Bob"}));
    assert_eq!(bob.next_error(), "locked");
    let mut again = server.rejoin("r", "Ada", &ada.page.session.clone().unwrap());
    again.write("still here");
    bob.sees("Ada", "still here");
    boss.join("Teacher");
    bob.sees_users(&["Ada", "Teacher"]);
    // A seat that was lost is given again to whoever had it when the room was locked.
    let session = again.page.session.clone().unwrap();
    again.leave();
    bob.sees_users(&["Teacher"]);
    drop(server.rejoin("r", "Ada", &session));
    set(&mut boss, json!({"locked": false}), &mut [&mut bob]);
    bob.join("Bob");
}

#[test]
fn only_hosts_write_and_post_in_a_frozen_room() {
    let server = start();
    let (mut host, mut ada) = (host(&server, "r"), server.join("r", "Ada"));
    host.join("Teacher");
    ada.write("kept");
    host.sees("Ada", "kept");
    set(&mut host, json!({"frozen": true}), &mut [&mut ada]);
    ada.write("kept?");
    assert_eq!(ada.next_error(), "frozen");
    assert_eq!(ada.try_post("a", "posted"), Err("frozen".to_owned()));
    ada.page.errors.clear();
    host.write("listen");
    ada.sees("Teacher", "listen");
    assert_eq!(host.page.text_of("Ada"), Some("kept"));
    set(&mut host, json!({"frozen": false}), &mut [&mut ada]);
    ada.write("kept?");
    host.sees("Ada", "kept?");
    assert_eq!(ada.try_post("a", "posted"), Ok(1));
}

#[test]
fn a_cleared_box_is_empty_for_all_and_its_author_is_told() {
    let server = start();
    let mut host = host(&server, "r");
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| server.join("r", name));
    for (client, text) in [(&mut ada, "a"), (&mut bob, "b")] {
        client.write(text);
    }
    host.sees("Bob", "b");
    host.sees("Ada", "a");
    host.send("clear_box", json!({"id": id(&ada)}));
    ada.wait_for("text_cleared");
    bob.sees("Ada", "");
    assert!(ada.page.cleared > 0);
    assert_eq!((bob.page.clears, bob.page.cleared, bob.page.text_of("Ada")), (0, 0, Some("")));
    host.send("clear_box", json!({}));
    bob.wait_for("text_cleared");
    host.sees("Bob", "");
    // A splice of the text from before does not fit.
    bob.send("updated_text", json!({"at": 1, "cut": 0, "put": "c", "length": 2}));
    assert_eq!(bob.next_error(), "out_of_step");
}

#[test]
fn an_author_who_was_offline_learns_that_the_box_was_cleared() {
    let server = start_as(HostMode::Key, Limits { grace: Duration::ZERO, ..Limits::DEFAULT }, None);
    let mut host = host(&server, "r");
    let seats: Vec<(String, String)> = ["Ada", "Bob", "Cem"]
        .map(|name| {
            let mut client = server.join("r", name);
            client.write("text");
            host.sees(name, "text");
            if name == "Cem" {
                host.send("clear_box", json!({"id": id(&client)}));
                client.wait_for("text_cleared");
            }
            (name.to_owned(), client.page.session.clone().unwrap())
        })
        .into();
    host.sees_users(&[]);
    let cleared = |(name, session): &(String, String)| server.rejoin("r", name, session).page.cleared;
    let alone = cleared(&seats[2]);
    assert!(cleared(&seats[0]) == 0 && alone > 0, "the seats are new");
    host.send("clear_box", json!({}));
    host.catch_up();
    let all = seats.iter().map(cleared).collect::<Vec<_>>();
    assert!(all[0] > alone && all == [all[0]; 3], "{alone} {all:?}");
}

#[test]
fn a_removed_user_is_closed_and_gets_no_seat_in_this_room_again() {
    let server = start();
    let mut host = host(&server, "r");
    let [ada, mut bob] = ["Ada", "Bob"].map(|name| server.join("r", name));
    let session = ada.page.session.clone().unwrap();
    host.send("remove_user", json!({"id": id(&ada)}));
    bob.sees_users(&["Bob"]);
    assert_eq!(bob.page.removed, [id(&ada)]);
    assert_eq!(ada.closed(), 4004);
    let mut again = server.watch("r");
    let name = json!({"name": "Ada", "session": session});
    again.send("got_a_new_user", name.clone());
    assert_eq!(again.next_error(), "removed");
    bob.write("hello");
    again.sees("Bob", "hello");
    server.rejoin("elsewhere", "Ada", &session);
    // Another session is another person, and a host may always come back.
    server.join("r", "Ada");
    again.send("host", json!({ "key": KEY }));
    again.send("got_a_new_user", name);
    again.until("a seat", |page| page.you.is_some());
}

#[test]
fn the_spotlight_is_on_one_user_until_they_leave() {
    let server = start();
    let (mut host, mut ada, bob) = (host(&server, "r"), server.join("r", "Ada"), server.join("r", "Bob"));
    set(&mut host, json!({"spotlight": id(&bob)}), &mut [&mut ada]);
    assert_eq!(server.watch("r").page.state.spotlight, bob.page.you);
    bob.leave();
    ada.sees_users(&["Ada"]);
    assert_eq!((ada.page.state.spotlight.clone(), server.watch("r").page.state.spotlight), (None, None));
    set(&mut host, json!({"spotlight": id(&ada)}), &mut [&mut ada]);
    set(&mut host, json!({"spotlight": null}), &mut [&mut ada]);
}

#[test]
fn a_user_who_is_made_a_host_is_one_as_long_as_the_seat_lasts() {
    let server = start();
    let (mut host, mut ada, mut bob) = (host(&server, "r"), server.join("r", "Ada"), server.join("r", "Bob"));
    let (ada_id, session) = (id(&ada), ada.page.session.clone().unwrap());
    host.send("make_host", json!({ "id": ada_id }));
    bob.until("a host", |page| page.hosts.contains(&ada_id));
    ada.write("there is a text");
    bob.sees("Ada", "there is a text");
    drop(ada);
    bob.sees_away("Ada", true);
    let mut ada = server.rejoin("r", "Ada", &session);
    assert!(ada.page.is_host());
    set(&mut ada, json!({"locked": true}), &mut [&mut bob]);
    set(&mut ada, json!({"locked": false}), &mut [&mut bob]);
    ada.leave();
    bob.sees_users(&["Bob"]);
    assert!(!server.rejoin("r", "Ada", &session).page.is_host());
}

#[test]
fn a_post_is_removed_by_a_host_or_its_author_and_keeps_its_number() {
    let server = start();
    let mut host = host(&server, "r");
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| server.join("r", name));
    ["first secret", "second secret"].iter().for_each(|text| ada.post_and_wait(text));
    bob.post_and_wait("third");
    ada.send("remove_post", json!({"n": 1}));
    host.send("remove_post", json!({"n": 2}));
    ada.send("remove_post", json!({"n": 3}));
    assert_eq!(ada.next_error(), "not_host");
    bob.until("removed", |page| page.posts() == ["", "", "third"]);
    assert_eq!(server.watch("r").page.posts(), ["", "", "third"]);
    let export = server.get_chunked("/log?room=r&format=json", "");
    assert!(!export.contains("secret") && export.contains("third"), "{export}");
    // A second time, nothing happens.
    host.send("remove_post", json!({"n": 2}));
    assert_eq!(bob.try_post("a", "fourth"), Ok(4));
    host.catch_up();
    assert_eq!(host.page.errors, [""; 0]);
}

#[test]
fn who_has_not_given_the_passphrase_cannot_give_the_host_key() {
    let passphrase = Some(SecretHash::new("right"));
    let server =
        TestServer::with_access(Limits::DEFAULT, Access { passphrase, ..access(HostMode::Key) }, None);
    let mut eve = server.connect("r");
    eve.send("host", json!({ "key": KEY }));
    assert_eq!(eve.next_error(), "passphrase_needed");
    eve.unlock("right");
    eve.send("host", json!({ "key": KEY }));
    eve.until("hosting", |page| page.hosting);
}
