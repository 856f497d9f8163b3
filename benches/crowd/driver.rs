//! The other end of every connection: one thread, one epoll, thousands of clients. It runs in a process of its
//! own, on a core of its own, and reports how much of that it needed.

use crate::flood;
use crate::job::{Job, Outcome};
use crate::ledger::Ledger;
use crate::process;
use crate::recording::Recorder;
use crate::scenario::SECOND;
use crate::wire::{self, Heard};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Connections that have not got their snapshot yet, at most: below what may wait to be accepted.
const MAX_ENTERING: usize = 1_000;

/// Connections begun between two looks at those that are there.
const DIALS: usize = 16;

/// Sockets looked at between two looks at the clock.
const MAX_EVENTS: usize = 128;

/// Bytes read at once.
const READ_BUFFER: usize = 256 * 1024;

/// How long joining may take, and the last text to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after everything is ready the typing starts.
const LEAD: Duration = Duration::from_millis(200);

/// How far a client is.
#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Its handshake is not answered yet.
    Shaking,
    /// It has no snapshot yet.
    Entering,
    /// It sees the room.
    In,
    /// The server, or the floor, has ended it.
    Over,
}

#[derive(Debug)]
struct Client {
    socket: TcpStream,
    stage: Stage,
    /// The beginning of a frame.
    partial: Vec<u8>,
}

/// Bytes that one client got, and the whole texts in them if they are nothing else. Most others get the same, and to
/// look at them once leaves the driver a fifth of its time.
#[derive(Debug, Default)]
struct Echo {
    bytes: Vec<u8>,
    texts: Vec<(usize, u32)>,
}

#[derive(Debug)]
struct Driver {
    job: Job,
    epoll: OwnedFd,
    clients: Vec<Client>,
    buffer: Vec<u8>,
    ledger: Ledger,
    /// What was read last.
    echo: Echo,
    recorder: Recorder,
    /// When the first period of the typing begins.
    start: Instant,
    inside: usize,
    over: usize,
    /// How long there was nothing to read.
    idle: Duration,
    bytes: u64,
    reads: u64,
}

