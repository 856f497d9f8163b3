//! A redis-server of a test's own.

use crate::support::TIMEOUT;
use crate::support::port::Port;
use crate::support::program::{command, installed, suspend};
use ::redis::{Client, Connection, FromRedisValue};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{self, Sender};
use std::thread;
use tempfile::TempDir;

/// The beginning of every key.
pub(crate) const PREFIX: &str = "typewall:";

/// A running redis-server, which is killed when this is dropped. Its files are in a folder of its own.
pub(crate) struct Redis {
    program: PathBuf,
    options: Vec<String>,
    child: Child,
    port: Port,
    folder: TempDir,
}

impl Redis {
    /// Starts one that writes no files, unless these options say otherwise.
    pub(crate) fn start(options: &[&str]) -> Self {
        let program = installed("redis-server").expect("tests are ignored without it");
        let (port, folder) = (Port::reserve(), tempfile::tempdir().unwrap());
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let child = run(&program, port.number, folder.path(), &options);
        Self { program, options, child, port, folder }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port.number).into()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// A connection to it, whose reads and writes are bounded.
    pub(crate) fn connect(&self) -> Connection {
        let client = Client::open(self.url()).expect("a URL");
        let connection = client.get_connection_with_timeout(TIMEOUT).expect("a connection");
        connection.set_read_timeout(Some(TIMEOUT)).unwrap();
        connection.set_write_timeout(Some(TIMEOUT)).unwrap();
        connection
    }

    /// The answer to a command.
    pub(crate) fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = ::redis::Cmd::new();
        words.iter().for_each(|word| _ = command.arg(word));
        command.query(&mut self.connect()).expect("an answer")
    }

    /// Does something of which the answer does not matter.
    pub(crate) fn tell(&self, words: &[&str]) {
        self.ask::<::redis::Value>(words);
    }

    /// How many posts of a room it has.
    pub(crate) fn posts(&self, room: &str) -> usize {
        self.ask(&["ZCARD", &post_key(room)])
    }

    /// Waits until a node has said twice that it is alive, which it does every second. Whoever connects after that is
    /// later than whoever was there before, by the clocks of all nodes.
    pub(crate) fn until_later(&self) {
        let mut connection = self.connect();
        let mut signs = connection.as_pubsub();
        signs.psubscribe(format!("{PREFIX}in:*")).expect("it reads");
        let mut seen = BTreeSet::new();
        loop {
            let sign = signs.get_message().expect("a sign of life");
            let is_beat = sign.get_payload::<String>().is_ok_and(|payload| payload.starts_with("probe "));
            if is_beat && !seen.insert(sign.get_channel_name().to_owned()) {
                return;
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Suspends it, until it gets SIGCONT.
    pub(crate) fn suspend(&self) {
        suspend(self.pid());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it runs");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs"); // SIGKILL
        self.child.wait().unwrap();
    }

    /// Starts it again, at the same address and in the same folder.
    pub(crate) fn start_again(&mut self) {
        self.child = run(&self.program, self.port.number, self.folder.path(), &self.options);
    }

    /// The content of all its files.
    pub(crate) fn files(&self) -> Vec<u8> {
        content(self.folder.path())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The key of a room's posts.
fn post_key(room: &str) -> String {
    format!("{PREFIX}l:{room}")
}

/// Runs it, and waits until it takes connections.
fn run(program: &Path, port: u16, folder: &Path, options: &[String]) -> Child {
    let mut redis = command(program.to_str().expect("UTF-8"));
    redis.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
    ]);
    redis.arg(folder).args(options);
    let mut child = redis.spawn().expect("it runs");
    let output = child.stdout.take().expect("a pipe");
    let (line, lines) = mpsc::channel();
    thread::spawn(move || pass_on(output, &line));
    let mut said = Vec::new();
    loop {
        match lines.recv_timeout(TIMEOUT) {
            Ok(line) if line.contains("Ready to accept connections") => return child,
            Ok(line) => said.push(line),
            Err(_) => {
                let _ = child.kill();
                panic!("redis-server did not start: {said:?}");
            }
        }
    }
}

/// Passes on each line, and reads on when nobody listens any more, so that Redis never waits for a reader.
fn pass_on(output: ChildStdout, line: &Sender<String>) {
    BufReader::new(output).lines().map_while(Result::ok).for_each(|said| _ = line.send(said));
}

/// The content of all files in a folder.
fn content(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { content(&path) } else { fs::read(&path).unwrap() }).collect()
}
