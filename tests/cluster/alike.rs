//! A client of a mirror gets the same answers as one of the owner, and those are the answers of a server without other
//! nodes: one script of all that clients can ask for, on each.

use crate::cluster::{Cluster, KEY};
use crate::stage::{Carrier, Stage, Transcript, session};
use crate::support::program::{Program, server};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn join(name: &str, n: u8) -> Value {
    json!({"name": name, "session": session(n)})
}

/// All that clients can ask for, in ways that are granted and in ways that are refused.
fn play(stage: &mut Stage<'_>) {
    viewers_and_seats(stage);
    texts_names_and_posts(stage);
    hosts(stage);
    removals(stage);
    seats_again(stage);
    closed_rooms(stage);
    at_once(stage);
    guests(stage);
    for path in ["/boxes?room=r", "/log?room=r&format=json"] {
        stage.get(path);
    }
}

fn viewers_and_seats(stage: &mut Stage<'_>) {
    for who in ["ada", "vic"] {
        stage.enter(who);
    }
    stage.send("vic", "watch", json!({}));
    stage.send("vic", "unlock", json!({"passphrase": "none is needed"}));
    stage.send("vic", "updated_text", json!({"text": "no box"}));
    stage.send("vic", "change_name", json!({"name": "Victor"}));
    stage.send("vic", "host", json!({"key": "wrong"}));
    stage.send("vic", "set_room", json!({"prompt": "no host"}));
    stage.send("vic", "remove_post", json!({"n": 1}));
    stage.send("vic", "ping", json!({}));
    stage.send("ada", "got_a_new_user", json!({"name": " "}));
    stage.send("ada", "got_a_new_user", json!({"name": "x".repeat(500)}));
    stage.send("ada", "got_a_new_user", join("Ada", 10));
    stage.send("ada", "got_a_new_user", join("Ada", 11));
    stage.send("ada", "watch", json!({}));
    stage.send("ada", "resync", json!({}));
    stage.send("ada", "nonsense", json!({}));
    stage.send("ada", "updated_text", json!({"text": 1}));
    if stage.carrier == Carrier::Plain {
        stage.send_raw("ada", "["); // Socket.IO closes such connections
        stage.send_raw("ada", "[\"message\"]");
    }
}

fn texts_names_and_posts(stage: &mut Stage<'_>) {
    stage.send("ada", "updated_text", json!({"text": "half a sentence"}));
    stage.send("ada", "updated_text", json!({"at": 5, "cut": 0, "put": "rp", "length": 17}));
    stage.send("ada", "updated_text", json!({"at": 900, "cut": 0, "put": "x", "length": 901}));
    stage.send("ada", "updated_text", json!({"text": "x".repeat(20_000)}));
    stage.send("ada", "updated_text", json!({"text": "a text"}));
    stage.send("ada", "change_name", json!({"name": "ADA"}));
    stage.send("ada", "change_name", json!({"name": "Olga"}));
    stage.send("ada", "change_name", json!({"name": "Ada"}));
    stage.send("ada", "change_name", json!({"name": "Ada"}));
    stage.send("ada", "message", json!({"text": "a post"}));
    stage.send("ada", "message", json!({"text": "once", "ref": "1"}));
    stage.send("ada", "message", json!({"text": "once more", "ref": "1"}));
    stage.send("ada", "message", json!({"text": " "}));
    stage.send("ada", "message", json!({"text": " ", "ref": "2"}));
    stage.send("ada", "message", json!({"text": "x", "ref": ""}));
    stage.send("ada", "message", json!({"text": "x".repeat(20_000), "ref": "3"}));
    stage.post("deploy", "k1", "deployed");
    stage.post("deploy", "k1", "deployed again");
    stage.post("deploy", "k2", " ");
    stage.post("Ada", "k3", "under a name of somebody");
    stage.post("Olga", "k3", "under a name of somebody");
}

