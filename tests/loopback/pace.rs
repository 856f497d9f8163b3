//! The pace of clients: what comes too fast waits and is not lost, and what takes too long ends the connection.

use crate::server::TestServer;
use crate::support::client::{Client, code};
use crate::support::frame::{CONTINUATION, FIN, PING, TEXT, frame, header};
use crate::support::wait_until;
use serde_json::Value;
use std::io::ErrorKind;
use std::time::Duration;
use tungstenite::Message;
use tungstenite::error::Error;
use typewall::{Access, Limits};

fn paced(limits: Limits) -> TestServer {
    TestServer::paced(limits, Access::default(), None)
}

#[test]
fn posts_that_come_too_fast_wait_and_are_all_posted() {
    let server = paced(Limits { post_rate: 20, ..Limits::DEFAULT });
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let posts: Vec<String> = (0..120).map(|n| n.to_string()).collect();
    posts.iter().for_each(|post| ada.post(post));
    bob.until("all posts", |page| page.log.len() == posts.len());
    assert_eq!(bob.page.posts(), posts);
    ada.until("all posts", |page| page.log.len() == posts.len());
    // A hundred at once need not wait.
    assert!(
        (1..=20).contains(&ada.page.slowed_down) && bob.page.slowed_down == 0,
        "{}",
        ada.page.slowed_down
    );
}

#[test]
fn a_room_whose_users_post_too_much_makes_them_wait_and_closes_nobody() {
    let server = paced(Limits { post_rate: 1_000, room_burst: 800_000, ..Limits::DEFAULT });
    let mut readers: Vec<Client> = (0..3).map(|n| server.join("r", &format!("reader {n}"))).collect();
    let mut posters: Vec<Client> = (0..5).map(|n| server.join("r", &format!("poster {n}"))).collect();
    const EACH: usize = 20;
    let long = "x".repeat(10_000);
    for _ in 0..EACH {
        posters.iter_mut().for_each(|poster| poster.post(&long));
    }
    let total = EACH * posters.len();
    for client in readers.iter_mut().chain(&mut posters) {
        client.until("all posts", |page| page.received.len() == total);
    }
    assert!(posters.iter().any(|poster| poster.page.slowed_down > 0));
    assert!(readers.iter().all(|reader| reader.page.slowed_down == 0));
}

#[test]
fn a_large_message_waits_while_there_is_no_memory_for_it() {
    let timeout = Duration::from_millis(200);
    let server = TestServer::with(Limits { max_waiting: 0, message_timeout: timeout, ..Limits::DEFAULT });
    let (mut ada, mut bob) = (server.join("r", "Ada"), server.join("r", "Bob"));
    ada.post(&"x".repeat(10_000));
    assert_eq!(ada.closed(), 1008);
    bob.post("short");
    bob.until("the short post alone", |page| page.posts() == ["short"]);
}

#[test]
fn the_health_check_counts_large_messages_that_arrive() {
    let server = TestServer::with(Limits { message_timeout: Duration::from_secs(60), ..Limits::DEFAULT });
    let mut ada = server.watch("r");
    ada.write_bytes(&header(FIN | TEXT, 10_000));
    ada.write_bytes(&[0; 9_000]);
    wait_until("the message counts", || {
        let health: Value = serde_json::from_str(server.get("/healthz").text()).unwrap();
        health["waiting"].as_u64() >= Some(9_000)
    });
}

#[test]
fn a_message_that_takes_too_long_to_arrive_ends_the_connection() {
    let server = TestServer::with(Limits { message_timeout: Duration::from_millis(200), ..Limits::DEFAULT });
    let mut whole = server.watch("r");
    whole.write_bytes(&header(FIN | TEXT, 1_000));
    assert_eq!(drip(&mut whole, b"x", usize::MAX), Some(1008));
    let mut fragmented = server.watch("r");
    fragmented.write_bytes(&frame(TEXT, b"["));
    let part = [frame(FIN | PING, b"between"), frame(CONTINUATION, b" ")].concat();
    assert_eq!(drip(&mut fragmented, &part, usize::MAX), Some(1008));
    // A client that sends many small messages takes its time for none of them.
    let mut chatty = server.watch("r");
    assert_eq!(drip(&mut chatty, &frame(FIN | PING, b"alive"), 30), None);
}

/// Sends a part of a message every few milliseconds, this many times or until the server closes the connection. Returns
/// the code of the close frame.
fn drip(client: &mut Client, part: &[u8], times: usize) -> Option<u16> {
    client.socket.get_mut().set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    for _ in 0..times {
        client.write_bytes(part);
        match client.socket.read() {
            Ok(Message::Close(frame)) => return Some(code(frame)),
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}
