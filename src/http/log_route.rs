//! A room's log over HTTP: from the store if there is one, else from the hub's memory.

use crate::delivery::transport::SocketTransport;
use crate::http::connection::{HUB_PATIENCE, REQUEST_PATIENCE};
use crate::http::request::Timed;
use crate::http::response::Answer;
use crate::hub::event::Event;
use crate::hub::shards::{Shards, SocketEvent};
use crate::room::names::RoomName;
use crate::room::post::Post;
use crate::store::database::Reader;
use crate::store::export::{Format, LogWriter};
use chunked_transfer::Encoder;
use crossbeam_channel::{Sender, bounded};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Logs that may be sent at once. Each holds a file or a room's posts for as long as its reader takes.
pub const MAX_DOWNLOADS: usize = 64;

/// How long one may take in all. Who takes longer has what came so far, and can ask for what comes after that.
const DOWNLOAD_PATIENCE: Duration = Duration::from_secs(300);

/// The logs that are being sent, counted.
#[derive(Debug, Clone, Default)]
pub struct Downloads(Arc<AtomicUsize>);

/// One of them, until it is dropped.
#[derive(Debug)]
struct Download(Arc<AtomicUsize>);

impl Downloads {
    fn begin(&self) -> Option<Download> {
        // Counted before it is looked at, so that two at once are never both the last.
        let download = Download(Arc::clone(&self.0));
        (self.0.fetch_add(1, Ordering::Relaxed) < MAX_DOWNLOADS).then_some(download)
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

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
    _download: Download,
}

#[derive(Debug)]
enum Source {
    Store(Reader),
    Memory(Vec<Arc<Post>>),
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
    pub fn open(
        &self,
        store: Option<&Path>,
        shards: &Shards,
        downloads: &Downloads,
    ) -> Result<Log<'_>, Answer> {
        let download = downloads.begin().ok_or_else(|| {
            Answer::sentence(503, "Too many are saving logs at the moment; please try again later.")
        })?;
        let source = match store {
            Some(file) => Reader::open(file).map(Source::Store).map_err(|error| {
                log::error!("the store cannot be read: {error}");
                Answer::sentence(503, "The log cannot be read at the moment; please try again later.")
            })?,
            None => Source::Memory(self.ask(shards.of_room(&self.room)).ok_or_else(|| {
                Answer::sentence(503, "The server is too busy to give its log; please try again later.")
            })?),
        };
        Ok(Log { request: self, source, _download: download })
    }

    fn ask(&self, hub: &Sender<SocketEvent>) -> Option<Vec<Arc<Post>>> {
        let (reply_to, log) = bounded(1);
        hub.send_timeout(Event::HistoryRequest { room: self.room.clone(), reply_to }, HUB_PATIENCE).ok()?;
        log.recv_timeout(HUB_PATIENCE).ok()
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
    /// Sends the log as a chunked body, of whatever length. Fails where a write takes longer than a request may, or
    /// all of them longer than a download may.
    pub fn send(self, transport: &SocketTransport) -> io::Result<()> {
        self.send_until(transport, Instant::now() + DOWNLOAD_PATIENCE)
    }

    fn send_until(self, transport: &SocketTransport, end: Instant) -> io::Result<()> {
        let mut body = Encoder::new(Patient { transport, end });
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

/// Writes to a client until `end`, as long as each write is done within [`REQUEST_PATIENCE`].
struct Patient<'a> {
    transport: &'a SocketTransport,
    end: Instant,
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let deadline = self.end.min(Instant::now() + REQUEST_PATIENCE);
        Timed { transport: self.transport, deadline }.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use crate::delivery::transport::SocketTransport;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    fn log(request: &LogRequest) -> Log<'_> {
        let post = |n| Post { n, id: UserId(1), name: "Ada".to_owned(), text: "x".repeat(10_000), at: 0 };
        let posts = (1..=100).map(|n| Arc::new(post(n))).collect();
        Log { request, source: Source::Memory(posts), _download: Downloads::default().begin().unwrap() }
    }

    #[test]
    fn a_download_ends_when_its_time_is_up_however_fast_its_reader_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SocketTransport::new(listener.accept().unwrap().0);
        let reads = std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        let request = LogRequest::from_query("").unwrap();
        log(&request).send_until(&socket, Instant::now() + Duration::from_secs(60)).unwrap();
        let late = log(&request).send_until(&socket, Instant::now());
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(socket);
        assert!(reads.join().unwrap().unwrap() > 1_000_000, "the first came whole");
    }

    #[test]
    fn downloads_are_counted_as_long_as_they_last() {
        let downloads = Downloads::default();
        let mut begun: Vec<Download> = (0..MAX_DOWNLOADS).map(|_| downloads.begin().unwrap()).collect();
        assert!(downloads.begin().is_none() && downloads.begin().is_none());
        begun.pop();
        begun.push(downloads.begin().expect("a place that is free again"));
        assert!(downloads.begin().is_none());
    }
}
