//! A system without random numbers.

use crate::support::bounded;
use crate::support::program::{fails, server, typewall};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::env::consts::ARCH;
use std::io;
use std::process::Command;

/// The seccomp filter that makes getrandom(2) fail, for this thread and the programs that it starts. The error is one
/// after which no other source is tried.
fn refuse_random_numbers() {
    let action = SeccompAction::Errno(rustix::io::Errno::IO.raw_os_error().cast_unsigned());
    let arch = TargetArch::try_from(ARCH).expect("an architecture with seccomp");
    let rules = [(libc::SYS_getrandom, Vec::new())].into();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    apply_filter(&program).expect("the system takes it");
}

/// Checks that a command, which gets no random numbers, ends with this status and with a sentence that begins so.
fn ends(mut command: Command, status: i32, beginning: &str) {
    let (ended_with, error) = bounded(move || {
        refuse_random_numbers();
        fails(&mut command)
    });
    let why = io::Error::from(rustix::io::Errno::IO);
    let sentence = "the system gives it no random numbers, which secrets need";
    assert_eq!(error, format!("typewall: {beginning}: {sentence} ({why}).\n"));
    assert_eq!(ended_with, status);
}

#[test]
fn without_random_numbers_the_server_ends_at_the_start_with_a_sentence() {
    ends(server(), 1, "Cannot start the server");
}

#[test]
fn without_random_numbers_the_commands_that_connect_end_with_a_sentence() {
    for arguments in [&["write", "--name", "build"] as &[_], &["read"]] {
        let mut command = typewall();
        command.args(arguments).arg("http://127.0.0.1:9/");
        ends(command, 1, "Cannot connect to the server");
    }
}
