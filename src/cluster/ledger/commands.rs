//! The requests of hubs as Redis commands, and what the answers mean.

use crate::base::random;
use crate::cluster::connection::{Redis, RedisFailure, read};
use crate::cluster::redis_log::{hex, post_of};
use crate::cluster::scripts::call;
use crate::cluster::writer::UNUSED_ROOM;
use crate::room::post::{NotStored, Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use crate::store::request::{Answer, Change, Erase, Restore, Restored, Returned, Save, StorePost, Write};
use redis::{Cmd, Value};

/// A day, in milliseconds.
const DAY: u64 = 24 * 3600 * 1000;

/// How much longer than its posts Redis keeps a room's last number and its record, in milliseconds. A script that asks
/// for the posts after a number, or a page on a computer that was asleep, may remember a number that long. The store
/// keeps them as long.
const ROOM_MARGIN: u64 = 30 * DAY;

/// The most posts in a log without `--keep`, which limits the memory that a room takes in Redis. `--log-length` cannot
/// be higher.
const MAX_LOG: u64 = 10_000;

/// How long Redis remembers the idempotency key of a post, in milliseconds. A page sends a post again until it is
/// confirmed; a page that was closed for longer has left the room.
const KEEP_KEYS: u64 = 3600 * 1000;

/// How long posts and rooms are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expiry {
    keep: Option<u64>,
}

impl Expiry {
    /// Keeps posts for this number of days; `None` keeps them for ever.
    pub(super) fn new(keep_days: Option<u32>) -> Self {
        Self { keep: keep_days.map(|days| u64::from(days) * DAY) }
    }

    /// The time before which posts are too old, in milliseconds since 1970.
    pub(super) fn keeps_from(&self, now: u64) -> u64 {
        self.keep.map_or(0, |keep| now.saturating_sub(keep))
    }

    /// How long a room is kept, as an argument of scripts.
    fn of_room(&self) -> String {
        self.keep.map(|keep| (keep + ROOM_MARGIN).to_string()).unwrap_or_default()
    }

    /// How many posts a log keeps, as an argument of scripts.
    fn max_log(&self) -> String {
        self.keep.map_or_else(|| MAX_LOG.to_string(), |_| String::new())
    }
}

/// The size of what a request writes, in bytes.
pub(super) fn size(write: &Write) -> usize {
    match write {
        Write::Post(StorePost { post, .. }) => post.text.len(),
        Write::Change(_) => 0,
        Write::Restore(restore) => restore.posts.iter().map(|(post, _)| post.text.len()).sum(),
    }
}

/// The command for a request.
pub(super) fn command_of(write: &Write, redis: &Redis, expiry: &Expiry) -> Cmd {
    match write {
        Write::Post(post) => store_post(post, redis, expiry),
        Write::Restore(posts) => restore(posts, redis, expiry),
        Write::Change(Change::Save(Save { name, record, epoch, .. })) => {
            let mut save = call(&redis.scripts.save, &[redis.keys.room(name.key())]);
            save.arg(epoch.unwrap_or_default().0).arg(json_of(record)).arg(record.version());
            save.arg(expiry.of_room()).arg(UNUSED_ROOM).take()
        }
        Write::Change(Change::Erase(Erase { name, n, epoch, .. })) => {
            let keys = [redis.keys.room(name.key()), redis.keys.log(name.key())];
            call(&redis.scripts.erase, &keys).arg(epoch.unwrap_or_default().0).arg(*n).take()
        }
    }
}

fn store_post(StorePost { name, post, after, epoch, .. }: &StorePost, redis: &Redis, expiry: &Expiry) -> Cmd {
    let (keys, room) = (&redis.keys, name.key());
    let key = post.reference.as_ref().map_or_else(random_key, |(_, key)| hex(*key));
    let post_key = keys.post_keys(room) + &key;
    let mut command = call(&redis.scripts.post, &[keys.room(room), keys.log(room), post_key]);
    command.arg(epoch.unwrap_or_default().0).arg(*after);
    command.arg(expiry.max_log()).arg(expiry.of_room()).arg(KEEP_KEYS).arg(key);
    command.arg(post.id.0).arg(&post.name).arg(&post.text).arg(post.at).take()
}

/// A record, or nothing if there is nothing to remember.
fn json_of(record: &RoomRecord) -> String {
    match record.is_empty() {
        true => String::new(),
        false => serde_json::to_string(record).expect("a record has string keys"),
    }
}

fn restore(Restore { name, epoch, after, posts, .. }: &Restore, redis: &Redis, expiry: &Expiry) -> Cmd {
    let (keys, room) = (&redis.keys, name.key());
    let mut command = call(&redis.scripts.restore, &[keys.room(room), keys.log(room)]);
    command.arg(epoch.0).arg(*after).arg(expiry.of_room()).arg(KEEP_KEYS).arg(keys.post_keys(room));
    for (Post { n, id, name, text, at }, key) in posts {
        command.arg(*n).arg(id.0).arg(name).arg(text).arg(*at).arg(key.map(hex).unwrap_or_default());
    }
    command
}

/// A key for a post without a `ref`, so that it is stored once if the command is sent twice.
fn random_key() -> String {
    let mut key = IdempotencyKey([0; 16]);
    random::fill(&mut key.0);
    hex(key)
}

