//! Posts over HTTP, as `curl -d` sends them.

use crate::hosts::{host, set, start_as};
use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::http::{Response, read_to_end};
use crate::test_store::TestStore;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use typewall::internals::MAX_POST_REQUESTS_PER_ADDRESS;
use typewall::{Access, HostMode, Limits, SecretHash};

/// The whole request, with headers besides those that curl sends.
fn request(query: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /post?{query} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n{headers}\
         Content-Length: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn post_with(server: &TestServer, query: &str, headers: &str, body: &[u8]) -> Response {
    let mut socket = server.dial();
    socket.write_all(&request(query, headers, body)).unwrap();
    Response::read(&mut socket)
}

fn post(server: &TestServer, query: &str, body: &str) -> Response {
    post_with(server, query, "", body.as_bytes())
}

fn json_of(response: &Response) -> Value {
    assert_eq!(response.header("Content-Type"), Some("application/json"));
    serde_json::from_str(response.text()).expect("JSON")
}

/// The status and the code of a refusal, which comes with a sentence.
fn refusal(response: &Response) -> (u16, String) {
    let refusal = json_of(response);
    assert!(refusal["message"].as_str().is_some_and(|text| text.ends_with('.')), "{refusal}");
    (response.status, refusal["code"].as_str().expect("a code").to_owned())
}

#[test]
fn a_post_over_http_reaches_everyone() {
    let server = TestServer::start();
    let mut ada = server.join("ops", "Ada");
    let response = post(&server, "room=ops&name=deploy", "deployed 1.4\n");
    assert_eq!((response.status, json_of(&response)), (200, json!({"n": 1})));
    ada.until("the post", |page| !page.log.is_empty());
    let mut shown = ada.page.log[0].clone();
    assert!(shown.as_object_mut().unwrap().remove("at").unwrap().is_u64());
    let id = shown.as_object_mut().unwrap().remove("id").unwrap();
    assert_ne!(id.as_str(), ada.page.you.as_deref());
    assert_eq!(shown, json!({"n": 1, "name": "deploy", "text": "deployed 1.4"}));
    assert_eq!((ada.page.names(), ada.page.viewers), (vec!["Ada"], 0));
    ada.post_and_wait("thanks");
    assert_eq!(ada.page.log[1]["n"], 2);
}

#[test]
fn one_line_break_at_the_end_is_dropped_and_the_rest_of_the_text_is_kept() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    for (body, text) in
        [("a\r\n", "a"), ("a\n\n", "a\n"), (" a b%20&c=d+e ", " a b%20&c=d+e "), ("é😀\u{1}", "é😀\u{FFFD}")]
    {
        assert_eq!(post(&server, "room=r&name=deploy", body).status, 200, "{body:?}");
        viewer.until("the post", |page| page.posts().last() == Some(&text));
    }
}

#[test]
fn the_same_key_under_the_same_name_posts_once() {
    let server = TestServer::start();
    let viewer = server.watch("r");
    let n = |name: &str, key: &str, text: &str| {
        let headers = format!("Idempotency-Key: {key}\r\n");
        json_of(&post_with(&server, &format!("room=r&name={name}"), &headers, text.as_bytes()))["n"].clone()
    };
    assert_eq!([n("deploy", "1", "a"), n("deploy", "1", "b"), n("deploy", "2", "c")], [1, 1, 2]);
    assert_eq!([n("build", "1", "d"), n("Deploy", "1", "e")], [3, 1]);
    assert_eq!(server.watch("r").page.posts(), ["a", "c", "d"]);
    drop(viewer);
}

#[test]
fn a_post_that_the_room_does_not_take_is_refused_with_a_code() {
    let server = TestServer::with(Limits { max_text: 10, ..Limits::DEFAULT });
    let _ada = server.join("r", "Ada");
    let long = "x".repeat(41);
    for (query, body, status, code) in [
        ("room=r", "text", 400, "name_empty"),
        ("room=r&name=%20", "text", 400, "name_empty"),
        (&format!("room=r&name={long}"), "text", 400, "name_too_long"),
        ("room=r&name=ADA", "text", 409, "name_taken"),
        ("room=r&name=%D0%90da", "text", 409, "name_taken"),
        ("room=r&name=deploy", " \n", 400, "post_empty"),
        ("room=r&name=deploy", "", 400, "post_empty"),
        ("room=r&name=deploy", "12345678901", 413, "text_too_long"),
        ("room=r&name=deploy", &"x".repeat(50), 413, "text_too_long"),
        (&format!("room={long}{long}&name=deploy"), "text", 400, "room_name_too_long"),
    ] {
        let response = post(&server, query, body);
        assert_eq!(refusal(&response), (status, code.to_owned()), "{query} {body:?}");
    }
    assert_eq!(post(&server, "room=r&name=deploy", "😀😀😀😀😀😀😀😀😀😀\r\n").status, 200);
    let latin = post_with(&server, "room=r&name=deploy", "", b"gr\xFCn");
    assert_eq!(refusal(&latin), (400, "not_utf8".to_owned()));
    for key in ["", &"x".repeat(65), "\u{80}\r\nIdempotency-Key: b"] {
        let headers = format!("Idempotency-Key: {key}\r\n");
        let response = post_with(&server, "room=r&name=deploy", &headers, b"text");
        assert_eq!(refusal(&response), (400, "bad_ref".to_owned()), "{key:?}");
    }
}

