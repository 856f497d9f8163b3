//! The driver: all clients of a scenario, on one thread with one epoll. It runs in its own process on its own core, and
//! reports how busy that core was. This file contains the phases of a job; `receive` reads what the clients receive,
//! `reveal` shows hidden texts, and `reconnect` breaks all connections.

mod receive;
mod reconnect;
mod reveal;

use crate::driver::flood;
use crate::driver::frame::Fragments;
use crate::driver::histogram::Histogram;
use crate::driver::job::{Job, Outcome, Waits};
use crate::driver::ledger::Ledger;
use crate::driver::meters::{Meters, Reading, Usage};
use crate::driver::process;
use crate::driver::recording::Recorder;
use crate::driver::scenario::{SECOND, Scenario};
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use std::io::Write;
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Maximum number of connections without a snapshot. It is smaller than the server's queue of connections to accept.
const MAX_ENTERING: usize = 1_000;

/// Connections opened before the driver looks for input again.
const DIALS: usize = 16;

/// Maximum number of sockets that one wait reports.
const MAX_EVENTS: usize = 128;

/// Maximum number of bytes in one read.
const READ_BUFFER: usize = 256 * 1024;

/// How long each phase may wait: for all clients to join, and for all texts to arrive.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between the end of the preparations and the first update.
const LEAD: Duration = Duration::from_millis(200);

/// The state of a client.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Its handshake has no response yet.
    Handshake,
    /// It may not send events yet, because Socket.IO has not connected it.
    Connecting,
    /// It has no snapshot yet.
    Entering,
    /// It has its snapshot.
    Entered,
    /// The other end has closed its connection.
    Closed,
}

#[derive(Debug)]
struct Client {
    socket: TcpStream,
    stage: Stage,
    /// The beginning of a frame.
    partial: Vec<u8>,
    fragments: Fragments,
}

/// The last input of a client, and the texts in it, if it consists of whole texts only. Most other clients get the same
/// bytes. Parsing them once reduces the time of the driver to a fifth.
#[derive(Debug, Default)]
struct Echo {
    bytes: Vec<u8>,
    texts: Vec<(usize, u32)>,
}

struct Driver {
    job: Job,
    epoll: OwnedFd,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    ledger: Ledger,
    meters: Meters,
    /// By typist: the secret with which it takes its seat again.
    sessions: Vec<Vec<u8>>,
    /// How many nodes further the clients are than at first.
    moved: usize,
    /// The input that was read last.
    echo: Echo,
    recorder: Recorder,
    /// When the first period of the typing begins.
    start: Instant,
    inside: usize,
    over: usize,
    /// Time spent waiting for input.
    idle: Duration,
    bytes: u64,
    reads: u64,
}

/// Runs a job.
pub(crate) fn drive(job: Job) -> Result<Outcome, String> {
    let replay = job.replay.clone();
    let mut driver = Driver::new(job)?;
    match replay {
        Some(ids) => driver.replay(ids),
        None => driver.measure(),
    }
}

