//! Another process takes over a socket that stays open, as systemd keeps it, while people write and post.

use crate::support::client::{Client, dial};
use crate::support::http::Response;
use crate::support::program::{Program, output, typewall, with_socket};
use crate::support::wait_until;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// Lines that are posted one after the other.
const LINES: usize = 400;

/// The program with a socket and a store.
fn start(socket: &TcpListener, store: &Path) -> Program {
    Program::start(with_socket(socket, 1).args(["--post-rate", "1000", "--store"]).arg(store))
}

/// A command that is killed when this is dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let silent = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(silent.spawn().expect("it runs"))
    }

    fn input(&mut self, text: &str) {
        self.0.stdin.as_mut().expect("an input").write_all(text.as_bytes()).expect("it reads");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `typewall write` in the room `r`, under this name.
fn writer(address: SocketAddr, name: &str) -> Command {
    let mut command = typewall();
    command.args(["write", "--name", name, &format!("http://{address}/?room=r")]);
    command
}

/// Somebody who opens the page again and again, each time on a new connection, until told to stop.
struct Visitor {
    visits: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Visitor {
    fn start(address: SocketAddr) -> Self {
        let (visits, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (Arc::clone(&visits), Arc::clone(&stop));
        let visit = move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut socket = dial(address);
                write!(socket, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
                assert_eq!(Response::read_head(&mut socket).status, 200);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        };
        Self { visits, stop, thread: thread::spawn(visit) }
    }

    fn visits_again(&self) {
        let before = self.visits.load(Ordering::Relaxed);
        wait_until("a visit", || self.visits.load(Ordering::Relaxed) > before || self.thread.is_finished());
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the page every time");
    }
}

#[test]
fn an_upgrade_loses_nobody_and_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.db");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let old = start(&socket, &store);
    let (address, mut viewer) = (old.address, old.watch("r"));
    let mut ada = Running::start(&mut writer(address, "Ada"));
    ada.input("Hello");
    viewer.sees("Ada", "Hello");
    let mut lines = Running::start(writer(address, "lines").arg("--post"));
    let text: String = (1..=LINES).map(|n| format!("line {n}\n")).collect();
    lines.input(&text);
    drop(lines.0.stdin.take());
    let visitors: Vec<Visitor> = (0..4).map(|_| Visitor::start(address)).collect();
    visitors.iter().for_each(Visitor::visits_again);
    viewer.until("some posts", |page| page.log.len() > LINES / 10);
    assert_eq!(old.terminate().0, Some(0));
    assert_eq!(viewer.closed(), 1001);

    let new = start(&socket, &store);
    visitors.iter().for_each(Visitor::visits_again);
    visitors.into_iter().for_each(Visitor::stop);
    let mut viewer = Client::connect(new.address, "r");
    viewer.watch();
    viewer.sees("Ada", "Hello");
    ada.input(" again");
    viewer.sees("Ada", "Hello again");
    wait_until("the end of the lines", || lines.0.try_wait().unwrap().is_some());
    assert_eq!(lines.0.wait().unwrap().code(), Some(0));
    let log = output(typewall().arg("log").arg(&store).args(["--room", "r", "--format", "json"]));
    let posts: Vec<serde_json::Value> = serde_json::from_slice(&log.stdout).unwrap();
    let expected = (1..=LINES).map(|n| format!("line {n}"));
    assert!(posts.iter().map(|post| post["text"].as_str().unwrap()).eq(expected), "each once and in order");
}