fn hosts(stage: &mut Stage<'_>) {
    stage.send("ada", "set_room", json!({"locked": true}));
    stage.send("ada", "clear_box", json!({"id": "@Olga"}));
    stage.send("ada", "make_host", json!({"id": "@Ada"}));
    stage.send("ada", "remove_user", json!({"id": "@Olga"}));
    stage.send("ada", "host", json!({ "key": KEY }));
    stage.send("ada", "host", json!({ "key": KEY }));
    stage.send("vic", "host", json!({ "key": KEY }));
    stage.send("vic", "set_room", json!({"prompt": "Why?"}));
    stage.send("vic", "set_room", json!({"prompt": "Why?"}));
    stage.send("vic", "set_room", json!({"prompt": "x".repeat(501)}));
    stage.send("ada", "set_room", json!({"spotlight": "@Olga"}));
    stage.send("ada", "set_room", json!({"spotlight": "77"}));
    stage.send("ada", "set_room", json!({"spotlight": null}));
    stage.send("ada", "set_room", json!({}));
    stage.enter("bob");
    stage.send("bob", "got_a_new_user", join("Bob", 12));
    stage.send("bob", "updated_text", json!({"text": "in the open"}));
    stage.send("ada", "set_room", json!({"hidden": true}));
    stage.send("bob", "updated_text", json!({"text": "a secret"}));
    stage.send("olga", "updated_text", json!({"text": "another secret"}));
    stage.send("bob", "updated_text", json!({"text": ""}));
    stage.send("bob", "updated_text", json!({"text": "a third"}));
    stage.send("ada", "make_host", json!({"id": "@Bob"}));
    stage.send("ada", "make_host", json!({"id": "@Bob"}));
    stage.send("ada", "make_host", json!({"id": "77"}));
    stage.send("ada", "set_room", json!({"hidden": false}));
    stage.send("ada", "clear_box", json!({"id": "@Bob"}));
    stage.send("ada", "clear_box", json!({"id": "@Olga"}));
    stage.send("ada", "clear_box", json!({"id": "77"}));
    stage.send("ada", "clear_box", json!({}));
}

fn removals(stage: &mut Stage<'_>) {
    stage.enter("cleo");
    stage.send("cleo", "got_a_new_user", join("Cleo", 13));
    stage.send("cleo", "message", json!({"text": "Cleo's", "ref": "c"}));
    let n = *stage.posts.last().expect("a post");
    stage.send("cleo", "remove_post", json!({"n": n}));
    stage.send("cleo", "remove_post", json!({"n": n}));
    stage.send("cleo", "remove_post", json!({"n": 1}));
    stage.send("cleo", "remove_post", json!({"n": 90_000}));
    let n = stage.posts[0];
    stage.send("ada", "remove_post", json!({"n": n}));
    stage.send("ada", "remove_post", json!({"n": n}));
    stage.send("ada", "remove_post", json!({"n": 90_000}));
    stage.send("ada", "remove_post", json!({"n": 0}));
    stage.send("ada", "remove_user", json!({"id": "77"}));
    stage.send("ada", "remove_user", json!({"id": "@Cleo"}));
    stage.enter("cleo");
    stage.send("cleo", "got_a_new_user", join("Cleo", 13));
    stage.send("cleo", "updated_text", json!({"text": "without a seat"}));
    stage.send("cleo", "got_a_new_user", join("Cleo again", 14));
}

fn seats_again(stage: &mut Stage<'_>) {
    stage.send("cleo", "updated_text", json!({"text": "a box"}));
    stage.enter("late");
    stage.enter("later");
    stage.send("later", "got_a_new_user", join("Cleo", 14));
    stage.send("late", "got_a_new_user", join("Cleo", 14));
    stage.send("later", "updated_text", json!({"text": "still a box"}));
    stage.end("later", false, "user_away");
    stage.post("Cleo again", "k4", "under the name of somebody who is away");
    stage.enter("again");
    stage.send("again", "got_a_new_user", join("Another name", 14));
    stage.end("again", true, "disconnect_user");
    stage.enter("again");
    stage.send("again", "got_a_new_user", join("Cleo", 14));
    stage.end("again", true, "disconnect_user");
}

fn closed_rooms(stage: &mut Stage<'_>) {
    stage.enter("dora");
    stage.enter("eve");
    stage.send("dora", "got_a_new_user", join("Dora", 15));
    stage.send("ada", "set_room", json!({"locked": true, "frozen": true}));
    stage.send("eve", "got_a_new_user", join("Eve", 16));
    stage.send("dora", "updated_text", json!({"text": "frozen"}));
    stage.send("dora", "message", json!({"text": "frozen", "ref": "1"}));
    stage.send("dora", "change_name", json!({"name": "Doris"}));
    stage.post("deploy", "k5", "into a locked room");
    stage.send("ada", "set_room", json!({"locked": false}));
    stage.post("deploy", "k5", "into a frozen room");
    stage.send("ada", "updated_text", json!({"text": "hosts may"}));
    stage.send("ada", "message", json!({"text": "hosts may"}));
    stage.send("ada", "set_room", json!({"frozen": false, "locked": true}));
    stage.end("dora", true, "disconnect_user");
    stage.enter("dora");
    stage.send("dora", "got_a_new_user", join("Dora", 15)); // she had a seat when it was locked
    stage.send("eve", "host", json!({ "key": KEY }));
    stage.send("eve", "got_a_new_user", join("Eve", 16));
    stage.send("ada", "set_room", json!({"locked": false}));
}