impl Driver {
    fn new(job: Job) -> Result<Self, String> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| error.to_string())?;
        Ok(Self {
            epoll,
            clients: Vec::new(),
            buffer: vec![0; READ_BUFFER],
            ledger: Ledger::new(&job.scenario),
            meters: Meters::open(&job.processes, job.redis.as_deref())?,
            sessions: vec![Vec::new(); job.scenario.typists],
            moved: 0,
            echo: Echo::default(),
            recorder: Recorder::new(&job.scenario),
            start: Instant::now(),
            inside: 0,
            over: 0,
            idle: Duration::ZERO,
            bytes: 0,
            reads: 0,
            job,
        })
    }

    fn measure(&mut self) -> Result<Outcome, String> {
        let begun = Instant::now();
        self.join()?;
        let joined_s = begun.elapsed().as_secs_f64();
        self.until(|driver| driver.ledger.all_met())?;
        let met_s = begun.elapsed().as_secs_f64();
        if self.job.scenario.hidden {
            self.hide()?;
        }
        let number = if self.job.scenario.is_typed_before() { self.ledger.schedule.last } else { 0 };
        for typist in 0..self.job.scenario.typists {
            let frame = self.job.scenario.carrier.whole(self.ledger.typed(typist, number).1);
            self.send(typist, &frame)?;
        }
        self.until(|driver| driver.ledger.all_begun())?;
        let Scenario { shown, reconnects, .. } = self.job.scenario;
        let outcome = match (shown, reconnects) {
            (true, _) => self.show()?,
            (_, true) => self.reconnect()?,
            _ => self.type_all()?,
        };
        let resident = self.job.processes.first().map_or(Ok(0), |&server| process::resident(server))?;
        self.wake_stalled()?;
        self.recorder.save(&self.job.recording)?;
        Ok(Outcome { joined_s, met_s, resident, batches: self.recorder.batches(), ..outcome })
    }

    /// Reads what the floor sends until the floor closes all connections.
    fn replay(&mut self, ids: Vec<Vec<u8>>) -> Result<Outcome, String> {
        ids.iter().enumerate().for_each(|(typist, id)| self.ledger.name(typist, id));
        while self.clients.len() < self.job.scenario.clients {
            self.dial()?;
        }
        self.until(|driver| driver.over == driver.clients.len())?;
        Ok(self.outcome(Usage::default()))
    }

    /// Connects all clients, as fast as the server admits them.
    fn join(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + TIMEOUT;
        while self.inside < self.job.scenario.clients {
            for _ in 0..DIALS {
                let all = self.clients.len() == self.job.scenario.clients;
                if !all && self.clients.len() - self.inside < MAX_ENTERING {
                    self.dial()?;
                }
            }
            let full = self.clients.len() - self.inside >= MAX_ENTERING
                || self.clients.len() == self.job.scenario.clients;
            self.turn(if full { Duration::from_millis(100) } else { Duration::ZERO })?;
            if Instant::now() > deadline {
                return Err(format!("Only {} joined within {TIMEOUT:?}.", self.inside));
            }
        }
        Ok(())
    }

    /// Connects one more client and sends its handshake.
    fn dial(&mut self) -> Result<(), String> {
        let nodes = self.job.addresses.len();
        let node = (self.job.scenario.node(self.clients.len()) + self.moved) % nodes;
        // The queue of the listener has space, so this does not wait.
        let socket = TcpStream::connect(self.job.addresses[node]).and_then(|socket| {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| format!("The server cannot be reached: {error}."))?;
        let client = self.clients.len();
        self.clients.push(Client {
            socket,
            stage: Stage::Handshake,
            partial: Vec::new(),
            fragments: Fragments::default(),
        });
        self.listen_to(client)?;
        let scenario = &self.job.scenario;
        self.send(client, &scenario.carrier.handshake(scenario.room(client), scenario.splice))
    }

    fn listen_to(&self, client: usize) -> Result<(), String> {
        let data = epoll::EventData::new_u64(client as u64);
        // Edge-triggered: the system reports new input once, so a read that empties the socket needs no second read.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &self.clients[client].socket, data, flags).map_err(|error| error.to_string())
    }

    /// Sends all updates when they are due, and reads until all clients have all of them.
    fn type_all(&mut self) -> Result<Outcome, String> {
        for client in (0..self.clients.len()).filter(|&client| self.job.scenario.stalls(client)) {
            epoll::delete(&self.epoll, &self.clients[client].socket).map_err(|error| error.to_string())?;
        }
        let floods = flood::start(self.job.addresses[0], &self.job.scenario);
        let floods = floods.map_err(|error| format!("The flood does not start: {error}."))?;
        self.start = Instant::now() + LEAD;
        let mut before = None;
        for n in 0.. {
            let update = self.ledger.schedule.update(n);
            let due = update.map(|(typist, number)| self.ledger.schedule.due(typist, number));
            if before.is_none() && due.is_none_or(|due| due >= self.ledger.schedule.measured_from) {
                self.read_until(self.ledger.schedule.measured_from)?;
                before = Some(self.meters.read()?);
                (self.bytes, self.reads, self.idle) = (0, 0, Duration::ZERO);
                self.recorder.start(self.now());
            }
            let (Some((typist, number)), Some(due)) = (update, due) else { break };
            self.read_until(due)?;
            self.type_one(typist, number)?;
        }
        self.read_until(self.ledger.schedule.end)?;
        self.until(|driver| driver.ledger.all_ended(false))?;
        if floods.iter().any(JoinHandle::is_finished) {
            return Err("The server has closed the connection of the flood.".to_owned());
        }
        self.complete(&before.ok_or("Nothing was measured.")?)
    }

    /// The outcome, if everything was conveyed. `before` was read before the measurement.
    fn complete(&mut self, before: &Reading) -> Result<Outcome, String> {
        let usage = self.meters.read()?.since(before);
        let outcome = self.outcome(usage);
        match outcome.conveyed == self.ledger.expected() {
            true => Ok(outcome),
            false => Err(format!("{} were conveyed, not {}.", outcome.conveyed, self.ledger.expected())),
        }
    }

    fn type_one(&mut self, typist: usize, number: u32) -> Result<(), String> {
        let (edit, text) = self.ledger.typed(typist, number);
        let Scenario { carrier, splice, .. } = self.job.scenario;
        let frame = if splice { carrier.splice(&edit, text.len()) } else { carrier.whole(text) };
        self.send(typist, &frame)
    }

    /// The stalled clients read what they missed. They must end with the same texts as all others.
    fn wake_stalled(&mut self) -> Result<(), String> {
        for client in (0..self.clients.len()).filter(|&client| self.job.scenario.stalls(client)) {
            self.listen_to(client)?;
        }
        self.until(|driver| driver.ledger.all_ended(true))
    }

    fn outcome(&self, usage: Usage) -> Outcome {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        let of_node = |waits: &Histogram| Waits {
            p50_ms: millis(waits.quantile(0.5)),
            p99_ms: millis(waits.quantile(0.99)),
        };
        let Ledger { schedule, waits, observed, by_node, completions, .. } = &self.ledger;
        let now = self.now();
        let measured_s = now.saturating_sub(schedule.measured_from) as f64 / SECOND as f64;
        Outcome {
            joined_s: 0.0,
            met_s: 0.0,
            measured_s,
            conveyed: waits.total(),
            p50_ms: millis(waits.quantile(0.5)),
            p99_ms: millis(waits.quantile(0.99)),
            max_ms: millis(waits.max()),
            one_p50_ms: millis(observed.quantile(0.5)),
            one_p99_ms: millis(observed.quantile(0.99)),
            complete_p50_ms: millis(completions.quantile(0.5)),
            behind_ms: millis(now.saturating_sub(schedule.end)),
            by_node: by_node.iter().map(of_node).collect(),
            cpu: usage.cpu,
            traffic: usage.traffic,
            driver_busy: 1.0 - self.idle.as_secs_f64() / measured_s,
            resident: 0,
            bytes: self.bytes,
            reads: self.reads,
            batches: 0,
            ids: self.ledger.ids.clone(),
        }
    }

    /// Nanoseconds since the start.
    fn now(&self) -> u64 {
        Instant::now().saturating_duration_since(self.start).as_nanos() as u64
    }

    fn send(&mut self, n: usize, bytes: &[u8]) -> Result<(), String> {
        match self.clients[n].socket.write(bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err(format!("The server does not read what client {n} sends.")),
            Err(error) => Err(format!("The server does not read what client {n} sends: {error}.")),
        }
    }
}
