//! Downloads of a room's log: from the store if there is one, otherwise from the hub's memory.

use crate::base::address::Address;
use crate::base::hash_slots::HashSlots;
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use crate::http::hub_query::query_hub;
use crate::http::response::Response;
use crate::hub::event::Event;
use crate::hub::shards::Shards;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::store::export::{Format, LogWriter};
use crate::store::reader::Reader;
use chunked_transfer::Encoder;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Downloads at once. Each holds the store open, or a room's posts in memory, until its client has read them.
pub const MAX_DOWNLOADS: usize = 64;

/// Downloads at once by clients at one address, so that an address whose clients read slowly does not use up all of
/// them. A client that reads takes a moment, even in a class that saves the log together.
pub const MAX_DOWNLOADS_PER_ADDRESS: usize = 8;

/// How long a download may take. A slower client keeps what it has received, and can request the posts after that.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// Issues permits for downloads, up to [`MAX_DOWNLOADS`], and [`MAX_DOWNLOADS_PER_ADDRESS`] of them for one address.
/// Each takes a slot for its client's address. Clones share the slots.
#[derive(Debug, Clone, Default)]
pub struct DownloadLimiter(Arc<HashSlots<MAX_DOWNLOADS>>);

/// Permission for one download. Dropping it frees the place.
#[derive(Debug)]
pub struct DownloadPermit {
    slots: Arc<HashSlots<MAX_DOWNLOADS>>,
    slot: usize,
}

impl DownloadLimiter {
    /// Issues a permit, unless a limit is reached. If two threads ask for the last one of an address at the same
    /// moment, neither may get it.
    pub fn acquire(&self, address: Address) -> Option<DownloadPermit> {
        let permit = DownloadPermit { slots: Arc::clone(&self.0), slot: self.0.take(&address)? };
        (self.0.count(&address) <= MAX_DOWNLOADS_PER_ADDRESS).then_some(permit)
    }
}

impl Drop for DownloadPermit {
    fn drop(&mut self) {
        self.slots.free(self.slot);
    }
}

/// A parsed query: `log?room=R&format=txt|json|md&after=N`.
#[derive(Debug)]
pub struct LogRequest {
    room: RoomName,
    /// The format of the response.
    pub format: Format,
    /// Only posts with higher numbers are sent.
    after: u64,
}

/// A log that is ready to be sent.
#[derive(Debug)]
pub struct Log<'a> {
    request: &'a LogRequest,
    source: Source,
    _permit: DownloadPermit,
}

#[derive(Debug)]
enum Source {
    Store(Reader),
    Memory(Vec<Arc<Post>>),
}

impl LogRequest {
    /// Parses the query of a URL. An error is the response that rejects it.
    pub fn from_query(query: &str) -> Result<Self, Response> {
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        let mut request = Self { room, format: Format::Text, after: 0 };
        for (field, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*field {
                "format" => request.format = Format::from_name(&value).ok_or_else(invalid_format)?,
                "after" => request.after = post_number(&value).ok_or_else(invalid_after)?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// Opens the store, or gets the posts from the hub. An error is the response that says why that failed. Without a
    /// permit, too many logs are being downloaded.
    pub fn open(
        &self,
        store: Option<&Path>,
        shards: &Shards,
        permit: Option<DownloadPermit>,
    ) -> Result<Log<'_>, Response> {
        let permit = permit.ok_or_else(|| {
            Response::text(503, "Too many logs are being downloaded; please try again later.")
        })?;
        let source = match store {
            Some(file) => Source::Store(Reader::open(file).map_err(|error| {
                log::error!("the store cannot be read: {error}");
                Response::text(503, "The log cannot be read at the moment; please try again later.")
            })?),
            None => {
                let event = |reply_to| Event::HistoryRequest { room: self.room.clone(), reply_to };
                let posts = query_hub(shards.of_room(&self.room), event);
                Source::Memory(posts.ok_or_else(Response::busy)?)
            }
        };
        Ok(Log { request: self, source, _permit: permit })
    }
}

fn invalid_format() -> Response {
    Response::text(400, "The format of a log must be txt, json or md.")
}

fn invalid_after() -> Response {
    Response::text(400, "The value of after must be the number of a post, such as after=17.")
}

/// Parses the number of a post. SQLite's integers end at `i64::MAX`.
fn post_number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|n| i64::try_from(*n).is_ok())
}

