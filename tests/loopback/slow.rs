//! Clients that stop reading: the others lose nothing and wait for nothing.

use crate::gate::Gate;
use crate::person::{PATIENCE, Person, TestServer};
use socket2::SockRef;
use std::sync::mpsc;
use std::thread;
use tungstenite::Message;

const READERS: usize = 100;
const TEXTS: usize = 200;
/// Far more bytes than the socket's buffers and the backlog hold.
const POSTS: usize = 150;

/// A client whose system takes little while the client does not read. Not as little as it could: with a window
/// smaller than a packet on loopback, TCP would send by its timers.
fn stalled(server: &TestServer, name: &str) -> Person {
    let socket = server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut person = server.open("r", socket);
    person.join(name);
    person
}

/// A hundred read while one does not. Ada writes so many long texts and posts as many as asked for; all who
/// read get all of that, and only then the one who slept wakes up.
fn crowd_with_one_stalled(posts: usize, check: impl FnOnce(Person, &str) + Send) {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let sleeper = stalled(&server, "Sleeper");
    let readers: Vec<Person> = (0..READERS).map(|n| server.join("r", &format!("reader {n}"))).collect();
    let text = |n: usize| format!("{n} {}", "x".repeat(9000));
    let last = &text(TEXTS);
    let done = &Gate::for_all(READERS + 1);
    thread::scope(|scope| {
        let (got, all_got) = mpsc::channel();
        for mut reader in readers {
            let got = got.clone();
            scope.spawn(move || {
                for n in 1..=posts {
                    reader.until("the next post", |reader| reader.log.len() == n);
                    assert_eq!(reader.log[n - 1]["n"], n, "a post is missing");
                    got.send(n).unwrap();
                }
                reader.sees("Ada", last);
                done.wait();
                reader.leave();
            });
        }
        for n in 1..=TEXTS {
            ada.write(&text(n));
            if n <= posts {
                ada.post(&text(n));
                // In step with those who read, so that only the one who does not is slow.
                (0..READERS).for_each(|_| assert_eq!(all_got.recv_timeout(PATIENCE), Ok(n)));
            }
            // As fast as Ada hears that the server has it, so that it is not one batch.
            ada.catch_up();
        }
        done.wait();
        check(sleeper, last);
    });
}

#[test]
fn one_that_stops_reading_among_a_hundred_ends_with_the_latest_texts() {
    crowd_with_one_stalled(0, |mut sleeper, last| {
        let mut received = 0;
        while sleeper.text_of("Ada") != Some(last) {
            let is_text = matches!(sleeper.receive(), Some((event, _)) if event == "text_update");
            received += usize::from(is_text);
        }
        assert!(received < TEXTS / 2, "{received} of {TEXTS} texts were kept for a client that did not read");
        sleeper.sees_people(&["Ada", "Sleeper"]);
    });
}

#[test]
fn one_that_stops_reading_while_much_is_posted_is_closed_as_too_slow() {
    crowd_with_one_stalled(POSTS, |mut sleeper, _| {
        let mut posts = Vec::new();
        let code = loop {
            match sleeper.socket.read().expect("a close frame at the end") {
                Message::Text(text) => {
                    let (event, data): (String, serde_json::Value) = serde_json::from_str(&text).unwrap();
                    posts.extend((event == "data").then(|| data["n"].as_u64().unwrap()));
                }
                Message::Close(Some(close)) => break u16::from(close.code),
                Message::Ping(_) => {} // on a machine where this takes long
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, 4002);
        assert!(
            (1..).zip(&posts).all(|(n, post)| *post == n),
            "a post was skipped before the end: {posts:?}"
        );
        assert!(posts.len() < POSTS);
    });
}
