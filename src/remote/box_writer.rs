//! Keeps a box on a server up to date with a screen.

use crate::remote::connection::Connection;
use crate::remote::failure::{Ended, Failure};
use crate::remote::input::{Order, ScreenThread, Told};
use crate::remote::link::{Link, say};
use crate::remote::live::{Emptied, Live};
use crate::remote::messages::Snapshot;
use crate::remote::writer::Writer;
use crossbeam_channel::{Receiver, Select, TryRecvError};
use serde_json::json;
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// At the end of the input, a text that the server refuses is tried for this long.
const LAST_TEXT: Duration = Duration::from_secs(10);

/// A box on a server, and what it is to show.
pub(crate) struct BoxWriter {
    link: Link,
    live: Live,
    screen: ScreenThread,
    /// Whether the screen was asked for a text that it has not told yet.
    is_asked: bool,
    /// Whether the screen has told its last text.
    has_ended: bool,
    /// Disconnected once there is no more input.
    input_ended: Receiver<Infallible>,
    /// When that was noticed.
    ended_at: Option<Instant>,
    /// Whether the box stays after the end.
    keeps_open: bool,
}

impl BoxWriter {
    pub(crate) fn new(
        link: Link,
        snapshot: &Snapshot,
        screen: ScreenThread,
        input_ended: Receiver<Infallible>,
        keeps_open: bool,
    ) -> Self {
        let mut live = Live::new(Instant::now());
        live.welcome(snapshot);
        Self {
            link,
            live,
            screen,
            is_asked: false,
            has_ended: false,
            input_ended,
            ended_at: None,
            keeps_open,
        }
    }
}

impl Writer for BoxWriter {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    fn welcome(&mut self, snapshot: &Snapshot) {
        let emptied = self.live.welcome(snapshot);
        self.clear_screen(emptied);
    }

    fn drive(&mut self, connection: &mut Connection) -> Result<Result<(), Ended>, Failure> {
        loop {
            while let Some(message) = connection.next()? {
                let emptied = self.live.take(&message, Instant::now());
                self.clear_screen(emptied);
            }
            if self.live.awaits().is_some_and(|ping| connection.is_answered(ping)) {
                self.live.acknowledge();
            }
            let now = Instant::now();
            connection.keep_alive(now)?;
            self.take_text();
            if let Some(text) = self.live.next(now) {
                connection.send("updated_text", &json!({ "text": text }))?;
                self.live.sent(connection.ping()?, now);
            }
            if let Some(outcome) = self.outcome(now) {
                return Ok(outcome);
            }
            if !self.is_asked && !self.has_ended && self.live.wants_text(now) {
                self.order(Order::Tell);
                self.is_asked = true;
            }
            self.wait(connection, now);
        }
    }
}

impl BoxWriter {
    /// Waits until there is something to do.
    fn wait(&mut self, connection: &Connection, now: Instant) {
        let gives_up = !self.keeps_open && self.live.refusal().is_some();
        let give_up_at = self.ended_at.filter(|_| gives_up).map(|at| at + LAST_TEXT);
        let deadlines = [self.live.deadline(now), give_up_at].into_iter().flatten();
        let deadline = deadlines.fold(connection.deadline(), Instant::min);
        let mut select = Select::new();
        select.recv(connection.chunks());
        if self.is_asked {
            select.recv(&self.screen.told);
        }
        if self.ended_at.is_none() {
            select.recv(&self.input_ended);
        }
        select.recv(self.link.interrupts());
        let _ = select.ready_deadline(deadline);
        if self.input_ended.try_recv() == Err(TryRecvError::Disconnected) {
            self.ended_at.get_or_insert_with(Instant::now);
        }
        if self.link.interrupts().try_recv().is_ok() {
            self.keeps_open = false;
            self.ended_at.get_or_insert_with(Instant::now);
            self.order(Order::Finish);
        }
    }

    fn take_text(&mut self) {
        match self.screen.told.try_recv() {
            Ok(Told::Text(text)) => self.live.show(text),
            Ok(Told::End) => self.has_ended = true,
            Err(_) => return,
        }
        self.is_asked = false;
    }

    /// How it ends, if it does now.
    fn outcome(&self, now: Instant) -> Option<Result<(), Ended>> {
        let ended_at = self.ended_at.filter(|_| !self.keeps_open)?;
        if self.has_ended && self.live.is_done() {
            return Some(Ok(()));
        }
        let refusal = self.live.refusal().filter(|_| now >= ended_at + LAST_TEXT)?;
        Some(Err(Ended::Refused(format!("The last lines were not shown. {refusal}"))))
    }

    fn clear_screen(&self, emptied: Option<Emptied>) {
        if emptied.is_some() {
            self.order(Order::Clear);
            say("A host has emptied the box.");
        }
    }

    fn order(&self, order: Order) {
        // The screen takes orders as long as this exists.
        let _ = self.screen.orders.send(order);
    }
}
