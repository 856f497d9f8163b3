//! The first part of a room's snapshots, kept for the clients that enter before the room changes.

use crate::base::memory::MemoryLimit;
use crate::protocol::snapshot::{Cursor, PART_BYTES, Part};

/// Largest part that is kept, in bytes. Only one that ends with a long text is larger.
const MAX_KEPT: usize = 2 * PART_BYTES;

/// The first part of a version of the room.
#[derive(Debug)]
struct Kept {
    version: u64,
    json: Vec<u8>,
    next: Option<Cursor>,
}

/// The first part, if it is known.
#[derive(Debug, Default)]
pub(crate) struct FirstPart(Option<Kept>);

impl FirstPart {
    /// The part of this version of the room.
    pub(crate) fn get(&self, version: u64, memory: &MemoryLimit) -> Option<Part> {
        let kept = self.0.as_ref().filter(|kept| kept.version == version)?;
        Some(Part { json: memory.keep(kept.json.clone()), next: kept.next })
    }

    /// Keeps the part of this version, if it is not too large.
    pub(crate) fn set(&mut self, version: u64, json: &[u8], next: Option<Cursor>) {
        let kept = || Kept { version, json: json.to_vec(), next };
        self.0 = (json.len() <= MAX_KEPT).then(kept);
    }

    /// Frees the part.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.json.capacity())
    }
}
