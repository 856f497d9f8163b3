//! Reading the logs of rooms in Redis: the last posts of a room, or all of them page by page.
//!
//! A log is a sorted set of posts in JSON, by their numbers. It is no stream, because Redis keeps the text of an entry
//! that was deleted from a stream until all of its neighbours are deleted, in memory and in its files.

use crate::base::ids::UserId;
use crate::cluster::connection::{Connection, Redis, RedisFailure, read};
use crate::cluster::options::RedisOptions;
use crate::cluster::validity::{self, MAX_POST_NUMBER};
use crate::room::history::MAX_HISTORY_BYTES;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use crate::store::room_list::StoredRoom;
use redis::{Cmd, FromRedisValue, Value, cmd};
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// How many posts are read at once. Redis does nothing else meanwhile.
const PAGE_POSTS: usize = 100;

/// How many keys Redis looks at for each answer in a search for logs. It does nothing else meanwhile, for about a tenth
/// of a millisecond.
const KEYS_AT_ONCE: usize = 1_000;

/// A post in a log. Its number is the score, and also in the JSON, so that no two posts are equal.
#[derive(Deserialize)]
struct Entry {
    id: String,
    name: String,
    /// Empty if the post was removed.
    text: String,
    at: String,
    /// The post's idempotency key, in hexadecimal; a random one for a post without a `ref`.
    #[serde(default)]
    key: String,
}

/// A post in a log, and its idempotency key if that is known.
pub(super) type Stored = (Post, Option<IdempotencyKey>);

/// Logs in a Redis, open for reading.
pub struct RedisLog {
    redis: Redis,
    connection: Connection,
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLog").field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl RedisLog {
    /// Connects to Redis.
    pub fn open(options: &RedisOptions) -> Result<Self, RedisFailure> {
        let redis = Redis::new(options);
        let connection = redis.connect()?;
        Ok(Self { redis, connection })
    }

    /// The rooms with posts, the one with the newest post first.
    pub fn rooms(&mut self) -> Result<Vec<StoredRoom>, RedisFailure> {
        let (mut rooms, mut cursor) = (BTreeMap::new(), 0);
        loop {
            let (next, logs) = find_logs(&self.redis, &mut self.connection, cursor)?;
            for key in &logs {
                let Some(name) = self.redis.keys.room_of_log(key) else { continue };
                if let Some(room) = room(&self.redis, &mut self.connection, name)? {
                    rooms.insert(room.name.clone(), room); // a scan may find a key twice
                }
            }
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        let mut rooms: Vec<_> = rooms.into_values().collect();
        rooms.sort_by_key(|room| Reverse(room.last_at));
        Ok(rooms)
    }

    /// True if something was ever posted in a room.
    pub fn has_room(&mut self, room: &RoomName) -> Result<bool, RedisFailure> {
        let exists = cmd("HEXISTS").arg(self.redis.keys.room(room.key())).arg("n").take();
        query(&self.redis, &mut self.connection, exists)
    }

    /// Fails if the log of a room cannot be read.
    pub(crate) fn check_readable(&mut self, room: &RoomName) -> Result<(), RedisFailure> {
        let count = cmd("ZCARD").arg(self.redis.keys.log(room.key())).take();
        query::<u64>(&self.redis, &mut self.connection, count).map(|_| ())
    }

    /// The number of the last of `max` posts of a room after number `after`, if more posts follow it.
    pub(crate) fn page_end(
        &mut self,
        room: &RoomName,
        mut after: u64,
        mut max: usize,
    ) -> Result<Option<u64>, RedisFailure> {
        loop {
            let page = posts_after(&self.redis, &mut self.connection, room, after)?;
            match (page.get(max.saturating_sub(1)), page.get(max), page.last()) {
                (Some(last), Some(_), _) => return Ok(Some(last.n)),
                (Some(last), None, _) => {
                    let more = posts_after(&self.redis, &mut self.connection, room, last.n)?;
                    return Ok((!more.is_empty()).then_some(last.n));
                }
                (None, _, Some(last)) => (after, max) = (last.n, max - page.len()),
                (None, _, None) => return Ok(None),
            }
        }
    }

    /// Calls `each` with every post of a room after number `after`, in order, until a call fails.
    pub fn read(
        &mut self,
        room: &RoomName,
        after: u64,
        each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        self.read_some(room, after, usize::MAX, each)
    }

    /// Calls `each` with at most `max` posts of a room after number `after`, in order, until a call fails.
    pub(crate) fn read_some(
        &mut self,
        room: &RoomName,
        mut after: u64,
        mut max: usize,
        mut each: impl FnMut(Post) -> io::Result<()>,
    ) -> io::Result<()> {
        loop {
            let page = posts_after(&self.redis, &mut self.connection, room, after);
            let mut page = page.map_err(io::Error::other)?;
            page.truncate(max);
            max -= page.len();
            let Some(last) = page.last() else { return Ok(()) };
            after = last.n;
            page.into_iter().try_for_each(&mut each)?;
        }
    }
}

/// A step of a search for logs: the next cursor, and the keys of some logs. The cursor is 0 at the beginning and at the
/// end. A search may find a log twice.
pub(super) fn find_logs(
    redis: &Redis,
    connection: &mut Connection,
    cursor: u64,
) -> Result<(u64, Vec<String>), RedisFailure> {
    let mut scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(redis.keys.logs()).take();
    scan.arg("COUNT").arg(KEYS_AT_ONCE).arg("TYPE").arg("zset");
    query(redis, connection, scan)
}

/// A room in the list of rooms, unless its log is empty.
fn room(redis: &Redis, connection: &mut Connection, name: &str) -> Result<Option<StoredRoom>, RedisFailure> {
    let log = redis.keys.log(name);
    let count = cmd("ZCARD").arg(&log).take();
    let last = cmd("ZRANGE").arg(&log).arg(-1).arg(-1).arg("WITHSCORES").take();
    let [count, last] = query_all(redis, connection, &[count, last])?;
    let (posts, last) = (read(count)?, page_of(last)?.posts);
    let last_at = last.first().map(|(post, _)| post.at);
    Ok(last_at.map(|last_at| StoredRoom { name: name.to_owned(), posts, last_at }))
}

/// A room's record, and its last posts, oldest first: at most `count`, none from before `not_before` (in milliseconds
/// since 1970), and no more text than a history may hold.
pub(super) fn load(
    redis: &Redis,
    connection: &mut Connection,
    room: &RoomName,
    count: usize,
    not_before: u64,
) -> Result<(RoomRecord, Vec<Stored>), RedisFailure> {
    let record = cmd("HMGET").arg(redis.keys.room(room.key())).arg("record").arg("version").take();
    let record = record_of(query(redis, connection, record)?);
    let (mut posts, mut bytes, mut last) = (Vec::new(), 0, MAX_POST_NUMBER);
    'pages: while last > 0 {
        let page = page(redis, connection, room, 1..=last, true)?;
        last = page.last_score.map_or(0, |score| (score.ceil() as u64).saturating_sub(1));
        for (post, key) in page.posts {
            if posts.len() == count || post.at < not_before {
                break 'pages;
            }
            bytes += post.text.len();
            posts.push((post, key));
            if bytes >= MAX_HISTORY_BYTES {
                break 'pages;
            }
        }
    }
    posts.reverse();
    Ok((record, posts))
}

