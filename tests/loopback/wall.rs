//! The boxes of a room over HTTP.

use crate::hosts::{KEY, host, set, start_as};
use crate::server::TestServer;
use crate::support::http::Response;
use crate::test_store::TestStore;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::Write;
use typewall::{Access, HostMode, Limits, SecretHash};

/// The boxes as JSON, without the ids.
fn boxes(server: &TestServer, room: &str, headers: &str) -> Value {
    let body = server.get_chunked(&format!("/boxes?room={room}"), headers);
    let mut wall: Value = serde_json::from_str(&body).expect("JSON");
    for shown in wall["boxes"].as_array_mut().expect("boxes") {
        assert!(shown.as_object_mut().unwrap().remove("id").unwrap().is_string());
    }
    wall
}

fn with_key(key: &str) -> String {
    format!("Typewall-Host-Key: {key}\r\n")
}

#[test]
fn the_boxes_are_those_on_the_wall() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    ada.write("one\ntwo");
    bob.write("=1+1");
    bob.sees("Ada", "one\ntwo");
    ada.sees("Bob", "=1+1");
    drop(bob);
    ada.sees_away("Bob", true);
    let expected = json!({"room": "r", "prompt": "", "hidden": false, "boxes": [
        {"name": "Ada", "text": "one\ntwo", "away": false, "wrote": true},
        {"name": "Bob", "text": "=1+1", "away": true, "wrote": true},
    ]});
    assert_eq!(boxes(&server, "r", ""), expected);
    assert_eq!(
        server.get_chunked("/boxes?room=r&format=txt", ""),
        "r\n\nAda\n    one\n    two\n\nBob (away)\n    =1+1\n"
    );
    let csv = server.get_chunked("/boxes?room=r&format=csv", "");
    assert!(csv.ends_with("Ada,\"one\ntwo\",false,true\r\nBob,'=1+1,true,true\r\n"), "{csv}");
    assert!(server.get_chunked("/boxes?room=r&format=md", "").ends_with("## Bob (away)\n\n> \\=1\\+1\n"));
    assert_eq!(boxes(&server, "other", "")["boxes"], json!([]));
}

#[test]
fn hidden_texts_are_for_hosts_only() {
    let server = start_as(HostMode::Key, Limits::DEFAULT, None);
    let mut host = host(&server, "r");
    let mut ada = server.join("r", "Ada");
    let _bob = server.join("r", "Bob");
    ada.write("a secret");
    host.sees("Ada", "a secret");
    set(&mut host, json!({"hidden": true, "prompt": "Why?"}), &mut []);
    let shown = |text: &str| {
        json!({"room": "r", "prompt": "Why?", "hidden": true, "boxes": [
            {"name": "Ada", "text": text, "away": false, "wrote": true},
            {"name": "Bob", "text": "", "away": false, "wrote": false},
        ]})
    };
    assert_eq!(boxes(&server, "r", ""), shown(""));
    assert_eq!(boxes(&server, "r", &with_key(KEY)), shown("a secret"));
    for format in ["json", "txt", "md", "csv"] {
        let body = server.get_chunked(&format!("/boxes?room=r&format={format}"), "");
        assert!(body.contains("Why?") && !body.contains("secret"), "{body}");
    }
}

#[test]
fn a_wrong_host_key_is_refused_and_further_ones_wait() {
    let server = start_as(HostMode::Key, Limits { hubs: 1, ..Limits::DEFAULT }, None);
    let wrong = format!("Host: localhost\r\n{}", with_key("wrong"));
    for _ in 0..5 {
        let response = server.get_with("/boxes?room=r", &wrong);
        assert_eq!((response.status, response.text()), (403, "Wrong host key.\n"));
    }
    // It waits for its turn, a second later, and is right.
    assert_eq!(boxes(&server, "r", &with_key(KEY))["boxes"], json!([]));
    let without = start_as(HostMode::None, Limits::DEFAULT, None);
    assert_eq!(without.get_with("/boxes", &format!("Host: localhost\r\n{}", with_key(KEY))).status, 403);
}

#[test]
fn a_wall_larger_than_a_part_is_whole() {
    let server = TestServer::start();
    let mut clients: Vec<_> = (0..40).map(|n| server.join("r", &format!("user {n}"))).collect();
    for client in &mut clients {
        client.write(&"x".repeat(10_000));
    }
    let mut viewer = server.watch("r");
    viewer.until("all texts", |page| page.users.values().all(|user| user.text.len() == 10_000));
    let wall = boxes(&server, "r", "");
    let names = wall["boxes"].as_array().unwrap().iter().map(|shown| shown["name"].as_str().unwrap());
    assert!(names.eq((0..40).map(|n| format!("user {n}"))));
}

#[test]
fn a_format_has_a_type_and_a_file_name() {
    let server = TestServer::start();
    for (query, content_type, name) in [
        ("room=r", "application/json", "typewall-r-wall.json"),
        ("room=r&format=txt", "text/plain; charset=utf-8", "typewall-r-wall.txt"),
        ("room=r&format=md", "text/markdown; charset=utf-8", "typewall-r-wall.md"),
        ("room=r&format=csv", "text/csv; charset=utf-8; header=present", "typewall-r-wall.csv"),
    ] {
        let head = format!("HEAD /boxes?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let response = server.request(&head);
        assert_eq!((response.status, response.header("Content-Type")), (200, Some(content_type)), "{query}");
        let disposition = format!("inline; filename=\"{name}\"");
        assert_eq!(response.header("Content-Disposition"), Some(disposition.as_str()));
    }
    assert_eq!(server.get("/boxes?format=pdf").status, 400);
    assert_eq!(server.get(&format!("/boxes?room={}", "x".repeat(65))).status, 400);
    let post = "POST /boxes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(server.request(post).status, 405);
}

#[test]
fn boxes_are_for_those_with_the_passphrase_and_pages_of_allowed_origins() {
    let access = Access {
        passphrase: Some(SecretHash::new("correct horse")),
        allowed: vec!["https://ops.example".parse().unwrap()],
        ..Access::default()
    };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    assert_eq!(server.get("/boxes?room=r").status, 401);
    let foreign = "Host: localhost\r\nOrigin: https://evil.example\r\n";
    assert_eq!(server.get_with("/boxes?room=r", foreign).status, 403);
    let credentials = BASE64.encode(b"me:correct horse");
    let headers = format!("Authorization: Basic {credentials}\r\nOrigin: https://ops.example\r\n");
    let mut socket = server.dial();
    write!(socket, "HEAD /boxes?room=r HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
    let response = Response::read_head(&mut socket);
    let origin = response.header("Access-Control-Allow-Origin");
    assert_eq!((response.status, origin), (200, Some("https://ops.example")));
}

#[test]
fn with_a_store_boxes_are_hidden_again_after_a_restart() {
    let store = TestStore::new();
    let server = start_as(HostMode::Key, Limits::DEFAULT, Some(&store.options));
    let mut host = host(&server, "r");
    set(&mut host, json!({"hidden": true}), &mut []);
    server.stop();
    let server = start_as(HostMode::Key, Limits::DEFAULT, Some(&store.options));
    let mut ada = server.join("r", "Ada");
    ada.write("a secret");
    ada.catch_up();
    let wall = boxes(&server, "r", "");
    assert_eq!(
        (&wall["hidden"], &wall["boxes"][0]["text"], &wall["boxes"][0]["wrote"]),
        (&json!(true), &json!(""), &json!(true))
    );
}
