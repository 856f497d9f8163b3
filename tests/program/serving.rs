//! A program that serves: the line it prints when it is ready, and how many clients the system allows.

use crate::support::client::Client;
use crate::support::http::Response;
use crate::support::program::{BINARY, LISTEN, Program, command, fails, server, typewall};
use std::fs;
use std::io::Write;
use std::process::Command;

#[test]
fn it_prints_its_address_and_serves_the_page() {
    let program = Program::start(&mut server());
    let mut socket = program.dial();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let response = Response::read(&mut socket);
    assert!(response.status == 200 && response.text().contains("<title>Typewall"), "{}", response.head);
}

#[test]
fn for_all_networks_it_prints_an_address_that_can_be_opened() {
    let program = Program::start(typewall().args(["--listen", "0.0.0.0:0"]));
    assert!(program.address.ip().is_loopback(), "{}", program.address);
}

#[test]
fn a_full_server_says_so_in_its_log() {
    let program = Program::start(server().args(["--max-clients", "1"]));
    let _ada = program.join("r", "Ada");
    let _turned_away = Client::connect(program.address, "r");
    program.until_logged("the server is full");
}

/// The soft and the hard limit of core files, in bytes, of a program that is started with as high a soft limit as
/// possible.
fn core_limits(arguments: &[&str]) -> [String; 2] {
    let mut shell = command("sh");
    shell.args(["-c", "ulimit -S -c \"$(ulimit -H -c)\"; exec \"$@\"", "sh", BINARY]).args(LISTEN);
    let program = Program::start(shell.args(arguments));
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.pid())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("a limit");
    let mut values = core.split_whitespace().map(str::to_owned);
    std::array::from_fn(|_| values.next().expect("a value"))
}

#[test]
fn a_crash_writes_no_core_file_unless_asked_to() {
    assert_eq!(core_limits(&[])[0], "0");
    let [soft, hard] = core_limits(&["--core-dumps"]);
    assert_eq!(soft, hard);
}

/// The program with a limit of open files.
fn with_open_files(limit: u32) -> Command {
    let mut shell = command("sh");
    shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" --listen 127.0.0.1:0"), BINARY]);
    shell
}

#[test]
fn it_allows_no_more_clients_than_the_system() {
    let logged = Program::start(&mut with_open_files(600)).kill();
    let reason = "the system allows only 24 clients, because the limit of open files (ulimit -n) is 600";
    assert!(logged.contains(reason), "{logged}");
    let (status, error) = fails(&mut with_open_files(100));
    assert_eq!(status, 1);
    let sentence = "The system allows no clients: the limit of open files (ulimit -n) is 100.";
    assert_eq!(error, format!("typewall: {sentence}\n"));
}
