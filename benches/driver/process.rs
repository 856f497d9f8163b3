//! The measured processes: starts them on their own cores, measures them from outside, and always ends them.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{io, process, thread};

/// Where a process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// The first core this process may use.
    First,
    /// The second, if there is one.
    Second,
    /// All of them.
    Any,
}

/// A child process with its first line of output; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a command on a core.
    pub(crate) fn start(mut command: Command, core: Core) -> Result<Self, String> {
        let all = sched_getaffinity(Pid::from_raw(0)).map_err(|error| error.to_string())?;
        // A child inherits the cores of its parent, so this thread changes its own for a moment.
        set_cores(&pick(&all, core))?;
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        set_cores(&all)?;
        let mut child = child.map_err(|error| format!("{command:?} does not start: {error}."))?;
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { child, output })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The next line it prints, without its end.
    pub(crate) fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok(line.trim_end().to_owned())
    }

    /// What it prints until its end, which must be a success.
    pub(crate) fn finish(mut self) -> Result<String, String> {
        let mut printed = String::new();
        self.output.read_to_string(&mut printed).map_err(|error| error.to_string())?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(printed) } else { Err(format!("It ended with {status}.")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process, and others, when the process that started it is gone, so that nothing is left running.
pub(crate) fn end_with_parent(others: Vec<i32>) {
    thread::spawn(move || {
        // The parent holds the other end and writes nothing, so this blocks until the parent ends.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        for other in others {
            let _ = kill(Pid::from_raw(other), Signal::SIGKILL);
        }
        process::exit(1);
    });
}

/// Whether there are two cores to run on.
pub(crate) fn has_two_cores() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

fn set_cores(cores: &CpuSet) -> Result<(), String> {
    sched_setaffinity(Pid::from_raw(0), cores).map_err(|error| error.to_string())
}

fn pick(all: &CpuSet, core: Core) -> CpuSet {
    let mut usable = (0..CpuSet::count()).filter(|&n| all.is_set(n).unwrap_or(false));
    let (first, second) = (usable.next(), usable.next());
    let wanted = match core {
        Core::First => first,
        Core::Second => second,
        Core::Any => None,
    };
    // With one core there is no choice.
    let Some(wanted) = wanted.filter(|_| second.is_some()) else { return *all };
    let mut one = CpuSet::new();
    one.set(wanted).expect("it is in the other set");
    one
}

/// CPU time of all threads of a process, in nanoseconds; with 0, of this process.
pub(crate) fn cpu(pid: i32) -> Result<u64, String> {
    let clock = match pid {
        0 => Ok(ClockId::CLOCK_PROCESS_CPUTIME_ID),
        pid => clock_getcpuclockid(Pid::from_raw(pid)),
    };
    let time = clock.and_then(clock_gettime).map_err(|error| format!("The server is gone: {error}."))?;
    Ok(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Resident memory of a process, in KiB. Memory that the system uses for its sockets and threads is not included.
pub(crate) fn resident(pid: i32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(path).map_err(|error| format!("The server is gone: {error}."))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kib.ok_or_else(|| "The system does not say how much memory is resident.".to_owned())
}
