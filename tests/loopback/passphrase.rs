//! A server with a passphrase: nothing of any room reaches who has not given it.

use crate::http::{Answer, ask, body, get};
use crate::person::{Person, TestServer};
use data_encoding::BASE64;
use serde_json::json;
use typewall::base::passphrase::Passphrase;
use typewall::{Access, Limits};

const PASSPHRASE: &str = "correct horse";

fn start() -> TestServer {
    // Of the three there is one, for only one can count wrong passphrases.
    start_with(Limits { hubs: 3, ..Limits::DEFAULT })
}

fn start_with(limits: Limits) -> TestServer {
    let access = Access {
        allowed: vec!["http://wall".parse().unwrap()],
        passphrase: Some(Passphrase::new(PASSPHRASE)),
        ..Access::default()
    };
    TestServer::with_access(limits, access, None)
}

fn join(server: &TestServer, name: &str) -> Person {
    let mut person = server.connect("r");
    person.unlock(PASSPHRASE);
    person.join(name);
    person
}

fn get_with(server: &TestServer, path: &str, passphrase: &str) -> Answer {
    let header = format!("Authorization: Basic {}\r\n", BASE64.encode(format!(":{passphrase}").as_bytes()));
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: wall\r\n{header}Connection: close\r\n\r\n"))
}

#[test]
fn nothing_of_a_room_reaches_who_is_outside() {
    let server = start();
    let mut ada = join(&server, "Ada");
    let mut eve = server.connect("r");
    ada.write("a secret");
    ada.post("another");
    ada.until("the post", |ada| ada.log.len() == 1);
    eve.send("watch", json!({}));
    eve.send("resync", json!({}));
    eve.send("got_a_new_user", json!({ "name": "Eve", "session": ada.session }));
    eve.write("text");
    eve.send("message", json!({ "text": "text", "ref": "mine" }));
    eve.send_raw("nonsense");
    eve.unlock_with("correct house");
    eve.catch_up();
    assert_eq!(eve.errors, [&["passphrase_needed"; 6][..], &["passphrase_wrong"]].concat());
    assert!(eve.users.is_empty() && eve.log.is_empty() && eve.room.is_none());
    ada.catch_up();
    assert_eq!(ada.names(), ["Ada"], "nobody sees who is outside either");
    eve.errors.clear();
    eve.unlock(PASSPHRASE);
    eve.join("Eve");
    assert_eq!((eve.text_of("Ada"), eve.posts()), (Some("a secret"), vec!["another"]));
    ada.sees_people(&["Ada", "Eve"]);
}

#[test]
fn who_gives_it_need_not_wait_for_the_answer() {
    let server = start();
    let mut ada = server.connect("r");
    ada.unlock_with(PASSPHRASE);
    ada.join("Ada");
    assert!(ada.unlocked && ada.errors.is_empty());
}

#[test]
fn no_room_is_made_for_who_is_outside() {
    let server = start();
    let mut eve = server.connect("r");
    eve.catch_up();
    let health = get_with(&server, "/healthz", PASSPHRASE);
    assert_eq!(health.text(), "{\"healthy\":true,\"clients\":1,\"rooms\":0}\n");
    assert_eq!(get(&server, "/healthz").text(), "{\"healthy\":true}\n");
    assert_eq!(get_with(&server, "/healthz", "wrong").text(), "{\"healthy\":true}\n");
}

#[test]
fn the_log_and_invitations_want_it_as_a_password() {
    let server = start();
    let mut ada = join(&server, "Ada");
    ada.post("posted");
    ada.until("the post", |ada| ada.log.len() == 1);
    for path in ["/log?room=r", "/log?room=none", "/log?format=pdf", "/invite?room=r", "/invite?room=none"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.head.contains("WWW-Authenticate: Basic realm=\"Typewall\""), "{}", answer.head);
        assert!(!answer.text().contains("posted"));
    }
    assert_eq!(get_with(&server, "/log?room=r", "wrong").status, 401);
    assert_eq!(get_with(&server, "/invite?room=r", PASSPHRASE).text(), "{\"links\":[]}\n");
    assert_eq!(get_with(&server, "/log?format=pdf", PASSPHRASE).status, 400);
    for open in ["/", "/qr.svg?link=x"] {
        assert_eq!(get(&server, open).status, 200, "{open}");
    }
}

#[test]
fn after_five_wrong_ones_an_address_waits_wherever_it_tries() {
    let server = start();
    let mut ada = join(&server, "Ada");
    let mut eve = server.connect("r");
    for _ in 0..4 {
        eve.unlock_with("guess");
        assert_eq!(eve.refused(), "passphrase_wrong");
    }
    assert_eq!(get_with(&server, "/log?room=r", "guess").status, 401);
    // A slow machine may let some of these pass, each of which makes the wait longer.
    let tries = || Some(get_with(&server, "/log?room=r", "guess"));
    let waits = std::iter::from_fn(tries).find(|answer| answer.status == 429).expect("a wait");
    assert!(waits.head.contains("Retry-After: "), "{}", waits.head);
    let mut tries = || {
        eve.unlock_with("guess");
        eve.refused()
    };
    while tries() != "passphrase_wait" {}
    ada.write("undisturbed");
    ada.catch_up();
    assert_eq!(get(&server, "/log?room=r").status, 401, "asking without one is no guess");
}

#[test]
fn the_log_is_given_to_who_has_it() {
    let server = start();
    let mut ada = join(&server, "Ada");
    ada.post("posted");
    ada.until("the post", |ada| ada.log.len() == 1);
    let header = BASE64.encode(format!("ada:{PASSPHRASE}").as_bytes());
    let path = "/log?room=r&format=md";
    assert!(
        body(&server, &format!("{path} HTTP/1.1\r\nAuthorization: Basic {header}\r\nX-Rest:"))
            .contains("posted")
    );
}

#[test]
fn who_is_outside_when_the_server_stops_is_told_so() {
    let server = start();
    let mut eve = server.connect("r");
    eve.catch_up();
    server.stopper.stop();
    assert_eq!(eve.closed(), 1001);
}

#[test]
fn strangers_do_not_fill_the_server() {
    let server = start_with(Limits { max_clients: 8, ..Limits::DEFAULT });
    let mut ada = join(&server, "Ada");
    let mut strangers: Vec<Person> = (0..20).map(|_| server.connect("r")).collect();
    for n in 0..6 {
        join(&server, &format!("friend {n}")).leave();
    }
    ada.catch_up();
    assert_eq!(ada.names(), ["Ada"], "all of them could come and go");
    for stranger in strangers.drain(..18) {
        assert_eq!(stranger.closed(), 4003);
    }
}

#[test]
fn where_there_is_none_any_is_right() {
    let server = TestServer::start();
    let mut ada = server.connect("r");
    ada.unlock("anything");
    ada.join("Ada");
    ada.unlock("again");
}

#[test]
fn wrong_ones_in_different_rooms_are_counted_together() {
    let server = start();
    let mut guess = |room: &str| {
        let mut stranger = server.connect(room);
        stranger.send("unlock", json!({ "passphrase": "wrong" }));
        stranger.refused()
    };
    let answers: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().map(&mut guess).collect();
    assert!(answers.contains(&"passphrase_wait".to_owned()), "{answers:?}");
}
