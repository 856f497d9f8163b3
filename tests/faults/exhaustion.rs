//! A system without resources for another client: new clients are refused, existing ones are not disturbed, and once
//! there are resources again, new clients are accepted.

use crate::process::{start, start_server};
use crate::support::client::Client;
use crate::support::frame::handshake;
use crate::support::http::Response;
use crate::support::program::{BINARY, LISTEN, Program, command};
use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The id of the user `nobody` on Linux.
const NOBODY: u32 = 65534;

/// Limits a resource of the program. What it already uses stays.
fn limit(program: &Program, resource: &str, soft: impl Display) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &program.pid().to_string(), &format!("--{resource}={soft}:")]);
    // Only the same user may, or a root with all its rights.
    let owner = fs::metadata(format!("/proc/{}", program.pid())).unwrap();
    assert!(prlimit.uid(owner.uid()).gid(owner.gid()).status().expect("util-linux").success());
}

/// Sends a request on a connection that stays open for another one. `None` if the connection is refused.
fn request_and_stay(program: &Program) -> Option<TcpStream> {
    let mut socket = program.dial();
    // A refused one may be closed before it asks.
    let _ = socket.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let response = Response::try_read_head(&mut socket).ok()?;
    (response.status == 200).then_some(socket)
}

/// Ten new connections are refused, while two clients of a room are not disturbed.
fn refuses_new_connections_only(program: &Program, ada: &mut Client, bob: &mut Client) {
    for n in 0..10 {
        assert_eq!(program.try_get(), Some(503), "there is none left");
        ada.write(&n.to_string());
        bob.sees("Ada", &n.to_string());
    }
}

/// Lets the program run out of a resource. An existing connection that then asks for a WebSocket gets the status
/// `upgrade`.
fn survives(program: &Program, resource: &str, none_left: impl FnOnce(&Program) -> u64, upgrade: u16) {
    let (mut ada, mut bob) = (program.join("r", "Ada"), program.watch("r"));
    let before = program.counts();
    let mut early = request_and_stay(program).expect("a thread");
    limit(program, resource, none_left(program));
    early.write_all(&handshake("/ws?room=r")).unwrap();
    assert_eq!(Response::read_head(&mut early).status, upgrade);
    // An accept that waits has its descriptor already; this connection gets it.
    program.try_get();
    refuses_new_connections_only(program, &mut ada, &mut bob);
    drop(early);
    program.until_counts_are(before);
    limit(program, resource, 1024);
    assert_eq!(program.try_get(), Some(200));
    program.watch("r");
}

#[test]
fn out_of_descriptors() {
    // The limit is on their numbers; all below the first free one are taken.
    let none_left = |program: &Program| {
        let is_free = |n: &u64| fs::read_link(format!("/proc/{}/fd/{n}", program.pid())).is_err();
        (0..).find(is_free).expect("a free number")
    };
    survives(&start_server(), "nofile", none_left, 101);
}

#[test]
fn out_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut typewall = command(BINARY);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        // The limit does not bind root, and no other user may enter the folder in which root builds.
        let copy = folder.path().join("typewall");
        fs::copy(BINARY, &copy).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        typewall = command(copy.to_str().expect("UTF-8"));
        typewall.uid(NOBODY).gid(NOBODY);
    }
    typewall.args(LISTEN);
    survives(&start(typewall), "nproc", |_| 1, 503);
}

#[test]
fn out_of_memory_for_threads() {
    let program = start_server();
    let (mut ada, mut bob) = (program.join("r", "Ada"), program.watch("r"));
    // Less than a connection's stack, and enough for what a connection allocates that is given an old one.
    limit(&program, "as", program.memory("VmSize") + 248 * 1024);
    // The stacks of threads that have ended are used again first.
    let staying: Vec<TcpStream> = (0..20).map_while(|_| request_and_stay(&program)).collect();
    assert!(staying.len() < 20, "there is no memory for so many stacks");
    refuses_new_connections_only(&program, &mut ada, &mut bob);
    limit(&program, "as", "unlimited");
    assert_eq!(program.try_get(), Some(200));
    program.watch("r");
}