/// Does a job.
pub fn drive(job: Job) -> Result<Outcome, String> {
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
        for typist in 0..self.job.scenario.typists {
            self.send(typist, &wire::whole(self.ledger.typed(typist, 0).1))?;
        }
        self.until(|driver| driver.ledger.all_begun())?;
        let outcome = self.type_all()?;
        let resident = process::resident(self.job.server)?;
        self.wake_stalled()?;
        self.recorder.save(&self.job.recording)?;
        Ok(Outcome { joined_s, met_s, resident, batches: self.recorder.batches(), ..outcome })
    }

    /// Reads what the floor sends until it ends; nothing but the driver's own cost matters then.
    fn replay(&mut self, ids: Vec<Vec<u8>>) -> Result<Outcome, String> {
        ids.iter().enumerate().for_each(|(typist, id)| self.ledger.name(typist, id));
        while self.clients.len() < self.job.scenario.clients {
            self.dial()?;
        }
        self.until(|driver| driver.over == driver.clients.len())?;
        Ok(self.outcome(0))
    }

    /// Connects everyone, as fast as the server lets them in.
    fn join(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
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
                return Err(format!("Only {} joined within {PATIENCE:?}.", self.inside));
            }
        }
        Ok(())
    }

    /// Connects one more, and asks for a WebSocket.
    fn dial(&mut self) -> Result<(), String> {
        // The queue of a listener on this machine has room, so this does not wait.
        let socket = TcpStream::connect(self.job.address).and_then(|socket| {
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| format!("The server cannot be reached: {error}."))?;
        let client = self.clients.len();
        self.clients.push(Client { socket, stage: Stage::Shaking, partial: Vec::new() });
        self.listen_to(client)?;
        let scenario = &self.job.scenario;
        self.send(client, &wire::handshake(scenario.room(client), scenario.splice))
    }

    fn listen_to(&self, client: usize) -> Result<(), String> {
        let data = epoll::EventData::new_u64(client as u64);
        // Each arrival is told of once, without asking the system again whether all was read.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        epoll::add(&self.epoll, &self.clients[client].socket, data, flags).map_err(|error| error.to_string())
    }

    /// Sends all updates when they are due, and reads until everyone has all of them.
    fn type_all(&mut self) -> Result<Outcome, String> {
        for client in (0..self.clients.len()).filter(|&client| self.job.scenario.stalls(client)) {
            epoll::delete(&self.epoll, &self.clients[client].socket).map_err(|error| error.to_string())?;
        }
        let flood =
            self.job.scenario.flooded.then(|| flood::start(self.job.address, self.job.scenario.splice));
        let flood = flood.transpose().map_err(|error| format!("Nobody can flood: {error}."))?;
        self.start = Instant::now() + LEAD;
        let mut before = None;
        for n in 0.. {
            let update = self.ledger.schedule.update(n);
            let due = update.map(|(typist, number)| self.ledger.schedule.due(typist, number));
            if before.is_none() && due.is_none_or(|due| due >= self.ledger.schedule.measured_from) {
                self.read_until(self.ledger.schedule.measured_from)?;
                before = Some(process::cpu(self.job.server)?);
                (self.bytes, self.reads, self.idle) = (0, 0, Duration::ZERO);
                self.recorder.start(self.now());
            }
            let (Some((typist, number)), Some(due)) = (update, due) else { break };
            self.read_until(due)?;
            self.type_one(typist, number)?;
        }
        self.read_until(self.ledger.schedule.end)?;
        self.until(|driver| driver.ledger.all_ended(false))?;
        if flood.is_some_and(|threads| threads.iter().any(JoinHandle::is_finished)) {
            return Err("The server has ended the flood.".to_owned());
        }
        let outcome = self.outcome(process::cpu(self.job.server)? - before.unwrap_or_default());
        match outcome.conveyed == self.ledger.expected() {
            true => Ok(outcome),
            false => Err(format!("{} were conveyed, not {}.", outcome.conveyed, self.ledger.expected())),
        }
    }

    fn type_one(&mut self, typist: usize, number: u32) -> Result<(), String> {
        let (edit, text) = self.ledger.typed(typist, number);
        let frame = match self.job.scenario.splice {
            true => wire::splice(&edit, text.len()),
            false => wire::whole(text),
        };
        self.send(typist, &frame)
    }

    /// Those who stalled read what they missed, and must end with what all others have.
    fn wake_stalled(&mut self) -> Result<(), String> {
        for client in (0..self.clients.len()).filter(|&client| self.job.scenario.stalls(client)) {
            self.listen_to(client)?;
        }
        self.until(|driver| driver.ledger.all_ended(true))
    }

    fn outcome(&self, server_cpu: u64) -> Outcome {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        let (schedule, waits) = (&self.ledger.schedule, &self.ledger.waits);
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
            behind_ms: millis(now.saturating_sub(schedule.end)),
            server_cpu,
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

    fn read_until(&mut self, due: u64) -> Result<(), String> {
        let due = self.start + Duration::from_nanos(due);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            self.turn(left)?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    fn until(&mut self, reached: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self) {
            self.turn(Duration::from_millis(100))?;
            if Instant::now() > deadline {
                return Err(self.ledger.missing());
            }
        }
        Ok(())
    }

    /// Waits at most so long for something to read, and reads it.
    fn turn(&mut self, wait: Duration) -> Result<(), String> {
        let begun = Instant::now();
        let wait = if self.job.spin { Duration::ZERO } else { wait };
        let wait = Timespec::try_from(wait).map_err(|error| error.to_string())?;
        let mut events = Vec::with_capacity(MAX_EVENTS);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
        if events.is_empty() || !self.job.spin {
            self.idle += begun.elapsed();
        }
        for event in &events {
            let (n, flags) = (event.data.u64() as usize, event.flags);
            // Nothing else tells of an end that came together with the last bytes.
            let ended = flags.contains(epoll::EventFlags::RDHUP);
            while matches!(self.read(n)?, read if read == READ_BUFFER || ended && read > 0) {}
        }
        Ok(())
    }

    /// Reads what there is for a client, up to the size of the buffer; returns how much it was.
    fn read(&mut self, n: usize) -> Result<usize, String> {
        let client = &mut self.clients[n];
        let read = match client.socket.read(&mut self.buffer) {
            Ok(0) => return self.end(n).map(|()| 0),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(format!("Client {n} was cut off: {error}.")),
        };
        let now = Instant::now().saturating_duration_since(self.start).as_nanos() as u64;
        self.bytes += read as u64;
        self.reads += 1;
        let mut partial = std::mem::take(&mut client.partial);
        self.recorder.record(n, &self.buffer[..read], partial.is_empty(), now);
        if partial.is_empty() {
            if self.job.replay.is_none() && self.echo.bytes == self.buffer[..read] {
                let texts = &self.echo.texts;
                texts.iter().try_for_each(|&text| self.ledger.read_known(n, text, now))?;
                return Ok(read);
            }
            let buffer = std::mem::take(&mut self.buffer);
            let used = self.take(n, &buffer[..read], now);
            self.clients[n].partial.extend_from_slice(&buffer[used.clone().unwrap_or(0)..read]);
            self.buffer = buffer;
            return used.map(|_| read);
        }
        partial.extend_from_slice(&self.buffer[..read]);
        let used = self.take(n, &partial, now)?;
        if used < partial.len() {
            partial.drain(..used);
            self.clients[n].partial = partial;
        }
        Ok(read)
    }

    /// Takes the whole frames at the beginning of these bytes, and returns how many bytes they are.
    fn take(&mut self, n: usize, bytes: &[u8], now: u64) -> Result<usize, String> {
        let mut used = 0;
        self.echo.bytes.clear();
        self.echo.texts.clear();
        let mut frames = 0;
        let shakes = self.clients[n].stage == Stage::Shaking;
        if shakes {
            let Some(len) = wire::shake(bytes)? else { return Ok(0) };
            used = len;
            self.clients[n].stage = Stage::Entering;
            let asks = if self.job.scenario.joins(n) { wire::join(&format!("p{n}")) } else { wire::watch() };
            self.send(n, &asks)?;
        }
        while let Some((opcode, payload, len)) = wire::next_frame(&bytes[used..]) {
            used += len;
            frames += 1;
            match opcode {
                wire::TEXT => self.hear(n, &wire::hear(payload)?, now)?,
                wire::PING if self.job.replay.is_some() => {}
                wire::PING => self.send(n, &wire::frame(wire::PONG, payload))?,
                wire::CLOSE => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Err(format!("The server closed client {n} with {code:?}."));
                }
                _ => return Err(format!("Client {n} got a frame of an unknown kind: {opcode:#x}.")),
            }
        }
        if !shakes && used == bytes.len() && frames == self.echo.texts.len() {
            self.echo.bytes.extend_from_slice(bytes);
        }
        Ok(used)
    }

    fn hear(&mut self, n: usize, heard: &Heard<'_>, now: u64) -> Result<(), String> {
        if let Heard::Snapshot(snapshot) = heard
            && self.clients[n].stage == Stage::Entering
        {
            self.clients[n].stage = Stage::In;
            self.inside += 1;
            if n < self.job.scenario.typists {
                self.ledger.name(n, wire::own_id(snapshot).ok_or("A typist was given no id.")?);
            }
        }
        match self.ledger.hear(n, heard, now) {
            // Out of its room and its time: what was one client's goes to all of them.
            Err(_) if self.job.replay.is_some() => Ok(()),
            outcome => outcome.map(|text| self.echo.texts.extend(text)),
        }
    }

    fn end(&mut self, n: usize) -> Result<(), String> {
        if self.job.replay.is_none() {
            return Err(format!("The server ended client {n}'s connection."));
        }
        let client = &mut self.clients[n];
        self.over += usize::from(client.stage != Stage::Over);
        client.stage = Stage::Over;
        epoll::delete(&self.epoll, &client.socket).map_err(|error| error.to_string())
    }

    fn send(&mut self, n: usize, bytes: &[u8]) -> Result<(), String> {
        match self.clients[n].socket.write(bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err(format!("The server does not read what client {n} sends.")),
            Err(error) => Err(format!("The server does not read what client {n} sends: {error}.")),
        }
    }
}
