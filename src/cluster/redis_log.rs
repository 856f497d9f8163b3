//! Reading the logs of rooms in Redis: the last posts of a room, or all of them page by page.
//!
//! A log is a stream. Of a removed post, the author, name and time are in a hash beside it, because an entry of a stream
//! can be deleted but not changed.

use crate::base::ids::UserId;
use crate::cluster::connection::{Connection, Redis, RedisFailure, checked, read};
use crate::cluster::options::RedisOptions;
use crate::cluster::scripts::call;
use crate::room::history::MAX_HISTORY_BYTES;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::state::RoomRecord;
use crate::store::room_list::StoredRoom;
use redis::{Cmd, FromRedisValue, Value, cmd};
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;

/// Posts that are read at once. Redis does nothing else meanwhile.
const PAGE_POSTS: usize = 100;

/// Keys that Redis looks at for one answer when rooms are listed.
const KEYS_AT_ONCE: usize = 1_000;

/// An entry of a stream: its id, and its fields.
pub(super) type Entry = (String, HashMap<String, String>);

/// What is left of a removed post.
#[derive(Deserialize)]
struct Removed {
    id: String,
    name: String,
    at: String,
}

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
            let mut scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(self.redis.keys.logs()).take();
            scan.arg("COUNT").arg(KEYS_AT_ONCE).arg("TYPE").arg("stream");
            let (next, logs): (u64, Vec<String>) = one(&self.redis, &mut self.connection, scan)?;
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
        one(&self.redis, &mut self.connection, exists)
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

    /// The same with at most `max` posts.
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

/// What there is of a room, unless its log is empty.
fn room(redis: &Redis, connection: &mut Connection, name: &str) -> Result<Option<StoredRoom>, RedisFailure> {
    let log = redis.keys.log(name);
    let count = cmd("XLEN").arg(&log).take();
    let removed = cmd("HVALS").arg(redis.keys.removed(name)).take();
    let last = cmd("XREVRANGE").arg(&log).arg("+").arg("-").arg("COUNT").arg(1).take();
    let [count, removed, last] = several(redis, connection, &[count, removed, last])?;
    let (count, removed, last): (u64, Vec<String>, Vec<Entry>) = (read(count)?, read(removed)?, read(last)?);
    let of_removed = |json: &String| serde_json::from_str::<Removed>(json).ok()?.at.parse::<u64>().ok();
    let times = removed.iter().filter_map(of_removed);
    let last_at = times.chain(last.into_iter().filter_map(post_of).map(|post| post.at)).max();
    let posts = count + removed.len() as u64;
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
) -> Result<(RoomRecord, Vec<Post>), RedisFailure> {
    let record = cmd("HGET").arg(redis.keys.room(room.key())).arg("record").take();
    let record: Option<String> = one(redis, connection, record)?;
    let record = record.map(|json| serde_json::from_str(&json)).transpose().unwrap_or_else(|error| {
        log::error!("a room opens hidden and locked, because its settings are damaged: {error}");
        Some(RoomRecord::closed())
    });
    let (mut posts, mut bytes, mut last) = (Vec::new(), 0, u64::MAX);
    'pages: while last > 0 {
        let page = page(redis, connection, room, 1..=last, true)?;
        last = page.last().map_or(0, |post| post.n - 1);
        for post in page {
            if posts.len() == count || post.at < not_before {
                break 'pages;
            }
            bytes += post.text.len();
            posts.push(post);
            if bytes >= MAX_HISTORY_BYTES {
                break 'pages;
            }
        }
    }
    posts.reverse();
    Ok((record.unwrap_or_default(), posts))
}

/// The next posts of a room after number `after`. Empty at the end of the log.
fn posts_after(
    redis: &Redis,
    connection: &mut Connection,
    room: &RoomName,
    after: u64,
) -> Result<Vec<Post>, RedisFailure> {
    page(redis, connection, room, after.saturating_add(1)..=u64::MAX, false)
}

