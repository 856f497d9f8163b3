//! Downloads of a room's log: from the store or from Redis, or without both from the hub's memory.

use crate::cluster::connection::RedisFailure;
use crate::cluster::options::RedisOptions;
use crate::cluster::redis_log::RedisLog;
use crate::delivery::transport::SocketTransport;
use crate::http::download::{DownloadPermit, send_chunked};
use crate::http::hub_query::query_hub;
use crate::http::response::Response;
use crate::hub::event::Event;
use crate::hub::shards::Shards;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::store::error::OpenError;
use crate::store::export::{Format, LogWriter};
use crate::store::reader::Reader;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The most posts that a client may ask for at once. Finding the last of them reads no more than sending them.
const MAX_PAGE: usize = 10_000;

/// A parsed query: `log?room=R&format=txt|json|md&after=N&limit=N`.
#[derive(Debug)]
pub struct LogRequest {
    room: RoomName,
    /// The format of the response.
    format: Format,
    /// Only posts with higher numbers are sent.
    after: u64,
    /// At most this many posts are sent.
    limit: Option<usize>,
}

/// A log that is ready to be sent.
#[derive(Debug)]
pub struct Log<'a> {
    request: &'a LogRequest,
    source: Source,
    /// The number of the last post, if more follow.
    end: Option<u64>,
    _permit: DownloadPermit,
}

#[derive(Debug)]
enum Source {
    Store(Reader),
    Redis(Box<RedisLog>),
    Memory(Vec<Arc<Post>>),
}

/// Where posts are stored.
#[derive(Debug, Clone)]
pub enum LogStore {
    /// In this file.
    File(Arc<Path>),
    /// In Redis.
    Redis(Arc<RedisOptions>),
}

impl LogRequest {
    /// Parses the query of a URL. An error is the response that rejects it.
    pub fn from_query(query: &str) -> Result<Self, Response> {
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        let mut request = Self { room, format: Format::Text, after: 0, limit: None };
        for (field, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*field {
                "format" => request.format = Format::from_name(&value).ok_or_else(invalid_format)?,
                "after" => request.after = post_number(&value).ok_or_else(invalid_after)?,
                "limit" => request.limit = Some(page_length(&value).ok_or_else(invalid_limit)?),
                _ => {}
            }
        }
        Ok(request)
    }

    /// Opens the store, or gets the posts from the hub. An error is the response that says why that failed. Without a
    /// permit, too many logs are being downloaded.
    pub fn open(
        &self,
        store: Option<&LogStore>,
        shards: &Shards,
        permit: Option<DownloadPermit>,
    ) -> Result<Log<'_>, Response> {
        let permit = permit.ok_or_else(|| {
            Response::text(503, "Too many logs are being downloaded; please try again later.")
        })?;
        let (source, end) = match store {
            Some(LogStore::File(file)) => {
                self.read_store(file).map_err(|error| unreadable("the store", &error))?
            }
            Some(LogStore::Redis(options)) => {
                self.read_redis(options).map_err(|error| unreadable("Redis", &error))?
            }
            None => {
                let event = |reply_to| Event::HistoryRequest { room: self.room.clone(), reply_to };
                let posts = query_hub(shards.of_room(&self.room), event);
                self.select(posts.ok_or_else(Response::busy)?)
            }
        };
        Ok(Log { request: self, source, end, _permit: permit })
    }

    /// Opens the store. Returns the number of the last post too, if more follow.
    fn read_store(&self, file: &Path) -> Result<(Source, Option<u64>), OpenError> {
        let store = Reader::open(file)?;
        let end = match self.limit {
            Some(limit) => store.page_end(&self.room, self.after, limit)?,
            None => None,
        };
        Ok((Source::Store(store), end))
    }

    /// The same with Redis.
    fn read_redis(&self, options: &RedisOptions) -> Result<(Source, Option<u64>), RedisFailure> {
        let mut log = RedisLog::open(options)?;
        let end = match self.limit {
            Some(limit) => log.page_end(&self.room, self.after, limit)?,
            // Noticed before the response begins.
            None => log.check_readable(&self.room).map(|()| None)?,
        };
        Ok((Source::Redis(log.into()), end))
    }

    /// The same for the posts of a room in memory.
    fn select(&self, mut posts: Vec<Arc<Post>>) -> (Source, Option<u64>) {
        posts.retain(|post| post.n > self.after);
        let limit = self.limit.unwrap_or(usize::MAX);
        let has_more = posts.len() > limit;
        posts.truncate(limit);
        let end = posts.last().map(|post| post.n).filter(|_| has_more);
        (Source::Memory(posts), end)
    }
}

fn unreadable(store: &str, error: &impl Display) -> Response {
    log::error!("{store} cannot be read: {error}");
    Response::text(503, "The log cannot be read at the moment; please try again later.")
}

fn invalid_format() -> Response {
    Response::text(400, "The format of a log must be txt, json or md.")
}

fn invalid_after() -> Response {
    Response::text(400, "The value of after must be the number of a post, such as after=17.")
}

fn invalid_limit() -> Response {
    Response::text(400, format!("The value of limit must be a number from 1 to {MAX_PAGE}."))
}

fn page_length(value: &str) -> Option<usize> {
    value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit))
}

/// Parses the number of a post. SQLite's integers end at `i64::MAX`.
fn post_number(value: &str) -> Option<u64> {
    value.parse().ok().filter(|n| i64::try_from(*n).is_ok())
}

impl Log<'_> {
    /// The head of the response. If more posts follow, it says where (RFC 8288).
    pub(super) fn head(&self) -> Response {
        let LogRequest { room, format, limit, .. } = self.request;
        let head = Response::chunked(format.content_type()).with_file_name(room.as_str(), "", format.name());
        let (Some(end), Some(limit)) = (self.end, limit) else { return head };
        // Relative to this URL, so that it is right below any path of a proxy.
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("room", room.as_str()).append_pair("format", format.name());
        query.append_pair("limit", &limit.to_string()).append_pair("after", &end.to_string());
        head.with_header("Link", format!("<?{}>; rel=\"next\"", query.finish()))
    }

    /// [Sends](send_chunked) the log, whatever its length.
    pub fn send(self, transport: &SocketTransport, timeout: Duration) -> io::Result<()> {
        send_chunked(transport, timeout, |to| self.write(to))
    }

    fn write(self, to: impl Write) -> io::Result<()> {
        let mut log = LogWriter::new(to, self.request.format);
        let LogRequest { room, after, limit, .. } = self.request;
        match self.source {
            Source::Store(store) => {
                store.read_some(room, *after, limit.unwrap_or(usize::MAX), |post| log.post(&post))?;
            }
            Source::Redis(mut redis) => {
                redis.read_some(room, *after, limit.unwrap_or(usize::MAX), |post| log.post(&post))?;
            }
            Source::Memory(posts) => posts.iter().try_for_each(|post| log.post(post))?,
        }
        log.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_length() {
        let query = |limit: &str| LogRequest::from_query(&format!("limit={limit}"));
        for limit in [1, 17, MAX_PAGE] {
            assert_eq!(query(&limit.to_string()).expect("a request").limit, Some(limit));
        }
        for limit in ["0", "10001", "", "-1", "x"] {
            assert!(query(limit).is_err(), "{limit}");
        }
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
