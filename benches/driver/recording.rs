//! Recordings of what the server sent to one client, and when. The floor sends the same again.

use crate::driver::scenario::Scenario;
use std::fs;
use std::path::Path;

/// Number of observed clients. The one that was written to most often is used.
const OBSERVED: usize = 8;

/// The input of one client.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// For each read: the time, in nanoseconds from the start of the recording, and the number of bytes.
    pub writes: Vec<(u64, usize)>,
    /// The bytes of all reads.
    pub bytes: Vec<u8>,
}

/// Observes a few clients that read and do not type.
#[derive(Debug)]
pub(crate) struct Recorder {
    observed: Vec<(usize, Recording)>,
    since: Option<u64>,
}

impl Recorder {
    /// A recorder that does not record yet.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let candidates = scenario.typists..scenario.clients - scenario.stalled;
        let step = candidates.len().div_ceil(OBSERVED).max(1);
        Self { observed: candidates.step_by(step).map(|n| (n, Recording::default())).collect(), since: None }
    }

    /// Records from now on.
    pub(crate) fn start(&mut self, now: u64) {
        self.since = Some(now);
    }

    /// Records what a client has read. A recording starts at the start of a frame.
    pub(crate) fn record(&mut self, client: usize, bytes: &[u8], starts_frame: bool, now: u64) {
        let Some(since) = self.since else { return };
        let observed = self.observed.iter_mut().find(|(n, _)| *n == client);
        if let Some((_, recording)) = observed
            && (starts_frame || !recording.writes.is_empty())
        {
            recording.writes.push((now - since, bytes.len()));
            recording.bytes.extend_from_slice(bytes);
        }
    }

    /// The number of batches that the server wrote, as far as it is visible: the reads of the client that read most
    /// often.
    pub(crate) fn batches(&self) -> u64 {
        self.best().map_or(0, |recording| recording.writes.len() as u64)
    }

    /// Writes the recording of that client to a file.
    pub(crate) fn save(&self, file: &Path) -> Result<(), String> {
        let empty = Recording::default();
        let recording = self.best().unwrap_or(&empty);
        let mut content = serde_json::to_vec(&recording.writes).map_err(|error| error.to_string())?;
        content.push(b'\n');
        content.extend_from_slice(&recording.bytes);
        fs::write(file, content).map_err(|error| format!("A recording cannot be written: {error}."))
    }

    fn best(&self) -> Option<&Recording> {
        self.observed.iter().map(|(_, recording)| recording).max_by_key(|recording| recording.writes.len())
    }
}

impl Recording {
    /// Reads what [`Recorder::save`] wrote.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let content = fs::read(file).map_err(|error| format!("A recording cannot be read: {error}."))?;
        let end = memchr::memchr(b'\n', &content).ok_or("A recording has no end.")?;
        let writes = serde_json::from_slice(&content[..end]).map_err(|error| error.to_string())?;
        Ok(Self { writes, bytes: content[end + 1..].to_vec() })
    }
}
