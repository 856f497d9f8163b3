//! Slow clients: when one stops reading, the others lose nothing and are not delayed.

use crate::barrier::Barrier;
use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::client::Client;
use socket2::SockRef;
use std::sync::mpsc;
use std::thread;

const READERS: usize = 100;
const TEXTS: usize = 200;
/// Far more bytes than the sockets' buffers and the backlog hold.
const POSTS: usize = 150;

/// A client whose socket buffers little. Not as little as it could: with a window smaller than a packet on loopback,
/// TCP would send by its timers.
pub(crate) fn stalled(server: &TestServer, name: &str) -> Client {
    let socket = server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut client = Client::open(socket, "r");
    client.join(name);
    client
}

/// A hundred clients read while one does not. Ada writes long texts and posts some of them; when all readers have
/// them all, `check` is given the client that did not read.
fn crowd_with_one_stalled(posts: usize, check: impl FnOnce(Client, &str) + Send) {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let sleeper = stalled(&server, "Sleeper");
    let readers: Vec<Client> = (0..READERS).map(|n| server.join("r", &format!("reader {n}"))).collect();
    let text = |n: usize| format!("{n} {}", "x".repeat(9000));
    let last = &text(TEXTS);
    let done = &Barrier::new(READERS + 1);
    thread::scope(|scope| {
        let (got, all_got) = mpsc::channel();
        for mut reader in readers {
            let got = got.clone();
            scope.spawn(move || {
                for n in 1..=posts {
                    reader.until("the next post", |page| page.log.len() == n);
                    assert_eq!(reader.page.log[n - 1]["n"], n, "a post is missing");
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
                // In step with the readers, so that only the stalled client is slow.
                (0..READERS).for_each(|_| assert_eq!(all_got.recv_timeout(TIMEOUT), Ok(n)));
            }
            // One at a time, so that they are not all in one batch.
            ada.catch_up();
        }
        done.wait();
        check(sleeper, last);
    });
}

#[test]
fn a_client_that_stopped_reading_gets_the_latest_texts_only() {
    crowd_with_one_stalled(0, |mut sleeper, last| {
        let mut received = 0;
        while sleeper.page.text_of("Ada") != Some(last) {
            received += usize::from(sleeper.next_event().0 == "text_update");
        }
        assert!(received < TEXTS / 2, "{received} of {TEXTS} texts were kept for a client that did not read");
        sleeper.sees_users(&["Ada", "Sleeper"]);
    });
}

#[test]
fn a_client_that_stopped_reading_while_much_is_posted_is_closed_with_4002() {
    crowd_with_one_stalled(POSTS, |mut sleeper, _| {
        assert_eq!(sleeper.receive_to_close(), 4002);
        let posts = sleeper.page.received;
        assert!((1..).zip(&posts).all(|(n, post)| *post == n), "a post was skipped: {posts:?}");
        assert!(posts.len() < POSTS);
    });
}
