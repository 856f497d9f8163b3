//! Readings of the meters: the CPU time of the measured processes, and the bytes through Redis.

use crate::driver::process;
use redis::{Cmd, Connection};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long Redis may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is measured.
pub(crate) struct Meters {
    processes: Vec<i32>,
    redis: Option<Connection>,
}

/// What the meters show.
#[derive(Debug)]
pub(crate) struct Reading {
    cpu: Vec<u64>,
    counters: Option<Counters>,
}

/// The counters of Redis.
#[derive(Debug)]
struct Counters {
    total: Traffic,
    /// The bytes of the question, which Redis has counted, and of the answer, which it counts afterwards.
    question: u64,
    answer: u64,
}

/// What was used between two readings.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// CPU time of each process, in nanoseconds.
    pub cpu: Vec<u64>,
    /// What Redis received and sent.
    pub traffic: Option<Traffic>,
}

/// What Redis received and sent, in bytes, without the questions of the meters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Traffic {
    pub received: u64,
    pub sent: u64,
}

impl Meters {
    /// The meters of these processes and of the Redis with this URL.
    pub(crate) fn open(processes: &[i32], redis: Option<&str>) -> Result<Self, String> {
        Ok(Self { processes: processes.to_vec(), redis: redis.map(connect).transpose()? })
    }

    /// Reads them.
    pub(crate) fn read(&mut self) -> Result<Reading, String> {
        let counters = self.redis.as_mut().map(count).transpose()?;
        let cpu: Result<_, _> = self.processes.iter().map(|&process| process::cpu(process)).collect();
        Ok(Reading { cpu: cpu?, counters })
    }
}

impl Reading {
    /// What was used since an earlier reading.
    pub(crate) fn since(&self, before: &Self) -> Usage {
        let cpu = self.cpu.iter().zip(&before.cpu).map(|(now, before)| now - before).collect();
        let traffic = self.counters.as_ref().zip(before.counters.as_ref()).map(|(now, before)| Traffic {
            received: now.total.received - before.total.received - now.question,
            sent: now.total.sent - before.total.sent - before.answer,
        });
        Usage { cpu, traffic }
    }
}

/// Connects to a Redis.
pub(crate) fn connect(url: &str) -> Result<Connection, String> {
    let client = redis::Client::open(url).map_err(unanswered)?;
    let connection = client.get_connection_with_timeout(TIMEOUT).map_err(unanswered)?;
    connection.set_read_timeout(Some(TIMEOUT)).map_err(unanswered)?;
    Ok(connection)
}

fn unanswered(error: redis::RedisError) -> String {
    format!("Redis does not answer: {error}.")
}

fn count(connection: &mut Connection) -> Result<Counters, String> {
    let mut command = Cmd::new();
    command.arg(&["INFO", "stats"]);
    let info: String = command.query(connection).map_err(unanswered)?;
    let total = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
        value.ok_or_else(|| format!("Redis does not tell {name}."))
    };
    let received = total("total_net_input_bytes")?;
    let sent = total("total_net_output_bytes")?;
    // A bulk string of RESP: its length, and two ends of lines.
    let answer = format!("${}\r\n{info}\r\n", info.len()).len() as u64;
    let question = command.get_packed_command().len() as u64;
    Ok(Counters { total: Traffic { received, sent }, question, answer })
}
