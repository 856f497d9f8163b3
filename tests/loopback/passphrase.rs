//! A server with a passphrase: clients that have not sent it are sent nothing of any room, and guesses are slowed down.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::frame::frame;
use crate::support::http::Response;
use crate::support::wait_until;
use data_encoding::BASE64;
use serde_json::json;
use typewall::{Access, Limits, Passphrase};

const PASSPHRASE: &str = "correct horse";

fn start() -> TestServer {
    // The server has only one hub all the same, for only one can count wrong passphrases.
    start_with(Limits { hubs: 3, ..Limits::DEFAULT })
}

fn start_with(limits: Limits) -> TestServer {
    let access = Access { passphrase: Some(Passphrase::new(PASSPHRASE)), ..Access::default() };
    TestServer::with_access(limits, access, None)
}

fn join(server: &TestServer, name: &str) -> Client {
    let mut client = server.connect("r");
    client.unlock(PASSPHRASE);
    client.join(name);
    client
}

/// The header that carries a passphrase over HTTP.
fn authorization(user: &str, passphrase: &str) -> String {
    let credentials = BASE64.encode(format!("{user}:{passphrase}").as_bytes());
    format!("Authorization: Basic {credentials}\r\n")
}

fn get_with(server: &TestServer, path: &str, passphrase: &str) -> Response {
    server.get_with(path, &format!("Host: localhost\r\n{}", authorization("", passphrase)))
}

#[test]
fn a_client_without_the_passphrase_is_sent_nothing_of_a_room() {
    let server = start();
    let mut ada = join(&server, "Ada");
    let mut eve = server.connect("r");
    ada.write("a secret");
    ada.post_and_wait("another");
    eve.send("watch", json!({}));
    eve.send("resync", json!({}));
    eve.send("got_a_new_user", json!({ "name": "Eve", "session": ada.page.session }));
    eve.write("text");
    eve.send("message", json!({ "text": "text", "ref": "mine" }));
    eve.send_raw("nonsense");
    eve.send_passphrase("correct house");
    eve.catch_up();
    assert_eq!(eve.page.errors, [&["passphrase_needed"; 6][..], &["passphrase_wrong"]].concat());
    assert!(eve.page.users.is_empty() && eve.page.log.is_empty() && eve.page.room.is_none());
    ada.catch_up();
    assert_eq!(ada.page.names(), ["Ada"], "and the room is not told of it");
    eve.page.errors.clear();
    eve.unlock(PASSPHRASE);
    eve.join("Eve");
    assert_eq!((eve.page.text_of("Ada"), eve.page.posts()), (Some("a secret"), vec!["another"]));
    ada.sees_users(&["Ada", "Eve"]);
}

#[test]
fn a_client_may_join_before_the_passphrase_is_answered() {
    let server = start();
    let mut ada = server.connect("r");
    ada.send_passphrase(PASSPHRASE);
    ada.join("Ada");
    assert!(ada.page.unlocked && ada.page.errors.is_empty());
}

#[test]
fn a_client_without_the_passphrase_creates_no_room() {
    let server = start();
    let mut eve = server.connect("r");
    eve.catch_up();
    let health = get_with(&server, "/healthz", PASSPHRASE);
    assert_eq!(health.text(), "{\"healthy\":true,\"clients\":1,\"rooms\":0,\"texts\":0,\"waiting\":0}\n");
    assert_eq!(server.get("/healthz").text(), "{\"healthy\":true}\n");
    assert_eq!(get_with(&server, "/healthz", "wrong").text(), "{\"healthy\":true}\n");
}

#[test]
fn the_log_and_invitations_need_the_passphrase_as_a_password() {
    let server = start();
    let mut ada = join(&server, "Ada");
    ada.post_and_wait("posted");
    for path in ["/log?room=r", "/log?room=none", "/log?format=pdf", "/invite?room=r", "/invite?room=none"] {
        let response = server.get(path);
        assert_eq!(response.status, 401, "{path}");
        assert!(response.head.contains("WWW-Authenticate: Basic realm=\"Typewall\""), "{}", response.head);
        assert!(!response.text().contains("posted"));
    }
    assert_eq!(get_with(&server, "/log?room=r", "wrong").status, 401);
    assert_eq!(get_with(&server, "/invite?room=r", PASSPHRASE).text(), "{\"links\":[]}\n");
    assert_eq!(get_with(&server, "/log?format=pdf", PASSPHRASE).status, 400);
    for open in ["/", "/qr.svg?link=x"] {
        assert_eq!(server.get(open).status, 200, "{open}");
    }
}

