//! Socket.IO clients, byte by byte.

mod early;
mod stop;
mod upgrade;

use crate::hosts::{KEY, start_as};
use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::client::dial;
use crate::support::http::read_response;
use crate::support::poller::{POLLING, Poller};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use typewall::{Access, HostMode, Limits};

/// Limits under which an abandoned session ends soon.
const QUICK: Limits = Limits {
    ping_every: Duration::from_millis(100),
    max_silence: Duration::from_millis(400),
    grace: Duration::ZERO,
    ..Limits::DEFAULT
};

#[test]
fn a_handshake_has_exactly_the_keys_of_the_protocol() {
    let server = TestServer::start();
    let response = server.get(POLLING);
    assert_eq!(response.header("Content-Type"), Some("text/plain; charset=UTF-8"));
    let handshake: Value = serde_json::from_str(&response.text()[1..]).unwrap();
    let sid = handshake["sid"].as_str().unwrap();
    let expected = json!({
        "sid": sid, "upgrades": ["websocket"], "pingInterval": 5000, "pingTimeout": 7000, "maxPayload": 1_000_000,
    });
    assert_eq!((sid.len(), &handshake), (20, &expected));
    assert!(server.get(POLLING).text() != response.text(), "each session has an id of its own");
}

#[test]
fn requests_are_refused_with_the_errors_of_engine_io() {
    let server = TestServer::start();
    let request = |method: &str, query: &str| {
        let response = server.request(&format!(
            "{method} /socket.io/?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        ));
        (response.status, response.text().trim().to_owned())
    };
    for (method, query, code, message) in [
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=smoke", 0, "Transport unknown"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
        ("GET", "EIO=3&transport=polling", 5, "Unsupported protocol version"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=websocket", 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("GET", "EIO=4&transport=polling&sid=abc", 1, "Session ID unknown"),
        ("GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 1, "Session ID unknown"),
        ("DELETE", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 3, "Bad request"),
        ("GET", "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", 3, "Bad request"),
    ] {
        let expected = json!({ "code": code, "message": message }).to_string();
        assert_eq!(request(method, query), (400, expected), "{method} {query}");
    }
}

#[test]
fn the_body_of_a_poll_is_not_taken_for_the_next_request() {
    let server = TestServer::start();
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("ping", &json!({}));
    let hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (method, path) in [("GET", bob.path()), ("OPTIONS", POLLING.to_owned())] {
        let mut socket = dial(server.address);
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        write!(socket, "{head}Content-Length: {}\r\n\r\n{hidden}", hidden.len()).unwrap();
        let mut responses = String::new();
        socket.read_to_string(&mut responses).unwrap();
        assert_eq!(responses.matches("HTTP/1.1 ").count(), 1, "{responses}");
        assert!(responses.starts_with("HTTP/1.1 400 "), "{responses}");
    }
    bob.wait_for("pong");
}

#[test]
fn a_client_that_polls_and_a_page_see_each_other_type_and_post() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("got_a_new_user", &json!({ "name": "Bob" }));
    assert_eq!(bob.wait_for("existing_users")["name"], "Bob");
    bob.emit("updated_text", &json!("typed in Bob's box"));
    ada.sees("Bob", "typed in Bob's box");
    ada.write("typed in Ada's box");
    assert_eq!(bob.wait_for("text_update")["text"], "typed in Ada's box");
    bob.post(r#"427["message",{"text":"posted"}]"#);
    assert_eq!(bob.until(|packet| packet.starts_with("43")), "437[{}]");
    ada.until("the post is there", |page| page.posts() == ["posted"]);
    bob.post(r#"428["message",{"text":" "}]"#);
    assert!(bob.until(|packet| packet.starts_with("43")).contains("post_empty"));
    bob.post("41");
    ada.sees_users(&["Ada"]);
    assert_eq!(bob.try_post("3").0, 400, "the session has ended");
}

/// Clients send what they have kept while they were away at once, without waiting for an answer.
#[test]
fn a_client_that_says_its_name_when_it_enters_is_seated_before_all_that_follows() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let session = "0123456789abcdef0123456789abcdef";
    let enter = |kept: &str| {
        let bob = Poller::open(server.address, "r");
        let auth = json!({ "name": "Bob", "session": session });
        bob.post(&format!("40{auth}\u{1e}42[\"message\",\"{kept}\"]"));
        bob
    };
    let mut bob = enter("one");
    let seat = bob.wait_for("existing_users");
    assert_eq!((&seat["name"], &seat["session"]), (&json!("Bob"), &json!(session)));
    bob.post("1");
    ada.sees_away("Bob", true);
    assert_eq!(enter("two").wait_for("existing_users")["you"], seat["you"], "the same seat");
    ada.until("both posts are there, once", |page| page.posts() == ["one", "two"]);
    ada.sees_users(&["Ada", "Bob"]);
}

#[test]
fn a_client_that_enters_with_its_name_and_the_host_key_is_a_host_first() {
    let server = start_as(HostMode::Key, Limits::DEFAULT, None);
    let enter = |auth: Value| {
        let poller = Poller::open(server.address, "r");
        poller.post(&format!("40{auth}"));
        poller
    };
    let mut host = enter(json!({ "name": "Ada", "key": KEY }));
    host.wait_for("hosting");
    host.emit("set_room", &json!({ "locked": true }));
    host.until(|packet| packet.contains(r#""locked":true"#));
    assert_eq!(enter(json!({ "name": "Bob" })).wait_for("error")["code"], "locked");
    assert_eq!(enter(json!({ "name": "Cem", "key": KEY })).wait_for("existing_users")["name"], "Cem");
}

/// socket.io-client sends a close packet when its network fails, and DISCONNECT when it is told to leave.
#[test]
fn a_close_packet_ends_the_session_but_the_seat_is_kept() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let bob = Poller::connect(server.address, "r");
    bob.emit("got_a_new_user", &json!({ "name": "Bob" }));
    bob.emit("updated_text", &json!("kept"));
    ada.sees("Bob", "kept");
    bob.post("1");
    ada.sees_away("Bob", true);
    assert_eq!(bob.try_post("3").0, 400, "the session has ended");
}

#[test]
fn of_two_polls_at_once_the_second_is_refused_and_the_session_ends() {
    let server = TestServer::start();
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("watch", &json!({}));
    bob.wait_for("existing_users"); // nothing else is said in this room
    let [mut first, mut second] = [bob.begin_poll(), bob.begin_poll()];
    let outcomes = [&mut first, &mut second].map(read_response);
    let mut statuses = outcomes.clone().map(|(status, _)| status);
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{outcomes:?}");
    let answered = outcomes.iter().find(|(status, _)| *status == 200).unwrap();
    assert!(answered.1.starts_with("42[\"closed\""), "{answered:?}");
    assert_eq!(read_response(&mut bob.begin_poll()).0, 400);
}

#[test]
fn a_payload_is_bounded_and_checked_before_it_is_read() {
    let server = TestServer::start();
    let bob = Poller::connect(server.address, "r");
    for (headers, status) in [
        ("Content-Length: 1000001", 413),
        ("Content-Length: 100000000000000000000000", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Transfer-Encoding: chunked", 411),
        ("Accept: */*", 411),
    ] {
        let mut socket = dial(bob.address);
        write!(socket, "POST {} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n", bob.path()).unwrap();
        assert_eq!(read_response(&mut socket).0, status, "{headers}");
    }
    bob.post("3"); // the session is still there
    assert_eq!(bob.try_post("42[\"ping\",{}]\u{1e}abc").0, 400);
    // An invalid packet ends it. A last poll may still say so.
    while read_response(&mut bob.begin_poll()).0 != 400 {}
}

#[test]
fn a_client_that_polls_late_gets_every_post_and_the_latest_text() {
    let server = TestServer::start();
    let mut bob = Poller::connect(server.address, "r");
    bob.emit("watch", &json!({}));
    bob.wait_for("existing_users");
    let mut ada = server.join("r", "Ada");
    for n in 0..200 {
        ada.write(&format!("{n} {}", "x".repeat(2_000)));
        ada.post_and_wait(&n.to_string());
    }
    ada.write("last");
    ada.catch_up();
    let (mut posts, mut texts) = (Vec::new(), 0);
    bob.until(|packet| {
        let event: Value =
            packet.get(2..).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        match event[0].as_str() {
            Some("data") if event[1]["n"].is_u64() => {
                posts.push(event[1]["text"].as_str().unwrap().to_owned())
            }
            Some("text_update") => texts += 1,
            _ => {}
        }
        event[0] == "text_update" && event[1]["text"] == "last"
    });
    assert_eq!(posts, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(texts < 100, "{texts} texts, most of them old");
}

#[test]
fn abandoned_sessions_end_and_free_what_they_held() {
    let server = TestServer::with(QUICK);
    for n in 0..1_000 {
        let poller = Poller::open(server.address, "r");
        poller.post(&format!("40\u{1e}42[\"got_a_new_user\",{{\"name\":\"{n}\"}}]"));
    }
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let health: Value = serde_json::from_str(server.get("/healthz").text()).unwrap();
        if health["clients"] == 0 && health["waiting"] == 0 {
            break;
        }
        assert!(Instant::now() < deadline, "{health}");
    }
    server.join("r", "Ada").sees_users(&["Ada"]);
}

#[test]
fn a_page_of_another_origin_needs_permission_and_may_read_the_answers() {
    let origin = "https://wall.example";
    let access = Access { allowed: vec![origin.parse().unwrap()], ..Access::default() };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    let response = server.get_with(POLLING, &format!("Host: localhost\r\nOrigin: {origin}\r\n"));
    assert_eq!((response.status, response.header("Access-Control-Allow-Origin")), (200, Some(origin)));
    let error = server.get_with("/socket.io/?EIO=4", &format!("Host: localhost\r\nOrigin: {origin}\r\n"));
    assert_eq!((error.status, error.header("Access-Control-Allow-Origin")), (400, Some(origin)));
    let preflight = server.request(&format!(
        "OPTIONS {POLLING} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Headers: content-type,x-own\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("Access-Control-Allow-Headers"), Some("content-type,x-own"));
    assert_eq!(server.get_with(POLLING, "Host: localhost\r\nOrigin: https://evil.example\r\n").status, 403);
}
