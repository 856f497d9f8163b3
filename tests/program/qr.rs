//! The thread that draws QR codes.

use crate::support::http::Response;
use crate::support::program::{Program, server};
use std::fs;
use std::io::Write;

/// The name and the nice value of a thread (proc_pid_stat(5)).
fn name_and_nice(stat: &str) -> (String, i32) {
    let (name, fields) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(") ")).expect("a name");
    let nice = fields.split(' ').nth(16).and_then(|nice| nice.parse().ok());
    (name.to_owned(), nice.expect("a number"))
}

#[test]
fn only_qr_codes_are_drawn_at_the_lowest_priority() {
    let program = Program::start(&mut server());
    // A connection that has drawn a code, and another one that becomes a WebSocket: neither may be slowed down.
    let mut socket = program.dial();
    socket.write_all(b"GET /qr.svg?link=http://a HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut socket).status, 200);
    let _viewer = program.watch("r");
    let (_, own) = name_and_nice(&fs::read_to_string("/proc/self/stat").expect("a process"));
    let tasks = fs::read_dir(format!("/proc/{}/task", program.pid())).expect("a process");
    let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let threads: Vec<(String, i32)> = stats.map(|stat| name_and_nice(&stat)).collect();
    assert!(threads.iter().any(|(name, _)| name.starts_with("client")), "{threads:?}");
    assert!(threads.contains(&("qr codes".to_owned(), 19)), "{threads:?}");
    assert!(threads.iter().all(|(name, nice)| name == "qr codes" || *nice == own), "{threads:?}");
}
