//! What a driver is told, and what it tells: both as JSON, because it is a process of its own.

use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a driver is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// With whom and how often.
    pub scenario: Scenario,
    /// Where the server is.
    pub address: SocketAddr,
    /// Its process id.
    pub server: i32,
    /// Where to write what one client received, to be sent again by the floor.
    pub recording: PathBuf,
    /// Looks for something to read without ever sleeping, so that nobody pays for waking it: a sender over a
    /// network does not either.
    pub spin: bool,
    /// Only reads, what the floor sends; these are the typists' ids.
    pub replay: Option<Vec<Vec<u8>>>,
}

/// What a driver found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Seconds until everyone had joined.
    pub joined_s: f64,
    /// Seconds until everyone knew of everyone.
    pub met_s: f64,
    /// Seconds that were measured.
    pub measured_s: f64,
    /// Updates that reached a reader, once for each.
    pub conveyed: u64,
    /// How long half of them waited, in milliseconds.
    pub p50_ms: f64,
    /// How long all but one in a hundred waited at most.
    pub p99_ms: f64,
    /// How long the last one waited.
    pub max_ms: f64,
    /// From when the last update was due until everyone had it.
    pub behind_ms: f64,
    /// Nanoseconds that the server ran meanwhile.
    pub server_cpu: u64,
    /// The part of that time in which the driver had something to do.
    pub driver_busy: f64,
    /// KiB resident in the server at the end.
    pub resident: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Times that a client received something.
    pub reads: u64,
    /// The most times that one of the observed clients did: how often the server wrote to everyone.
    pub batches: u64,
    /// The typists' ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Vec<u8>>,
}