/// Posts with these numbers, the last ones first if `from_end`. Empty if there are none.
fn page(
    redis: &Redis,
    connection: &mut Connection,
    room: &RoomName,
    numbers: std::ops::RangeInclusive<u64>,
    from_end: bool,
) -> Result<Vec<Post>, RedisFailure> {
    let keys = [redis.keys.log(room.key()), redis.keys.removed(room.key())];
    let mut command = call(&redis.scripts.page, &keys);
    command.arg(*numbers.start()).arg(*numbers.end()).arg(PAGE_POSTS).arg(u8::from(from_end));
    let (entries, removed): (Vec<Entry>, HashMap<String, String>) = one(redis, connection, command)?;
    // Of the removed posts, only those between the others belong to this page. The last page has all that are left.
    let is_last = entries.len() < PAGE_POSTS;
    let posts: BTreeMap<u64, Post> =
        entries.into_iter().filter_map(post_of).map(|post| (post.n, post)).collect();
    let range = match (posts.keys().next(), posts.keys().next_back()) {
        (Some(first), _) if from_end && !is_last => *first..=*numbers.end(),
        (_, Some(last)) if !from_end && !is_last => *numbers.start()..=*last,
        _ => numbers,
    };
    let removed = removed.iter().filter_map(|(n, json)| removed_post(n, json));
    let mut page: BTreeMap<u64, Post> =
        removed.filter(|post| range.contains(&post.n)).map(|post| (post.n, post)).collect();
    page.extend(posts);
    Ok(match from_end {
        true => page.into_values().rev().collect(),
        false => page.into_values().collect(),
    })
}

/// The post of an entry. `None` if it is none: somebody else has written into the stream.
pub(super) fn post_of((id, mut fields): Entry) -> Option<Post> {
    let n = id.strip_suffix("-0")?.parse().ok().filter(|n| *n > 0)?;
    let mut field = |name| fields.remove(name);
    let (author, at) = (field("id")?.parse().ok()?, field("at")?.parse().ok()?);
    Some(Post { n, id: UserId(author), name: field("name")?, text: field("text")?, at })
}

/// What is left of a removed post.
pub(super) fn removed_post(n: &str, json: &str) -> Option<Post> {
    let Removed { id, name, at } = serde_json::from_str(json).ok()?;
    let n = n.parse().ok().filter(|n| *n > 0)?;
    Some(Post { n, id: UserId(id.parse().ok()?), name, text: String::new(), at: at.parse().ok()? })
}

/// Runs a command whose answer is of a type.
pub(super) fn one<T: FromRedisValue>(
    redis: &Redis,
    connection: &mut Connection,
    command: Cmd,
) -> Result<T, RedisFailure> {
    let [answer] = several(redis, connection, &[command])?;
    read(answer)
}

/// Runs commands that must not fail.
fn several<const N: usize>(
    redis: &Redis,
    connection: &mut Connection,
    commands: &[Cmd; N],
) -> Result<[Value; N], RedisFailure> {
    let answers = connection.run(commands)?.into_iter().map(checked).collect::<Result<Vec<_>, _>>();
    let answers = answers.map_err(|error| redis.failure_of_server(&error))?;
    answers.try_into().map_err(|_| RedisFailure::unexpected())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, fields: &[(&str, &str)]) -> Entry {
        (
            id.to_owned(),
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn an_entry_is_a_post_if_it_has_all_fields() {
        let fields = [("id", "7"), ("name", "Ada"), ("text", "hello"), ("at", "5"), ("key", "")];
        let post = Post { n: 3, id: UserId(7), name: "Ada".into(), text: "hello".into(), at: 5 };
        assert_eq!(post_of(entry("3-0", &fields)), Some(post.clone()));
        assert_eq!(
            removed_post("3", r#"{"id":"7","name":"Ada","at":"5"}"#),
            Some(Post { text: String::new(), ..post })
        );
        for id in ["0-0", "3-1", "3", "-0", "x-0"] {
            assert_eq!(post_of(entry(id, &fields)), None, "{id}");
        }
        for missing in 0..4 {
            let mut some = fields.to_vec();
            some.remove(missing);
            assert_eq!(post_of(entry("3-0", &some)), None);
        }
        for (n, json) in [("0", r#"{"id":"7","name":"Ada","at":"5"}"#), ("1", "{}"), ("1", "")] {
            assert_eq!(removed_post(n, json), None, "{n} {json}");
        }
    }
}
