//! What `typewall read` prints: lines to read, or JSON, one object a line.

use crate::base::clock::Now;
use crate::remote::boxes::Said;
use crate::room::post::Post;
use crate::store::export::{Format, LogWriter, json_line, visible};
use serde::Serialize;
use std::io::{self, Write};

/// Prints to an output.
#[derive(Debug)]
pub(crate) struct Printer<W: Write> {
    to: W,
    is_json: bool,
}

#[derive(Serialize)]
struct Removed {
    n: u64,
    removed: bool,
}

#[derive(Serialize)]
struct BoxText<'a> {
    id: &'a str,
    name: &'a str,
    text: &'a str,
    at: u64,
}

#[derive(Serialize)]
struct BoxLeft<'a> {
    id: &'a str,
    name: &'a str,
    left: bool,
    at: u64,
}

impl<W: Write> Printer<W> {
    pub(crate) fn new(to: W, is_json: bool) -> Self {
        Self { to, is_json }
    }

    /// A post: as a line of a log, or as on the wire.
    pub(crate) fn post(&mut self, post: &Post) -> io::Result<()> {
        match self.is_json {
            true => json_line(&mut self.to, post),
            false => LogWriter::new(&mut self.to, Format::Text).post(post),
        }
    }

    /// A post that was printed is gone. What was printed for people stays as it is.
    pub(crate) fn removed(&mut self, n: u64) -> io::Result<()> {
        if self.is_json { json_line(&mut self.to, &Removed { n, removed: true }) } else { Ok(()) }
    }

    /// The whole text of a box.
    pub(crate) fn text(&mut self, id: &str, name: &str, text: &str) -> io::Result<()> {
        if self.is_json {
            return json_line(&mut self.to, &BoxText { id, name, text, at: Now::read().unix_millis });
        }
        let lines: Vec<String> = text.lines().map(visible).collect();
        // Later lines are indented, so that no text can look like the box of someone else.
        writeln!(self.to, "{}: {}", visible(name), lines.join("\n    "))
    }

    /// A box is gone.
    pub(crate) fn left(&mut self, id: &str, name: &str) -> io::Result<()> {
        json_line(&mut self.to, &BoxLeft { id, name, left: true, at: Now::read().unix_millis })
    }

    /// Finished lines.
    pub(crate) fn lines(&mut self, said: &[Said]) -> io::Result<()> {
        said.iter().try_for_each(|said| writeln!(self.to, "{}: {}", visible(&said.name), visible(&said.line)))
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