/// The record of a room. Without one, it is empty, and has this version. A damaged one closes the room, because nobody
/// knows what its hosts have set.
fn record_of((json, version): (Option<Vec<u8>>, Option<Vec<u8>>)) -> RoomRecord {
    let Some(json) = json else {
        let version = version.and_then(|text| str::from_utf8(&text).ok()?.parse().ok());
        return RoomRecord::empty(version.unwrap_or_default());
    };
    let why = match serde_json::from_slice::<RoomRecord>(&json) {
        Ok(record) if record.is_bounded() => return record,
        Ok(_) => "they are too large".to_owned(),
        Err(error) => error.to_string(),
    };
    log::error!("a room opens hidden and locked, because its settings are damaged: {why}");
    RoomRecord::closed()
}

/// The next posts of a room after number `after`. Empty at the end of the log.
fn posts_after(
    redis: &Redis,
    connection: &mut Connection,
    room: &RoomName,
    mut after: u64,
) -> Result<Vec<Post>, RedisFailure> {
    loop {
        let page = page(redis, connection, room, after.saturating_add(1)..=MAX_POST_NUMBER, false)?;
        match page.last_score {
            Some(score) if page.posts.is_empty() => after = score as u64,
            _ => return Ok(page.posts.into_iter().map(|(post, _)| post).collect()),
        }
    }
}

/// A part of a log.
#[derive(Debug, PartialEq)]
struct Page {
    posts: Vec<Stored>,
    /// The score of its last entry, even if that is no post; `None` if there is no entry.
    last_score: Option<f64>,
}

/// Posts with these numbers, the last ones first if `from_end`.
fn page(
    redis: &Redis,
    connection: &mut Connection,
    room: &RoomName,
    numbers: std::ops::RangeInclusive<u64>,
    from_end: bool,
) -> Result<Page, RedisFailure> {
    let (first, last) = (*numbers.start(), *numbers.end());
    let mut command = match from_end {
        true => cmd("ZREVRANGEBYSCORE").arg(redis.keys.log(room.key())).arg(last).arg(first).take(),
        false => cmd("ZRANGEBYSCORE").arg(redis.keys.log(room.key())).arg(first).arg(last).take(),
    };
    command.arg("WITHSCORES").arg("LIMIT").arg(0).arg(PAGE_POSTS);
    page_of(query(redis, connection, command)?)
}

/// The posts in a part of a log, without entries that are no posts: somebody else may have written those.
fn page_of(answer: Value) -> Result<Page, RedisFailure> {
    let entries: Vec<(Vec<u8>, f64)> = read(answer)?;
    let posts = entries.iter().filter_map(|(json, score)| post_of(number_of(*score)?, json)).collect();
    Ok(Page { posts, last_score: entries.last().map(|(_, score)| *score) })
}

