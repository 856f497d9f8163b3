//! Liveness: a client that gives no sign of life for `max_silence` is away, then gone after the grace period; one that
//! gives signs of life stays, however slow it is. Links go silent, deliver late, or end in one direction.
//!
//! Where silence is short here, nothing waits on a connection that has to stay alive: a busy machine may hold up any
//! client, and the server is right to close it then. What others are told of a silent client, and how often, is tested
//! with a clock of the test's own in `tests/properties`.

use crate::author::Author;
use crate::link::{Direction, Fault, Link};
use crate::server::TestServer;
use crate::support::client::Client;
use crate::support::frame::{handshake, text};
use crate::support::http::Response;
use crate::support::page::Page;
use crate::support::{TIMEOUT, wait_until};
use serde_json::json;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::error::Error;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};
use typewall::Limits;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// Neither silence nor the grace period ends during a test.
const LONG_SILENCE: Limits = Limits { max_silence: LONG, grace: LONG, ..Limits::DEFAULT };

/// Silence is found soon.
const SHORT_SILENCE: Limits =
    Limits { ping_every: Duration::from_millis(50), max_silence: Duration::from_millis(500), ..LONG_SILENCE };

/// How often a test tries what a busy machine may spoil.
const ATTEMPTS: usize = 5;

/// The snapshot of the room for a new viewer. `None` if the viewer itself is too slow and is closed.
fn snapshot(server: &TestServer) -> Option<Page> {
    let mut viewer = server.connect("r");
    viewer.try_send("watch", json!({})).ok()?;
    receive_until(&mut viewer, |_, page| page.room.is_some()).ok()?;
    Some(viewer.page)
}

/// A connection on which Ada joins and writes. All is sent at once, so that the server has all of it or nothing.
fn join_at_once(mut socket: TcpStream) -> WebSocket<TcpStream> {
    let join = text(r#"["got_a_new_user",{"name":"Ada"}]"#);
    let write = text(r#"["updated_text",{"text":"half a sent"}]"#);
    socket.write_all(&[handshake("/ws?room=r"), join, write].concat()).unwrap();
    assert_eq!(Response::read_head(&mut socket).status, 101);
    WebSocket::from_raw_socket(socket, Role::Client, None)
}

#[test]
fn a_user_whose_link_goes_silent_is_away_and_keeps_the_box() {
    for directions in [&Direction::BOTH[..], &[Direction::ToServer], &[Direction::ToClient]] {
        let server = TestServer::with(SHORT_SILENCE);
        let (socket, link) = Link::to(server.address);
        let mut ada = join_at_once(socket);
        // She answers pings for as long as any come.
        let reading = thread::spawn(move || while ada.read().is_ok() {});
        wait_until("Ada in the room", || {
            snapshot(&server).is_some_and(|page| page.text_of("Ada") == Some("half a sent"))
        });
        directions.iter().for_each(|&direction| link.fail_after(0, direction, Fault::Silence));
        wait_until("Ada away", || snapshot(&server).is_some_and(|page| page.is_away("Ada") == Some(true)));
        assert!(snapshot(&server).is_none_or(|page| page.text_of("Ada") == Some("half a sent")));
        // What was held back reaches a server that has closed the connection.
        link.mend();
        reading.join().unwrap();
    }
}

#[test]
fn a_user_whose_link_stays_silent_is_gone_after_the_grace_period() {
    let server = TestServer::with(Limits { grace: Duration::from_millis(100), ..SHORT_SILENCE });
    let (socket, link) = Link::to(server.address);
    let mut ada = Client::new(join_at_once(socket));
    ada.until("a snapshot", |page| page.you.is_some());
    Direction::BOTH.into_iter().for_each(|direction| link.fail_after(0, direction, Fault::Silence));
    wait_until("Ada gone", || snapshot(&server).is_some_and(|page| page.names().is_empty()));
}

#[test]
fn a_user_who_answers_no_ping_is_away() {
    let server = TestServer::with(SHORT_SILENCE);
    // Nothing reads on this connection.
    let _ada = join_at_once(server.dial());
    wait_until("Ada away", || snapshot(&server).is_some_and(|page| page.is_away("Ada") == Some(true)));
}

/// Receives messages until one is the last of those wanted. An error means that the connection has ended.
fn receive_until(client: &mut Client, mut is_last: impl FnMut(&Message, &Page) -> bool) -> Result<(), Error> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        assert!(Instant::now() < deadline, "timed out; the page shows {:?}", client.page);
        let message = client.try_next()?;
        if message.is_close() {
            return Err(Error::ConnectionClosed);
        }
        client.take(message.clone());
        if is_last(&message, &client.page) {
            return Ok(());
        }
    }
}

/// Reads, and so answers, that many pings: the server's clock, by which a test can wait.
fn answer_pings(client: &mut Client, pings: usize) -> Result<(), Error> {
    let mut answered = 0;
    receive_until(client, |message, _| {
        answered += usize::from(message.is_ping());
        answered == pings
    })
}

