//! What matters most to people, on every system: the page, live texts, posts, the log, hosts, the store, slow clients,
//! TLS.
//!
//! The other tests run the program that was built with them, on Unix. These run on every system, and run any program:
//! `TYPEWALL_BINARY` names it, and `TYPEWALL_RUNNER` is the command that runs it, if it does not run by itself. Files
//! have relative names, because the program may have another root or other paths than this test.

#[path = "../support/mod.rs"]
mod support;

mod encrypted;
mod rooms;
mod store;

use crate::support::program::{Program, server};

/// Starts a server.
fn start() -> Program {
    Program::start(&mut server())
}

/// Ends a program as Ctrl-C does. Windows lets no other process do that, so there it is killed.
fn stop(program: Program) {
    #[cfg(unix)]
    {
        program.signal(nix::sys::signal::Signal::SIGINT);
        let (status, logged) = program.ended();
        assert_eq!(status, Some(0), "{logged}");
    }
    #[cfg(windows)]
    program.kill();
}
