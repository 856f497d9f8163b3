//! Splices: what the server sends to a client that asked for them, and what a client may send.

use crate::server::TestServer;
use crate::support::client::Client;
use serde_json::json;

/// The room `r`, with the request for splices that follows it in the query.
const SPLICED: &str = "r&splice=1";

fn splice(client: &mut Client, at: usize, cut: usize, put: &str, length: usize) {
    client.send("updated_text", json!({ "at": at, "cut": cut, "put": put, "length": length }));
}

#[test]
fn a_client_that_asked_for_splices_gets_them_and_others_get_whole_texts() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("Hllo 😀 world");
    let mut spliced = server.join(SPLICED, "Spliced");
    let mut whole = server.join("r", "Whole");
    ada.until("both users", |page| page.names().len() == 3);
    let id = ada.page.you.clone().unwrap();
    ada.write("Hello 😀 world!");
    spliced.until("the other user", |page| page.text_of("Whole").is_some());
    let (event, data) = spliced.next_event();
    assert_eq!(event, "text_update");
    assert_eq!(data, json!({ "id": id, "at": 1, "cut": 11, "put": "ello 😀 world!", "length": 14 }));
    let (_, data) = whole.next_event();
    assert_eq!(data, json!({ "id": id, "text": "Hello 😀 world!" }));
    ada.write("Hello 😁 world!");
    let (_, data) = spliced.next_event();
    assert_eq!(data, json!({ "id": id, "at": 6, "cut": 1, "put": "😁", "length": 14 }));
    assert_eq!(spliced.page.text_of("Ada"), Some("Hello 😁 world!"));
}

#[test]
fn a_client_without_a_snapshot_gets_whole_texts() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.write("before");
    let mut viewer = server.connect(SPLICED);
    viewer.catch_up();
    ada.write("before it");
    let (_, data) = viewer.next_event();
    assert_eq!(data["text"], "before it");
    viewer.watch();
    ada.write("before it watched");
    viewer.sees("Ada", "before it watched");
}

#[test]
fn a_splice_reaches_clients_of_both_forms() {
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
fn a_splice_that_does_not_fit_changes_nothing_until_the_whole_text_comes() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join(SPLICED, "Bob");
    ada.write("abc");
    bob.sees("Ada", "abc");
    for (at, cut, length) in
        [(4, 0, 5), (0, 4, 1), (3, 0, 3), (3, 0, 5), (1 << 40, 1 << 40, 4), (3, 0, 10_000)]
    {
        splice(&mut ada, at, cut, "x", length);
        assert_eq!(ada.next_error(), "out_of_step", "{at} {cut} {length}");
    }
    splice(&mut ada, 3, 0, "x", 10_001);
    assert_eq!(ada.next_error(), "text_too_long");
    bob.catch_up();
    assert_eq!(bob.page.text_of("Ada"), Some("abc"));
    ada.write("abcd");
    bob.sees("Ada", "abcd");
}

#[test]
fn resync_sends_the_snapshot_again() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join(SPLICED, "Bob");
    ada.write("abc");
    bob.sees("Ada", "abc");
    let you = bob.page.you.clone();
    bob.page.users.clear();
    bob.send("resync", json!({}));
    bob.sees("Ada", "abc");
    assert_eq!(bob.page.you, you);
    ada.write("abcd");
    bob.sees("Ada", "abcd");
}
