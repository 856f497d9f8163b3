//! Several nodes on Redis: `cargo bench --bench nodes`. It starts `redis-server` and up to three nodes, drives their
//! clients from another process, and prints how long updates wait on the way to each node, and what they cost Redis and
//! each node. The same clients on one server without Redis are measured for comparison.
//!
//! The first node owns the room, because a viewer opens it there before anyone else comes. The others have mirrors.
//!
//! Each row of the table is measured once in each round, so that a disturbance of the machine meets all of them. Ratios
//! compare rows of the same round. On a machine so busy that a node is cut off from Redis, a row is measured once more.

mod check;
mod cluster;
#[path = "../driver/mod.rs"]
#[allow(dead_code, reason = "crowd has more scenarios")]
mod driver;
mod options;
mod plan;
mod report;

use crate::cluster::Cluster;
use crate::driver::child::{self, DRIVE, write_stderr};
use crate::driver::job::{Job, Outcome};
use crate::driver::process::{Core, has_two_cores};
use crate::options::Options;
use crate::plan::Setup;
use crate::report::Row;
use clap::Parser;
use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    // With the usual soft limit of 1,024, every larger scenario would fail.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [DRIVE, job] => child::drive(job),
        _ => {
            let options = Options::parse();
            if options.common.measures() { run(&options) } else { check::check() }
        }
    };
    child::exit_code("nodes", outcome)
}

fn run(options: &Options) -> Result<(), String> {
    if !cluster::has_redis() {
        write_stderr("nodes: nothing was measured, because redis-server is not installed.\n");
        return Ok(());
    }
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut rows: Vec<Row> = options.setups().into_iter().map(Row::new).collect();
    for round in 1..=options.common.rounds {
        for row in &mut rows {
            let name = &row.setup.name;
            write_stderr(&format!("{name}, round {round} of {}\n", options.common.rounds));
            let outcome = measure(&row.setup, directory.path()).or_else(|error| {
                write_stderr(&format!("{name} is measured again, because it was disturbed: {error}\n"));
                measure(&row.setup, directory.path())
            });
            row.rounds.push(outcome.map_err(|error| format!("{name} has failed: {error}"))?);
        }
    }
    io::stdout().write_all(report::report(&rows).as_bytes()).map_err(|error| error.to_string())?;
    options.common.write_json(|| report::to_json(&rows))
}

/// Starts the nodes of a setup, and drives them through its scenario.
fn measure(setup: &Setup, directory: &Path) -> Result<Outcome, String> {
    let mut cluster = Cluster::start(setup)?;
    let owner = cluster.owner()?;
    // A driver with a core of its own polls: over a network, no server pays for waking it.
    let has_core = setup.alone.is_some() && has_two_cores();
    let job = Job {
        scenario: setup.scenario.clone(),
        addresses: cluster.addresses(),
        processes: cluster.processes(),
        recording: directory.join("recording"),
        spin: has_core,
        replay: None,
        redis: cluster.url(),
    };
    let core = if has_core { Core::Second } else { Core::Any };
    let outcome = child::read(&child::start_job(DRIVE, &job, core)?.finish()?)?;
    match cluster.owner()? == owner {
        true => Ok(outcome),
        false => Err("The room has changed its owner.".to_owned()),
    }
}