/// The answer to a request, from the answer of Redis or the reason why there is none.
pub(super) fn answer_of(write: Write, answer: Result<Value, NotStored>) -> Answer {
    let unavailable = |_: RedisFailure| NotStored::Unavailable;
    match write {
        Write::Restore(Restore { room, epoch, .. }) => {
            let outcome = answer.and_then(|answer| restored(answer).map_err(unavailable));
            Answer::Restored { room, epoch, outcome: outcome.unwrap_or_else(Restored::Failed) }
        }
        Write::Change(Change::Save(Save { room, .. })) => {
            let is_kept = answer.is_ok_and(|answer| read(answer).unwrap_or(false));
            Answer::Saved { room, is_kept }
        }
        Write::Change(Change::Erase(Erase { room, n, by, .. })) => {
            let outcome = answer.and_then(|answer| read::<Option<bool>>(answer).map_err(unavailable));
            let outcome = outcome.and_then(|erased| erased.ok_or(NotStored::Unavailable));
            Answer::Erased { room, n, by, outcome }
        }
        Write::Post(StorePost { room, post, by, .. }) => {
            let outcome = answer.and_then(|answer| post_outcome(&post, answer).map_err(unavailable));
            let outcome = match outcome {
                Ok(PostOutcome::Returned(why)) => return Answer::PostReturned { room, post, by, why },
                Ok(PostOutcome::Numbered(numbered)) => Ok(numbered),
                Err(why) => Err(why),
            };
            Answer::PostStored { room, post, by, outcome }
        }
    }
}

fn restored(answer: Value) -> Result<Restored, RedisFailure> {
    let (kind, n): (String, Option<u64>) = read(answer)?;
    match (&*kind, n) {
        ("restored", Some(n)) => Ok(Restored::UpTo(n)),
        ("fenced", _) => Ok(Restored::Returned(Returned::Fenced)),
        ("forgot", _) => Ok(Restored::Returned(Returned::Forgot)),
        _ => Err(RedisFailure::unexpected()),
    }
}

/// What Redis has done with a post.
#[derive(Debug, PartialEq, Eq)]
enum PostOutcome {
    Numbered(Numbered),
    Returned(Returned),
}

fn post_outcome(post: &PendingPost, answer: Value) -> Result<PostOutcome, RedisFailure> {
    let answer: Vec<Value> = read(answer)?;
    let mut answer = answer.into_iter();
    let mut next = || answer.next().ok_or_else(RedisFailure::unexpected);
    let kind: String = read(next()?)?;
    Ok(match &*kind {
        "fenced" => PostOutcome::Returned(Returned::Fenced),
        "forgot" => PostOutcome::Returned(Returned::Forgot),
        "behind" => PostOutcome::Returned(Returned::Behind),
        "new" => PostOutcome::Numbered(Numbered::New(post.clone().numbered(read(next()?)?))),
        "known" => {
            let n: u64 = read(next()?)?;
            let entries: Vec<Vec<u8>> = read(next()?)?;
            let known = entries.first().and_then(|json| post_of(n, json)).map(|(post, _)| post);
            // If the log is full of later posts, only the key is left. The post was the same.
            PostOutcome::Numbered(Numbered::Duplicate(known.unwrap_or_else(|| post.clone().numbered(n))))
        }
        _ => return Err(RedisFailure::unexpected()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn pending() -> PendingPost {
        PendingPost { id: UserId(1), name: "Ada".into(), text: "hi".into(), at: 1, reference: None }
    }

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn the_outcome_of_a_post_is_what_redis_says() {
        let outcome = |answer| post_outcome(&pending(), Value::Array(answer));
        let returned = |why: &str| outcome(vec![bulk(why)]).unwrap();
        assert_eq!(returned("fenced"), PostOutcome::Returned(Returned::Fenced));
        assert_eq!(returned("forgot"), PostOutcome::Returned(Returned::Forgot));
        assert_eq!(returned("behind"), PostOutcome::Returned(Returned::Behind));
        let numbered = PostOutcome::Numbered(Numbered::New(pending().numbered(7)));
        assert_eq!(outcome(vec![bulk("new"), bulk("7")]).unwrap(), numbered);
        let gone = outcome(vec![bulk("known"), bulk("7"), Value::Array(Vec::new())]).unwrap();
        assert_eq!(gone, PostOutcome::Numbered(Numbered::Duplicate(pending().numbered(7))));
        let known = |text| {
            let json = format!(r#"{{"n":"7","id":"2","name":"Bob","text":"{text}","at":"5","key":""}}"#);
            outcome(vec![bulk("known"), bulk("7"), Value::Array(vec![bulk(&json)])]).unwrap()
        };
        let first = Post { n: 7, id: UserId(2), name: "Bob".into(), text: "hello".into(), at: 5 };
        assert_eq!(known("hello"), PostOutcome::Numbered(Numbered::Duplicate(first.clone())));
        let removed = Post { text: String::new(), ..first };
        assert_eq!(known(""), PostOutcome::Numbered(Numbered::Duplicate(removed)));
        for bad in [vec![], vec![bulk("new")], vec![bulk("known"), bulk("x")], vec![bulk("else")]] {
            assert!(outcome(bad).is_err());
        }
    }

    #[test]
    fn rooms_outlive_their_posts_and_without_keep_posts_stay() {
        let month = Expiry::new(Some(30));
        assert_eq!(month.keeps_from(40 * DAY), 10 * DAY);
        assert_eq!(month.of_room(), (60 * DAY).to_string());
        assert_eq!(month.max_log(), "");
        let always = Expiry::new(None);
        assert_eq!((always.keeps_from(u64::MAX), &*always.of_room(), &*always.max_log()), (0, "", "10000"));
    }
}
