//! `typewall write`: a box that shows standard input, lines that are posted, and how it ends.

use crate::remote::{Running, write};
use crate::support::TIMEOUT;
use crate::support::page::string;
use crate::support::program::{Program, fails, server, typewall};
use crate::support::relay::Relay;
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Sends no more and no less than a room that holds every line needs.
const FAST: [&str; 4] = ["--post-rate", "1000", "--log-length", "1000"];

fn numbered_lines(count: usize) -> String {
    (0..count).map(|n| format!("line {n}\n")).collect()
}

fn with_store(file: &Path) -> Command {
    let mut command = server();
    command.args(FAST).arg("--store").arg(file);
    command
}

#[test]
fn the_last_lines_show_live_and_the_box_goes_at_the_end() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    let mut running = Running::start(write(program.address).args(["--lines", "2"]));
    running.input("one\n\x1b[31mtwo\x1b[0m\n10 %\r");
    viewer.sees("build", "two\n10 %");
    running.input("99 %\nB\u{e4}r");
    viewer.sees("build", "99 %\nB\u{e4}r");
    running.end_input();
    viewer.sees_users(&[]);
    running.succeeds();
}

#[test]
fn the_last_text_is_shown_before_the_box_goes() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    Running::with_input(&mut write(program.address), "the whole text at once\n").succeeds();
    let mut texts = Vec::new();
    viewer.receive_until("the end of the box", |viewer, message| {
        let (event, data) = viewer.take(message)?;
        texts.extend((event == "text_update").then(|| string(&data["text"])));
        (event == "disconnect_user").then_some(())
    });
    assert_eq!(texts, ["the whole text at once"]);
}

#[test]
fn input_is_read_however_much_there_is() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    let mut running = Running::start(write(program.address).args(["--lines", "1"]));
    running.input(&numbered_lines(100_000));
    running.input("end");
    viewer.sees("build", "end");
    running.end_input();
    running.succeeds();
}

#[test]
fn a_box_that_is_kept_open_goes_with_ctrl_c() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    let running = Running::with_input(write(program.address).arg("--keep-open"), "done\n");
    viewer.sees("build", "done");
    running.interrupt();
    viewer.sees_users(&[]);
    running.succeeds();
}

#[test]
fn ctrl_c_shows_the_last_text() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    let mut running = Running::start(&mut write(program.address));
    running.input("before");
    viewer.sees("build", "before");
    running.interrupt();
    viewer.sees_users(&[]);
    running.succeeds();
}

#[test]
fn after_a_lost_connection_it_is_in_its_box_again() {
    let program = Program::start(&mut server());
    let relay = Relay::to(program.address);
    let mut viewer = program.watch("r");
    let mut running = Running::start(&mut write(relay.address));
    running.input("before\n");
    viewer.sees("build", "before");
    let id = viewer.page.users.keys().next().cloned();
    relay.lead_to(None);
    relay.cut();
    viewer.sees_away("build", true);
    running.input("meanwhile\n");
    relay.lead_to(Some(program.address));
    viewer.sees("build", "before\nmeanwhile");
    assert_eq!(viewer.page.users.keys().next().cloned(), id, "the same seat");
    running.end_input();
    let (status, said) = running.ended();
    assert!(
        status == Some(0) && said.ends_with("Trying to connect again.\ntypewall: Connected again.\n"),
        "{said}"
    );
}

#[test]
fn after_a_restart_of_the_server_it_shows_the_text_again() {
    let program = Program::start(&mut server());
    let relay = Relay::to(program.address);
    let mut viewer = program.watch("r");
    let running = Running::with_input(write(relay.address).arg("--keep-open"), "text\n");
    viewer.sees("build", "text");
    program.kill();
    let program = Program::start(&mut server());
    relay.lead_to(Some(program.address));
    program.watch("r").sees("build", "text");
    running.interrupt();
    assert_eq!(running.ended().0, Some(0));
}

