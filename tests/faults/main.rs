//! The program under faults and attacks: each harms its own client at most, and nothing is left behind.

mod exhaustion;
mod flood;
mod frames;
mod stalled;

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// How long anything here may take. Far more than it does, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running program, which is killed when its test ends.
struct Running {
    child: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(command: Command) -> Self {
        Self::start_for(20, command)
    }

    fn start_for(clients: usize, mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--grace", "0", "--max-clients", &clients.to_string()]);
        let command = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("Typewall is at http://").expect(&line).to_owned();
        Self { child, address }
    }

    fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(&self.address).expect("a place in the queue");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
    }

    fn open(&self) -> WebSocket<TcpStream> {
        tungstenite::client(format!("ws://{}/ws", self.address), self.dial()).unwrap().0
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let mut client = self.open();
        client.send(Message::text(r#"["watch",{}]"#)).unwrap();
        receive(&mut client, "existing_users");
        client
    }

    /// The status with which a request is answered; `None` where the connection just ends.
    fn ask(&self) -> Option<u16> {
        let mut socket = self.dial();
        let mut answer = Vec::new();
        // A refused one may be closed before it asks.
        let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        match socket.read_to_end(&mut answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer in time"),
            _ => String::from_utf8_lossy(answer.get(9..12)?).parse().ok(),
        }
    }

    /// Bytes of memory that it has: `VmRSS` are those in use, `VmSize` all that are mapped.
    fn memory(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).expect("a size") * 1024
    }

    /// How many threads and descriptors it has.
    fn counts(&self) -> (usize, usize) {
        let count =
            |what| fs::read_dir(format!("/proc/{}/{what}", self.child.id())).expect("a process").count();
        (count("task"), count("fd"))
    }

    /// Waits until there are as many threads and descriptors again.
    fn until_counts_are(&self, before: (usize, usize)) {
        let deadline = Instant::now() + PATIENCE;
        while self.counts() != before {
            assert!(Instant::now() < deadline, "{:?} are left of {before:?}", self.counts());
        }
    }
}

/// Receives until this event.
fn receive(client: &mut WebSocket<TcpStream>, event: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let start = format!(r#"["{event}","#);
    loop {
        assert!(Instant::now() < deadline, "no {event}");
        if let Message::Text(text) = client.read().expect("a connection that stays")
            && text.starts_with(&start)
        {
            return text.to_string();
        }
    }
}
