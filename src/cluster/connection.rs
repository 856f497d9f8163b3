//! Connections to Redis. No command on them takes long, and after any error a new one is made: Redis may have handled
//! some of the commands, and answers may be missing.

use crate::cluster::keys::Keys;
use crate::cluster::options::{RedisOptions, RedisUrl};
use crate::cluster::redis_clock::RedisClock;
use crate::cluster::room_link::{BEAT, TTL};
use crate::cluster::scripts::{self, Scripts};
use redis::{
    Client, Cmd, FromRedisValue, RedisError, RedisResult, ServerError, ServerErrorKind, Value,
    from_redis_value,
};
use std::fmt;
use std::slice;
use std::time::{Duration, Instant};

/// How long a connection may take to be made, with the login. A node that is cut off tries again before others take it
/// for dead.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// How long all commands that are sent together may take. If a beat gets no answer, others take this node for dead at
/// [`TTL`] after the beat before, which was a [`BEAT`] earlier. Half a second of that is left for a new connection and
/// a beat on it.
const COMMAND_TIMEOUT: Duration = TTL.saturating_sub(BEAT).saturating_sub(Duration::from_millis(500));

/// The pause before a connection that has failed is made again. Until then, everything that needs it fails at once.
/// Shorter than the half second that is left after [`COMMAND_TIMEOUT`], and long enough for a Redis that starts not to be
/// kept busy by logins of all nodes.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// Why Redis is not used meanwhile.
const PAUSE: &str = "it is tried again in a moment";

/// The code of the error with which Redis refuses to take more memory.
const OUT_OF_MEMORY: &str = "OOM";

/// The codes of errors that say something of the keys of a command: they have another type, or invalid values. All other codes say something of Redis: that it is a replica now, or that the user has too few rights.
const KEY_ERRORS: [&str; 2] = ["WRONGTYPE", "ERR"];

/// With this sentence, and the code `ERR`, Redis says that a script may not do what the user may not do.
const SCRIPT_LACKS_RIGHT: &str = "The user executing the script";

/// A Redis, the names of the keys in it, and the scripts that it runs.
#[derive(Debug)]
pub(crate) struct Redis {
    url: RedisUrl,
    /// The names of keys and channels.
    pub keys: Keys,
    /// The scripts.
    pub scripts: Scripts,
    /// Its clock.
    pub clock: RedisClock,
}

/// Why Redis cannot be used. It shows neither the user nor the password, nor any text of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFailure {
    reason: String,
    /// Only some keys cannot be used.
    concerns_keys_only: bool,
}

impl fmt::Display for RedisFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for RedisFailure {}

impl RedisFailure {
    /// The failure with this reason.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), concerns_keys_only: false }
    }

    /// An answer that no Redis gives. It is not shown: there may be posts in it.
    pub(crate) fn unexpected() -> Self {
        Self::new("it gives an answer that no Redis gives")
    }

    /// The connection was lost a moment ago.
    pub(crate) fn pause() -> Self {
        Self::new(PAUSE)
    }

    /// Whether it is only that the connection was lost a moment ago.
    pub(crate) fn is_pause(&self) -> bool {
        self.reason == PAUSE
    }

    /// Somebody else has written invalid data. It is not shown: there may be posts in it.
    pub(crate) fn invalid_data() -> Self {
        Self { concerns_keys_only: true, ..Self::new("it holds data that no node wrote") }
    }

    /// Whether only the keys of one command cannot be used, and Redis can.
    pub(crate) fn concerns_keys_only(&self) -> bool {
        self.concerns_keys_only
    }
}

impl Redis {
    /// The Redis of a node.
    pub(crate) fn new(options: &RedisOptions) -> Self {
        let keys = Keys::new(options.prefix.as_str(), options.url.database());
        Self { url: options.url.clone(), keys, scripts: Scripts::new(), clock: RedisClock::default() }
    }

    /// Connects.
    pub(crate) fn connect(&self) -> Result<Connection, RedisFailure> {
        self.open(COMMAND_TIMEOUT)
    }

