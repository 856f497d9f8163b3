//! The program: reads the options, binds, says where it is, and waits until it is told to stop.

mod options;

use clap::Parser;
use options::Options;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::thread;
use typewall::server::reachable;
use typewall::{Server, invite};

fn main() -> ExitCode {
    let options = Options::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Standard error may be closed; there is nowhere else to say it.
            let _ = writeln!(io::stderr(), "typewall: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
    // Before listening, so that a signal sent once the address is printed is not missed.
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("Signals cannot be caught: {error}"))?;
    let listener = TcpListener::bind(&*options.listen).map_err(|error| options.bind_error(&error))?;
    let server = Server::start(listener, options.limits())
        .map_err(|error| format!("Threads cannot be started: {error}"))?;
    announce(server.address());
    let stopper = server.stopper();
    thread::spawn(move || signals.forever().for_each(|_| stopper.stop()));
    server.join().map_err(|_| {
        "The hub has failed, and with it every room; please report what stands above.".to_owned()
    })
}

/// Says where it is: to this machine, and to others if they can reach it.
fn announce(listen: SocketAddr) {
    let mut lines = format!("Typewall is at http://{}\n", reachable(listen));
    for address in invite::addresses(listen) {
        lines += &format!("In this network: http://{address}\n");
    }
    // Typewall serves on even if nobody reads where it is.
    let _ = io::stdout().write_all(lines.as_bytes());
}
