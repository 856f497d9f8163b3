//! `typewall write`: standard input in a box, or in the log line by line.

use crate::remote::address::Address;
use crate::remote::box_writer::BoxWriter;
use crate::remote::entry::{Role, Secret, Visit};
use crate::remote::failure::Ended;
use crate::remote::input::{Input, ScreenThread};
use crate::remote::line_writer::LineWriter;
use crate::remote::link::{Link, say};
use crate::remote::screen::Screen;
use crate::remote::tls::Tls;
use crate::remote::writer::run;
use crate::room::session::Session;
use crossbeam_channel::Receiver;
use std::io::Read;
use std::time::Duration;

/// The server to use, and how to get in.
#[derive(Debug)]
pub struct Destination {
    /// The room.
    pub address: Address,
    /// How to encrypt, if the address needs it.
    pub tls: Option<Tls>,
    /// The passphrase of the server.
    pub passphrase: Option<String>,
    /// The key that makes a host.
    pub host_key: Option<String>,
    /// For how long to try to come back, and to have a line stored, if that is limited.
    pub retry: Option<Duration>,
}

/// What `typewall write` is to do.
#[derive(Debug)]
pub struct WriteOptions {
    /// The name of the user.
    pub name: String,
    /// Lines of the box.
    pub lines: usize,
    /// Whether lines are posted, instead of written in the box.
    pub posts: bool,
    /// Whether the box stays after the end of the input.
    pub keeps_open: bool,
}

impl Destination {
    pub(crate) fn visit(self, role: Role) -> Visit {
        let Self { address, tls, passphrase, host_key, .. } = self;
        let [passphrase, host_key] = [passphrase, host_key].map(|secret| secret.map(Secret::new));
        Visit { address, tls, passphrase, host_key, role }
    }
}

/// Shows an input in a box, or posts it, until it ends or something comes from `interrupts`.
pub fn write(
    to: Destination,
    options: &WriteOptions,
    input: impl Read + Send + 'static,
    interrupts: Receiver<()>,
) -> Result<(), Ended> {
    let role = Role::User { name: options.name.clone(), session: Session::random().to_hex() };
    let retry = to.retry;
    let mut link = Link::new(to.visit(role), retry, interrupts);
    // Before the input is read, so that a program whose output nobody takes is told so.
    let (connection, snapshot) = link.connect()?;
    if let Some(name) = snapshot.name.as_ref().filter(|name| **name != options.name) {
        say(&format!("The name in the room is {name}."));
    }
    let cannot_start = |error| Ended::Lost(format!("Cannot start a thread: {error}."));
    let input = Input::read(input).map_err(cannot_start)?;
    link.watch_input(input.ended.clone());
    if options.posts {
        return run(LineWriter::new(link, &snapshot, input, retry, options.keeps_open), connection);
    }
    let screen = Screen::new(options.lines, snapshot.limits.text.max(1));
    let screen = ScreenThread::start(input.chunks, screen).map_err(cannot_start)?;
    run(BoxWriter::new(link, &snapshot, screen, input.ended, options.keeps_open), connection)
}
