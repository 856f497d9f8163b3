//! The program where the system has nothing left for one client more: that one is refused, the others go on,
//! and when it is over new ones are let in.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// How long anything here may take. Far more than it does, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// The user that is nobody, on every Linux.
const NOBODY: u32 = 65534;

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
    fn start(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--max-clients", "20"]);
        let command = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("Typewall is at http://").expect(&line).to_owned();
        Self { child, address }
    }

    /// Sets how much there may be of something; what there is already stays.
    fn limit(&self, resource: &str, soft: u64) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.child.id().to_string(), &format!("--{resource}={soft}:")]);
        // Only the same user may, if not a root with all its rights.
        let owner = fs::metadata(format!("/proc/{}", self.child.id())).unwrap();
        assert!(prlimit.uid(owner.uid()).gid(owner.gid()).status().expect("util-linux").success());
    }

    fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(&self.address).expect("a place in the queue");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let (mut client, _) = tungstenite::client(format!("ws://{}/ws", self.address), self.dial()).unwrap();
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

    /// What there is of something: `task` or `fd`.
    fn count(&self, what: &str) -> usize {
        fs::read_dir(format!("/proc/{}/{what}", self.child.id())).expect("a process").count()
    }

    /// Runs it out of something with two in a room.
    fn survives(&self, resource: &str, none_left: impl FnOnce(&Self) -> u64) {
        let (mut ada, mut bob) = (self.connect(), self.connect());
        ada.send(Message::text(r#"["got_a_new_user",{"name":"Ada"}]"#)).unwrap();
        receive(&mut bob, "new_user");
        let (threads, descriptors) = (self.count("task"), self.count("fd"));
        self.limit(resource, none_left(self));
        // An accept that waits has its descriptor already; this one gets it.
        self.ask();
        for n in 0..10 {
            assert_eq!(self.ask(), Some(503), "there is none left");
            ada.send(Message::text(format!(r#"["updated_text",{{"text":"{n}"}}]"#))).unwrap();
            assert!(receive(&mut bob, "text_update").contains(&format!(r#""text":"{n}""#)));
        }
        let deadline = Instant::now() + PATIENCE;
        while (self.count("task"), self.count("fd")) != (threads, descriptors) {
            assert!(Instant::now() < deadline, "something is left behind");
        }
        self.limit(resource, 1024);
        assert_eq!(self.ask(), Some(200));
        self.connect();
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

#[test]
fn out_of_descriptors() {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    // The limit is one on their numbers, of which all below the first free one are taken.
    running.survives("nofile", |running| {
        let is_free = |n: &u64| fs::read_link(format!("/proc/{}/fd/{n}", running.child.id())).is_err();
        (0..).find(is_free).expect("a free number")
    });
}

#[test]
fn out_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // The limit does not bind root, and nobody else may be let into where root builds.
        let copy: PathBuf = folder.path().join("typewall");
        fs::copy(env!("CARGO_BIN_EXE_typewall"), &copy).unwrap();
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    Running::start(command).survives("nproc", |_| 1);
}