#[test]
fn a_client_that_only_answers_pings_stays() {
    let server = TestServer::with(SHORT_SILENCE);
    // Three times as long as a client may be silent.
    let stays = |_| answer_pings(&mut server.connect("r"), 30).is_ok();
    assert!((0..ATTEMPTS).any(stays), "a machine that is busy may spoil one attempt, and not all of them");
}

/// Leaves boxes in the room whose users are away, so that nobody has to answer pings for them.
fn leave_boxes(server: &TestServer, boxes: usize, content: &str) {
    wait_until("all boxes", || {
        let mut socket = server.dial();
        let join = text(r#"["got_a_new_user",{"name":"author"}]"#);
        let write = text(json!(["updated_text", { "text": content }]).to_string());
        // It may be too late, and closed.
        let _ = socket.write_all(&[handshake("/ws?room=r"), join, write].concat());
        let _ = socket.shutdown(Shutdown::Write);
        let _ = socket.read_to_end(&mut Vec::new());
        snapshot(server).is_some_and(|page| {
            page.users.values().filter(|user| user.away && user.text == content).count() >= boxes
        })
    });
}

/// Joins and takes more than twice as long to read the snapshot as a client may be silent. The first ping comes after
/// the snapshot; what the system buffers is read in less time.
fn read_snapshot_slowly(server: &TestServer) -> Result<(), Error> {
    let (mut clock, mut socket) = (server.connect("clock"), server.dial());
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024)?;
    let join = text(r#"["got_a_new_user",{"name":"Slow"}]"#);
    socket.write_all(&[handshake("/ws?room=r"), join].concat())?;
    let mut bytes = vec![0; 2_000_000];
    for step in bytes.chunks_mut(80_000) {
        answer_pings(&mut clock, 1)?;
        socket.read_exact(step)?;
    }
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    let frames = bytes.split_off(head);
    let mut slow = Client::new(WebSocket::from_partially_read(socket, frames, Role::Client, None));
    receive_until(&mut slow, |_, page| page.you.is_some())?;
    slow.socket.send(Message::Ping("still here".into()))?;
    receive_until(&mut slow, |message, _| message.is_pong())
}

#[test]
fn a_client_that_reads_a_large_snapshot_slowly_stays() {
    let server = TestServer::with(Limits { max_text: 100_000, ..SHORT_SILENCE });
    leave_boxes(&server, 20, &"x".repeat(100_000));
    let stays = |_| read_snapshot_slowly(&server).is_ok();
    assert!((0..ATTEMPTS).any(stays), "a machine that is busy may spoil one attempt, and not all of them");
}

/// A server, an observer, and a user over a link whose text the observer has seen.
fn join_over_link() -> (TestServer, Client, Author, Link) {
    let server = TestServer::with(LONG_SILENCE);
    let mut observer = server.join("r", "Observer");
    let (socket, link) = Link::to(server.address);
    let mut ada = Author::new("Ada");
    ada.connect("r", socket).unwrap();
    ada.write("half a sent");
    observer.sees("Ada", "half a sent");
    (server, observer, ada, link)
}

#[test]
fn a_link_that_ends_to_the_server_only_makes_its_user_away() {
    let (server, mut observer, mut ada, link) = join_over_link();
    let id = ada.id();
    link.fail_after(0, Direction::ToServer, Fault::HalfEnd);
    observer.sees_away("Ada", true);
    ada.receive_to_end();
    ada.reconnect(&server, "r");
    assert_eq!(ada.id(), id);
}

#[test]
fn a_link_that_ends_to_the_client_only_gives_the_seat_to_the_next_connection() {
    let (server, mut observer, mut ada, link) = join_over_link();
    let id = ada.id();
    link.fail_after(0, Direction::ToClient, Fault::HalfEnd);
    ada.receive_to_end();
    ada.post("from the next");
    ada.reconnect(&server, "r");
    ada.settle().unwrap();
    assert_eq!(ada.id(), id);
    observer.until("the post", |page| page.posts() == ["from the next"]);
    assert_eq!((observer.page.names(), observer.page.is_away("Ada")), (vec!["Observer", "Ada"], Some(false)));
}

#[test]
fn a_delay_inside_a_frame_does_no_harm() {
    let (_server, mut observer, mut ada, link) = join_over_link();
    link.fail_after(20, Direction::ToServer, Fault::Silence);
    ada.write("half a sentence");
    ada.post("a post");
    observer.catch_up();
    assert_eq!((observer.page.text_of("Ada"), observer.page.log.len()), (Some("half a sent"), 0));
    link.mend();
    ada.settle().unwrap();
    observer.catch_up();
    assert_eq!(
        (observer.page.text_of("Ada"), observer.page.posts(), observer.page.is_away("Ada")),
        (Some("half a sentence"), vec!["a post"], Some(false))
    );
}
