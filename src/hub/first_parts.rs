//! The first part of a room's snapshots, kept for the clients that enter before the room changes.

use crate::base::memory::{Charge, MemoryLimit};
use crate::protocol::snapshot::{PART_BYTES, Part};

/// Largest part that is kept, in bytes. Only one that ends with a long text is larger.
const MAX_KEPT: usize = 2 * PART_BYTES;

/// The first part of a version of the room, if it is known. It counts as text while it is kept here. What clients hold
/// of it counts as pending output; otherwise clients that read nothing could use up the memory for texts.
#[derive(Debug, Default)]
pub(crate) struct FirstPart(Option<(u64, Part, Charge)>);

impl FirstPart {
    /// The part of this version of the room, which counts in `waiting` too.
    pub(crate) fn get(&self, version: u64, waiting: &MemoryLimit) -> Option<Part> {
        let (_, part, _) = self.0.as_ref().filter(|(kept, ..)| *kept == version)?;
        Some(Part { json: waiting.keep_shared(part.json.clone()), next: part.next })
    }

    /// Keeps the part of this version, unless it is too large, or the memory for texts is used up.
    pub(crate) fn set(&mut self, version: u64, part: Part, texts: &MemoryLimit) {
        self.clear();
        if part.json.len() <= MAX_KEPT && !texts.is_over() {
            let mut charge = texts.charge();
            charge.set(part.json.len());
            self.0 = Some((version, part, charge));
        }
    }

    /// Frees the part.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}