impl Log<'_> {
    /// Sends the log as a chunked body, whatever its length. Fails if one write takes longer than `timeout`, or the
    /// download longer than [`DOWNLOAD_TIMEOUT`].
    pub fn send(self, transport: &SocketTransport, timeout: Duration) -> io::Result<()> {
        self.send_until(transport, timeout, Instant::now() + DOWNLOAD_TIMEOUT)
    }

    fn send_until(self, transport: &SocketTransport, timeout: Duration, deadline: Instant) -> io::Result<()> {
        let mut body = Encoder::new(DownloadStream { transport, timeout, deadline, is_aborted: false });
        let sent = self.write(&mut body);
        // The encoder writes the last chunk when it is dropped. After an error that would make the log look complete.
        body.get_mut().is_aborted = sent.is_err();
        sent
    }

    fn write(self, to: impl Write) -> io::Result<()> {
        let mut log = LogWriter::new(to, self.request.format);
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

/// A socket whose writes may each take `timeout`, but none may end after the deadline.
struct DownloadStream<'a> {
    transport: &'a SocketTransport,
    timeout: Duration,
    deadline: Instant,
    /// Nothing more is written.
    is_aborted: bool,
}

impl Write for DownloadStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_aborted {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let deadline = self.deadline.min(Instant::now() + self.timeout);
        DeadlineStream::new(self.transport, deadline).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use std::net::{IpAddr, TcpListener, TcpStream};

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    fn log(request: &LogRequest) -> Log<'_> {
        let post = |n| Post { n, id: UserId(1), name: "Ada".to_owned(), text: "x".repeat(100_000), at: 0 };
        let posts = (1..=100).map(|n| Arc::new(post(n))).collect();
        let permit = DownloadLimiter::default().acquire(address(1)).unwrap();
        Log { request, source: Source::Memory(posts), _permit: permit }
    }

    fn connection() -> (TcpStream, SocketTransport) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, SocketTransport::new(listener.accept().unwrap().0))
    }

    #[test]
    fn a_download_fails_after_its_deadline_even_if_its_client_reads_fast() {
        let (mut reader, socket) = connection();
        let reads = std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        let request = LogRequest::from_query("").unwrap();
        log(&request).send_until(&socket, TIMEOUT, Instant::now() + TIMEOUT).unwrap();
        let late = log(&request).send_until(&socket, TIMEOUT, Instant::now());
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(socket);
        assert!(reads.join().unwrap().unwrap() > 10_000_000, "the first download is complete");
    }

    #[test]
    fn a_download_fails_if_its_client_reads_nothing() {
        let (_client, socket) = connection();
        let (done, outcome) = crossbeam_channel::bounded(1);
        std::thread::spawn(move || {
            let request = LogRequest::from_query("").unwrap();
            done.send(log(&request).send(&socket, Duration::from_millis(50)))
        });
        let sent = outcome.recv_timeout(TIMEOUT).expect("an end, though nobody reads");
        assert!(matches!(sent.unwrap_err().kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock));
    }

    #[test]
    fn dropping_a_permit_frees_its_place() {
        let downloads = DownloadLimiter::default();
        let mut permits: Vec<_> = (0..).map_while(|n| downloads.acquire(address(n))).collect();
        assert_eq!(permits.len(), MAX_DOWNLOADS);
        permits.pop();
        assert!(downloads.acquire(address(0)).is_some());
    }

    #[test]
    fn one_address_gets_no_more_than_its_share_of_downloads() {
        let downloads = DownloadLimiter::default();
        let mut permits: Vec<_> = std::iter::from_fn(|| downloads.acquire(address(1))).collect();
        assert_eq!(permits.len(), MAX_DOWNLOADS_PER_ADDRESS);
        assert!(downloads.acquire(address(2)).is_some());
        permits.pop();
        assert!(downloads.acquire(address(1)).is_some());
    }

    #[test]
    fn posts_may_be_asked_for_after_any_number_that_the_store_can_hold() {
        let query = |n: u64| LogRequest::from_query(&format!("after={n}"));
        for n in [0, 17, i64::MAX as u64] {
            assert_eq!(query(n).expect("a request").after, n);
        }
        for n in [i64::MAX as u64 + 1, u64::MAX] {
            assert!(query(n).is_err(), "{n}");
        }
    }
}
