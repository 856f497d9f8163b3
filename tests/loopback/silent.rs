//! Links that go silent, are late or end one way: who is on them is away in time, keeps the seat for the grace, and
//! then is gone for everyone, once. Whoever gives signs of life stays, however slow.

use crate::author::Author;
use crate::person::{Person, TestServer, frame, handshake};
use crate::proxy::{Fault, Link, Way};
use socket2::SockRef;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;
use tungstenite::WebSocket;
use tungstenite::protocol::Role;
use typewall::Limits;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

/// Silence is found soon, and seats are kept.
const QUICK: Limits = Limits {
    ping_every: Duration::from_millis(100),
    max_silence: Duration::from_secs(1),
    grace: LONG,
    ..Limits::DEFAULT
};

/// Somebody in a room over a link, whose text the observer has seen.
fn on_a_link(server: &TestServer, observer: &mut Person) -> (Author, Link) {
    let (socket, link) = Link::to(server.address);
    let mut ada = Author::new("Ada");
    ada.connect(server, "r", socket).unwrap();
    ada.write("half a sent");
    observer.sees("Ada", "half a sent");
    (ada, link)
}

/// What an observer hears of a user, up to an event.
fn hears_of(observer: &mut Person, id: &str, last: &str) -> Vec<String> {
    let mut events = Vec::new();
    while events.last().is_none_or(|event| event != last) {
        let event = observer.receive().filter(|(_, data)| data["id"] == id);
        events.extend(event.map(|(event, _)| event));
    }
    events
}

#[test]
fn a_silent_link_is_away_and_the_seat_is_kept() {
    for ways in [&[Way::Up, Way::Down][..], &[Way::Up], &[Way::Down]] {
        let server = TestServer::with(QUICK);
        let mut observer = server.join("r", "Observer");
        let (mut ada, link) = on_a_link(&server, &mut observer);
        let id = ada.id.clone();
        thread::scope(|scope| {
            // She would answer pings for as long as any come.
            let listening = scope.spawn(|| ada.listen());
            ways.iter().for_each(|&way| link.fail_after(0, way, Fault::Silence));
            let heard = hears_of(&mut observer, id.as_ref().unwrap(), "user_away");
            assert_eq!((heard.len(), observer.text_of("Ada")), (1, Some("half a sent")), "{ways:?}");
            // What comes late finds that the server has given the connection up.
            link.mend();
            listening.join().unwrap();
        });
        ada.write("half a sentence");
        ada.connect(&server, "r", server.dial()).unwrap();
        assert_eq!(ada.id, id);
        observer.sees("Ada", "half a sentence");
        assert_eq!((observer.names(), observer.is_away("Ada")), (vec!["Observer", "Ada"], Some(false)));
    }
}

#[test]
fn a_silent_link_is_gone_after_the_grace_for_everyone_once() {
    let server = TestServer::with(Limits { grace: Duration::from_millis(100), ..QUICK });
    let mut observer = server.join("r", "Observer");
    let mut viewer = server.connect("r");
    viewer.watch();
    let (ada, link) = on_a_link(&server, &mut observer);
    let id = ada.id.unwrap();
    viewer.sees("Ada", "half a sent");
    link.go_silent();
    thread::scope(|scope| {
        for mut who in [observer, viewer] {
            let (id, link, server) = (&id, &link, &server);
            scope.spawn(move || {
                assert_eq!(hears_of(&mut who, id, "disconnect_user"), ["user_away", "disconnect_user"]);
                link.mend();
                // Anybody who came or left before this would be seen, and nobody leaves twice.
                server.join("r", "Last").leave();
                who.until("the last", |who| who.names() == ["Observer", "Last"]);
            });
        }
    });
}

#[test]
fn a_link_that_ends_to_the_server_only_is_away_at_once() {
    let server = TestServer::with(Limits { max_silence: LONG, ..QUICK });
    let mut observer = server.join("r", "Observer");
    let (mut ada, link) = on_a_link(&server, &mut observer);
    let id = ada.id.clone();
    link.fail_after(0, Way::Up, Fault::HalfEnd);
    assert_eq!(hears_of(&mut observer, id.as_ref().unwrap(), "user_away").len(), 1);
    ada.listen();
    ada.connect(&server, "r", server.dial()).unwrap();
    assert_eq!(ada.id, id);
}

