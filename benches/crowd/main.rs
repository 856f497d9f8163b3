//! The benchmark: `cargo bench --bench crowd`. It starts the server as a process of its own, drives it over
//! loopback from another, and prints what that took.
//!
//! Open loop: an update is due at its time whether the one before has arrived or not, and its waiting time counts
//! from then. Where a reader gets update s of a typist, every update since the last one it saw is conveyed
//! at that moment, each with its own waiting time; so texts that were skipped are neither hidden nor punished.

mod check;
mod driver;
mod event;
mod flood;
mod floor;
#[path = "../../tests/support/frame.rs"]
#[allow(dead_code, reason = "the tests need more kinds of frames")]
mod frame;
mod histogram;
mod job;
mod ledger;
mod options;
mod pictures;
mod process;
mod recording;
mod report;
mod scenario;
mod text;
mod wire;

use crate::job::{Job, Outcome};
use crate::options::Options;
use crate::process::{Core, Process};
use crate::report::{Round, Row};
use crate::scenario::Scenario;
use clap::Parser;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The first argument of a process that drives.
const DRIVE: &str = "drive";
/// The first argument of a process that is the floor.
const FLOOR: &str = "floor";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // Without this, a soft limit of 1,024 would be the end of every larger scenario.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [DRIVE, job] => read(job).and_then(drive).and_then(print),
        [FLOOR, job] => read(job).and_then(be_floor).and_then(print),
        _ => {
            let options = Options::parse();
            if options.measures() { run(&options) } else { check::check() }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            say(&format!("crowd: {sentence}\n"));
            ExitCode::FAILURE
        }
    }
}

fn drive(job: Job) -> Result<Outcome, String> {
    process::end_with_parent(Some(job.server));
    driver::drive(job)
}

fn be_floor(job: floor::Job) -> Result<floor::Outcome, String> {
    process::end_with_parent(None);
    floor::run(&job)
}

fn read<J: DeserializeOwned>(job: &str) -> Result<J, String> {
    serde_json::from_str(job).map_err(|error| error.to_string())
}

fn print(outcome: impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string(&outcome).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{json}").map_err(|error| error.to_string())
}

fn run(options: &Options) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let recording = directory.path().join("recording");
    let (mut rows, mut failed) = (Vec::new(), 0);
    for scenario in options.scenarios()? {
        let rounds = (1..=options.rounds).map(|n| {
            say(&format!("{}, round {n} of {}\n", scenario.name, options.rounds));
            measure_round(&scenario, &recording, options)
        });
        match rounds.collect() {
            Ok(rounds) => rows.push(Row { scenario, rounds }),
            Err(sentence) => {
                say(&format!("{} has failed: {sentence}\n", scenario.name));
                failed += 1;
            }
        }
    }
    let table = report::table(&rows) + &report::flatness(&rows).unwrap_or_default();
    io::stdout().write_all(table.as_bytes()).map_err(|error| error.to_string())?;
    if let Some(file) = &options.json {
        let json = format!("{:#}\n", report::to_json(&rows));
        fs::write(file, json).map_err(|error| format!("{} cannot be written: {error}.", file.display()))?;
    }
    options.pictures.as_deref().map_or(Ok(()), |directory| pictures::draw(&rows, directory))?;
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of the scenarios have failed.")) }
}

/// Says something to whoever waits.
fn say(sentence: &str) {
    // Standard error may be closed; there is nowhere else to say it.
    let _ = io::stderr().write_all(sentence.as_bytes());
}

/// The server first, then the floor, so that both have the machine as it is at the time.
fn measure_round(scenario: &Scenario, recording: &Path, options: &Options) -> Result<Round, String> {
    let mut server = measure(scenario, recording, options)?;
    let ids = std::mem::take(&mut server.ids);
    let has_floor = !options.no_floor && scenario.pinned && server.conveyed > 0;
    let floor = has_floor.then(|| measure_floor(scenario, recording, ids)).transpose()?;
    Ok(Round { server, floor })
}

/// Starts a server and drives it through a scenario.
fn measure(scenario: &Scenario, recording: &Path, options: &Options) -> Result<Outcome, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    let max_clients = (scenario.clients + usize::from(scenario.flooded)).max(1).to_string();
    command.args(["--listen", "127.0.0.1:0", "--max-clients", &max_clients]);
    command.args(options.server_args.split_whitespace());
    let (first, second) = scenario.cores();
    let mut server = Process::start(command, first)?;
    let line = server.line()?;
    let address = line.rsplit('/').next().and_then(|address| address.parse().ok());
    let empty = process::resident(server.pid())?;
    let job = Job {
        scenario: scenario.clone(),
        address: address.ok_or("The server does not say where it is.")?,
        server: server.pid(),
        recording: recording.to_owned(),
        spin: scenario.spins(),
        replay: None,
    };
    let outcome: Outcome = read(&work(DRIVE, &job, second)?.finish()?)?;
    Ok(Outcome { resident: outcome.resident.saturating_sub(empty), ..outcome })
}

/// Has the floor send what the server has sent.
fn measure_floor(scenario: &Scenario, recording: &Path, ids: Vec<Vec<u8>>) -> Result<floor::Outcome, String> {
    let scenario = scenario.without_stalled();
    let job = floor::Job { clients: scenario.clients, recording: recording.to_owned() };
    let (first, second) = scenario.cores();
    let mut floor = work(FLOOR, &job, first)?;
    let address = floor.line()?.parse().map_err(|_| "The floor does not say where it is.")?;
    let job = Job {
        address,
        server: floor.pid(),
        recording: recording.to_owned(),
        spin: scenario.spins(),
        scenario,
        replay: Some(ids),
    };
    let driver = work(DRIVE, &job, second)?;
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