#[test]
fn a_connection_that_is_lost_for_good_is_status_2() {
    let program = Program::start(&mut server());
    let mut viewer = program.watch("r");
    let mut running = Running::start(write(program.address).args(["--retry", "0"]));
    running.input("text\n");
    viewer.sees("build", "text");
    program.kill();
    let (status, said) = running.ended();
    assert!(status == Some(2) && said.ends_with(" Gave up.\n"), "{said}");
}

#[test]
fn what_the_server_refuses_is_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let [right, wrong] = ["right", "wrong"].map(|text| {
        let file = folder.path().join(text);
        fs::write(&file, format!("{text}\n")).unwrap();
        file
    });
    let program = Program::start(server().arg("--passphrase-file").arg(&right));
    let refused = |arguments: &[&Path]| {
        let (status, said) = fails(write(program.address).args(arguments));
        assert_eq!(status, 1, "{said}");
        said
    };
    assert_eq!(refused(&[]), "typewall: The server needs a passphrase: give --passphrase-file FILE.\n");
    let file = Path::new("--passphrase-file");
    assert_eq!(refused(&[file, &wrong]), "typewall: Wrong passphrase.\n");
    let key = Path::new("--host-key-file");
    assert_eq!(refused(&[file, &right, key, &wrong]), "typewall: Wrong host key.\n");
    assert!(
        refused(&[file, &folder.path().join("nowhere")])
            .starts_with("typewall: Cannot read the passphrase file ")
    );
    Running::with_input(write(program.address).arg(file).arg(&right), "text\n").succeeds();
}

#[test]
fn a_full_room_is_status_1_and_a_taken_name_gets_a_number() {
    let program = Program::start(server().args(["--max-users", "2"]));
    let ada = program.join("r", "build");
    let running = Running::with_input(write(program.address).arg("--keep-open"), "");
    let mut viewer = program.watch("r");
    viewer.sees_users(&["build", "build 2"]);
    let (status, said) = fails(&mut write(program.address));
    assert!(status == 1 && said.starts_with("typewall: The room is full"), "{said}");
    running.interrupt();
    assert_eq!(running.ended(), (Some(0), "typewall: The name in the room is build 2.\n".to_owned()));
    drop(ada);
}

#[test]
fn a_host_freezes_clears_and_removes() {
    let mut program = Program::start(&mut server());
    let key = program.host_key();
    let mut host = program.watch("r");
    host.send("host", json!({ "key": key }));
    let mut running = Running::start(&mut write(program.address));
    running.input("one\n");
    host.sees("build", "one");
    host.send("clear_box", json!({}));
    assert_eq!(running.said.recv_timeout(TIMEOUT).unwrap(), "typewall: A host has emptied the box.");
    running.input("two\n");
    host.sees("build", "two");
    host.send("set_room", json!({ "frozen": true }));
    host.wait_for("room_state");
    running.input("three\n");
    host.send("set_room", json!({ "frozen": false }));
    host.sees("build", "two\nthree");
    let id = host.page.users.keys().next().cloned();
    host.send("remove_user", json!({ "id": id }));
    let (status, said) = running.ended();
    assert!(
        status == Some(1) && said.ends_with("typewall: A host has removed this user from the room.\n"),
        "{said}"
    );
}

#[test]
fn a_name_that_nobody_can_see_is_status_1() {
    let program = Program::start(&mut server());
    let url = format!("http://{}", program.address);
    let (status, said) = fails(typewall().args(["write", "--name", " ", &url]));
    assert_eq!((status, &*said), (1, "typewall: Please enter a name.\n"));
}

#[test]
fn where_nobody_listens_the_status_is_2() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (status, said) = fails(&mut write(address));
    assert!(status == 2 && said.starts_with("typewall: Cannot connect to 127.0.0.1, port "), "{said}");
}

