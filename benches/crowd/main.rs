//! The benchmark: `cargo bench --bench crowd`. It starts the server as a process of its own, drives it over
//! loopback from another, and prints what that took.
//!
//! Open loop: an update is due at its time whether the one before has arrived or not, and its waiting time counts
//! from then. Where a reader gets update s of a typist, every update since the last one it saw is conveyed
//! at that moment, each with its own waiting time; so texts that were skipped are neither hidden nor punished.

mod driver;
mod floor;
mod histogram;
mod ledger;
mod process;
mod recording;
mod scenario;
mod text;
mod wire;

use crate::process::{Core, Process};
use crate::scenario::Scenario;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

/// The first argument of a process that drives.
const DRIVE: &str = "drive";
/// The first argument of a process that is the floor.
const FLOOR: &str = "floor";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // Without this, a soft limit of 1,024 would be the end of every larger scenario.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [DRIVE, job] => read(job).and_then(driver::drive).and_then(print),
        [FLOOR, job] => read(job).and_then(|job| floor::run(&job)).and_then(print),
        _ => run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // Standard error may be closed; there is nowhere else to say it.
            let _ = writeln!(io::stderr(), "crowd: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn read<J: DeserializeOwned>(job: &str) -> Result<J, String> {
    serde_json::from_str(job).map_err(|error| error.to_string())
}

fn print(outcome: impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string(&outcome).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{json}").map_err(|error| error.to_string())
}

fn run() -> Result<(), String> {
    let scenario = Scenario::all().swap_remove(1);
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let recording = directory.path().join("recording");
    let outcome = measure(&scenario, &recording)?;
    print(&outcome)?;
    print(measure_floor(&scenario, &recording, outcome.ids)?)
}

/// Starts a server and drives it through a scenario.
fn measure(scenario: &Scenario, recording: &Path) -> Result<driver::Outcome, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    command.args(["--listen", "127.0.0.1:0"]);
    let mut server = Process::start(command, if scenario.pinned { Core::First } else { Core::Any })?;
    let line = server.line()?;
    let address = line.rsplit('/').next().and_then(|address| address.parse().ok());
    let empty = process::resident(server.pid())?;
    let job = driver::Job {
        scenario: scenario.clone(),
        address: address.ok_or("The server does not say where it is.")?,
        server: server.pid(),
        recording: recording.to_owned(),
        replay: None,
    };
    let outcome: driver::Outcome = read(&work(DRIVE, &job, Core::Second)?.finish()?)?;
    Ok(driver::Outcome { resident: outcome.resident.saturating_sub(empty), ..outcome })
}

/// Has the floor send what the server has sent.
fn measure_floor(scenario: &Scenario, recording: &Path, ids: Vec<Vec<u8>>) -> Result<floor::Outcome, String> {
    let job = floor::Job { clients: scenario.clients, recording: recording.to_owned() };
    let mut floor = work(FLOOR, &job, Core::First)?;
    let address = floor.line()?.parse().map_err(|_| "The floor does not say where it is.")?;
    let job = driver::Job {
        scenario: scenario.clone(),
        address,
        server: floor.pid(),
        recording: recording.to_owned(),
        replay: Some(ids),
    };
    let driver = work(DRIVE, &job, Core::Second)?;
    let outcome = read(&floor.finish()?)?;
    driver.finish().map(|_| outcome)
}

/// Starts this program once more, to do a job.
fn work(what: &str, job: &impl Serialize, core: Core) -> Result<Process, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let job = serde_json::to_string(job).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args([what, &job]);
    Process::start(command, core)
}
