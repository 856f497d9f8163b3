//! Connections to Redis. All commands are fast. After any error, a connection is replaced, because Redis may have run
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
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long connecting may take, with the TLS handshake and the login. A node that is cut off has time for a second
/// attempt before it counts as dead.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);

/// How long all commands that are sent together may take. If a beat gets no answer, this node counts as dead [`TTL`]
/// after the beat before, which it sent a [`BEAT`] earlier. Half a second of that is left for a new connection and a
/// beat on it.
const COMMAND_TIMEOUT: Duration = TTL.saturating_sub(BEAT).saturating_sub(Duration::from_millis(500));

/// The pause before a new connection after a failure. Until then, everything that needs the connection fails at once.
/// It is shorter than the half second that is left after [`COMMAND_TIMEOUT`], and long enough that the logins of all
/// nodes do not keep a starting Redis busy.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// The code of the error that says that Redis is full.
const OUT_OF_MEMORY: &str = "OOM";

/// The codes of errors that concern only the keys of a command: they have another type, or invalid values. All other
/// codes concern Redis itself: that it is a replica now, say, or that the user has too few rights.
const KEY_ERRORS: [&str; 2] = ["WRONGTYPE", "ERR"];

/// Part of the `ERR` error that says that the user lacks a right for what a script does.
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

/// Why Redis cannot be used. It shows neither the name nor the password of the Redis user, and nothing that people have
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFailure {
    reason: String,
    kind: FailureKind,
}

/// What a failure means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailureKind {
    /// Redis cannot be used.
    Redis,
    /// The same, because nothing arrived in time.
    Silence,
    /// Only some keys cannot be used.
    Keys,
    /// The connection was lost a moment ago, and nothing else is known.
    Pause,
    /// This node was suspended, and nothing else is known.
    Suspension,
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
        Self::of(FailureKind::Redis, reason)
    }

    fn of(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind }
    }

    /// An answer that no Redis gives. The answer is not shown, because there may be posts in it.
    pub(crate) fn unexpected() -> Self {
        Self::new("it does not answer as Redis does")
    }

    /// The connection was lost a moment ago.
    pub(crate) fn pause() -> Self {
        Self::of(FailureKind::Pause, "it will be tried again in a moment")
    }

    /// Whether the connection was lost a moment ago, and nothing else is known.
    pub(crate) fn is_pause(&self) -> bool {
        self.kind == FailureKind::Pause
    }

    /// Whether this node was suspended, and nothing else is known.
    pub(crate) fn is_suspension(&self) -> bool {
        self.kind == FailureKind::Suspension
    }

    /// Somebody else has written invalid data to Redis. The data is not shown, because there may be posts in it.
    pub(crate) fn invalid_data() -> Self {
        Self::of(FailureKind::Keys, "it holds data that no node wrote")
    }

    /// Whether only the keys of one command cannot be used, and Redis itself can.
    pub(crate) fn concerns_keys_only(&self) -> bool {
        self.kind == FailureKind::Keys
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

    /// Fails if the user lacks a right that a node needs.
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

    /// The answer, or the failure if it is an error.
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
        let open = || Client::open(self.url.connection())?.get_connection_with_timeout(CONNECT_TIMEOUT);
        let connection = open().map_err(|error: RedisError| RedisFailure::new(error.to_string()))?;
        let mut connection = Connection(connection);
        for command in self.url.login() {
            // The crate has only made the TCP connection. The handshake of TLS, which reads too, comes with the first
            // command.
            connection.set_timeout(left_until(deadline)?).map_err(|error| io_failure(&error))?;
            // A Redis that does not take the connection says why, and closes it.
            connection.send(slice::from_ref(&command)).map_err(|why| self.explain_handshake(why))?;
            let answer = self.checked(connection.receive_by(deadline)?);
            // Whatever its code: a login has no keys, and a Redis with too many connections is no use to any room.
            answer.map_err(|why| RedisFailure::new(why.reason))?;
        }
        connection.set_timeout(timeout).map_err(|error| io_failure(&error))?;
        Ok(connection)
    }

    /// A Redis without TLS takes the handshake for the beginning of a command, and waits for the rest of it.
    fn explain_handshake(&self, why: RedisFailure) -> RedisFailure {
        match self.url.is_encrypted() && why.kind == FailureKind::Silence {
            true => RedisFailure::new("it does not answer the TLS handshake; without TLS, use redis://"),
            false => why,
        }
    }

    /// The failure that an error of Redis means.
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
            false if KEY_ERRORS.contains(&error.code()) => RedisFailure::of(FailureKind::Keys, reason),
            false => RedisFailure::new(reason),
        }
    }
}

