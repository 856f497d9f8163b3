//! A connection to Redis that is made when it is needed, and again after it has failed.

use crate::cluster::connection::{Connection, RECONNECT_PAUSE, Redis, RedisFailure};
use crate::cluster::outage::Outage;
use std::time::Instant;

/// A connection to Redis, or the time until the next one.
pub(super) struct Reconnecting {
    connection: Option<Connection>,
    /// When a connection may be made, after one has failed.
    connect_at: Instant,
    outage: Outage,
}

impl Reconnecting {
    /// A connection that is made at the first use.
    pub(super) fn new() -> Self {
        Self { connection: None, connect_at: Instant::now(), outage: Outage::default() }
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Runs something on the connection. If that fails, the connection is dropped, unless only some keys cannot be
    /// used.
    pub(super) fn run<T>(
        &mut self,
        redis: &Redis,
        run: impl FnOnce(&mut Connection) -> Result<T, RedisFailure>,
    ) -> Result<T, RedisFailure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None if Instant::now() < self.connect_at => return Err(RedisFailure::pause()),
            None => redis.connect()?,
        };
        let outcome = run(&mut connection);
        if outcome.as_ref().err().is_none_or(RedisFailure::concerns_keys_only) {
            self.connection = Some(connection);
        }
        outcome
    }

    /// Redis cannot be used. Drops the connection, and returns whether to log why.
    pub(super) fn fail(&mut self, why: &RedisFailure) -> bool {
        if !why.is_pause() {
            self.connection = None;
            self.connect_at = Instant::now() + RECONNECT_PAUSE;
        }
        self.outage.note(why)
    }

    /// Redis can be used. Returns whether to log that.
    pub(super) fn recover(&mut self) -> bool {
        self.outage.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::connection::tests::redis_that_says;
    use std::time::Duration;

    #[test]
    fn after_a_failure_nothing_is_tried_until_the_pause_is_over() {
        let (redis, why) = (redis_that_says("+OK\r\n"), RedisFailure::new("gone"));
        let mut connection = Reconnecting::new();
        assert_eq!(connection.run(&redis, |_| Ok(1)), Ok(1));
        assert!(connection.is_connected());
        let before = Instant::now();
        assert!(connection.fail(&why) && !connection.is_connected());
        assert!(connection.connect_at >= before + RECONNECT_PAUSE);
        connection.connect_at = before + Duration::from_secs(3600);
        assert_eq!(connection.run(&redis, |_| Ok(2)), Err(RedisFailure::pause()));
        assert!(!connection.fail(&RedisFailure::pause()));
        assert_eq!(connection.connect_at, before + Duration::from_secs(3600), "it is no longer for that");
        connection.connect_at = before;
        assert_eq!(connection.run(&redis, |_| Ok(3)), Ok(3));
        assert!(connection.recover() && !connection.recover());
    }

    #[test]
    fn a_connection_is_lost_by_what_fails_on_it_unless_only_some_keys_cannot_be_used() {
        let redis = redis_that_says("+OK\r\n");
        let mut connection = Reconnecting::new();
        for (why, stays) in [(RedisFailure::invalid_data(), true), (RedisFailure::unexpected(), false)] {
            assert_eq!(connection.run(&redis, |_| Err::<(), _>(why.clone())), Err(why));
            assert_eq!(connection.is_connected(), stays);
        }
    }
}
