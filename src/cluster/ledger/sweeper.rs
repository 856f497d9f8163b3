//! Deletes posts that are older than `--keep` allows, some at a time. Every node does this, and finds only what the
//! others have not deleted.

use crate::base::clock::Now;
use crate::cluster::connection::{Connection, Redis, RedisFailure};
use crate::cluster::ledger::commands::Expiry;
use crate::cluster::redis_log::{find_logs, query};
use crate::cluster::scripts::call;
use redis::cmd;
use std::time::{Duration, Instant};

/// How often old posts are deleted.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The pause before the next sweep after an error.
const RETRY: Duration = Duration::from_secs(60);

/// How many posts are deleted at once. Redis does nothing else meanwhile.
const POSTS_AT_ONCE: usize = 100;

/// Deletes old posts.
pub(super) struct Sweeper {
    expiry: Expiry,
    due: Instant,
    /// Logs to be swept.
    logs: Vec<String>,
    /// Where the search for further logs goes on; 0 at its end.
    cursor: u64,
    /// During a sweep, the time before which posts are deleted, in milliseconds since 1970.
    before: Option<u64>,
}

impl Sweeper {
    /// The first sweep is due now.
    pub(super) fn new(keep_days: u32, now: Instant) -> Self {
        Self { expiry: Expiry::new(Some(keep_days)), due: now, logs: Vec::new(), cursor: 0, before: None }
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// There was an error: the next sweep begins with the first log again.
    pub(super) fn retry(&mut self, now: Instant) {
        (self.due, self.before, self.cursor) = (now + RETRY, None, 0);
        self.logs.clear();
    }

    /// Does a part of a sweep. At its end, returns the time before which all posts are deleted.
    pub(super) fn step(
        &mut self,
        redis: &Redis,
        connection: &mut Connection,
        now: Now,
    ) -> Result<Option<u64>, RedisFailure> {
        let Some(before) = self.before else {
            let (seconds, _): (u64, u64) = query(redis, connection, cmd("TIME"))?;
            // A clock that is years ahead deletes no posts as long as the other one is right.
            self.before = Some(self.expiry.keeps_from(now.unix_millis.min(seconds.saturating_mul(1000))));
            self.search(redis, connection)?;
            return Ok(None);
        };
        if let Some(log) = self.logs.last() {
            let mut sweep = call(&redis.scripts.sweep, std::slice::from_ref(log));
            sweep.arg(before).arg(POSTS_AT_ONCE);
            if !query::<bool>(redis, connection, sweep)? {
                self.logs.pop();
            }
            return Ok(None);
        }
        if self.cursor != 0 {
            self.search(redis, connection)?;
            return Ok(None);
        }
        (self.due, self.before) = (now.instant + INTERVAL, None);
        Ok(Some(before))
    }

    /// Looks for logs.
    fn search(&mut self, redis: &Redis, connection: &mut Connection) -> Result<(), RedisFailure> {
        (self.cursor, self.logs) = find_logs(redis, connection, self.cursor)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_error_a_sweep_leaves_out_no_log() {
        let now = Instant::now();
        let mut sweeper = Sweeper::new(1, now);
        (sweeper.before, sweeper.cursor, sweeper.logs) = (Some(1), 17, vec!["l:r".to_owned()]);
        sweeper.retry(now);
        assert_eq!((sweeper.before, sweeper.cursor, sweeper.logs.len()), (None, 0, 0));
        assert_eq!(sweeper.due(), now + RETRY);
    }
}
