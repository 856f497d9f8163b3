//! Signals: how the program ends, and that it survives being suspended.

use crate::support::bounded;
use crate::support::program::{Program, server};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

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

#[test]
fn clients_stay_while_the_program_is_suspended() {
    let program = Program::start(&mut server());
    let mut client = program.watch("r");
    program.signal(Signal::SIGSTOP);
    let pid = program.pid();
    let stopped = bounded(move || waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap());
    assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    program.signal(Signal::SIGCONT);
    client.catch_up();
}
