//! The program as people start it: what it prints, what it refuses, how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tungstenite::Message;

fn typewall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How long anything here may take. Far more than it does, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Does something that may take for ever, but not longer than that.
fn bounded<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(what()));
    outcome.recv_timeout(PATIENCE).expect("an outcome in time")
}

/// Runs it to its end with these arguments, and returns its status and what it said on standard error.
fn fails(command: &mut Command) -> (i32, String) {
    let child = command.spawn().expect("it runs");
    let Output { status, stdout, stderr } = bounded(|| child.wait_with_output().unwrap());
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (status.code().expect("a status and not a signal"), String::from_utf8(stderr).unwrap())
}

/// A running program, which is killed when its test ends.
struct Running {
    child: Child,
    /// Kept open, as by somebody who goes on reading.
    _stdout: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it, and returns it with the first line it prints.
fn start(command: &mut Command) -> (Running, String) {
    let mut child = command.spawn().expect("it runs");
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (stdout, line) = bounded(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        (stdout, line)
    });
    (Running { child, _stdout: stdout }, line.trim_end().to_owned())
}

impl Running {
    /// Waits for its end, and returns its status and what it said on standard error.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut stderr = self.child.stderr.take().unwrap();
        let said = bounded(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        // It has closed its standard error, so that there is nothing to wait for.
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn says_where_it_is_and_serves_the_page() {
    let (_running, line) = start(typewall().args(["--listen", "127.0.0.1:0"]));
    let address = line.strip_prefix("Typewall is at http://").expect(&line);
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: wall\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("<title>Typewall"));
}

#[test]
fn every_network_is_shown_as_an_address_that_can_be_opened() {
    let (_running, line) = start(typewall().args(["--listen", "0.0.0.0:0"]));
    assert!(line.starts_with("Typewall is at http://127.0.0.1:"), "{line}");
}

#[test]
fn options_may_be_variables() {
    let (_running, line) = start(typewall().env("TYPEWALL_LISTEN", "localhost:0"));
    assert!(line.starts_with("Typewall is at http://"), "{line}");
    let (status, error) = fails(typewall().env("TYPEWALL_MAX_TEXT", "many"));
    assert_eq!(status, 2);
    assert!(error.contains("--max-text"), "{error}");
}

#[test]
fn a_taken_port_is_a_sentence_and_status_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, error) = fails(typewall().args(["--listen", &address]));
    assert_eq!(status, 1);
    let advice = "another program has this port; choose another with --listen ADDR:PORT";
    assert_eq!(error, format!("typewall: Cannot listen on {address}: {advice}.\n"));
}

#[test]
fn an_address_of_another_machine_is_a_sentence_and_status_1() {
    let (status, error) = fails(typewall().args(["--listen", "192.0.2.1:8080"]));
    assert_eq!(status, 1);
    assert!(error.contains("this machine does not have that address"), "{error}");
}

#[test]
fn bad_options_are_named_and_status_2() {
    for (arguments, named) in [
        (&["--listen", "nowhere"][..], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1"], "such as 127.0.0.1:8080"),
        (&["--listen", "127.0.0.1:99999"], "such as 127.0.0.1:8080"),
        (&["--max-clients", "0"], "--max-clients"),
        (&["--max-text", "0"], "--max-text"),
        (&["--log-length", "1e9"], "--log-length"),
        (&["--nonsense"], "--nonsense"),
        (&["stray"], "stray"),
    ] {
        let (status, error) = fails(typewall().args(arguments));
        assert_eq!(status, 2, "{arguments:?}");
        assert!(error.contains(named) && !error.contains("panicked"), "{arguments:?}: {error}");
    }
}

#[test]
fn signals_close_everyone_with_1001_and_end_it_with_status_0() {
    for signal in ["-INT", "-TERM"] {
        let (mut running, line) = start(typewall().args(["--listen", "127.0.0.1:0"]));
        let address = line.strip_prefix("Typewall is at http://").expect(&line);
        let (mut client, _) =
            tungstenite::client(format!("ws://{address}/ws"), TcpStream::connect(address).unwrap()).unwrap();
        let pid = running.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        // The client does nothing about it.
        assert_eq!(running.end(), (Some(0), String::new()));
        let close = client.read().expect("a close frame");
        assert!(matches!(close, Message::Close(Some(frame)) if u16::from(frame.code) == 1001));
    }
}

#[test]
fn the_readme_shows_the_help_as_it_is() {
    let output = typewall().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(help.trim_end()), "the README should say:\n{help}");
}
