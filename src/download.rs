//! A room's log over HTTP: from the store if there is one, else from the hub's memory.

use crate::client::SocketEvent;
use crate::connection::{HEALTH_PATIENCE, REQUEST_PATIENCE};
use crate::database::Reader;
use crate::event::Event;
use crate::export::{Format, LogWriter};
use crate::names::RoomName;
use crate::page::Answer;
use crate::protocol::Post;
use crate::request::Timed;
use chunked_transfer::Encoder;
use crossbeam_channel::{Sender, bounded};
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

/// What was asked for: `log?room=R&format=txt|json|md&after=N`.
#[derive(Debug)]
pub struct LogRequest {
    room: RoomName,
    /// What it is written as.
    pub format: Format,
    /// Only posts with higher numbers.
    after: u64,
}

/// A log that is ready to be sent.
#[derive(Debug)]
pub struct Log<'a> {
    request: &'a LogRequest,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Store(Reader),
    Memory(Vec<Post>),
}

impl LogRequest {
    /// Reads the query of a URL.
    pub fn from_query(query: &str) -> Result<Self, Answer> {
        let room = RoomName::from_query(query).map_err(|error| Answer::sentence(400, error.to_string()))?;
        let mut request = Self { room, format: Format::Text, after: 0 };
        for (field, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*field {
                "format" => request.format = Format::named(&value).ok_or_else(bad_format)?,
                "after" => request.after = number(&value).ok_or_else(bad_number)?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// Opens the store, or asks the hub.
    pub fn open(&self, store: Option<&Path>, hub: &Sender<SocketEvent>) -> Result<Log<'_>, Answer> {
        let source = match store {
            Some(file) => Reader::open(file).map(Source::Store).map_err(|error| {
                log::error!("the store cannot be read: {error}");
                Answer::sentence(503, "The log cannot be read at the moment; please try again later.")
            })?,
            None => Source::Memory(self.ask(hub).ok_or_else(|| {
                Answer::sentence(503, "The server is too busy to give its log; please try again later.")
            })?),
        };
        Ok(Log { request: self, source })
    }

    fn ask(&self, hub: &Sender<SocketEvent>) -> Option<Vec<Post>> {
        let (asker, log) = bounded(1);
        hub.send_timeout(Event::LogAsked { room: self.room.clone(), asker }, HEALTH_PATIENCE).ok()?;
        log.recv_timeout(HEALTH_PATIENCE).ok()
    }
}

fn bad_format() -> Answer {
    Answer::sentence(400, "A log's format is txt, json or md.")
}

fn bad_number() -> Answer {
    Answer::sentence(400, "Posts are asked for after a number, such as after=17.")
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|n| i64::try_from(*n).is_ok()) // SQLite has no higher ones
}

impl Log<'_> {
    /// Sends the log as a chunked body, of whatever length.
    pub fn send(self, socket: &TcpStream) -> io::Result<()> {
        let mut body = Encoder::new(Patient(socket));
        let mut log = LogWriter::new(&mut body, self.request.format);
        let LogRequest { room, after, .. } = self.request;
        match self.source {
            Source::Store(store) => store.read(room, *after, |post| log.post(&post))?,
            Source::Memory(posts) => {
                posts.iter().filter(|post| post.n > *after).try_for_each(|post| log.post(post))?;
            }
        }
        log.end()
    }
}

/// Writes to a client as long as each write is done within [`REQUEST_PATIENCE`].
struct Patient<'a>(&'a TcpStream);

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Timed { socket: self.0, deadline: Instant::now() + REQUEST_PATIENCE }.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
