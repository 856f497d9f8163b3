//! Processes of the bench's own program: the driver, and others with a job as JSON.

use super::drive;
use super::job::Job;
use super::process::{self, Core, Process};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

/// The first argument of the driver's process.
pub(crate) const DRIVE: &str = "drive";

/// Starts this program again, with a job.
pub(crate) fn start_job(what: &str, job: &impl Serialize, core: Core) -> Result<Process, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let job = serde_json::to_string(job).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args([what, &job]);
    Process::start(command, core)
}

/// What the driver's process does: its job.
pub(crate) fn drive(job: &str) -> Result<(), String> {
    let job: Job = read(job)?;
    process::end_with_parent(job.processes.clone());
    print(drive::drive(job)?)
}

/// Reads a job or an outcome.
pub(crate) fn read<J: DeserializeOwned>(job: &str) -> Result<J, String> {
    serde_json::from_str(job).map_err(|error| error.to_string())
}

/// Prints an outcome, for the process that gave the job.
pub(crate) fn print(outcome: impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string(&outcome).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{json}").map_err(|error| error.to_string())
}

/// The exit code of the bench `name`; an error is written to standard error.
pub(crate) fn exit_code(name: &str, outcome: Result<(), String>) -> ExitCode {
    let Err(sentence) = outcome else { return ExitCode::SUCCESS };
    write_stderr(&format!("{name}: {sentence}\n"));
    ExitCode::FAILURE
}

/// Writes progress or an error to standard error.
pub(crate) fn write_stderr(sentence: &str) {
    // If standard error is closed, there is nowhere else to write.
    let _ = io::stderr().write_all(sentence.as_bytes());
}