/// The number of a post with this score.
fn number_of(score: f64) -> Option<u64> {
    let is_number = (1.0..=MAX_POST_NUMBER as f64).contains(&score) && score.fract() == 0.0;
    is_number.then_some(score as u64)
}

/// The post with this number.
pub(super) fn post_of(n: u64, json: &[u8]) -> Option<Stored> {
    let Entry { id, name, text, at, key } = serde_json::from_slice(json).ok()?;
    let post = Post { n, id: UserId(id.parse().ok()?), name, text, at: at.parse().ok()? };
    validity::is_valid_post(&post).then(|| (post, key_of(&key)))
}

/// A key in hexadecimal.
pub(super) fn hex(key: IdempotencyKey) -> String {
    format!("{:032x}", u128::from_le_bytes(key.0))
}

fn key_of(hex: &str) -> Option<IdempotencyKey> {
    let key = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32)?;
    Some(IdempotencyKey(key.to_le_bytes()))
}

/// Runs a command, and reads its answer as a `T`.
pub(super) fn query<T: FromRedisValue>(
    redis: &Redis,
    connection: &mut Connection,
    command: Cmd,
) -> Result<T, RedisFailure> {
    let [answer] = query_all(redis, connection, &[command])?;
    read(answer)
}

/// Runs commands, none of which may fail.
fn query_all<const N: usize>(
    redis: &Redis,
    connection: &mut Connection,
    commands: &[Cmd; N],
) -> Result<[Value; N], RedisFailure> {
    let answers = connection.run(commands)?.into_iter().map(|answer| redis.checked(answer));
    answers.collect::<Result<Vec<_>, _>>()?.try_into().map_err(|_| RedisFailure::unexpected())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(entries: &[(&str, &str)]) -> Value {
        let bulk = |text: &str| Value::BulkString(text.into());
        Value::Array(entries.iter().flat_map(|(json, score)| [bulk(json), bulk(score)]).collect())
    }

    fn posts_in(answer: Value) -> Result<Vec<Stored>, RedisFailure> {
        page_of(answer).map(|page| page.posts)
    }

    #[test]
    fn a_page_without_posts_says_where_the_log_goes_on() {
        let page = page_of(answer(&[("text", "1.5"), ("{}", "2.5")])).expect("a page");
        assert_eq!(page, Page { posts: Vec::new(), last_score: Some(2.5) });
        assert_eq!(page_of(answer(&[])).expect("a page").last_score, None);
    }

    #[test]
    fn an_entry_is_a_post_if_it_has_all_fields_and_a_number() {
        const POST: &str = r#"{"n":"3","id":"7","name":"Ada","text":"hello","at":"5","key":""}"#;
        let post = Post { n: 3, id: UserId(7), name: "Ada".into(), text: "hello".into(), at: 5 };
        assert_eq!(posts_in(answer(&[(POST, "3")])), Ok(vec![(post.clone(), None)]));
        let removed = POST.replace("hello", "");
        let without_text = Post { text: String::new(), ..post.clone() };
        assert_eq!(posts_in(answer(&[(&removed, "3")])), Ok(vec![(without_text, None)]));
        let key = IdempotencyKey(std::array::from_fn(|n| n as u8));
        let with_key = POST.replace(r#""key":""#, &format!(r#""key":"{}"#, hex(key)));
        assert_eq!(posts_in(answer(&[(&with_key, "3")])), Ok(vec![(post, Some(key))]));
        for score in ["0", "-1", "3.5", "inf", "nan", "8796093022208", "1e300"] {
            assert_eq!(posts_in(answer(&[(POST, score)])), Ok(Vec::new()), "{score}");
        }
        for field in ["id", "name", "text", "at"] {
            let json = POST.replace(&format!("\"{field}\""), "\"other\"");
            assert_eq!(posts_in(answer(&[(&json, "3"), ("", "4"), ("[]", "5")])), Ok(Vec::new()), "{json}");
        }
        assert!(posts_in(answer(&[(POST, "x")])).is_err());
    }

    #[test]
    fn a_record_that_is_damaged_or_too_large_closes_the_room() {
        let json = |prompt: usize| {
            let mut record = RoomRecord::default();
            record.state.prompt = "x".repeat(prompt);
            serde_json::to_vec(&record).unwrap()
        };
        let record_of = |json| record_of((Some(json), Some(b"7".to_vec())));
        assert_eq!(record_of(json(1)).state.prompt, "x");
        for damaged in [json(1_000_000), b"{}".to_vec(), Vec::new()] {
            assert_eq!(record_of(damaged), RoomRecord::closed());
        }
    }

    #[test]
    fn an_empty_record_has_a_version() {
        for (stored, version) in
            [(Some("7"), 7), (Some("-1"), 0), (Some("x"), 0), (Some("\u{7}"), 0), (None, 0)]
        {
            let stored = stored.map(|text| text.as_bytes().to_vec());
            assert_eq!(record_of((None, stored)), RoomRecord::empty(version));
        }
    }
}
