//! The program: reads the options, binds, says where it is, and waits until it is told to stop.

mod cli;

use clap::Parser;
use cli::{Command, Options};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;
use typewall::http::invite;
use typewall::room::names::RoomName;
use typewall::server::capacity::Capacity;
use typewall::server::reachable;
use typewall::store::database::Reader;
use typewall::store::export::{Format, LogWriter};
use typewall::{Limits, Server};

/// How long stopping may take before the process ends without more ado. It takes less unless a bug is in the way.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let options = Options::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let outcome = match &options.command {
        None => serve(&options),
        Some(Command::Log { file, room, format, after }) => print_log(file, room, format, *after),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Standard error may be closed; there is nowhere else to say it.
            let _ = writeln!(io::stderr(), "typewall: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), String> {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
    let limits = within_capacity(options.limits())?;
    // Before listening, so that a signal sent once the address is printed is not missed.
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| format!("Signals cannot be caught: {error}"))?;
    let access = options.access()?;
    let listener = TcpListener::bind(&*options.listen).map_err(|error| options.bind_error(&error))?;
    let store = options.store();
    let server = Server::start(listener, limits, access, store.as_ref())
        .map_err(|error| options.start_error(&error))?;
    announce(server.address());
    let stopper = server.stopper();
    let obey = move || {
        signals.forever().next();
        stopper.stop();
        thread::sleep(STOP_PATIENCE);
        process::exit(1);
    };
    let listens = thread::Builder::new().name("signals".to_owned()).spawn(obey);
    listens.map_err(|error| format!("A thread cannot be started: {error}."))?;
    server.join().map_err(|_| {
        "The hub has failed, and with it every room; please report what stands above.".to_owned()
    })
}

/// Lowers the clients to what the system has room for, and says why.
fn within_capacity(limits: Limits) -> Result<Limits, String> {
    match Capacity::of_system() {
        Some(capacity) if capacity.clients == 0 => {
            Err(format!("The system has no room for clients: {capacity}."))
        }
        Some(capacity) if capacity.clients < limits.max_clients => {
            log::warn!("there is room for {} clients only, because {capacity}", capacity.clients);
            Ok(Limits { max_clients: capacity.clients, ..limits })
        }
        _ => Ok(limits),
    }
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

fn print_log(file: &Path, room: &str, format: &str, after: u64) -> Result<(), String> {
    let room = RoomName::parse(room).map_err(|error| error.to_string())?;
    let format = Format::from_name(format).ok_or("A log's format is txt, json or md.")?;
    let unusable = |error| format!("{} cannot be read: {error}.", file.display());
    let store = Reader::open(file).map_err(unusable)?;
    store.check().map_err(unusable)?;
    if !store.has_room(&room).map_err(unusable)? {
        return Err(format!("Nothing was ever posted in the room {} of {}.", room.as_str(), file.display()));
    }
    let mut log = LogWriter::new(BufWriter::new(io::stdout().lock()), format);
    let printed = store.read(&room, after, |post| log.post(&post)).and_then(|()| log.end());
    match printed {
        // Whoever reads has seen enough: `typewall log … | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(|error| format!("The log was not printed whole: {error}.")),
    }
}
