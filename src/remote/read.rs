//! `typewall read`: a room's posts, or its boxes, on standard output.

use crate::remote::boxes::Boxes;
use crate::remote::connection::{Connection, wait_for};
use crate::remote::entry::Role;
use crate::remote::failure::{Ended, Failure};
use crate::remote::link::{Link, say};
use crate::remote::messages::{ServerMessage, Snapshot};
use crate::remote::older::Older;
use crate::remote::printer::Printer;
use crate::remote::seen::{Seen, Since};
use crate::remote::write::Destination;
use crossbeam_channel::never;
use std::io::{self, ErrorKind, Write};
use std::time::Instant;

/// What `typewall read` is to do.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Whether to go on with what comes.
    pub follows: bool,
    /// From where on posts are printed.
    pub since: Since,
    /// Whether to print JSON, one object a line.
    pub is_json: bool,
    /// Whether to print the boxes instead of the posts.
    pub reads_boxes: bool,
}

/// Prints a room.
pub fn read(from: Destination, options: ReadOptions, to: impl Write) -> Result<(), Ended> {
    let retry = from.retry;
    let mut link = Link::new(from.visit(Role::Viewer), retry, never());
    let mut reader = Reader {
        options,
        seen: Seen::new(options.since),
        boxes: Boxes::default(),
        printer: Printer::new(to, options.is_json),
    };
    let printed = reader.run(&mut link);
    match printed {
        Err(Stop::Ended(ended)) => Err(ended),
        // Whoever reads has enough, as in `typewall read … | head`.
        Err(Stop::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Stop::Output(error)) => Err(Ended::Refused(format!("Cannot print: {error}."))),
        Ok(()) => Ok(()),
    }
}

/// Why reading stops.
enum Stop {
    Ended(Ended),
    Output(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

struct Reader<W: Write> {
    options: ReadOptions,
    seen: Seen,
    boxes: Boxes,
    printer: Printer<W>,
}

impl<W: Write> Reader<W> {
    fn run(&mut self, link: &mut Link) -> Result<(), Stop> {
        loop {
            let (mut connection, snapshot) = self.connect(link)?;
            self.print_snapshot(&snapshot)?;
            self.printer.flush()?;
            if !self.options.follows {
                connection.close();
                return Ok(());
            }
            let failure = self.follow(&mut connection)?;
            link.lose(failure)?;
        }
    }

    /// Connects, and first prints the posts that only the server's store has. There is no connection meanwhile, because
    /// nobody would read from it.
    fn connect(&mut self, link: &mut Link) -> Result<(Connection, Box<Snapshot>), Stop> {
        loop {
            let (connection, snapshot) = link.connect()?;
            let gap = if self.options.reads_boxes { None } else { self.seen.gap(&snapshot.log) };
            let Some((first, last)) = gap else { return Ok((connection, snapshot)) };
            connection.close();
            let mut is_printed = false;
            let download = Older::request(link.visit(), first - 1);
            for post in download.into_iter().flatten().take_while(|post| post.n <= last) {
                if self.seen.is_new(&post) {
                    self.printer.post(&post)?;
                    is_printed = true;
                }
            }
            if !is_printed {
                say(&format!("The server does not have the posts {first} to {last} any more."));
                self.seen.skip_to(last);
            }
        }
    }

    /// Prints what comes until the connection breaks, and returns why it did.
    fn follow(&mut self, connection: &mut Connection) -> io::Result<Failure> {
        loop {
            let message = connection.next();
            match message {
                Ok(Some(message)) => self.print(&message)?,
                Ok(None) => {
                    self.printer.flush()?;
                    if let Err(failure) = connection.keep_alive(Instant::now()) {
                        return Ok(failure);
                    }
                    wait_for(connection.chunks(), connection.deadline());
                }
                Err(failure) => {
                    self.printer.flush()?;
                    return Ok(failure);
                }
            }
        }
    }

    fn print_snapshot(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        match (self.options.reads_boxes, self.options.follows && !self.options.is_json) {
            (false, _) => {
                let new = self.seen.new_in_log(&snapshot.log);
                new.iter().try_for_each(|post| self.printer.post(post))
            }
            (true, true) => {
                let said = self.boxes.replace(&snapshot.users);
                self.printer.lines(&said)
            }
            (true, false) => {
                self.boxes.replace(&snapshot.users);
                let mut users = snapshot.users.iter();
                users.try_for_each(|(id, user)| self.printer.text(id, &user.name, &user.text))
            }
        }
    }

    fn print(&mut self, message: &ServerMessage) -> io::Result<()> {
        match message {
            ServerMessage::Snapshot(snapshot) => self.print_snapshot(snapshot),
            message if self.options.reads_boxes => self.print_box(message),
            ServerMessage::Post { post, .. } if self.seen.is_new(post) => self.printer.post(post),
            ServerMessage::PostRemoved { n } => self.printer.removed(*n),
            _ => Ok(()),
        }
    }

    fn print_box(&mut self, message: &ServerMessage) -> io::Result<()> {
        let said = match message {
            ServerMessage::NewUser { id, name } => {
                self.boxes.enter(id, name);
                return Ok(());
            }
            ServerMessage::Renamed { id, name } => {
                self.boxes.rename(id, name);
                return Ok(());
            }
            ServerMessage::Text { id, text } => {
                if self.options.is_json {
                    return self.printer.text(id, self.boxes.name(id), text);
                }
                self.boxes.write(id, text)
            }
            ServerMessage::Left { id } if self.options.is_json => {
                self.printer.left(id, self.boxes.name(id))?;
                self.boxes.leave(id);
                return Ok(());
            }
            ServerMessage::Left { id } => self.boxes.leave(id),
            ServerMessage::Post { post, .. } if !self.options.is_json => {
                self.boxes.post(&post.id.to_string(), &post.name, &post.text)
            }
            _ => return Ok(()),
        };
        self.printer.lines(&said)
    }
}
