//! The benchmark: `cargo bench --bench crowd`. It starts the server in one process, drives it over loopback from
//! another, and prints what that cost.

mod check;
#[path = "../driver/mod.rs"]
mod driver;
mod floor;
mod options;
mod pictures;
mod report;

use crate::driver::child::{self, DRIVE, print, read, start_job, write_stderr};
use crate::driver::job::{Job, Outcome};
use crate::driver::process::{self, Process};
use crate::driver::scenario::Scenario;
use crate::driver::wire;
use crate::options::Options;
use crate::report::{Round, Row};
use clap::Parser;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

/// The first argument of the floor's process.
const FLOOR: &str = "floor";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // With the usual soft limit of 1,024, every larger scenario would fail.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [DRIVE, job] => child::drive(job),
        [FLOOR, job] => read(job).and_then(be_floor).and_then(print),
        _ => {
            let options = Options::parse();
            if options.common.measures() { run(&options) } else { check::check() }
        }
    };
    child::exit_code("crowd", outcome)
}

fn be_floor(job: floor::Job) -> Result<floor::Outcome, String> {
    process::end_with_parent(Vec::new());
    floor::run(&job)
}

fn run(options: &Options) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let recording = directory.path().join("recording");
    let (mut rows, mut failed) = (Vec::new(), 0);
    for scenario in options.scenarios()? {
        let rounds = (1..=options.common.rounds).map(|n| {
            write_stderr(&format!("{}, round {n} of {}\n", scenario.name, options.common.rounds));
            measure_round(&scenario, &recording, options)
        });
        match rounds.collect() {
            Ok(rounds) => rows.push(Row { scenario, rounds }),
            Err(sentence) => {
                write_stderr(&format!("{} has failed: {sentence}\n", scenario.name));
                failed += 1;
            }
        }
    }
    let table = report::table(&rows) + &report::flatness(&rows).unwrap_or_default();
    io::stdout().write_all(table.as_bytes()).map_err(|error| error.to_string())?;
    options.common.write_json(|| report::to_json(&rows))?;
    options.pictures.as_deref().map_or(Ok(()), |directory| pictures::draw(&rows, directory))?;
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of the scenarios have failed.")) }
}

/// Measures the server and right after it the floor, so that both find the machine in the same state.
fn measure_round(scenario: &Scenario, recording: &Path, options: &Options) -> Result<Round, String> {
    let mut server = measure(scenario, recording, options)?;
    let ids = std::mem::take(&mut server.ids);
    // The floor sends the same to all, so there is none if texts are hidden from some.
    let has_floor = !options.no_floor && scenario.pinned && !scenario.hidden && server.conveyed > 0;
    let floor = has_floor.then(|| measure_floor(scenario, recording, ids)).transpose()?;
    Ok(Round { server, floor })
}

/// Starts a server and drives it through a scenario.
fn measure(scenario: &Scenario, recording: &Path, options: &Options) -> Result<Outcome, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    let max_clients =
        (scenario.clients + usize::from(scenario.flooded) + scenario.attackers).max(1).to_string();
    command.args(["--listen", "127.0.0.1:0", "--max-clients", &max_clients]);
    let key = recording.with_file_name("host-key");
    if scenario.hidden {
        fs::write(&key, wire::HOST_KEY)
            .map_err(|error| format!("The host key cannot be written: {error}."))?;
        command.arg("--host-key-file").arg(&key);
    }
    command.args(options.server_args.split_whitespace());
    let (first, second) = scenario.cores();
    let mut server = Process::start(command, first)?;
    let line = server.line()?;
    let address = line.rsplit('/').next().and_then(|address| address.parse().ok());
    let empty = process::resident(server.pid())?;
    let job = Job {
        scenario: scenario.clone(),
        addresses: vec![address.ok_or("The server does not print its address.")?],
        processes: vec![server.pid()],
        redis: None,
        recording: recording.to_owned(),
        spin: scenario.spins(),
        replay: None,
    };
    let outcome: Outcome = read(&start_job(DRIVE, &job, second)?.finish()?)?;
    Ok(Outcome { resident: outcome.resident.saturating_sub(empty), ..outcome })
}

/// Measures the floor with what the server has sent.
fn measure_floor(scenario: &Scenario, recording: &Path, ids: Vec<Vec<u8>>) -> Result<floor::Outcome, String> {
    let scenario = scenario.without_stalled();
    let job = floor::Job { clients: scenario.clients, recording: recording.to_owned() };
    let (first, second) = scenario.cores();
    let mut floor = start_job(FLOOR, &job, first)?;
    let address = floor.line()?.parse().map_err(|_| "The floor does not print its address.")?;
    let job = Job {
        addresses: vec![address],
        processes: vec![floor.pid()],
        redis: None,
        recording: recording.to_owned(),
        spin: scenario.spins(),
        scenario,
        replay: Some(ids),
    };
    let driver = start_job(DRIVE, &job, second)?;
    let outcome = read(&floor.finish()?)?;
    driver.finish().map(|_| outcome)
}
