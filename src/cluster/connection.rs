//! Connections to Redis. No command on them takes long, and after any error a new one is made: Redis may have handled
//! some of the commands, and answers may be missing.

use crate::cluster::keys::Keys;
use crate::cluster::options::{RedisOptions, RedisUrl};
use crate::cluster::room_link::TTL;
use crate::cluster::scripts::{self, Scripts};
use redis::{Client, Cmd, FromRedisValue, RedisError, ServerError, Value, from_redis_value};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a connection may take to be made. A node that is cut off tries again before others take it for dead.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// How long all commands that are sent together may take. Less than the time for which a beat counts, so that a
/// node whose connection hangs makes a new one before others take it for dead.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The code of the error with which Redis refuses to take more memory.
const OUT_OF_MEMORY: &str = "OOM";

/// A Redis, the names of the keys in it, and the scripts that it runs.
#[derive(Debug)]
pub(crate) struct Redis {
    url: RedisUrl,
    /// The names of keys and channels.
    pub keys: Keys,
    /// The scripts.
    pub scripts: Scripts,
}

/// Why Redis cannot be used. It shows neither the user nor the password, nor any text of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFailure(String);

impl fmt::Display for RedisFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RedisFailure {}

impl RedisFailure {
    /// The failure with this reason.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// An answer that no Redis gives. It is not shown: there may be posts in it.
    pub(crate) fn unexpected() -> Self {
        Self::new("it gives an answer that no Redis gives")
    }
}

impl Redis {
    /// The Redis of a node.
    pub(crate) fn new(options: &RedisOptions) -> Self {
        let keys = Keys::new(options.prefix.as_str(), options.url.database());
        Self { url: options.url.clone(), keys, scripts: Scripts::new() }
    }

    /// Connects, and loads the scripts.
    pub(crate) fn connect(&self) -> Result<Connection, RedisFailure> {
        let mut connection = self.open(COMMAND_TIMEOUT)?;
        for answer in connection.run(&scripts::load())? {
            checked(answer).map_err(|error| self.failure_of_server(&error))?;
        }
        Ok(connection)
    }

    /// Connects to receive messages.
    pub(crate) fn subscribe(&self) -> Result<Connection, RedisFailure> {
        self.open(TTL)
    }

    fn open(&self, timeout: Duration) -> Result<Connection, RedisFailure> {
        let open = || {
            let client = Client::open(self.url.connection())?;
            let connection = client.get_connection_with_timeout(CONNECT_TIMEOUT)?;
            connection.set_read_timeout(Some(timeout))?;
            connection.set_write_timeout(Some(timeout))?;
            Ok(connection)
        };
        open().map(Connection).map_err(|error: RedisError| self.failure(&error))
    }

    /// What the log and a message at the start say of an error.
    fn failure(&self, error: &RedisError) -> RedisFailure {
        RedisFailure(without_user(&error.to_string(), self.url.user()))
    }

    /// The same of an error that Redis answers with.
    pub(crate) fn failure_of_server(&self, error: &ServerError) -> RedisFailure {
        let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
        // The sentence that it becomes a part of has its own full stop.
        RedisFailure(without_user(text.trim_end_matches([' ', '.']), self.url.user()))
    }
}

/// Redis names the user that may not do something.
fn without_user(text: &str, user: Option<&str>) -> String {
    user.map_or_else(|| text.to_owned(), |user| text.replace(&format!("User {user} "), "the user "))
}

/// A connection to Redis.
pub(crate) struct Connection(redis::Connection);

impl Connection {
    /// Runs commands in one go. Of each there is an answer, which may be an error of Redis.
    pub(crate) fn run(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, RedisFailure> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        self.send(commands)?;
        let mut answers = Vec::with_capacity(commands.len());
        while answers.len() < commands.len() {
            answers.push(self.receive()?);
            if Instant::now() > deadline && answers.len() < commands.len() {
                return Err(RedisFailure::new("it takes too long to answer"));
            }
        }
        Ok(answers)
    }

    /// Sends commands whose answers are to be [received](Self::receive).
    pub(crate) fn send(&mut self, commands: &[Cmd]) -> Result<(), RedisFailure> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        match bytes.is_empty() {
            true => Ok(()),
            false => self.0.send_packed_command(&bytes).map_err(|error| io_failure(&error)),
        }
    }

    /// Receives an answer or a message.
    pub(crate) fn receive(&mut self) -> Result<Value, RedisFailure> {
        self.0.recv_response().map_err(|error| io_failure(&error))
    }
}

/// An error of a connection that is open. It names no user.
fn io_failure(error: &RedisError) -> RedisFailure {
    match error.is_timeout() {
        true => RedisFailure::new("it does not answer"),
        false if error.is_io_error() => RedisFailure(error.to_string()),
        false => RedisFailure::unexpected(),
    }
}

/// An answer that is no error.
pub(crate) fn checked(answer: Value) -> Result<Value, ServerError> {
    match answer {
        Value::ServerError(error) => Err(error),
        answer => Ok(answer),
    }
}

/// An answer as a value of a type.
pub(crate) fn read<T: FromRedisValue>(answer: Value) -> Result<T, RedisFailure> {
    from_redis_value(answer).map_err(|_| RedisFailure::unexpected())
}

/// Whether Redis is full.
pub(crate) fn is_full(error: &ServerError) -> bool {
    error.code() == OUT_OF_MEMORY
}