/// Removes the name of the user from an error of Redis.
fn without_user(text: &str, user: Option<&str>) -> String {
    user.map_or_else(|| text.to_owned(), |user| text.replace(&format!("User {user} "), "the user "))
}

/// A connection to Redis.
pub(crate) struct Connection(redis::Connection);

impl Connection {
    /// Sends commands together, and returns the answer to each, which may be an error of Redis. If Redis lacks the
    /// scripts, loads them, and repeats the commands that need them.
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
        let left = left_until(deadline)?;
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

/// The time until a deadline. Fails if the deadline has passed.
fn left_until(deadline: Instant) -> Result<Duration, RedisFailure> {
    let left = deadline.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(RedisFailure::new("it takes too long to answer")),
        false => Ok(left),
    }
}

/// The failure that an I/O error of an open connection means. It names no user.
fn io_failure(error: &RedisError) -> RedisFailure {
    match io_kind(error) {
        Some(ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            RedisFailure::of(FailureKind::Silence, "it does not answer")
        }
        Some(ErrorKind::UnexpectedEof) => RedisFailure::new("it has closed the connection"),
        // SIGCONT interrupts a wait that has a timeout (signal(7)); the signals that the program handles go to its
        // first thread. The wait is not resumed: the crate would take the next answer for a late one.
        Some(ErrorKind::Interrupted) => RedisFailure::of(FailureKind::Suspension, "this node was suspended"),
        _ if error.is_io_error() => RedisFailure::new(error.to_string()),
        _ => RedisFailure::unexpected(),
    }
}

/// The kind of an I/O error, which the crate wraps in an `Arc`.
fn io_kind(error: &RedisError) -> Option<ErrorKind> {
    let shared = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    Some(shared.downcast_ref::<io::Error>()?.kind())
}

/// Whether an answer says that Redis does not have the script.
fn lacks_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

/// Reads an answer as a `T`.
pub(crate) fn read<T: FromRedisValue>(answer: Value) -> Result<T, RedisFailure> {
    from_redis_value(answer).map_err(|_| RedisFailure::invalid_data())
}

/// Whether an error says that Redis is full.
pub(crate) fn is_full(error: &ServerError) -> bool {
    error.code() == OUT_OF_MEMORY
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    /// A Redis that does this with each connection.
    pub(in crate::cluster) fn redis_that(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Redis {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        thread::spawn(move || listener.incoming().for_each(|client| serve(client.expect("a client"))));
        let url = url.parse().expect("a URL");
        Redis::new(&RedisOptions { url, prefix: Default::default(), keep_days: None })
    }

    /// A Redis that says this on each connection, whatever it is asked.
    pub(in crate::cluster) fn redis_that_says(answer: &'static str) -> Redis {
        let mut open = Vec::new();
        redis_that(move |mut client| {
            client.write_all(answer.as_bytes()).expect("a client");
            open.push(client);
        })
    }

    #[test]
    fn errors_of_a_connection_are_said_in_words() {
        let reason = |error: io::Error| io_failure(&error.into()).to_string();
        assert_eq!(reason(ErrorKind::WouldBlock.into()), "it does not answer");
        assert_eq!(reason(ErrorKind::TimedOut.into()), "it does not answer");
        let without_goodbye = io::Error::new(ErrorKind::UnexpectedEof, "see https://docs.rs");
        assert_eq!(reason(without_goodbye), "it has closed the connection");
        assert!(io_failure(&io::Error::from(ErrorKind::Interrupted).into()).is_suspension());
        assert_eq!(reason(io::Error::other("no route")), "no route");
    }

    #[test]
    fn a_redis_that_takes_no_more_connections_is_no_matter_of_keys() {
        let redis = redis_that_says("-ERR max number of clients reached\r\n");
        let failure = redis.connect().map(|_| ()).expect_err("no connection");
        assert_eq!(failure, RedisFailure::new("ERR max number of clients reached"));
    }
}
