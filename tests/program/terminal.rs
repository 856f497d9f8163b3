//! What the program prints when a person starts it at a terminal, and that `--quiet` silences it.

use crate::support::bounded;
use crate::support::client::dial;
use crate::support::http::Response;
use crate::support::program::{server, typewall, with_socket};
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

/// The last line of what a person is told.
const LAST: &str = "Press Ctrl-C to stop.";

/// A program at a terminal, which is killed when this is dropped.
struct AtTerminal {
    child: Child,
    lines: Vec<String>,
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

/// Starts the program at a terminal of this size that shows UTF-8, and reads what it prints up to the last line.
fn at_terminal(mut command: Command, columns: u16, rows: u16) -> AtTerminal {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let OpenptyResult { master, slave } = openpty(Some(&size), None).expect("a terminal");
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
    let child = command.stdout(slave).stderr(Stdio::null()).spawn().expect("it runs");
    drop(command); // and with it, this process's end of the terminal
    let lines = bounded(|| {
        let mut lines = Vec::new();
        // Reading fails when the program has ended.
        for line in BufReader::new(File::from(master)).lines().map_while(Result::ok) {
            lines.push(line);
            if lines.last().is_some_and(|line| line == LAST) {
                break;
            }
        }
        lines
    });
    assert_eq!(lines.last().map(String::as_str), Some(LAST), "{lines:?}");
    AtTerminal { child, lines }
}

fn has_code(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains('▀'))
}

#[test]
fn on_loopback_a_terminal_is_told_the_link_of_this_machine_and_of_the_host() {
    let program = at_terminal(server(), 80, 24);
    let [own, advice, _, host, _] = &program.lines[..] else { panic!("{:?}", program.lines) };
    let own = own.strip_prefix("Typewall is at ").expect("where it is");
    assert!(own.starts_with("http://localhost:") && own.ends_with('/'), "{own}");
    assert!(advice.starts_with("Only this computer can connect"), "{advice}");
    assert!(host.starts_with(&format!("  {own}#host=")), "{host}");
}

#[test]
fn on_a_network_a_terminal_shows_a_code_if_it_can() {
    let on_network = || {
        let mut command = typewall();
        command.args(["--listen", "0.0.0.0:0"]);
        command
    };
    let program = at_terminal(on_network(), 80, 40);
    // The machine that runs the test may be on no network.
    let is_on_network = program.lines.contains(&"On this network:".to_owned());
    assert_eq!(has_code(&program.lines), is_on_network, "{:?}", program.lines);
    let says = program.lines.iter().any(|line| line.starts_with("Scan to join"));
    assert_eq!(says, is_on_network, "{:?}", program.lines);
    let narrow = at_terminal(on_network(), 30, 40);
    assert!(!has_code(&narrow.lines), "{:?}", narrow.lines);
    for (name, value) in [("LC_ALL", "C"), ("NO_COLOR", "1")] {
        let mut command = on_network();
        command.env(name, value);
        let program = at_terminal(command, 80, 40);
        assert!(!has_code(&program.lines), "{name}: {:?}", program.lines);
    }
}

#[test]
fn a_quiet_program_prints_nothing_but_warnings_and_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = with_socket(&listener, 1);
    command.args(["--quiet", "--max-clients", "10", "--hosts", "none", "--host-key-file", "none"]);
    let child = command.spawn().expect("it runs");
    let mut socket = dial(listener.local_addr().unwrap());
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut socket).status, 200);
    // It handles the signal once it has printed all that it prints.
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("it runs");
    let Output { status, stdout, stderr } = bounded(|| child.wait_with_output().expect("its output"));
    assert_eq!((status.code(), String::from_utf8_lossy(&stdout).as_ref()), (Some(0), ""));
    let logged = String::from_utf8_lossy(&stderr);
    assert!(logged.contains("--host-key-file has no effect") && logged.lines().count() == 1, "{logged}");
}
