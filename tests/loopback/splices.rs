//! Splices: what a client that asked for them is sent, and what one may send.

use crate::person::{Person, TestServer};
use serde_json::json;

/// In the query of a WebSocket's address: its room, and that it wants splices.
const SPLICED: &str = "r&splice=1";

fn splice(person: &mut Person, at: usize, cut: usize, put: &str, length: usize) {
    person.send("updated_text", json!({ "at": at, "cut": cut, "put": put, "length": length }));
}

#[test]
fn who_asked_for_splices_gets_what_differs_and_others_get_whole_texts() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("Hllo 😀 world");
    let mut spliced = server.join(SPLICED, "Spliced");
    let mut whole = server.join("r", "Whole");
    ada.until("both", |ada| ada.names().len() == 3);
    let id = ada.you.clone().unwrap();
    ada.write("Hello 😀 world!");
    spliced.until("the joining", |person| person.text_of("Whole").is_some());
    let (event, data) = spliced.receive().unwrap();
    assert_eq!(event, "text_update");
    assert_eq!(data, json!({ "id": id, "at": 1, "cut": 11, "put": "ello 😀 world!", "length": 14 }));
    let (_, data) = whole.receive().unwrap();
    assert_eq!(data, json!({ "id": id, "text": "Hello 😀 world!" }));
    ada.write("Hello 😁 world!");
    let (_, data) = spliced.receive().unwrap();
    assert_eq!(data, json!({ "id": id, "at": 6, "cut": 1, "put": "😁", "length": 14 }));
    assert_eq!(spliced.text_of("Ada"), Some("Hello 😁 world!"));
}

#[test]
fn who_has_no_snapshot_yet_has_nothing_to_splice() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("before");
    let mut viewer = server.connect(SPLICED);
    viewer.catch_up();
    ada.write("before it");
    let (_, data) = viewer.receive().unwrap();
    assert_eq!(data["text"], "before it");
    viewer.watch();
    ada.write("before it watched");
    viewer.sees("Ada", "before it watched");
}

#[test]
fn a_user_may_send_splices_for_whoever_reads_in_whatever_form() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut readers = [server.join("r", "Whole"), server.join(SPLICED, "Spliced")];
    for (at, cut, put, length, text) in [
        (0, 0, "Grüße", 5, "Grüße"),
        (5, 0, " 😀", 7, "Grüße 😀"),
        (6, 1, "👩\u{200D}👧", 9, "Grüße 👩\u{200D}👧"),
        (0, 9, "", 0, ""),
    ] {
        splice(&mut ada, at, cut, put, length);
        readers.iter_mut().for_each(|reader| reader.sees("Ada", text));
    }
}

#[test]
fn a_splice_of_another_text_changes_nothing_until_the_whole_comes() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join(SPLICED, "Bob");
    ada.write("abc");
    bob.sees("Ada", "abc");
    for (at, cut, length) in [(4, 0, 5), (0, 4, 1), (3, 0, 3), (3, 0, 5), (1 << 40, 1 << 40, 4)] {
        splice(&mut ada, at, cut, "x", length);
        assert_eq!(ada.refused(), "out_of_step", "{at} {cut} {length}");
    }
    splice(&mut ada, 3, 0, "x", 10_001);
    assert_eq!(ada.refused(), "text_too_long");
    bob.catch_up();
    assert_eq!(bob.text_of("Ada"), Some("abc"));
    ada.write("abcd");
    bob.sees("Ada", "abcd");
}

#[test]
fn who_has_lost_step_asks_for_the_room_again() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join(SPLICED, "Bob");
    ada.write("abc");
    bob.sees("Ada", "abc");
    let you = bob.you.clone();
    bob.users.clear();
    bob.send("resync", json!({}));
    bob.sees("Ada", "abc");
    assert_eq!(bob.you, you);
    ada.write("abcd");
    bob.sees("Ada", "abcd");
}