    /// Whether the user has all rights that a node needs.
    pub(crate) fn check_rights(&self, connection: &mut Connection) -> Result<(), RedisFailure> {
        let mut check = scripts::call(&self.scripts.check, &[self.keys.nodes()]);
        check.arg(self.keys.room_channel(""));
        let answer = connection.run(&[check])?.pop().unwrap_or(Value::Nil);
        let missing: Vec<String> = read(self.checked(answer)?)?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(RedisFailure::new(format!(
                "the user may not run {} with keys and channels that begin with {}; docs/nodes.md lists all rights \
                 that a node needs",
                missing.join(", "),
                self.keys.prefix(),
            ))),
        }
    }

    /// An answer that is no error.
    pub(crate) fn checked(&self, answer: Value) -> Result<Value, RedisFailure> {
        match answer {
            Value::ServerError(error) => Err(self.failure_of_server(&error)),
            answer => Ok(answer),
        }
    }

    /// Connects to receive messages.
    pub(crate) fn subscribe(&self) -> Result<Connection, RedisFailure> {
        self.open(TTL)
    }

    fn open(&self, timeout: Duration) -> Result<Connection, RedisFailure> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let open = || {
            let client = Client::open(self.url.connection())?;
            let connection = client.get_connection_with_timeout(CONNECT_TIMEOUT)?;
            connection.set_write_timeout(Some(CONNECT_TIMEOUT))?;
            Ok(Connection(connection))
        };
        let mut connection = open().map_err(|error: RedisError| RedisFailure::new(error.to_string()))?;
        for command in self.url.login() {
            // A Redis that does not take the connection says why, and closes it.
            connection.send(slice::from_ref(&command))?;
            let answer = self.checked(connection.receive_by(deadline)?);
            // Whatever its code: a login has no keys, and a Redis with too many connections is no use to any room.
            answer.map_err(|why| RedisFailure::new(why.reason))?;
        }
        connection.set_timeout(timeout).map_err(|error| io_failure(&error))?;
        Ok(connection)
    }

    /// What the log and a message at the start say of an error that Redis answers with.
    pub(crate) fn failure_of_server(&self, error: &ServerError) -> RedisFailure {
        let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
        // The sentence that it becomes a part of has its own full stop.
        let reason = without_user(text.trim_end_matches([' ', '.']), self.url.user());
        let is_of_rights =
            error.kind() == Some(ServerErrorKind::NoPerm) || reason.contains(SCRIPT_LACKS_RIGHT);
        match is_of_rights {
            true => RedisFailure::new(format!(
                "{reason}; a node needs the rights in docs/nodes.md, with keys and channels that begin with {}",
                self.keys.prefix(),
            )),
            false => RedisFailure { reason, concerns_keys_only: KEY_ERRORS.contains(&error.code()) },
        }
    }
}

/// Redis names the user that may not do something.
fn without_user(text: &str, user: Option<&str>) -> String {
    user.map_or_else(|| text.to_owned(), |user| text.replace(&format!("User {user} "), "the user "))
}

/// A connection to Redis.
pub(crate) struct Connection(redis::Connection);

impl Connection {
    /// Runs commands in one go. Of each there is an answer, which may be an error of Redis. If Redis does not have the
    /// scripts, it gets them, and then the commands that need them once more.
    pub(crate) fn run(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, RedisFailure> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        let mut answers = self.exchange(commands, deadline)?;
        let refused: Vec<usize> = (0..answers.len()).filter(|at| lacks_script(&answers[*at])).collect();
        if !refused.is_empty() {
            let loaded = self.exchange(&scripts::load(), deadline)?;
            let again: Vec<Cmd> = refused.iter().map(|at| commands[*at].clone()).collect();
            let later = match loaded.into_iter().find(|answer| matches!(answer, Value::ServerError(_))) {
                Some(error) => vec![error; again.len()],
                None => self.exchange(&again, deadline)?,
            };
            for (at, answer) in refused.into_iter().zip(later) {
                answers[at] = answer;
            }
        }
        Ok(answers)
    }

    fn set_timeout(&self, timeout: Duration) -> RedisResult<()> {
        self.0.set_read_timeout(Some(timeout))?;
        self.0.set_write_timeout(Some(timeout))
    }

    fn exchange(&mut self, commands: &[Cmd], deadline: Instant) -> Result<Vec<Value>, RedisFailure> {
        self.send(commands)?;
        commands.iter().map(|_| self.receive_by(deadline)).collect()
    }

    fn receive_by(&mut self, deadline: Instant) -> Result<Value, RedisFailure> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RedisFailure::new("it takes too long to answer"));
        }
        self.0.set_read_timeout(Some(left)).map_err(|error| io_failure(&error))?;
        self.receive()
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
        false if error.is_io_error() => RedisFailure::new(error.to_string()),
        false => RedisFailure::unexpected(),
    }
}

/// Whether an answer says that Redis does not have the script.
fn lacks_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

/// An answer as a value of a type.
pub(crate) fn read<T: FromRedisValue>(answer: Value) -> Result<T, RedisFailure> {
    from_redis_value(answer).map_err(|_| RedisFailure::invalid_data())
}

/// Whether Redis is full.
pub(crate) fn is_full(error: &ServerError) -> bool {
    error.code() == OUT_OF_MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_redis_that_takes_no_more_connections_is_no_matter_of_keys() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        thread::spawn(move || {
            let mut open = Vec::new();
            for connection in listener.incoming() {
                let mut connection = connection.expect("a client");
                connection.write_all(b"-ERR max number of clients reached\r\n").expect("a client");
                open.push(connection);
            }
        });
        let url = url.parse().expect("a URL");
        let redis = Redis::new(&RedisOptions { url, prefix: Default::default(), keep_days: None });
        let failure = redis.connect().map(|_| ()).expect_err("no connection");
        assert_eq!(failure, RedisFailure::new("ERR max number of clients reached"));
    }
}
