//! How hubs share the cores: `cargo bench --bench hubs`. It measures ten rooms of a hundred clients, in which somebody
//! always types, on one hub and on two.
//!
//! All output goes to `/dev/null`, because readers on loopback would use the cores that this bench measures. The bench
//! `crowd` measures the cost of sockets.

use crossbeam_channel::{Receiver, Sender, bounded};
use nix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};
use typewall::internals::{
    Action, Address, ClientId, Encoding, Event, FromClient, Hub, Name, NewClient, Session, Shard, TextChange,
    Transport,
};
use typewall::{HostOptions, Limits, RoomName};

const ROOMS: u64 = 10;
const CLIENTS: u64 = 100;

/// Clients in a room that type.
const TYPISTS: u64 = 10;

/// Length of a measurement, and number of measurements.
const MEASURED: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Events that wait for a hub: so few that the hub spends its time on sending.
const QUEUE: usize = 8;

/// A transport to `/dev/null` that counts sends.
#[derive(Debug, Clone)]
struct Nowhere {
    null: Arc<File>,
    sends: Arc<AtomicU64>,
}

impl Nowhere {
    fn open() -> io::Result<Self> {
        let null = File::options().write(true).open("/dev/null")?;
        Ok(Self { null: Arc::new(null), sends: Arc::default() })
    }
}

impl Transport for Nowhere {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.sends.fetch_add(1, Ordering::Relaxed);
        (&*self.null).write_vectored(pieces)
    }

    fn shutdown(&self, _: Shutdown) {}
}

fn main() -> io::Result<()> {
    let cores = thread::available_parallelism()?.get();
    // `cargo test --benches` only checks that the bench runs.
    let (measured, rounds) = if env::args().any(|argument| argument == "--bench") {
        (MEASURED, ROUNDS)
    } else {
        (Duration::ZERO, 1)
    };
    let mut lines = format!("On {cores} cores:\n| hubs | sends a second | cores |\n| --: | --: | --: |\n");
    for hubs in (0..rounds).flat_map(|_| [1, 2]) {
        let (sends, used) = measure(hubs, measured)?;
        lines += &format!("| {hubs} | {sends:.0} | {used:.2} |\n");
    }
    io::stdout().write_all(lines.as_bytes())
}

/// Measures the sends per second, and the number of cores that they use.
fn measure(hubs: usize, measured: Duration) -> io::Result<(f64, f64)> {
    // Each hub has its own counter, because a shared one would be the bottleneck.
    let sinks: Vec<Nowhere> = (0..hubs).map(|_| Nowhere::open()).collect::<io::Result<_>>()?;
    let sends = || sinks.iter().map(|transport| transport.sends.load(Ordering::Relaxed)).sum::<u64>();
    let stop = Arc::new(AtomicBool::new(false));
    let (ready, all_ready) = bounded(hubs);
    let threads: Vec<_> = (0..)
        .zip(Shard::split(hubs))
        .zip(sinks.clone())
        .flat_map(|((number, part), transport)| {
            let (events, queue): (_, Receiver<Event<Nowhere>>) = bounded(QUEUE);
            let (stop, ready) = (stop.clone(), ready.clone());
            let rooms = (0..ROOMS).filter(move |room| room % hubs as u64 == number).collect();
            let hub = thread::spawn(move || {
                Hub::new(Limits::DEFAULT, None, HostOptions::default(), None, part).run(&queue)
            });
            [hub, thread::spawn(move || type_in(rooms, &transport, &events, &ready, &stop))]
        })
        .collect();
    drop(ready);
    (0..hubs).for_each(|_| all_ready.recv().expect("all clients join"));
    let (start, cpu_before, sent_before) = (Instant::now(), cpu()?, sends());
    thread::sleep(measured);
    let seconds = start.elapsed().as_secs_f64();
    let sent = sends() - sent_before;
    let used = (cpu()? - cpu_before).as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    Ok((sent as f64 / seconds, used / seconds))
}

/// Fills rooms, and types in one after the other until `stop` is set.
fn type_in(
    rooms: Vec<u64>,
    transport: &Nowhere,
    events: &Sender<Event<Nowhere>>,
    ready: &Sender<()>,
    stop: &AtomicBool,
) {
    let send = |event| events.send(event).expect("the hub runs until it is told to stop");
    let client = |room: u64, n: u64| ClientId(1 + room * CLIENTS + n);
    for (room, n) in rooms.iter().flat_map(|&room| (0..CLIENTS).map(move |n| (room, n))) {
        let (client, name) = (client(room, n), Name::parse(&format!("p{n}"), 40).expect("it is short"));
        let room = RoomName::parse(&format!("room {room}")).expect("it is short");
        send(Event::Connected(NewClient {
            id: client,
            address: Address::of(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            room,
            encoding: Encoding::PLAIN_WHOLE,
            transport: transport.clone(),
            handshake: Vec::new(),
            admitted: false,
        }));
        send(Event::from_client(
            client,
            FromClient::Acted(Action::Join { name, session: Session::random() }),
        ));
    }
    ready.send(()).expect("the measuring thread waits for it");
    for n in 0.. {
        for &room in &rooms {
            let text = format!("{n} {}", "x".repeat(200));
            let write = Action::Write(TextChange::Whole(text.into()));
            send(Event::from_client(client(room, n % TYPISTS), FromClient::Acted(write)));
        }
        if stop.load(Ordering::Relaxed) {
            return; // dropping the last sender ends the hub
        }
    }
}

/// CPU time of all threads of this process.
fn cpu() -> io::Result<Duration> {
    Ok(Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?))
}
