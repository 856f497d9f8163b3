//! Connections that break after every single byte of a session, in either direction. After the author has come back
//! nothing is missing, nothing is there twice, and the seat is the same.

use crate::author::Author;
use crate::link::{Direction, Fault, Link};
use crate::server::TestServer;
use crate::support::client::Client;
use crate::test_store::TestStore;
use std::time::Duration;
use typewall::Limits;

/// Seats are kept for longer than any test takes. The short log keeps snapshots short, and with them the tests.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), log_length: 2, ..Limits::DEFAULT };

/// Whether an author waits until each post is confirmed.
#[derive(Clone, Copy, PartialEq)]
enum Pace {
    InStep,
    AllAtOnce,
}

/// Writes and posts in turn, also after the connection is lost.
fn write_and_post(ada: &mut Author, pace: Pace) {
    for part in ["one", "two"] {
        ada.write(&format!("{part}, not yet posted"));
        ada.post(&format!("{part} of {}", ada.name));
        if pace == Pace::InStep {
            // After the connection is lost, the post is confirmed on return.
            let _ = ada.confirm_posts();
        }
    }
    ada.write("the rest");
    let _ = ada.settle();
}

/// Others see one box of the author with the latest text, and each post once and in order, after all those before.
fn check(observer: &mut Client, ada: &Author) {
    observer.sees(&ada.name, &ada.text);
    observer.catch_up();
    let hers: Vec<&String> = observer
        .page
        .users
        .keys()
        .filter(|id| observer.page.users[*id].name.starts_with(&ada.name))
        .collect();
    assert_eq!(hers, [ada.page().you.as_ref().unwrap()], "one seat, the same for everyone");
    assert_eq!(observer.page.is_away(&ada.name), Some(false));
    let numbers = observer.page.log.iter().map(|post| post["n"].as_u64().unwrap());
    assert!(
        numbers.eq(1..=observer.page.log.len() as u64),
        "posts without a gap and in order: {:?}",
        observer.page.log
    );
    let posts = ["one", "two"].map(|part| format!("{part} of {}", ada.name));
    assert_eq!(observer.page.posts()[observer.page.log.len() - 2..], posts);
    let shown = ada.page().posts().into_iter().filter(|text| text.ends_with(&ada.name));
    assert_eq!(shown.collect::<Vec<_>>(), posts);
    assert!(ada.pending.is_empty());
}

/// Bytes of a handshake at least, in either direction. Inside it, connections break at wider steps.
const HANDSHAKE: usize = 128;

/// Breaks the connection after every `step` bytes, by an end and a reset in turn, and has the author come back.
fn break_after_every(step: usize, server: &TestServer, direction: Direction, pace: Pace) {
    let mut observer = server.join("r", "Observer");
    let in_handshake = (0..HANDSHAKE).step_by(HANDSHAKE / 8);
    for (n, bytes) in in_handshake.chain((HANDSHAKE..).step_by(step)).enumerate() {
        let mut ada = Author::new(&format!("Ada {n:04}"));
        let (socket, link) = Link::to(server.address);
        link.fail_after(bytes, direction, if n % 2 == 0 { Fault::End } else { Fault::Reset });
        // It may break before she has joined.
        let _ = ada.connect("r", socket);
        write_and_post(&mut ada, pace);
        let (has_broken, id) = (link.is_over(), ada.id());
        drop(link);
        // A seat is kept for who wrote; what the observer has seen, the server has read.
        observer.catch_up();
        let wrote = observer.page.text_of(&ada.name).is_some_and(|text| !text.is_empty());
        ada.reconnect(server, "r");
        ada.settle().expect("a connection that lasts");
        assert!(!wrote || id.is_none() || id == ada.id(), "the same seat");
        check(&mut observer, &ada);
        ada.leave();
        observer.sees_users(&["Observer"]);
        if !has_broken {
            assert!(bytes > 4 * HANDSHAKE, "only a break after all bytes does not happen");
            return;
        }
    }
}

#[test]
fn a_connection_may_break_after_any_byte_to_the_server() {
    break_after_every(1, &TestServer::with(KEPT), Direction::ToServer, Pace::InStep);
}

#[test]
fn a_connection_may_break_after_any_byte_to_the_client() {
    break_after_every(1, &TestServer::with(KEPT), Direction::ToClient, Pace::InStep);
}

#[test]
fn a_connection_may_break_while_several_posts_are_sent() {
    for direction in Direction::BOTH {
        break_after_every(7, &TestServer::with(KEPT), direction, Pace::AllAtOnce);
    }
}

#[test]
fn a_connection_may_break_while_its_posts_are_being_stored() {
    for direction in Direction::BOTH {
        let store = TestStore::new();
        break_after_every(7, &TestServer::with_store(KEPT, Some(&store.options)), direction, Pace::AllAtOnce);
    }
}
