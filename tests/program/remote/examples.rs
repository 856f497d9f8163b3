//! The shell scripts of docs/scripts.md, as they stand there, against a server.

use crate::remote::Running;
use crate::support::program::{BINARY, Program, command, server};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../../docs/scripts.md");

/// The address in the document.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// The only script in the document that has this in it.
fn script(part: &str) -> &'static str {
    let scripts = DOCUMENT.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let found: Vec<&str> = scripts.filter(|script| script.contains(part)).collect();
    assert_eq!(found.len(), 1, "scripts with {part:?}");
    found[0]
}

/// A shell that runs a script in a folder, in which there are the programs that it needs.
fn shell(folder: &TempDir, part: &str, program: &Program, programs: &[(&str, &str)]) -> Command {
    let path = |name: &str| folder.path().join(name);
    for (name, content) in programs {
        fs::write(path(name), format!("#!/bin/sh\n{content}\n")).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = script(part).replace(ADDRESS, &format!("http://{}", program.address));
    assert!(!script.contains(ADDRESS) && script.contains("127.0.0.1"));
    let binaries = Path::new(BINARY).parent().unwrap().display();
    let mut shell = command("sh");
    shell.args(["-c", &script]).current_dir(folder);
    shell.env("PATH", format!("{}:{binaries}:/usr/bin:/bin", folder.path().display()));
    shell
}

#[test]
fn a_build_shows_in_a_box_and_on_the_terminal() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut viewer = program.watch("incident");
    let make = ("make", "echo compiling; echo a warning >&2; read line; echo done");
    let mut running = Running::start(&mut shell(&folder, "make 2>&1", &program, &[make]));
    viewer.sees("build", "compiling\na warning");
    running.input("go on\n");
    viewer.sees_users(&[]);
    assert_eq!(running.ended(), (Some(0), "compiling\na warning\ndone\n".to_owned()));
}

#[test]
fn lines_of_a_file_are_posted() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut viewer = program.watch("incident");
    fs::write(folder.path().join("app.log"), "ok\nERROR one\nok\nERROR two\n").unwrap();
    Running::start(&mut shell(&folder, "grep ERROR", &program, &[])).succeeds();
    viewer.until("both lines", |page| page.posts() == ["ERROR one", "ERROR two"]);
}

#[test]
fn curl_posts_without_a_seat() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut viewer = program.watch("ops");
    let mut running = Running::start(&mut shell(&folder, "/post", &program, &[]));
    assert_eq!(running.line(), r#"{"n":1}"#);
    viewer.until("the post", |page| page.posts() == ["deployed 1.4"]);
    assert_eq!(viewer.page.log[0]["name"], "deploy");
    running.end_input();
    assert_eq!(running.ended().0, Some(0));
}

#[test]
fn curl_saves_the_wall() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut ada = program.join("lesson", "Ada");
    ada.write("42");
    program.watch("lesson").sees("Ada", "42");
    Running::start(&mut shell(&folder, "answers.csv", &program, &[])).succeeds();
    let saved = fs::read_to_string(folder.path().join("answers.csv")).unwrap();
    assert!(saved.ends_with("Ada,42,false,true\r\n"), "{saved}");
}

#[test]
fn a_bot_answers_posts() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut ada = program.join("incident", "Ada");
    ada.post_and_wait("!uptime");
    let uptime = ("uptime", "echo up 3 days");
    let _running = Running::start(&mut shell(&folder, "uptime", &program, &[uptime]));
    ada.until("the bot reads", |page| page.viewers == 1);
    ada.post_and_wait("hello");
    ada.post_and_wait("!uptime");
    ada.until("an answer", |page| page.posts() == ["!uptime", "hello", "!uptime", "up 3 days"]);
}

#[test]
fn captions_of_a_program_show() {
    let (folder, program) = (TempDir::new().unwrap(), Program::start(&mut server()));
    let mut viewer = program.watch("hall");
    let recogniser = ("recognise-speech", "printf 'Helo\\rHello, every'; read line");
    let mut running = Running::start(&mut shell(&folder, "recognise-speech", &program, &[recogniser]));
    viewer.sees("Captioner", "Hello, every");
    running.input("\n");
    running.succeeds();
}
