//! The page and the rooms of a server.

use crate::support::client::Client;
use crate::support::frame::{handshake, text};
use crate::support::http::{Response, read_response};
use crate::{start, stop};
use serde_json::{Value, json};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// Sends a request for this path, after which the connection stays open.
fn request(socket: &mut TcpStream, path: &str) {
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
}

#[test]
fn the_page_is_served_again_and_again_on_one_connection() {
    let program = start();
    let mut socket = program.dial();
    for _ in 0..3 {
        request(&mut socket, "/");
        let page = Response::read(&mut socket);
        assert!(page.status == 200 && page.text().contains("<title>Typewall"), "{}", page.head);
    }
    request(&mut socket, "/nothing");
    assert_eq!(Response::read(&mut socket).status, 404);
}

#[test]
fn everyone_sees_what_is_written_and_posted_and_who_comes_and_leaves() {
    let program = start();
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| program.join("r", name));
    ada.sees_users(&["Ada", "Bob"]);
    for text in ["H", "Hello", "Hello, grüße 😀"] {
        ada.write(text);
        bob.sees("Ada", text);
    }
    ada.post_and_wait("the first");
    bob.until("the post", |page| page.posts() == ["the first"]);
    bob.leave();
    ada.sees_users(&["Ada"]);
    let mut socket = program.dial();
    request(&mut socket, "/log?room=r");
    let (status, log) = read_response(&mut socket);
    assert!(status == 200 && log.contains("Ada: the first"), "{log}");
    drop(socket);
    let watcher = program.watch("r");
    stop(program);
    if cfg!(unix) {
        assert_eq!(watcher.closed(), 1001);
    }
}

#[test]
fn a_user_whose_connection_breaks_is_away_and_comes_back() {
    let program = start();
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| program.join("r", name));
    bob.write("a draft");
    ada.sees("Bob", "a draft");
    let session = bob.page.session.clone().expect("a session");
    drop(bob);
    ada.sees_away("Bob", true);
    let mut bob = Client::connect(program.address, "r");
    bob.rejoin("Bob", &session);
    ada.sees_away("Bob", false);
    assert_eq!(bob.page.text_of("Bob"), Some("a draft"));
}

#[test]
fn whoever_has_the_printed_key_runs_the_room() {
    let mut program = start();
    let key = program.host_key();
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| program.join("r", name));
    bob.send("host", json!({ "key": "wrong" }));
    assert_eq!(bob.next_error(), "host_key_wrong");
    ada.send("host", json!({ "key": key }));
    ada.until("a host", |page| page.hosting);
    ada.send("set_room", json!({ "prompt": "Why?", "frozen": true }));
    bob.until("the prompt", |page| page.state.prompt == "Why?");
    bob.write("too late");
    assert_eq!(bob.next_error(), "frozen");
}

#[test]
fn a_client_that_does_not_read_delays_nobody_and_gets_the_latest_text_later() {
    let program = start();
    let socket = program.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut sleeper = Client::open(socket, "r");
    sleeper.join("Sleeper");
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| program.join("r", name));
    // Together far more than the system buffers for a connection.
    let text = |n: usize| format!("{n} {}", "x".repeat(9_000));
    let last = 200;
    for n in 1..=last {
        ada.write(&text(n));
        bob.sees("Ada", &text(n));
    }
    let mut received = 0;
    while sleeper.page.text_of("Ada") != Some(&text(last)) {
        received += usize::from(sleeper.next_event().0 == "text_update");
    }
    assert!(received < last, "texts are skipped, and the last one comes");
    sleeper.write("awake");
    bob.sees("Sleeper", "awake");
}

#[test]
fn what_is_sent_at_once_before_the_end_of_a_connection_arrives() {
    let program = start();
    let mut ada = program.join("r", "Ada");
    let mut script = program.dial();
    let events = [json!(["got_a_new_user", { "name": "Script" }]), json!(["message", { "text": "done" }])];
    script.write_all(&handshake("/ws?room=r")).unwrap();
    let frames: Vec<u8> = events.iter().flat_map(|event| text(event.to_string())).collect();
    script.write_all(&frames).unwrap();
    script.shutdown(Shutdown::Write).unwrap();
    ada.until("the post", |page| page.posts() == ["done"]);
    // The server ends the connection as well.
    script.read_to_end(&mut Vec::new()).expect("an end and not a reset");
}

#[test]
fn posts_that_come_too_fast_wait_and_arrive_in_order() {
    let program = start();
    let [mut ada, mut bob] = ["Ada", "Bob"].map(|name| program.join("r", name));
    // Two more than a connection may post at once.
    let posts: Vec<String> = (1..=12).map(|n| n.to_string()).collect();
    posts.iter().for_each(|post| ada.post(post));
    bob.until("all posts", |page| page.posts() == posts);
}

#[test]
fn a_socket_io_client_polls_and_posts_over_one_connection() {
    let program = start();
    let mut ada = program.join("r", "Ada");
    let path = "/socket.io/?EIO=4&transport=polling&room=r";
    // The server closes the connection of the handshake.
    let mut socket = program.dial();
    request(&mut socket, path);
    let (_, handshake) = read_response(&mut socket);
    let handshake: Value = serde_json::from_str(&handshake[1..]).unwrap();
    let path = format!("{path}&sid={}", handshake["sid"].as_str().expect("an id"));
    let mut socket = program.dial();
    let watch = "40\u{1e}42[\"watch\",{}]";
    let length = watch.len();
    write!(socket, "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{watch}")
        .unwrap();
    assert_eq!(read_response(&mut socket), (200, "ok".to_owned()));
    let mut poll_until = |text: &str| loop {
        request(&mut socket, &path);
        let (status, packets) = read_response(&mut socket);
        assert_eq!(status, 200, "{packets}");
        if packets.contains(text) {
            break;
        }
    };
    poll_until("existing_users");
    ada.write("over polls");
    poll_until("over polls");
}
