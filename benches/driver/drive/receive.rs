//! The input of the driver's clients: bytes, the frames in them, and their events.

use super::{Driver, MAX_EVENTS, READ_BUFFER, Stage, TIMEOUT};
use crate::driver::event::{self, Event};
use crate::driver::frame::{CLOSE, CONTINUATION, FIN, PING, PONG, TEXT, close_code, first_frame, frame};
use crate::driver::scenario::Scenario;
use crate::driver::wire::{self, Carrier, Message};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

impl Driver {
    pub(super) fn read_until(&mut self, due: u64) -> Result<(), String> {
        let due = self.start + Duration::from_nanos(due);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            self.turn(left)?;
            if left.is_zero() {
                return Ok(());
            }
        }
    }

    pub(super) fn until(&mut self, reached: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + TIMEOUT;
        while !reached(self) {
            self.turn(Duration::from_millis(100))?;
            if Instant::now() > deadline {
                return Err(self.ledger.missing());
            }
        }
        Ok(())
    }

    /// Waits for input, at most for `wait`, and reads it.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<(), String> {
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
        for ready in &events {
            let (n, flags) = (ready.data.u64() as usize, ready.flags);
            // No further event reports an end of the connection that came with the last bytes.
            let ended = flags.contains(epoll::EventFlags::RDHUP);
            while matches!(self.read(n)?, read if read == READ_BUFFER || ended && read > 0) {}
        }
        Ok(())
    }

    /// Reads the input of a client, at most one buffer. Returns the number of bytes.
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

    /// Handles the whole frames at the beginning of these bytes. Returns their size in bytes.
    fn take(&mut self, n: usize, bytes: &[u8], now: u64) -> Result<usize, String> {
        let mut used = 0;
        self.echo.bytes.clear();
        self.echo.texts.clear();
        let mut frames = 0;
        let is_handshake = self.clients[n].stage == Stage::Handshake;
        if is_handshake {
            let Some(len) = wire::shake(bytes)? else { return Ok(0) };
            used = len;
            match self.job.scenario.carrier {
                // The floor sends nothing but what it has recorded, so nobody connects there.
                Carrier::SocketIo if self.job.replay.is_none() => self.clients[n].stage = Stage::Connecting,
                _ => self.enter(n)?,
            }
        }
        while let Some((first, payload, len)) = first_frame(&bytes[used..]) {
            used += len;
            frames += 1;
            if first == TEXT || first & !FIN == CONTINUATION {
                if let Some((_, payload)) = self.clients[n].fragments.add(first, payload) {
                    self.read_message(n, &payload, now)?;
                }
                continue;
            }
            match first ^ FIN {
                TEXT => self.read_message(n, payload, now)?,
                PING if self.job.replay.is_some() => {}
                PING => self.send(n, &frame(FIN | PONG, payload))?,
                CLOSE => {
                    return Err(format!("The server closed client {n} with {}.", close_code(payload)));
                }
                _ => return Err(format!("Client {n} got a frame of an unknown kind: {first:#x}.")),
            }
        }
        if !is_handshake && used == bytes.len() && frames == self.echo.texts.len() {
            self.echo.bytes.extend_from_slice(bytes);
        }
        Ok(used)
    }

    /// Handles a text message.
    fn read_message(&mut self, n: usize, message: &[u8], now: u64) -> Result<(), String> {
        let message = self.job.scenario.carrier.read(message)?;
        match (&self.clients[n].stage, message) {
            (Stage::Connecting, Message::Open) => self.send(n, &Carrier::connect()),
            (Stage::Connecting, Message::Connected) => self.enter(n),
            (Stage::Entering | Stage::Entered, Message::Event(json)) => {
                self.receive(n, &event::read(json)?, now)
            }
            (_, Message::Ping) if self.job.replay.is_some() => Ok(()),
            (_, Message::Ping) => self.send(n, &Carrier::pong()),
            (stage, _) => Err(format!("Client {n} got a message out of order; its stage is {stage:?}.")),
        }
    }

    /// Joins or watches.
    fn enter(&mut self, n: usize) -> Result<(), String> {
        self.clients[n].stage = Stage::Entering;
        let Scenario { carrier, hidden, .. } = self.job.scenario;
        let joins = self.job.scenario.joins(n);
        let name = format!("p{n}");
        let first = match self.sessions.get(n) {
            Some(session) if !session.is_empty() => carrier.return_to_seat(&name, session),
            _ if joins => carrier.join(&name),
            _ => carrier.watch(),
        };
        self.send(n, &first)?;
        let is_host = hidden && n == self.job.scenario.observer();
        if is_host { self.send(n, &carrier.host()) } else { Ok(()) }
    }

    fn receive(&mut self, n: usize, event: &Event<'_>, now: u64) -> Result<(), String> {
        if let Event::Snapshot(snapshot) = event
            && self.clients[n].stage == Stage::Entering
        {
            self.clients[n].stage = Stage::Entered;
            self.inside += 1;
            if n < self.job.scenario.typists {
                self.note_seat(n, snapshot, now)?;
            }
        }
        match self.ledger.receive(n, event, now) {
            // The floor sends the input of one client to all of them, so texts may be out of order or of another room.
            Err(_) if self.job.replay.is_some() => Ok(()),
            outcome => outcome.map(|text| self.echo.texts.extend(text)),
        }
    }

    /// Notes which seat a typist has. One who comes back has to have the same as before.
    fn note_seat(&mut self, n: usize, snapshot: &[u8], now: u64) -> Result<(), String> {
        let id = event::own_id(snapshot).ok_or("A typist was given no id.")?;
        if self.sessions[n].is_empty() {
            self.ledger.name(n, id);
        } else if self.ledger.ids[n] == id {
            self.ledger.completions.count(now);
        } else {
            return Err(format!("Client {n} came back to another seat."));
        }
        self.sessions[n] = event::session(snapshot).ok_or("A typist was given no session.")?.to_vec();
        Ok(())
    }

    fn end(&mut self, n: usize) -> Result<(), String> {
        if self.job.replay.is_none() {
            return Err(format!("The server ended client {n}'s connection."));
        }
        let client = &mut self.clients[n];
        self.over += usize::from(client.stage != Stage::Closed);
        client.stage = Stage::Closed;
        epoll::delete(&self.epoll, &client.socket).map_err(|error| error.to_string())
    }
}
