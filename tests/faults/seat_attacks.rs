//! Connections that join and break at once, again and again, to keep seats and rooms from others. The tests print what
//! the others got; that they get a room and a seat, and find their own again, is asserted.

#![allow(clippy::print_stderr, reason = "the figures are for people")]

use crate::support::client::{Client, dial};
use crate::support::frame::{handshake, text};
use crate::support::program::{Program, server};
use crate::support::wait_until;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Victims of each attack.
const VICTIMS: usize = 20;

/// Connections that join, write so that their seats are kept, and break, as fast as they can.
struct Attack {
    joins: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    start: Instant,
}

impl Attack {
    /// Attacks the room that `room` names for each join.
    fn start(address: SocketAddr, connections: usize, room: fn(usize) -> String) -> Self {
        let (joins, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let attack = |_| {
            let (joins, is_over) = (joins.clone(), is_over.clone());
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    join_and_vanish(address, &room(joins.fetch_add(1, Ordering::Relaxed)));
                }
            })
        };
        let threads = (0..connections).map(attack).collect();
        Self { joins, is_over, threads, start: Instant::now() }
    }

    /// Waits for so many more joins.
    fn goes_on_for(&self, joins: usize) {
        let until = self.joins.load(Ordering::Relaxed) + joins;
        wait_until("the attack", || self.joins.load(Ordering::Relaxed) >= until);
    }

    fn end(self, what: &str, got: usize, of: usize, slowest: Duration) {
        let rate = self.joins.load(Ordering::Relaxed) as f64 / self.start.elapsed().as_secs_f64();
        self.is_over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        eprintln!("{rate:.0} joins/s; {got} of {of} victims {what}, the slowest after {slowest:?}");
        assert_eq!(got, of, "victims {what}");
    }
}

fn join_and_vanish(address: SocketAddr, room: &str) {
    let mut socket = dial(address);
    let join = text(r#"["got_a_new_user",{"name":"Guesser"}]"#);
    let write = text(r#"["updated_text",{"text":"x"}]"#);
    // It may be refused.
    let _ = socket.write_all(&[handshake(&format!("/ws?room={room}")), join, write].concat());
    let _ = socket.shutdown(Shutdown::Write);
    let _ = socket.read_to_end(&mut Vec::new());
}

/// The client and its seat, unless it is refused one.
fn try_join(address: SocketAddr, room: &str, session: Option<&str>) -> Option<Client> {
    let mut client = Client::try_open(dial(address), room)?;
    client.try_send("got_a_new_user", json!({ "name": "Ada", "session": session })).ok()?;
    while client.page.you.is_none() && client.page.errors.is_empty() {
        let message = client.try_next().ok().filter(|message| !message.is_close())?;
        client.take(message);
    }
    client.page.you.is_some().then_some(client)
}

fn start(options: &[&str]) -> Program {
    Program::start(server().args(options))
}

/// Has victims join one after the other, each for a moment. Returns how many got a seat, and the longest time that one
/// took.
fn victims_join(program: &Program, room: impl Fn(usize) -> String) -> (usize, Duration) {
    let (mut got, mut slowest) = (0, Duration::ZERO);
    for n in 0..VICTIMS {
        let start = Instant::now();
        if let Some(client) = try_join(program.address, &room(n), None) {
            got += 1;
            slowest = slowest.max(start.elapsed());
            client.leave();
        }
    }
    (got, slowest)
}

#[test]
fn of_all_rooms() {
    let program = start(&["--max-rooms", "1000", "--grace", "60"]);
    let attack = Attack::start(program.address, 5, |n| format!("attack-{n}"));
    attack.goes_on_for(1_100);
    let (got, slowest) = victims_join(&program, |n| format!("class-{n}"));
    attack.end("got a room", got, VICTIMS, slowest);
}

#[test]
fn of_the_seats_of_a_room() {
    let program = start(&["--max-users", "30", "--grace", "60"]);
    let attack = Attack::start(program.address, 1, |_| "class".to_owned());
    attack.goes_on_for(40);
    let (got, slowest) = victims_join(&program, |_| "class".to_owned());
    attack.end("got a seat", got, VICTIMS, slowest);
}

#[test]
fn of_all_seats() {
    let program = start(&["--max-clients", "100", "--grace", "60"]);
    let mut victims: Vec<Client> =
        (0..VICTIMS).filter_map(|n| try_join(program.address, &format!("class-{n}"), None)).collect();
    let attack = Attack::start(program.address, 20, |n| format!("attack-{}", n % 50));
    attack.goes_on_for(200);
    // The attack uses 20 of 100 clients, and the victims another 20.
    for victim in &mut victims {
        victim.write("half a sent");
        victim.catch_up();
    }
    let seats: Vec<_> = victims.into_iter().map(|victim| (victim.page.you, victim.page.session)).collect();
    attack.goes_on_for(300);
    let (mut kept, mut slowest) = (0, Duration::ZERO);
    for (n, (id, session)) in seats.into_iter().enumerate() {
        let start = Instant::now();
        let again = try_join(program.address, &format!("class-{n}"), session.as_deref());
        kept += usize::from(again.is_some_and(|victim| victim.page.you == id));
        slowest = slowest.max(start.elapsed());
    }
    attack.end("found their seats again", kept, VICTIMS, slowest);
}
