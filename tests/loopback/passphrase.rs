//! A server with a passphrase: clients that have not sent it are sent nothing of any room, and wrong guesses are slowed
//! down without locking out those who know it.

use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::frame::frame;
use crate::support::http::Response;
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use data_encoding::BASE64;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};
use typewall::{Access, Limits, SecretHash};

const PASSPHRASE: &str = "correct horse";

fn start() -> TestServer {
    // The server has only one hub all the same, for only one can count wrong passphrases.
    start_with(Limits { hubs: 3, ..Limits::DEFAULT })
}

fn start_with(limits: Limits) -> TestServer {
    let access = Access { passphrase: Some(SecretHash::new(PASSPHRASE)), ..Access::default() };
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
    assert_eq!(eve.try_post("mine", "text"), Err("passphrase_needed".to_owned()));
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

/// Gives as many wrong passphrases as are answered at once.
fn use_up_attempts(server: &TestServer) {
    let mut eve = server.connect("r");
    for _ in 0..5 {
        eve.send_passphrase("guess");
        assert_eq!(eve.next_error(), "passphrase_wrong");
    }
}

/// Guesses as fast as it can, until the channel is closed. Returns how many guesses were wrong.
fn guess_on(mut guesser: Client, is_over: &Receiver<()>) -> usize {
    let mut wrong = 0;
    while is_over.try_recv() != Err(TryRecvError::Disconnected) {
        guesser.send_passphrase("guess");
        wrong += usize::from(guesser.next_error() == "passphrase_wrong");
    }
    wrong
}

#[test]
fn who_knows_the_passphrase_gets_in_while_others_behind_the_address_guess() {
    let server = start();
    let mut ada = join(&server, "Ada");
    use_up_attempts(&server);
    let ((guessing, is_over), start) = (bounded(0), Instant::now());
    let wrong: usize = thread::scope(|scope| {
        let guesser = || {
            let (guesser, is_over) = (server.connect("r"), is_over.clone());
            scope.spawn(move || guess_on(guesser, &is_over))
        };
        let guessers = [guesser(), guesser()];
        // Waits for the other two connections' attempts only.
        let bob = join(&server, "Bob");
        ada.sees_users(&["Ada", "Bob"]);
        assert_eq!(bob.page.names(), ["Ada", "Bob"]);
        assert_eq!(get_with(&server, "/invite?room=r", PASSPHRASE).status, 200);
        drop(guessing);
        guessers.into_iter().map(|guesser| guesser.join().unwrap()).sum()
    });
    // A slow machine can only take longer.
    assert!(wrong as u64 <= start.elapsed().as_secs() + 1, "{wrong} in {:?}", start.elapsed());
}

#[test]
fn a_token_lets_a_client_in_again_and_an_invalid_one_is_ignored() {
    let server = start();
    let token = join(&server, "Ada").page.token.expect("a token");
    let unlock = |token: &str, passphrase: &str| {
        let mut client = server.connect("r");
        client.send("unlock", json!({ "passphrase": passphrase, "token": token }));
        client
    };
    let mut again = unlock(&token, "wrong");
    again.until("unlocked", |page| page.unlocked);
    assert!(again.page.token.is_some_and(|new| new != token));
    for bad in ["", "nonsense", &"0".repeat(96), &token.to_uppercase(), &token[2..]] {
        unlock(bad, PASSPHRASE).until("unlocked", |page| page.unlocked);
    }
    assert_eq!(unlock(&token[2..], "wrong").next_error(), "passphrase_wrong");
    let mut eve = server.connect("r");
    eve.send("unlock", json!({ "passphrase": PASSPHRASE, "token": 1 }));
    assert_eq!(eve.next_error(), "passphrase_needed", "the form is wrong");
}

#[test]
fn a_token_in_a_header_spares_a_request_the_wait() {
    let server = start();
    let token = join(&server, "Ada").page.token.expect("a token");
    use_up_attempts(&server);
    let get = |token: &str| {
        let headers = format!("Host: localhost\r\nTypewall-Token: {token}\r\n{}", authorization("", "wrong"));
        server.get_with("/invite?room=r", &headers).status
    };
    assert_eq!((get(&token), get(&"0".repeat(96))), (200, 401));
}

#[test]
fn a_request_without_a_passphrase_is_no_guess() {
    let server = start();
    for _ in 0..10 {
        assert_eq!(server.get("/log?room=r").status, 401);
    }
    let mut eve = server.connect("r");
    for _ in 0..5 {
        eve.send_passphrase("guess");
        eve.catch_up();
        assert_eq!(eve.page.errors.pop().as_deref(), Some("passphrase_wrong"), "it is answered at once");
    }
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
    let mut strangers = ["a", "b", "c", "d", "e", "f", "g"].map(|room| server.connect(room));
    for stranger in &mut strangers[..5] {
        stranger.send_passphrase("wrong");
        assert_eq!(stranger.next_error(), "passphrase_wrong");
    }
    let start = Instant::now();
    for stranger in &mut strangers[5..] {
        stranger.send_passphrase("wrong");
        assert_eq!(stranger.next_error(), "passphrase_wrong");
    }
    // A second after the fifth and a second after the sixth; a slow machine can only take longer.
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
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

#[test]
fn a_ping_of_a_page_is_answered_with_and_without_the_passphrase() {
    let server = start();
    let mut outside = server.connect("r");
    for client in [&mut outside, &mut join(&server, "Ada")] {
        client.send("ping", json!({}));
        client.until("a pong", |page| page.pongs == 1);
    }
    assert_eq!(outside.page.room, None);
}
