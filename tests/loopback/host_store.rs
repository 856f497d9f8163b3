//! Hosts and the store: what they have set through a restart, and posts that they remove.

use crate::hosts::{host, id, set, start_as};
use crate::support::page::State;
use crate::test_store::TestStore;
use serde_json::json;
use typewall::{HostMode, Limits};

#[test]
fn a_restarted_server_has_what_hosts_have_set() {
    let store = TestStore::new();
    let serve = || start_as(HostMode::Key, Limits::DEFAULT, Some(&store.options));
    let server = serve();
    let mut boss = host(&server, "r");
    let [mut ada, eve] = ["Ada", "Eve"].map(|name| server.join("r", name));
    let sessions = [&ada, &eve].map(|client| client.page.session.clone().unwrap());
    ada.write("a secret");
    let change = json!({"hidden": true, "locked": true, "prompt": "Why?", "spotlight": id(&ada)});
    set(&mut boss, change, &mut [&mut ada]);
    boss.send("remove_user", json!({"id": id(&eve)}));
    ada.sees_users(&["Ada"]);
    boss.send("clear_box", json!({}));
    ada.wait_for("text_cleared");
    boss.send("clear_box", json!({"id": id(&ada)}));
    ada.wait_for("text_cleared");
    let cleared = ada.page.cleared;
    server.stop();
    let server = serve();
    let mut viewer = server.watch("r");
    let State { locked, hidden, frozen, prompt, spotlight } = viewer.page.state.clone();
    assert_eq!((locked, hidden, frozen, prompt.as_str(), spotlight), (true, true, false, "Why?", None));
    // The first thing that Ada's page does is to ask for its seat; the second, to send its text again.
    // She was there when the room was locked.
    let mut bob = server.connect("r");
    bob.send("got_a_new_user", json!({"name": "Bob"}));
    assert_eq!(bob.next_error(), "locked");
    let mut ada = server.rejoin("r", "Ada", &sessions[0]);
    assert_eq!(ada.page.cleared, cleared);
    ada.write("a secret");
    let ada_id = id(&ada);
    viewer.until("Ada has written", |page| page.wrote.contains(&ada_id));
    let mut eve = server.watch("r");
    eve.send("got_a_new_user", json!({"name": "Eve", "session": sessions[1]}));
    assert_eq!(eve.next_error(), "removed");
    server.stop();
    assert!(
        start_as(HostMode::None, Limits::DEFAULT, Some(&store.options)).watch("r").page.state
            == State::default()
    );
}

#[test]
fn a_removed_post_is_overwritten_in_the_store() {
    let store = TestStore::new();
    let server = start_as(HostMode::Key, Limits::DEFAULT, Some(&store.options));
    let (mut host, mut ada) = (host(&server, "r"), server.join("r", "Ada"));
    ada.post_and_wait("a secret that is gone");
    ada.post_and_wait("this one stays");
    let contains = |what: &str| {
        let files = std::fs::read_dir(store.folder()).unwrap().map(|file| file.unwrap().path());
        files
            .map(|file| std::fs::read(file).unwrap())
            .any(|bytes| bytes.windows(what.len()).any(|window| window == what.as_bytes()))
    };
    assert!(contains("a secret that is gone"), "the search finds what was posted");
    host.send("remove_post", json!({"n": 1}));
    ada.until("removed", |page| page.posts() == ["", "this one stays"]);
    assert!(!contains("a secret that is gone") && contains("this one stays"));
    host.send("remove_post", json!({"n": 9}));
    assert_eq!(host.next_error(), "unknown_post");
    server.stop();
    assert_eq!(store.texts(), ["", "this one stays"]);
}
