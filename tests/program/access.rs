//! What the program logs of requests that it refuses, and the options that allow them.

use crate::support::http::Response;
use crate::support::program::{Program, server};
use std::io::Write;

fn status(program: &Program, headers: &str) -> u16 {
    let mut socket = program.dial();
    write!(socket, "GET / HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").unwrap();
    Response::read(&mut socket).status
}

#[test]
fn a_host_may_be_allowed() {
    let mut command = server();
    let program = Program::start(command.args(["--allow-host", "wall.example,b.example"]));
    for (host, wanted) in [("wall.example:8080", 200), ("B.example", 200), ("c.example", 403)] {
        assert_eq!(status(&program, &format!("Host: {host}\r\n")), wanted, "{host}");
    }
}

#[test]
fn a_refused_host_or_origin_is_a_warning_once_and_strangers_cannot_fill_the_log() {
    let program = Program::start(&mut server());
    for _ in 0..3 {
        assert_eq!(status(&program, "Host: one.example\r\n"), 403);
        assert_eq!(status(&program, "Host: localhost\r\nOrigin: https://two.example\r\n"), 403);
    }
    for n in 0..100 {
        assert_eq!(status(&program, &format!("Host: many-{n}.example\r\n")), 403);
    }
    assert_eq!(status(&program, "Host: a\r\nHost: b\r\n"), 400);
    let (_, logged) = program.terminate();
    for option in ["--allow-host one.example", "--allow-origin https://two.example"] {
        assert_eq!(logged.matches(option).count(), 1, "{logged}");
    }
    assert_eq!(logged.lines().filter(|line| line.contains("WARN")).count(), 16, "{logged}");
}
