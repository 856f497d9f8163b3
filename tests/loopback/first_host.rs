//! With `--hosts first`: users who run the room that they were the first in.

use crate::hosts::{KEY, id, set, start_as};
use crate::server::TestServer;
use crate::support::page::Page;
use serde_json::json;
use std::time::Duration;
use typewall::{HostMode, Limits};

/// A server on which a seat ends with its connection.
fn start() -> TestServer {
    start_as(HostMode::First, Limits { grace: Duration::ZERO, ..Limits::DEFAULT }, None)
}

#[test]
fn the_first_user_of_a_room_is_its_host_and_then_the_next() {
    let server = start();
    let viewer = server.watch("r");
    assert!(viewer.page.hosts.is_empty());
    let mut ada = server.join("r", "Ada");
    ada.until("a host", Page::is_host);
    let [mut bob, mut cem] = ["Bob", "Cem"].map(|name| server.join("r", name));
    assert!(!bob.page.is_host());
    set(&mut ada, json!({"prompt": "Ada's"}), &mut [&mut bob, &mut cem]);
    ada.leave();
    bob.until("a host", Page::is_host);
    assert!(!cem.page.is_host());
    bob.send("make_host", json!({"id": id(&cem)}));
    cem.until("a host", Page::is_host);
    bob.leave();
    cem.sees_users(&["Cem"]);
    assert_eq!(cem.page.hosts.len(), 1);
    let mut other = server.join("other", "Dan");
    other.until("a host", Page::is_host);
}

#[test]
fn a_room_that_waits_for_its_first_host_is_open_unless_somebody_has_the_key() {
    let server = start();
    let mut viewer = server.watch("r");
    let mut ada = server.join("r", "Ada");
    ada.until("a host", Page::is_host);
    set(&mut ada, json!({"locked": true}), &mut [&mut viewer]);
    ada.leave();
    viewer.sees_users(&[]);
    // Otherwise the room would be closed for ever.
    let mut bob = server.join("r", "Bob");
    bob.until("a host", Page::is_host);
    bob.leave();
    viewer.sees_users(&[]);
    viewer.send("host", json!({ "key": KEY }));
    viewer.until("hosting", |page| page.hosting);
    let mut cem = server.watch("r");
    cem.send("got_a_new_user", json!({"name": "Cem"}));
    assert_eq!(cem.next_error(), "locked");
    set(&mut viewer, json!({"locked": false}), &mut [&mut cem]);
    cem.join("Cem");
    cem.catch_up();
    assert!(!cem.page.is_host(), "there is one, without a box");
}
