//! Downloads of a room's log: from the store if there is one, otherwise from the hub's memory.

use crate::delivery::transport::SocketTransport;
use crate::http::download::{DownloadPermit, send_chunked};
use crate::http::hub_query::query_hub;
use crate::http::response::Response;
use crate::hub::event::Event;
use crate::hub::shards::Shards;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::store::export::{Format, LogWriter};
use crate::store::reader::Reader;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
    /// [Sends](send_chunked) the log, whatever its length.
    pub fn send(self, transport: &SocketTransport, timeout: Duration) -> io::Result<()> {
        send_chunked(transport, timeout, |to| self.write(to))
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

#[cfg(test)]
mod tests {
    use super::*;

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
