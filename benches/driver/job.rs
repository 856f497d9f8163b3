//! The job and the outcome of a driver. Both are passed as JSON, because the driver is a separate process.

use crate::driver::meters::Traffic;
use crate::driver::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The job of a driver.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// What to run.
    pub scenario: Scenario,
    /// The addresses of the servers, by node.
    pub addresses: Vec<SocketAddr>,
    /// The process ids of the servers, by node, and of what else is to be measured.
    pub processes: Vec<i32>,
    /// The Redis of the servers, if they have one.
    pub redis: Option<String>,
    /// The file for the recording of one client's input, which the floor sends again.
    pub recording: PathBuf,
    /// Polls without sleeping, so that the server does not pay for waking the driver. A server does not pay for that
    /// over a network either.
    pub spin: bool,
    /// If set, the driver only reads what the floor sends. These are the typists' ids.
    pub replay: Option<Vec<Vec<u8>>>,
}

/// What a driver measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Seconds until all clients had joined.
    pub joined_s: f64,
    /// Seconds until every client knew every user of its room.
    pub met_s: f64,
    /// Length of the measurement, in seconds.
    pub measured_s: f64,
    /// Updates that reached a reader, counted once per reader.
    pub conveyed: u64,
    /// The median of their waiting times, in milliseconds.
    pub p50_ms: f64,
    /// The 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// The longest, in milliseconds.
    pub max_ms: f64,
    /// The median of the waiting times of one client, the observer, in milliseconds.
    pub one_p50_ms: f64,
    /// The 99th percentile, in milliseconds.
    pub one_p99_ms: f64,
    /// When the median client had the last text of every typist, in milliseconds from the start.
    pub complete_p50_ms: f64,
    /// Time from the last update until all readers had it, in milliseconds.
    pub behind_ms: f64,
    /// The waiting times of the readers on each node.
    pub by_node: Vec<Waits>,
    /// CPU time of each process during the measurement, in nanoseconds.
    pub cpu: Vec<u64>,
    /// What Redis received and sent meanwhile.
    pub traffic: Option<Traffic>,
    /// The part of the measurement in which the driver was busy, from 0 to 1.
    pub driver_busy: f64,
    /// Resident memory of the first server at the end, in KiB.
    pub resident: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Reads that returned something.
    pub reads: u64,
    /// Reads of the observed client that read most often: the number of batches that the server wrote.
    pub batches: u64,
    /// The typists' ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Vec<u8>>,
}

/// Waiting times in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Waits {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
}

impl Outcome {
    /// CPU time of the first server, in nanoseconds.
    pub(crate) fn server_cpu(&self) -> u64 {
        self.cpu.first().copied().unwrap_or_default()
    }
}