#[test]
fn hosts_close_their_room_to_posts_over_http() {
    let server = start_as(HostMode::Key, Limits::DEFAULT, None);
    let mut host = host(&server, "r");
    for change in ["locked", "frozen"] {
        set(&mut host, json!({change: true}), &mut []);
        let response = post(&server, "room=r&name=deploy", "text");
        assert_eq!(refusal(&response), (403, change.to_owned()));
        set(&mut host, json!({change: false}), &mut []);
    }
    assert_eq!(post(&server, "room=r&name=deploy", "text").status, 200);
}

#[test]
fn a_body_without_a_length_is_not_read() {
    let server = TestServer::start();
    let head = "POST /post?room=r&name=deploy HTTP/1.1\r\nHost: localhost\r\n";
    for (headers, status, code) in [
        ("", 411, "length_needed"),
        ("Transfer-Encoding: chunked\r\n", 411, "length_needed"),
        ("Content-Length: x\r\n", 400, "bad_length"),
        ("Content-Length: +4\r\n", 400, "bad_length"),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", 400, "bad_length"),
        ("Content-Length: 100000000000000\r\n", 413, "text_too_long"),
        ("Content-Length: 100000000000000000000000\r\n", 400, "bad_length"),
    ] {
        let response = server.request(&format!("{head}{headers}\r\n"));
        assert_eq!(refusal(&response), (status, code.to_owned()), "{headers}");
    }
    let mut socket = server.dial();
    socket.write_all(format!("{head}Content-Length: 5\r\n\r\nhell").as_bytes()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut socket), 0, "the text is not whole");
}

#[test]
fn a_connection_is_kept_for_more_posts_and_a_client_that_waits_is_told_to_go_on() {
    let server = TestServer::start();
    let _viewer = server.watch("r");
    let mut socket = server.dial();
    let one = request("room=r&name=deploy", "", b"one");
    socket.write_all(&[one, request("room=r&name=deploy", "", b" ")].concat()).unwrap();
    assert_eq!(json_of(&Response::read(&mut socket)), json!({"n": 1}));
    assert_eq!(refusal(&Response::read(&mut socket)), (400, "post_empty".to_owned()));
    let waiting = request("room=r&name=deploy", "Expect: 100-continue\r\n", b"two");
    socket.write_all(&waiting[..waiting.len() - 3]).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 100);
    socket.write_all(b"two").unwrap();
    assert_eq!(json_of(&Response::read(&mut socket)), json!({"n": 2}));
}

#[test]
fn who_posts_too_fast_over_http_is_told_when_to_try_again() {
    let limits = Limits { post_rate: 1, hubs: 1, ..Limits::DEFAULT };
    let server = TestServer::paced(limits, Access::default(), None);
    let _viewer = server.watch("r");
    let late = (0..1_000).map(|_| post(&server, "room=r&name=deploy", "text")).find(|r| r.status != 200);
    let late = late.expect("a refusal");
    assert_eq!(refusal(&late), (429, "post_wait".to_owned()));
    assert_eq!((late.header("Retry-After"), json_of(&late)["wait"].as_u64()), (Some("1"), Some(1)));
}

#[test]
fn posts_over_http_need_the_passphrase() {
    let access = Access { passphrase: Some(SecretHash::new("correct horse")), ..Access::default() };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    assert_eq!(post(&server, "room=r&name=deploy", "text").status, 401);
    let with = |passphrase: &str| {
        let credentials = BASE64.encode(format!("me:{passphrase}").as_bytes());
        let headers = format!("Authorization: Basic {credentials}\r\n");
        post_with(&server, "room=r&name=deploy", &headers, b"text").status
    };
    assert_eq!([with("wrong"), with("correct horse")], [401, 200]);
}