#[test]
fn a_link_that_ends_to_the_client_only_gives_the_seat_to_the_next_connection() {
    let server = TestServer::with(Limits { max_silence: LONG, ..QUICK });
    let mut observer = server.join("r", "Observer");
    let (mut ada, link) = on_a_link(&server, &mut observer);
    let id = ada.id.clone();
    link.fail_after(0, Way::Down, Fault::HalfEnd);
    ada.listen();
    ada.post("from the next");
    ada.connect(&server, "r", server.dial()).unwrap();
    ada.settle().unwrap();
    assert_eq!(ada.id, id);
    observer.until("the post", |observer| observer.posts() == ["from the next"]);
    assert_eq!((observer.names(), observer.is_away("Ada")), (vec!["Observer", "Ada"], Some(false)));
}

#[test]
fn a_delay_inside_a_frame_harms_nothing() {
    let server = TestServer::start();
    let mut observer = server.join("r", "Observer");
    let (mut ada, link) = on_a_link(&server, &mut observer);
    link.fail_after(20, Way::Up, Fault::Silence);
    ada.write("half a sentence");
    ada.post("a post");
    observer.catch_up();
    assert_eq!((observer.text_of("Ada"), observer.log.len()), (Some("half a sent"), 0), "it is delayed");
    link.mend();
    ada.settle().unwrap();
    observer.catch_up();
    assert_eq!(
        (observer.text_of("Ada"), observer.posts(), observer.is_away("Ada")),
        (Some("half a sentence"), vec!["a post"], Some(false))
    );
}

/// Receives until so many pings have come: the server's clock, by which a test can wait.
fn wait_for_pings(person: &mut Person, pings: usize) {
    let mut came = 0;
    while came < pings {
        let message = person.next();
        came += usize::from(message.is_ping());
        person.take(message);
    }
}

#[test]
fn who_only_answers_pings_stays() {
    let server = TestServer::with(QUICK);
    let mut ada = server.join("r", "Ada");
    // Three times as long as one may be silent.
    wait_for_pings(&mut ada, 30);
    ada.catch_up();
    assert_eq!(ada.is_away("Ada"), Some(false));
}

/// Has so many boxes with this text, whose authors are away: nobody has to answer pings for them.
fn fill(server: &TestServer, boxes: usize, text: &str) -> Person {
    for n in 0..boxes {
        let mut author = server.join("r", &format!("author {n}"));
        author.write(text);
        author.catch_up(); // or what is not sent yet would go with the connection
    }
    let mut observer = server.join("r", "Observer");
    observer.until("all away", |observer| {
        observer.users.values().filter(|user| user.away && user.text == text).count() == boxes
    });
    observer
}

#[test]
fn who_reads_a_large_snapshot_slowly_stays() {
    let server = TestServer::with(Limits { max_text: 100_000, ..QUICK });
    let mut observer = fill(&server, 20, &"x".repeat(100_000));
    let mut socket = server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let join = frame(0x81, br#"["got_a_new_user",{"name":"Slow"}]"#);
    socket.write_all(&[handshake("/ws?room=r").as_bytes(), &join].concat()).unwrap();
    // 2 MB in 25 steps take more than twice as long as one may be silent, and the first ping comes behind them all.
    // What the system buffers takes less.
    let mut bytes = vec![0; 2_000_000];
    for step in bytes.chunks_mut(80_000) {
        wait_for_pings(&mut observer, 1);
        socket.read_exact(step).expect("it is not cut");
    }
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let frames = bytes.split_off(head);
    let mut slow = Person::new(WebSocket::from_partially_read(socket, frames, Role::Client, None));
    slow.until("the snapshot", |slow| slow.users.len() == 22);
    slow.catch_up();
    observer.catch_up();
    assert_eq!(observer.is_away("Slow"), Some(false));
}