/// Events of one client that follow each other at once.
fn at_once(stage: &mut Stage<'_>) {
    stage.enter("fay");
    stage.send_all(
        "fay",
        &[
            ("got_a_new_user", join("Fay", 17)),
            ("got_a_new_user", join("Fay", 17)),
            ("updated_text", json!({"text": "written at once"})),
            ("message", json!({"text": "posted at once", "ref": "1"})),
            ("message", json!({"text": "posted at once", "ref": "1"})),
            ("updated_text", json!({"text": ""})),
            ("change_name", json!({"name": "Faye"})),
            ("resync", json!({})),
            ("ping", json!({})),
        ],
    );
    stage.send("ada", "set_room", json!({"locked": true}));
    stage.enter("gus");
    stage.send_all(
        "gus",
        &[
            ("got_a_new_user", join("Gus", 18)),
            ("updated_text", json!({"text": "without a seat"})),
            ("message", json!({"text": "without a seat", "ref": "1"})),
            ("change_name", json!({"name": "Gustav"})),
            ("watch", json!({})),
            ("ping", json!({})),
        ],
    );
    stage.send_all(
        "ada",
        &[
            ("updated_text", json!({"text": "one"})),
            ("updated_text", json!({"at": 3, "cut": 0, "put": "!", "length": 4})),
            ("updated_text", json!({"at": 50, "cut": 0, "put": "!", "length": 51})),
            ("clear_box", json!({"id": "@Ada"})),
            ("message", json!({"text": "a post"})),
            ("set_room", json!({"prompt": "What now?"})),
        ],
    );
}

/// Clients that have never said their names. Those of Socket.IO are seated as guests.
fn guests(stage: &mut Stage<'_>) {
    stage.enter("guest");
    stage.send("guest", "message", json!({"text": "into a locked room", "ref": "1"}));
    stage.send("ada", "set_room", json!({"locked": false}));
    stage.send_all("guest", &[("message", json!({"text": "hello", "ref": "2"}))]); // a seat and a post at once
    stage.send("guest", "message", json!({"text": "hello again"}));
    stage.send("guest", "updated_text", json!({"text": "a box"}));
    stage.send("ada", "change_name", json!({"name": "Ada Lovelace"}));
    if stage.carrier == Carrier::SocketIo {
        stage.end("guest", true, "disconnect_user");
    }
}

fn transcript(
    here: &Program,
    there: &Program,
    is_owner: bool,
    carrier: Carrier,
) -> (Vec<String>, Transcript) {
    let mut stage = Stage::open(here, there, is_owner, carrier);
    play(&mut stage);
    (stage.steps, stage.transcript)
}

/// Lists what differs.
fn differences(steps: &[String], expected: &Transcript, found: &Transcript) -> Vec<String> {
    let keys: BTreeSet<&(usize, String)> = expected.keys().chain(found.keys()).collect();
    let differing = keys.into_iter().filter(|key| expected.get(*key) != found.get(*key));
    let line = |key: &(usize, String)| {
        let list = |found: &Transcript| found.get(key).cloned().unwrap_or_default().join("\n        ");
        format!(
            "{} -> {}\n    expected\n        {}\n    found\n        {}",
            steps[key.0 - 1],
            key.1,
            list(expected),
            list(found)
        )
    };
    differing.map(line).collect()
}

/// A server without other nodes, with the same options.
fn single(folder: &TempDir, options: &[&str]) -> Program {
    let key_file = folder.path().join("key");
    fs::write(&key_file, KEY).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = server();
    command.args(["--post-rate", "1000", "--host-key-file"]).arg(&key_file);
    command.arg("--store").arg(folder.path().join("store"));
    Program::start(command.args(options))
}

fn compare(carrier: Carrier, options: &[&str]) {
    let mut all = Vec::new();
    for is_owner in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let single = single(&folder, options);
        let (steps, expected) = transcript(&single, &single, is_owner, carrier);
        let cluster = Cluster::start();
        let [one, other] = [(); 2].map(|()| cluster.node_with(options));
        let (here, there) = if is_owner { (&one, &other) } else { (&other, &one) };
        let (_, found) = transcript(here, there, is_owner, carrier);
        let differences = differences(&steps, &expected, &found);
        if !differences.is_empty() {
            all.push(format!("at the owner: {is_owner}\n{}", differences.join("\n")));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

pub(crate) fn a_page_gets_the_same_answers_from_a_mirror() {
    compare(Carrier::Plain, &[]);
}

pub(crate) fn a_socketio_client_gets_the_same_answers_from_a_mirror() {
    compare(Carrier::SocketIo, &[]);
}

pub(crate) fn with_hosts_first_a_mirror_answers_as_a_server_without_others() {
    compare(Carrier::Plain, &["--hosts", "first"]);
}