#[test]
fn only_pages_of_allowed_origins_may_post() {
    let access = Access { allowed: vec!["https://ops.example".parse().unwrap()], ..Access::default() };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    let allowed = "Origin: https://ops.example\r\n";
    for (query, status) in [("room=r&name=deploy", 200), ("room=r", 400)] {
        let response = post_with(&server, query, allowed, b"text");
        let origin = response.header("Access-Control-Allow-Origin");
        assert_eq!((response.status, origin), (status, Some("https://ops.example")));
    }
    for foreign in ["Origin: https://evil.example\r\n", "Origin: null\r\n"] {
        let response = post_with(&server, "room=r&name=deploy", foreign, b"text");
        assert_eq!((response.status, response.header("Access-Control-Allow-Origin")), (403, None));
    }
    let preflight = |origin: &str| {
        server.request(&format!(
            "OPTIONS /post?room=r&name=deploy HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: idempotency-key\r\n\
             Connection: close\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let response = preflight("https://ops.example");
    assert_eq!(response.header("Access-Control-Allow-Origin"), Some("https://ops.example"));
    assert_eq!(response.header("Access-Control-Allow-Headers"), Some("idempotency-key"));
    assert_eq!(response.status, 204);
    assert_eq!(preflight("https://evil.example").status, 403);
}

#[test]
fn only_post_posts() {
    let server = TestServer::start();
    for method in ["GET", "PUT", "DELETE"] {
        let response = server
            .request(&format!("{method} /post HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        assert_eq!((response.status, response.header("Allow")), (405, Some("POST, OPTIONS")), "{method}");
    }
}

#[test]
fn a_text_that_does_not_arrive_in_time_is_refused() {
    let short = Limits { message_timeout: Duration::from_millis(50), ..Limits::DEFAULT };
    for (limits, status, code) in
        [(short, 408, "late"), (Limits { max_waiting: 0, ..short }, 503, "memory_full")]
    {
        let server = TestServer::with(limits);
        let request = request("room=r&name=deploy", "", b"hello");
        let mut socket = server.dial();
        socket.write_all(&request[..request.len() - 1]).unwrap();
        assert_eq!(refusal(&Response::read(&mut socket)), (status, code.to_owned()));
    }
}

#[test]
fn few_posts_of_one_address_wait_at_once() {
    let mut store = TestStore::new();
    store.options.lock_timeout = TIMEOUT;
    let server = store.serve();
    let other = store.connect();
    // The store is created before it is locked.
    assert_eq!(post(&server, "room=r&name=deploy", "text").status, 200);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let count = MAX_POST_REQUESTS_PER_ADDRESS + 1;
    let (done, responses) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..count {
            let (done, server) = (done.clone(), &server);
            scope.spawn(move || done.send(post(server, "room=r&name=deploy", "text")).unwrap());
        }
        let first = responses.recv_timeout(TIMEOUT).expect("a response while the others wait");
        assert_eq!(refusal(&first), (503, "server_busy".to_owned()));
        other.execute_batch("ROLLBACK").unwrap();
        let stored = (1..count).map(|_| responses.recv_timeout(TIMEOUT).expect("a response"));
        let mut numbers: Vec<u64> =
            stored.map(|response| json_of(&response)["n"].as_u64().expect("a number")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (2..=count as u64).collect::<Vec<_>>());
    });
}

#[test]
fn with_a_store_a_post_over_http_is_answered_once_it_is_stored() {
    let store = TestStore::new();
    let server = store.serve();
    let headers = "Idempotency-Key: build-7\r\n";
    for _ in 0..2 {
        // Nobody is in the room, so it is loaded each time.
        let response = post_with(&server, "room=ops&name=deploy", headers, b"deployed 1.4");
        assert_eq!((response.status, json_of(&response)), (200, json!({"n": 1})));
    }
    assert_eq!(server.join("ops", "Ada").page.posts(), ["deployed 1.4"]);
    let breaker = store.connect();
    let fail = "CREATE TRIGGER full BEFORE INSERT ON post BEGIN SELECT RAISE(FAIL, 'the disk is full'); END";
    breaker.execute(fail, []).unwrap();
    let response = post(&server, "room=ops&name=deploy", "text");
    assert_eq!(refusal(&response), (503, "not_stored".to_owned()));
    server.stop();
    assert_eq!(store.texts(), ["deployed 1.4"]);
}
