//! The program: parses the options, binds, prints the address, waits for a signal and stops.

mod announce;
mod cli;
mod healthcheck;
mod listen;
mod logs;
mod manual;

use cli::storage::start_error;
use cli::variables::read_options;
use cli::{Command, Options, remote};
use healthcheck::Target;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use typewall::{
    Capacity, Limits, Server, StopSignal, check_random_source, has_own_console, reachable, set_up_process,
};

/// How long a stop may take before the process exits anyway. Only a bug makes it take as long.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let options = read_options().unwrap_or_else(|error| remote::exit(&error));
    // A person at a terminal is told where the server is, and of trouble.
    let level = if options.quiet || io::stdout().is_terminal() { "warn" } else { "info" };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).init();
    let outcome = match &options.command {
        Some(Command::Write(arguments)) => return remote::finish(arguments.run()),
        Some(Command::Read(arguments)) => return remote::finish(arguments.run()),
        None => serve(&options),
        Some(Command::Healthcheck { url, ca_file }) => {
            check_health(&options, url.as_ref(), ca_file.as_deref())
        }
        Some(Command::Completions { shell }) => printed(io::stdout().write_all(&manual::completions(*shell))),
        Some(Command::Man) => printed(manual::page().and_then(|page| io::stdout().write_all(&page))),
        Some(Command::Log { store, room, format, after, redis_prefix }) => {
            logs::print(store, redis_prefix, room.as_deref(), format, *after)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // If standard error is closed, there is nowhere else to write.
            let _ = writeln!(io::stderr(), "typewall: {message}");
            keep_console();
            ExitCode::FAILURE
        }
    }
}

/// Keeps a console that would close with the program open until somebody has read what it says.
fn keep_console() {
    if io::stdin().is_terminal() && has_own_console() {
        let _ = writeln!(io::stderr(), "Press Enter to close this window.");
        let _ = io::stdin().read_line(&mut String::new());
    }
}

fn serve(options: &Options) -> Result<(), String> {
    set_up_process(options.core_dumps);
    check_random_source().map_err(|error| format!("Cannot start the server: {error}."))?;
    let limits = within_capacity(options.limits(), options.is_encrypted())?;
    // Before the address is printed, so that no signal sent after that is missed.
    let signal = StopSignal::register().map_err(|error| format!("Cannot handle signals: {error}."))?;
    let storage = options.storage.storage()?;
    let host_key = options.host_key()?;
    let access = options.access(host_key.as_ref())?;
    let certificate = options.certificate()?;
    let names = certificate.as_ref().map(|certificate| certificate.names.clone());
    let listener = listen::listener(&options.listen)?;
    let metrics = metrics_listener(options, &listener)?;
    let mut server = Server::start(listener, limits, access, storage.clone(), certificate)
        .map_err(|error| start_error(&storage, &error))?;
    let metrics = metrics.map(|listener| server.serve_metrics(listener)).transpose();
    let metrics = metrics.map_err(|error| format!("Cannot serve metrics: {error}."))?;
    let [texts, waiting] = [limits.max_texts, limits.max_waiting].map(|bytes| bytes >> 20);
    log::info!(
        "memory limits: {texts} MiB for boxes and logs, {waiting} MiB for incoming messages and pending output"
    );
    if !options.quiet {
        announce::announce(server.address(), names.as_ref(), metrics, host_key.as_ref());
    }
    let (stop, stop_requested) = mpsc::channel();
    let stopper = server.stopper();
    start_thread("stopper", move || stop_requested.iter().for_each(|()| stopper.stop()))?;
    let exit_after_signal = move || {
        signal.wait();
        // On another thread, because a stop may wait for hubs, and for whoever reads the log.
        let _ = stop.send(());
        thread::sleep(STOP_TIMEOUT);
        process::exit(1);
    };
    start_thread("signals", exit_after_signal)?;
    let crashed = |crash| format!("{crash}, so the server has ended. Please report the error above.");
    server.join().map_err(crashed)
}

/// The listener for metrics, if there are to be any.
fn metrics_listener(options: &Options, page: &TcpListener) -> Result<Option<TcpListener>, String> {
    let Some(addresses) = &options.metrics_listen else { return Ok(None) };
    let page = page.local_addr().map_err(|error| format!("Cannot start the server: {error}."))?;
    listen::metrics_listener(addresses, page).map(Some)
}

fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|error| format!("Cannot start a thread: {error}."))
}

/// Lowers the limit of clients to what the system allows, and logs why.
fn within_capacity(limits: Limits, is_encrypted: bool) -> Result<Limits, String> {
    match Capacity::of_system(is_encrypted) {
        Some(capacity) if capacity.clients == 0 => Err(format!("The system allows no clients: {capacity}.")),
        Some(capacity) if capacity.clients < limits.max_clients => {
            log::warn!("the system allows only {} clients, because {capacity}", capacity.clients);
            Ok(Limits { max_clients: capacity.clients, ..limits })
        }
        _ => Ok(limits),
    }
}

/// Checks the server at this URL, or the one that the same options would start.
fn check_health(options: &Options, url: Option<&Target>, ca_file: Option<&Path>) -> Result<(), String> {
    let own = || options.listen.first().map(|listen| Target::at(reachable(*listen), options.is_encrypted()));
    url.cloned().or_else(own).ok_or("The address to listen on has no IP address.")?.check(ca_file)
}

/// What became of a text for standard output.
pub(crate) fn printed(outcome: io::Result<()>) -> Result<(), String> {
    match outcome {
        // The reader has enough, as in `typewall log … | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(|error| format!("Cannot print everything: {error}.")),
    }
}