#[test]
fn after_five_wrong_passphrases_an_address_has_to_wait() {
    let server = start();
    let mut ada = join(&server, "Ada");
    let mut eve = server.connect("r");
    for _ in 0..4 {
        eve.send_passphrase("guess");
        assert_eq!(eve.next_error(), "passphrase_wrong");
    }
    assert_eq!(get_with(&server, "/log?room=r", "guess").status, 401);
    // A slow machine may let some more guesses pass; each of them makes the wait longer.
    wait_until("a wait over HTTP", || {
        let response = get_with(&server, "/log?room=r", "guess");
        response.status == 429 && response.head.contains("Retry-After: ")
    });
    wait_until("a wait over the WebSocket", || {
        eve.send_passphrase("guess");
        eve.next_error() == "passphrase_wait"
    });
    ada.write("undisturbed");
    ada.catch_up();
    assert_eq!(server.get("/log?room=r").status, 401, "a request without a passphrase is no guess");
}

#[test]
fn the_log_is_served_to_any_user_name_with_the_passphrase() {
    let server = start();
    let mut ada = join(&server, "Ada");
    ada.post_and_wait("posted");
    assert!(server.get_chunked("/log?room=r", &authorization("ada", PASSPHRASE)).contains("posted"));
}

#[test]
fn a_client_without_the_passphrase_is_told_when_the_server_stops() {
    let server = start();
    let mut eve = server.connect("r");
    eve.catch_up();
    server.stopper.stop();
    assert_eq!(eve.closed(), 1001);
}

#[test]
fn clients_without_the_passphrase_do_not_fill_the_server() {
    let server = start_with(Limits { max_clients: 8, ..Limits::DEFAULT });
    let mut ada = join(&server, "Ada");
    let mut strangers: Vec<Client> = (0..20).map(|_| server.connect("r")).collect();
    for n in 0..6 {
        join(&server, &format!("friend {n}")).leave();
    }
    ada.catch_up();
    assert_eq!(ada.page.names(), ["Ada"], "all the others could join and leave");
    for stranger in strangers.drain(..18) {
        assert_eq!(stranger.closed(), 4003);
    }
}

#[test]
fn without_a_passphrase_any_is_accepted() {
    let server = TestServer::start();
    let mut ada = server.connect("r");
    ada.unlock("anything");
    ada.join("Ada");
    ada.unlock("again");
}

#[test]
fn wrong_passphrases_in_different_rooms_are_counted_together() {
    let server = start();
    let mut guess = |room: &str| {
        let mut stranger = server.connect(room);
        stranger.send_passphrase("wrong");
        stranger.next_error()
    };
    // The first wait is a second: on a slow machine a later guess has to find the next wait, which is longer.
    let errors: Vec<String> = ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().map(&mut guess).collect();
    assert!(errors.contains(&"passphrase_wait".to_owned()), "{errors:?}");
}

#[test]
fn answers_come_in_the_order_of_the_events_also_across_the_unlock() {
    let server = start();
    let mut eve = server.connect("r");
    let events = [
        r#"["watch",{}]"#,
        r#"["unlock",{"passphrase":"wrong"}]"#,
        r#"["unlock",{"passphrase":"correct horse"}]"#,
    ];
    // In one write, so that the hub takes them in one batch.
    eve.write_bytes(&events.map(|event| frame(0x81, event.as_bytes())).concat());
    let answers = [(); 3].map(|()| eve.next_event());
    let codes = answers.each_ref().map(|(name, data)| (name.as_str(), data["code"].as_str()));
    let expected =
        [("error", Some("passphrase_needed")), ("error", Some("passphrase_wrong")), ("unlocked", None)];
    assert_eq!(codes, expected);
}
