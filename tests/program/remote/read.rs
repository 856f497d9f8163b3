//! `typewall read`: posts and boxes, once each, also over restarts of the server.

use crate::remote::{Running, read};
use crate::support::client::Client;
use crate::support::program::{Program, output, server};
use crate::support::relay::Relay;
use serde_json::{Value, json};

fn json_line(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

/// What a command prints that ends by itself.
fn printed(program: &Program, arguments: &[&str]) -> String {
    let output = output(read(program.address).args(arguments));
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_follow_it_prints_the_log_and_ends() {
    let program = Program::start(&mut server());
    let mut ada = program.join("r", "Ada");
    ["one", "two\n\u{202e}lines"].iter().for_each(|text| ada.post_and_wait(text));
    let lines = printed(&program, &[]);
    let lines: Vec<&str> =
        lines.lines().map(|line| line.split_once("Z ").map_or(line, |(_, line)| line)).collect();
    assert_eq!(lines, ["Ada: one", "Ada: two", "    <U+202E>lines"]);
    let line = printed(&program, &["--json", "--since", "1"]);
    let post = json_line(&line);
    assert_eq!(
        (&post["n"], &post["name"], &post["text"]),
        (&json!(2), &json!("Ada"), &json!("two\n\u{202e}lines"))
    );
    assert!(post["at"].is_u64() && line.contains("\\u202e"), "{line}");
    assert_eq!(printed(&program, &["--since", "now"]), "");
}

#[test]
fn with_follow_it_prints_what_comes() {
    let program = Program::start(&mut server());
    let mut ada = program.join("r", "Ada");
    ada.post_and_wait("before");
    let running = Running::start(read(program.address).args(["--follow", "--json"]));
    assert_eq!(json_line(&running.line())["text"], "before");
    let now = Running::start(read(program.address).args(["--follow", "--json", "--since", "now"]));
    ada.until("both", |page| page.viewers == 2);
    ada.post_and_wait("after");
    assert_eq!(json_line(&running.line())["text"], "after");
    assert_eq!(json_line(&now.line())["text"], "after");
    ada.send("remove_post", json!({ "n": 2 }));
    assert_eq!(json_line(&running.line()), json!({ "n": 2, "removed": true }));
}

#[test]
fn over_restarts_nothing_is_printed_twice_or_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let start = || Program::start(server().args(["--post-rate", "1000", "--store"]).arg(&file));
    let mut program = start();
    let relay = Relay::to(program.address);
    let running = Running::start(read(relay.address).args(["--follow", "--json"]));
    for round in 0..3 {
        let mut ada = program.join("r", "Ada");
        (0..10).for_each(|n| ada.post_and_wait(&format!("{round} {n}")));
        let numbers = (0..10).map(|_| json_line(&running.line())["n"].as_u64().unwrap());
        assert!(numbers.eq(10 * round + 1..10 * round + 11), "round {round}");
        relay.lead_to(None);
        program.kill();
        program = start();
        relay.lead_to(Some(program.address));
    }
}

#[test]
fn posts_that_only_the_store_has_are_printed_too() {
    let folder = tempfile::tempdir().unwrap();
    let [store, passphrase] = ["wall.sqlite", "passphrase"].map(|name| folder.path().join(name));
    std::fs::write(&passphrase, "horse").unwrap();
    let start = || {
        let mut command = server();
        command.args(["--post-rate", "1000", "--log-length", "3", "--store"]).arg(&store);
        Program::start(command.arg("--passphrase-file").arg(&passphrase))
    };
    let post = |program: &Program, numbers: std::ops::RangeInclusive<u64>| {
        let mut ada = Client::connect(program.address, "r");
        ada.unlock("horse");
        ada.join("Ada");
        numbers.for_each(|n| ada.post_and_wait(&n.to_string()));
    };
    let mut program = start();
    post(&program, 1..=10);
    let with = |arguments: &[&str], program: &Program| {
        let passphrase = ["--json", "--passphrase-file", passphrase.to_str().unwrap()];
        let lines = printed(program, &[&passphrase, arguments].concat());
        lines.lines().map(|line| json_line(line)["n"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(with(&[], &program), [8, 9, 10]);
    assert_eq!(with(&["--since", "0"], &program), (1..=10).collect::<Vec<_>>());
    assert_eq!(with(&["--since", "4"], &program), (5..=10).collect::<Vec<_>>());

    let relay = Relay::to(program.address);
    let mut command = read(relay.address);
    let running = Running::start(command.args(["--follow", "--json", "--passphrase-file"]).arg(&passphrase));
    let numbers =
        |count| (0..count).map(|_| json_line(&running.line())["n"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(numbers(3), [8, 9, 10]);
    relay.lead_to(None);
    program.kill();
    program = start();
    post(&program, 11..=20);
    relay.lead_to(Some(program.address));
    assert_eq!(numbers(10), (11..=20).collect::<Vec<_>>());
}

#[test]
fn posts_that_nobody_has_any_more_are_said_to_be_missing() {
    let program = Program::start(server().args(["--log-length", "2"]));
    let mut ada = program.join("r", "Ada");
    ["1", "2", "3", "4"].iter().for_each(|text| ada.post_and_wait(text));
    let output = output(read(program.address).args(["--since", "0"]));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "typewall: The server does not have the posts 1 to 2 any more.\n");
}

#[test]
fn a_room_that_was_forgotten_is_printed_from_its_beginning() {
    let program = Program::start(&mut server());
    let relay = Relay::to(program.address);
    let running = Running::start(read(relay.address).args(["--follow", "--json"]));
    let mut ada = program.join("r", "Ada");
    ["1", "2"].iter().for_each(|text| ada.post_and_wait(text));
    assert_eq!([(); 2].map(|()| json_line(&running.line())["n"].clone()), [1, 2]);
    program.kill();
    let program = Program::start(&mut server());
    program.join("r", "Ada").post_and_wait("anew");
    let _ada = program.join("r", "Ben");
    relay.lead_to(Some(program.address));
    program.join("r", "Ada").post_and_wait("more");
    assert_eq!(["anew", "more"].map(|_| json_line(&running.line())["text"].clone()), ["anew", "more"]);
}

#[test]
fn finished_lines_of_boxes_are_printed_once() {
    let program = Program::start(&mut server());
    let mut ada = program.join("r", "Ada");
    ada.write("one\ntw");
    ada.catch_up();
    let running = Running::start(read(program.address).args(["--boxes", "--follow"]));
    assert_eq!(running.line(), "Ada: one");
    ada.write("one\ntwo\nthr");
    assert_eq!(running.line(), "Ada: two");
    ada.post_and_wait("one\ntwo\nthree");
    ada.write("");
    assert_eq!(running.line(), "Ada: three");
    ada.write("unfinished");
    ada.catch_up();
    ada.leave();
    assert_eq!(running.line(), "Ada: unfinished");
    assert!(running.lines.try_recv().is_err());
}

#[test]
fn boxes_are_printed_as_they_are_and_as_they_change() {
    let program = Program::start(&mut server());
    let mut ada = program.join("r", "Ada");
    ada.write("one\ntwo");
    ada.catch_up();
    assert_eq!(printed(&program, &["--boxes"]), "Ada: one\n    two\n");
    let running = Running::start(read(program.address).args(["--boxes", "--json", "--follow"]));
    assert_eq!(json_line(&running.line())["text"], "one\ntwo");
    ada.write("three");
    let line = json_line(&running.line());
    assert_eq!((&line["name"], &line["text"]), (&json!("Ada"), &json!("three")));
    ada.leave();
    assert_eq!(json_line(&running.line())["left"], true);
}

#[test]
fn when_nobody_reads_its_output_it_ends_without_a_word() {
    let program = Program::start(server().args(["--post-rate", "1000"]));
    let mut ada = program.join("r", "Ada");
    let mut running = Running::start(read(program.address).arg("--follow"));
    ada.post_and_wait("one");
    assert!(running.line().ends_with("Ada: one"));
    running.lines = std::sync::mpsc::channel().1;
    // The pipe closes when its reader notices that nobody wants the lines.
    ada.post_and_wait("two");
    while running.child.try_wait().unwrap().is_none() {
        ada.post_and_wait("more");
    }
    running.succeeds();
}

#[test]
fn hidden_boxes_are_for_hosts() {
    let mut program = Program::start(&mut server());
    let key = program.host_key();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, &key).unwrap();
    let mut host = program.watch("r");
    host.send("host", json!({ "key": key }));
    host.send("set_room", json!({ "hidden": true }));
    host.until("a hidden room", |page| page.state.hidden);
    let mut ada = program.join("r", "Ada");
    ada.write("answer");
    ada.catch_up();
    assert_eq!(printed(&program, &["--boxes"]), "Ada: \n");
    assert_eq!(printed(&program, &["--boxes", "--host-key-file", file.to_str().unwrap()]), "Ada: answer\n");
}
