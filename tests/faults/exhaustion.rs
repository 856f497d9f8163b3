//! Where the system has nothing left for one client more: that one is refused, the others go on, and when it is
//! over new ones are let in.

use crate::frames::HANDSHAKE;
use crate::{Running, receive};
use std::fmt::Display;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use tungstenite::Message;

/// The user that is nobody, on every Linux.
const NOBODY: u32 = 65534;

impl Running {
    /// Sets how much there may be of something; what there is already stays.
    fn limit(&self, resource: &str, soft: impl Display) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.child.id().to_string(), &format!("--{resource}={soft}:")]);
        // Only the same user may, if not a root with all its rights.
        let owner = fs::metadata(format!("/proc/{}", self.child.id())).unwrap();
        assert!(prlimit.uid(owner.uid()).gid(owner.gid()).status().expect("util-linux").success());
    }

    /// Asks on a connection that stays, with a thread that waits for the next request on it; `None` where the
    /// program has none for it.
    fn ask_and_stay(&self) -> Option<TcpStream> {
        let mut socket = self.dial();
        // A refused one may be closed before it asks.
        let _ = socket.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).ok()?;
            answer.extend(byte);
        }
        answer.starts_with(b"HTTP/1.1 200").then_some(socket)
    }

    /// Runs it out of something with two in a room. Who has asked before, and becomes a client now, is answered with
    /// that status.
    fn survives(&self, resource: &str, none_left: impl FnOnce(&Self) -> u64, upgrade: &[u8; 3]) {
        let (mut ada, mut bob) = (self.connect(), self.connect());
        ada.send(Message::text(r#"["got_a_new_user",{"name":"Ada"}]"#)).unwrap();
        receive(&mut bob, "new_user");
        let before = self.counts();
        let mut early = self.ask_and_stay().expect("a thread");
        self.limit(resource, none_left(self));
        early.write_all(HANDSHAKE).unwrap();
        let mut answer = [0; 12];
        early.read_exact(&mut answer).expect("an answer, whatever it is");
        assert_eq!(&answer[9..], upgrade);
        // An accept that waits has its descriptor already; this one gets it.
        self.ask();
        for n in 0..10 {
            assert_eq!(self.ask(), Some(503), "there is none left");
            ada.send(Message::text(format!(r#"["updated_text",{{"text":"{n}"}}]"#))).unwrap();
            assert!(receive(&mut bob, "text_update").contains(&format!(r#""text":"{n}""#)));
        }
        drop(early);
        self.until_counts_are(before);
        self.limit(resource, 1024);
        assert_eq!(self.ask(), Some(200));
        self.connect();
    }
}

#[test]
fn out_of_descriptors() {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    // The limit is one on their numbers, of which all below the first free one are taken.
    running.survives(
        "nofile",
        |running| {
            let is_free = |n: &u64| fs::read_link(format!("/proc/{}/fd/{n}", running.child.id())).is_err();
            (0..).find(is_free).expect("a free number")
        },
        b"101",
    );
}

#[test]
fn out_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // The limit does not bind root, and nobody else may be let into where root builds.
        let copy = folder.path().join("typewall");
        fs::copy(env!("CARGO_BIN_EXE_typewall"), &copy).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
    }
    Running::start(command).survives("nproc", |_| 1, b"503");
}

#[test]
fn out_of_memory_for_threads() {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    let (mut ada, mut bob) = (running.connect(), running.connect());
    ada.send(Message::text(r#"["got_a_new_user",{"name":"Ada"}]"#)).unwrap();
    receive(&mut bob, "new_user");
    // Half of a connection's stack.
    running.limit("as", running.memory("VmSize") + 128 * 1024);
    // Stacks of threads that have ended are used again, until others have all of them.
    let staying: Vec<TcpStream> = (0..20).map_while(|_| running.ask_and_stay()).collect();
    assert!(staying.len() < 20, "there is no memory for so many stacks");
    for n in 0..10 {
        assert_eq!(running.ask(), Some(503));
        ada.send(Message::text(format!(r#"["updated_text",{{"text":"{n}"}}]"#))).unwrap();
        assert!(receive(&mut bob, "text_update").contains(&format!(r#""text":"{n}""#)));
    }
    running.limit("as", "unlimited");
    assert_eq!(running.ask(), Some(200));
    running.connect();
}