#[test]
fn wrong_options_are_status_1() {
    for arguments in [&["write"][..], &["write", "ftp://wall/"], &["read", "--since", "then", "http://wall/"]]
    {
        let (status, said) = fails(typewall().args(arguments));
        assert!(status == 1 && said.starts_with("error: "), "{said}");
    }
    assert_eq!(fails(typewall().arg("--nonsense")).0, 2, "as before");
}

#[test]
fn each_line_is_posted_once_and_in_order() {
    let program = Program::start(server().args(FAST));
    let mut viewer = program.watch("r");
    let input = numbered_lines(100) + "\n\x1b[1mlast";
    Running::with_input(write(program.address).arg("--post"), &input).succeeds();
    viewer.catch_up();
    let expected = (0..100).map(|n| format!("line {n}")).chain(["last".to_owned()]);
    assert_eq!(viewer.page.posts(), expected.collect::<Vec<_>>());
}

#[test]
fn posts_that_come_too_fast_wait() {
    let program = Program::start(server().args(["--post-rate", "1"]));
    let mut viewer = program.watch("r");
    Running::with_input(write(program.address).arg("--post"), &numbered_lines(7)).succeeds();
    viewer.until("all of them", |page| page.log.len() == 7);
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_each_line_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let program = Program::start(&mut with_store(&file));
    let relay = Relay::to(program.address);
    let mut viewer = program.watch("r");
    let running = Running::with_input(write(relay.address).arg("--post"), &numbered_lines(500));
    let mut program = program;
    for told in [50, 200] {
        viewer.until("some of them", |page| page.log.len() >= told);
        program.kill();
        program = Program::start(&mut with_store(&file));
        relay.lead_to(Some(program.address));
        viewer = program.watch("r");
    }
    viewer.until("all of them", |page| page.log.len() >= 500);
    let (status, said) = running.ended();
    assert_eq!(status, Some(0), "{said}");
    let expected: Vec<String> = numbered_lines(500).lines().map(str::to_owned).collect();
    viewer.catch_up();
    assert_eq!(viewer.page.posts(), expected);
}

#[test]
fn a_connection_that_is_cut_again_and_again_posts_each_line_once() {
    let program = Program::start(server().args(FAST));
    let relay = Relay::to(program.address);
    let mut viewer = program.watch("r");
    let running = Running::with_input(write(relay.address).arg("--post"), &numbered_lines(300));
    for told in [1, 100, 200] {
        viewer.until("some of them", |page| page.log.len() >= told);
        relay.cut();
    }
    assert_eq!(running.ended().0, Some(0));
    viewer.catch_up();
    let expected: Vec<String> = numbered_lines(300).lines().map(str::to_owned).collect();
    assert_eq!(viewer.page.posts(), expected);
}

#[test]
fn lines_that_the_server_cannot_store_are_given_up_after_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let program = Program::start(&mut with_store(&file));
    let mut running = Running::start(write(program.address).args(["--post", "--retry", "0"]));
    let mut viewer = program.watch("r");
    running.input("one\n");
    viewer.until("the first", |page| page.posts() == ["one"]);
    fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    running.input("two\nthree\n");
    let (status, said) = running.ended();
    assert_eq!(status, Some(1));
    assert!(said.contains("typewall: Gave up; not posted: 2 lines. The server cannot store"), "{said}");
}

#[test]
fn in_a_frozen_room_lines_wait_until_they_can_be_posted() {
    let mut program = Program::start(server().args(FAST));
    let key = program.host_key();
    let mut host = program.watch("r");
    host.send("host", json!({ "key": key }));
    host.send("set_room", json!({ "frozen": true }));
    host.until("a frozen room", |page| page.state.frozen);
    let running = Running::with_input(write(program.address).arg("--post"), "one\ntwo\n");
    host.sees_users(&["build"]);
    host.send("set_room", json!({ "frozen": false }));
    host.until("both", |page| page.posts() == ["one", "two"]);
    assert_eq!(running.ended().0, Some(0));
}
