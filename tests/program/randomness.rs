//! A system without random numbers.

use crate::support::bounded;
use crate::support::program::{fails, server};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use std::env::consts::ARCH;
use std::io;

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

#[test]
fn without_random_numbers_it_ends_at_the_start_with_a_sentence() {
    let (status, error) = bounded(|| {
        refuse_random_numbers();
        fails(&mut server())
    });
    let why = io::Error::from(rustix::io::Errno::IO);
    let sentence = "the system gives it no random numbers, which secrets need";
    assert_eq!(error, format!("typewall: Cannot start the server: {sentence} ({why}).\n"));
    assert_eq!(status, 1);
}
