//! Connections that drop at every moment: before, in and after every byte of a text and a post, either way.
//! Nothing is missing afterwards, nothing is there twice, and everyone has the seat they had.

use crate::author::Author;
use crate::person::{Person, TestServer};
use crate::proxy::{Fault, Link, Way};
use crate::store::Files;
use std::time::Duration;
use typewall::Limits;

/// Seats are kept for longer than any test takes. The short log keeps snapshots short, and with them the tests.
const KEPT: Limits = Limits { grace: Duration::from_secs(3600), log_length: 2, ..Limits::DEFAULT };

/// Writes and posts in turn, going on without a connection once it is lost. Where `waits`, each post is back before
/// the next step; else all is sent at once.
fn write_and_post(ada: &mut Author, waits: bool) {
    for part in ["one", "two"] {
        ada.write(&format!("{part}, not yet posted"));
        ada.post(&format!("{part} of {}", ada.name));
        if waits {
            // Where the connection is gone, it is back on return.
            let _ = ada.posted();
        }
    }
    ada.write("the rest");
    let _ = ada.settle();
}

/// Others have one box of hers with her text, and her posts once and in order, behind all those before.
fn check(observer: &mut Person, ada: &Author) {
    observer.sees(&ada.name, &ada.text);
    observer.catch_up();
    let hers: Vec<&String> =
        observer.users.keys().filter(|id| observer.users[*id].name.starts_with(&ada.name)).collect();
    assert_eq!(hers, [ada.id.as_ref().unwrap()], "one seat, the same for all");
    assert_eq!(observer.is_away(&ada.name), Some(false));
    let numbers = observer.log.iter().map(|post| post["n"].as_u64().unwrap());
    assert!(
        numbers.eq(1..=observer.log.len() as u64),
        "posts without a gap and in order: {:?}",
        observer.log
    );
    let posts = ["one", "two"].map(|part| format!("{part} of {}", ada.name));
    assert_eq!(observer.posts()[observer.log.len() - 2..], posts);
    let shown: Vec<&String> = ada.posts.values().filter(|text| text.ends_with(&ada.name)).collect();
    assert_eq!(shown, posts.each_ref());
    assert!(ada.pending.is_empty());
}

/// Bytes that a handshake has at least, either way. What can be lost in it is tried in wider steps.
const HANDSHAKE: usize = 128;

/// Drops the connection after every number of bytes that there is, ended and reset by turns, and has the author
/// come back each time.
fn drop_after_every_byte(server: &TestServer, way: Way, waits: bool, step: usize) {
    let mut observer = server.join("r", "Observer");
    let in_handshake = (0..HANDSHAKE).step_by(HANDSHAKE / 8);
    for (n, bytes) in in_handshake.chain((HANDSHAKE..).step_by(step)).enumerate() {
        let mut ada = Author::new(&format!("Ada {n:04}"));
        let (socket, link) = Link::to(server.address);
        link.fail_after(bytes, way, if n % 2 == 0 { Fault::End } else { Fault::Reset });
        // She may not even get in.
        let _ = ada.connect(server, "r", socket);
        write_and_post(&mut ada, waits);
        let (was_cut, id) = (link.is_over(), ada.id.clone());
        drop(link);
        ada.connect(server, "r", server.dial()).expect("a connection that lasts");
        ada.settle().expect("a connection that lasts");
        assert!(id.is_none() || id == ada.id, "the same seat");
        check(&mut observer, &ada);
        ada.leave();
        observer.until("her leave", |observer| observer.names() == ["Observer"]);
        if !was_cut {
            assert!(bytes > 4 * HANDSHAKE, "the link was only whole where the script is shorter");
            return;
        }
    }
}

#[test]
fn a_connection_may_break_after_any_byte_to_the_server() {
    drop_after_every_byte(&TestServer::with(KEPT), Way::Up, true, 1);
}

#[test]
fn a_connection_may_break_after_any_byte_to_the_client() {
    drop_after_every_byte(&TestServer::with(KEPT), Way::Down, true, 1);
}

#[test]
fn a_connection_may_break_while_much_is_under_way() {
    for way in [Way::Up, Way::Down] {
        drop_after_every_byte(&TestServer::with(KEPT), way, false, 7);
    }
}

#[test]
fn a_connection_may_break_while_its_posts_are_being_stored() {
    for way in [Way::Up, Way::Down] {
        let files = Files::new();
        drop_after_every_byte(&TestServer::with_store(KEPT, Some(&files.options)), way, false, 7);
    }
}
