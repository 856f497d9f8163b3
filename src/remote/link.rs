//! The link to a room: connects, and connects again when the connection is lost.

use crate::remote::connection::Connection;
use crate::remote::entry::{Entered, Visit};
use crate::remote::failure::{Ended, Failure};
use crate::remote::messages::Snapshot;
use crate::remote::retries::Retries;
use crate::store::export::visible;
use crossbeam_channel::{Receiver, TryRecvError, bounded};
use std::convert::Infallible;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

/// An attempt takes no longer: to find the IP address, to connect and to enter, each bounded by itself.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(90);

/// A link.
#[derive(Debug)]
pub(crate) struct Link {
    visit: Visit,
    retries: Retries,
    /// Disconnected once there is no more input. `None` for a command without input.
    input_ended: Option<Receiver<Infallible>>,
    /// Anything that comes here, such as Ctrl-C, ends attempts.
    interrupts: Receiver<()>,
    /// Why there is no connection any more. `None` before the first one.
    lost: Option<String>,
}

/// Tells the person who started the command. What a server says is shown, but moves no cursor and begins no line.
pub fn say(message: &str) {
    // If standard error is closed, there is nowhere else to write.
    let _ = writeln!(io::stderr(), "typewall: {}", visible(message));
}

impl Link {
    pub(crate) fn new(visit: Visit, retry: Option<Duration>, interrupts: Receiver<()>) -> Self {
        let retries = Retries::new(retry, Instant::now());
        Self { visit, retries, input_ended: None, interrupts, lost: None }
    }

    /// Once this is disconnected, there is no more input, and lost connections are given up sooner.
    pub(crate) fn watch_input(&mut self, ended: Receiver<Infallible>) {
        self.input_ended = Some(ended);
    }

    /// The last visit, with the tokens that the server gave.
    pub(crate) fn visit(&self) -> &Visit {
        &self.visit
    }

    /// What interrupts the command.
    pub(crate) fn interrupts(&self) -> &Receiver<()> {
        &self.interrupts
    }

    /// Connects and enters. The first attempt has to succeed; later ones are repeated for as long as that is allowed.
    pub(crate) fn connect(&mut self) -> Result<(Connection, Box<Snapshot>), Ended> {
        loop {
            self.wait()?;
            match self.attempt()? {
                Ok(Entered { connection, snapshot, visit }) => {
                    self.visit = visit;
                    self.retries.connect(Instant::now());
                    if self.lost.is_some() {
                        say("Connected again.");
                    }
                    return Ok((connection, snapshot));
                }
                Err(failure) if self.lost.is_none() || failure.is_final() => return Err(failure.into()),
                Err(failure) => {
                    self.retries.fail();
                    self.lost = Some(failure.message().to_owned());
                }
            }
        }
    }

    /// The connection has ended. Returns an error if it is not to be tried again.
    pub(crate) fn lose(&mut self, failure: Failure) -> Result<(), Ended> {
        if failure.is_final() {
            return Err(failure.into());
        }
        say(&format!("{} Trying to connect again.", failure.message()));
        self.retries.lose(Instant::now());
        self.lost = Some(failure.message().to_owned());
        Ok(())
    }

    /// Waits before an attempt to come back.
    fn wait(&mut self) -> Result<(), Ended> {
        let Some(lost) = &self.lost else { return Ok(()) };
        let ended = self.input_ended.as_ref();
        let has_ended = ended.is_some_and(|input| input.try_recv() == Err(TryRecvError::Disconnected));
        let Some(wait) = self.retries.wait(has_ended, random(), Instant::now()) else {
            return Err(Ended::Lost(format!("{lost} Gave up.")));
        };
        match self.interrupts.recv_timeout(wait) {
            Ok(()) => Err(interrupted()),
            Err(_) => Ok(()),
        }
    }

    /// One attempt, on a thread of its own, because nothing else interrupts the look-up of a name.
    fn attempt(&self) -> Result<Result<Entered, Failure>, Ended> {
        let (answer, answers) = bounded(1);
        let visit = self.visit.clone();
        let attempt = move || _ = answer.send(visit.enter());
        let thread = thread::Builder::new().name("connect".to_owned()).spawn(attempt);
        thread.map_err(|error| Ended::Lost(format!("Cannot start a thread: {error}.")))?;
        crossbeam_channel::select! {
            recv(answers) -> answer => Ok(answer.unwrap_or_else(|_| Err(Failure::silent()))),
            recv(self.interrupts) -> _ => Err(interrupted()),
            default(ATTEMPT_TIMEOUT) => Ok(Err(Failure::silent())),
        }
    }
}

fn interrupted() -> Ended {
    Ended::Lost("Stopped before the connection was back.".to_owned())
}

/// Spreads attempts, and is no secret.
fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers, every wait is half as long as it may be.
    getrandom::fill(&mut bytes).map_or(u32::MAX / 2, |()| u32::from_le_bytes(bytes))
}
