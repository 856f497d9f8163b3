//! Attacks by several clients at once, and what they do to the others: victims type before, during and after each
//! attack.
//!
//! Outcomes are asserted, because they hold on any machine: nobody who reads is closed, everything arrives, new clients
//! can join, and memory stays within its bound. How long the victims' texts take is printed, and can be read with
//! `--nocapture`. Each attack is small, and as large as a determined attacker's with `--release --features soak`.

mod attackers;
mod connections;
mod posts;
mod requests;
mod snapshots;
mod splices;
mod victim;
mod victims;

use crate::hostile::attackers::Attackers;
use crate::hostile::victims::Victims;
use crate::process::start_for;
use crate::support::http::Response;
use crate::support::program::{Program, server};
use nix::time::{clock_getcpuclockid, clock_gettime};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

/// How long victims type in each phase: before and after an attack, and during it.
const CALM: Duration = if SOAK { Duration::from_secs(5) } else { Duration::from_millis(300) };
const ATTACK: Duration = if SOAK { Duration::from_secs(15) } else { Duration::from_millis(700) };

/// Whether attacks have their full size.
const SOAK: bool = cfg!(feature = "soak");

/// The attacked room, and another one.
const ATTACKED: &str = "attacked";
const OTHER: &str = "other";

/// Chooses a figure for the attack of full size, or for the small one.
const fn size(full: usize, small: usize) -> usize {
    if SOAK { full } else { small }
}

/// Starts the program for many clients, with further arguments.
fn start(clients: usize, arguments: &[&str]) -> Program {
    // With the usual soft limit of 1,024, the tests would run out of descriptors themselves.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut command = server();
    command.args(arguments);
    start_for(clients, command)
}

/// What the program had taken at some time.
struct Usage {
    at: Instant,
    cpu: Duration,
}

impl Usage {
    fn of(program: &Program) -> Self {
        let clock = clock_getcpuclockid(program.pid()).expect("a process");
        Self { at: Instant::now(), cpu: clock_gettime(clock).expect("its time").into() }
    }
}

/// Lets victims type before, during and after an attack, and prints the figures of each phase. Somebody joins the
/// attacked room during the attack. In the end, every victim has all that was written.
fn measure(
    name: &str,
    program: &Program,
    victims: &mut Victims,
    attack: impl FnOnce() -> Attackers + Send + 'static,
) {
    let clients = health(program).expect("an answer").0;
    phase(&format!("{name}, before"), program, victims, |victims| victims.type_for(CALM));
    phase(&format!("{name}, during"), program, victims, |victims| {
        // Attackers connect while the victims type.
        let attackers = victims.type_until_done(thread::spawn(attack));
        victims.type_for(ATTACK / 2);
        victims.join_while_typing(program.address);
        victims.type_for(ATTACK / 2);
        let begun = Instant::now();
        attackers.close();
        type_until_gone(program, victims, clients + 1);
        print(&format!("{name}: over after {} ms", begun.elapsed().as_millis()));
    });
    phase(&format!("{name}, after"), program, victims, |victims| victims.type_for(CALM));
    victims.settle();
}

/// Lets victims type until the attackers are gone, and the program has as many clients as before. It does not notice at
/// once that an attacker has gone whose receive buffer is full, because the system drops the end of the connection:
/// such a client is closed when it has read nothing for 30 s, and cut 15 s later.
fn type_until_gone(program: &Program, victims: &mut Victims, clients: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let has_gone = || health(program).is_some_and(|(now, _)| now == clients);
    while !has_gone() {
        victims.type_for(Duration::from_millis(50));
        victims.are_all_connected("after the attack");
        assert!(Instant::now() < deadline, "{:?} instead of {clients} clients", health(program));
    }
}

fn phase(name: &str, program: &Program, victims: &mut Victims, run: impl FnOnce(&mut Victims)) {
    let before = Usage::of(program);
    run(victims);
    let after = Usage::of(program);
    let cores = (after.cpu - before.cpu).as_secs_f64() / (after.at - before.at).as_secs_f64();
    let mebibytes = |field| program.memory(field) as f64 / f64::from(1 << 20);
    let (resident, peak) = (mebibytes("VmRSS"), mebibytes("VmHWM"));
    print(&format!(
        "{name}: {}; {cores:.2} cores, RSS {resident:.1} MiB, at most {peak:.1} MiB",
        victims.take_figures()
    ));
    victims.are_all_connected(name);
}

/// How many clients the program has, and how many bytes wait for them. `None` if a hub does not answer in time.
fn health(program: &Program) -> Option<(u64, u64)> {
    let mut socket = program.dial();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let response = Response::try_read(&mut socket).ok()?;
    let health: serde_json::Value = serde_json::from_slice(&response.body).ok()?;
    Some((health["clients"].as_u64()?, health["waiting"].as_u64()?))
}

#[expect(clippy::print_stdout, reason = "figures to be read with --nocapture")]
fn print(line: &str) {
    println!("{line}");
}
