//! Signals: how the program ends, and that it survives being suspended.

use crate::support::program::{Program, server};
use nix::sys::signal::Signal;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs;
use std::io::{self, PipeWriter, Write};

#[test]
fn sigint_and_sigterm_close_every_client_with_1001_and_end_it_with_status_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // So few clients that the system allows them; else the program would log that it does not.
        let program = Program::start(server().args(["--max-clients", "10"]));
        let client = program.watch("r");
        program.signal(signal);
        // The client does not answer the close frame.
        let (status, logged) = program.ended();
        assert_eq!((status, logged.lines().count()), (Some(0), 1), "only how much may wait: {logged}");
        assert_eq!(client.closed(), 1001);
    }
}

/// Fills a pipe, so that whoever writes to it waits.
fn fill(pipe: &mut PipeWriter) {
    let flags = fcntl_getfl(&*pipe).unwrap();
    fcntl_setfl(&*pipe, flags | OFlags::NONBLOCK).unwrap();
    while pipe.write(&[b'.'; 4096]).is_ok() {}
    while pipe.write(b".").is_ok() {}
    fcntl_setfl(&*pipe, flags).unwrap();
}

#[test]
fn a_program_that_is_stuck_ends_nevertheless_after_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let (_reader, mut stderr) = io::pipe().unwrap();
    let mut command = server();
    command.args(["--max-clients", "10", "--store"]).arg(&file).stderr(stderr.try_clone().unwrap());
    let program = Program::start(&mut command);
    let mut ada = program.join("r", "Ada");
    // The store logs that it cannot store the post, and waits for ever for somebody to read that.
    fill(&mut stderr);
    fs::remove_file(&file).unwrap();
    ada.post("into nowhere");
    ada.catch_up();
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().0, Some(1));
}

#[test]
fn clients_stay_while_the_program_is_suspended() {
    let program = Program::start(&mut server());
    let mut client = program.watch("r");
    program.suspend();
    program.signal(Signal::SIGCONT);
    client.catch_up();
}
