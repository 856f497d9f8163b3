//! Posts the lines of an input.

use crate::remote::connection::Connection;
use crate::remote::failure::{Ended, Failure};
use crate::remote::input::Input;
use crate::remote::link::{Link, say};
use crate::remote::messages::Snapshot;
use crate::remote::posting::Posting;
use crate::remote::writer::Writer;
use crossbeam_channel::{Select, TryRecvError};
use serde_json::json;
use std::time::{Duration, Instant};

/// The log of a room, and what it is to get.
pub(crate) struct LineWriter {
    link: Link,
    posting: Posting,
    input: Input,
    /// Whether the user stays after the end of the input.
    keeps_open: bool,
    is_stopped: bool,
}

impl LineWriter {
    pub(crate) fn new(
        link: Link,
        snapshot: &Snapshot,
        input: Input,
        retry: Option<Duration>,
        keeps_open: bool,
    ) -> Self {
        let posting = Posting::new(snapshot, retry, Instant::now());
        Self { link, posting, input, keeps_open, is_stopped: false }
    }
}

impl Writer for LineWriter {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn welcome(&mut self, snapshot: &Snapshot) {
        self.posting.welcome(snapshot);
    }

    fn drive(&mut self, connection: &mut Connection) -> Result<Result<(), Ended>, Failure> {
        loop {
            while let Some(message) = connection.next()? {
                if let Some(notice) = self.posting.take(&message, Instant::now()) {
                    say(&notice);
                }
            }
            let now = Instant::now();
            connection.keep_alive(now)?;
            if let Some(line) = self.posting.next(now) {
                connection.send("message", &json!({ "text": line.text, "ref": line.reference }))?;
                self.posting.sent();
            }
            if let Some(outcome) = self.outcome(now) {
                return Ok(outcome);
            }
            self.wait(connection, now);
        }
    }
}

impl LineWriter {
    /// Waits until there is something to do, and takes input if there is a place for it.
    fn wait(&mut self, connection: &Connection, now: Instant) {
        let deadline =
            self.posting.deadline(now).map_or(connection.deadline(), |at| at.min(connection.deadline()));
        let mut select = Select::new();
        select.recv(connection.chunks());
        select.recv(self.link.interrupts());
        if self.posting.wants_input() {
            select.recv(&self.input.chunks);
        }
        let _ = select.ready_deadline(deadline);
        if self.posting.wants_input() {
            match self.input.chunks.try_recv() {
                Ok(chunk) => self.posting.read(&chunk),
                Err(TryRecvError::Disconnected) => self.posting.end(Instant::now()),
                Err(TryRecvError::Empty) => {}
            }
        }
        self.is_stopped |= self.link.interrupts().try_recv().is_ok();
    }

    /// How it ends, if it does now.
    fn outcome(&self, now: Instant) -> Option<Result<(), Ended>> {
        let (waiting, refused) = (self.posting.waiting(), self.posting.refused());
        if let Some(why) = self.posting.given_up(now) {
            let count = lines(waiting + refused.count);
            return Some(Err(Ended::Refused(format!("Gave up; not posted: {count}. {why}"))));
        }
        let is_done = self.posting.is_done() && !self.keeps_open;
        match (is_done || self.is_stopped, waiting + refused.count) {
            (false, _) => None,
            (true, 0) => Some(Ok(())),
            (true, count) if waiting > 0 => {
                Some(Err(Ended::Refused(format!("Stopped; not posted: {}.", lines(count)))))
            }
            (true, count) => {
                Some(Err(Ended::Refused(format!("Not posted: {}. {}", lines(count), refused.message))))
            }
        }
    }
}

fn lines(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{count} lines") }
}
