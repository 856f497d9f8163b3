//! The first parts of a room's snapshots, kept for the clients that enter before the room changes.

use crate::base::memory::{Charge, MemoryLimit};
use crate::protocol::snapshot::{Part, TOGETHER_BYTES};
use crate::room::view::Visibility;

/// Most bytes that are kept. Only parts that end with long texts are larger.
const MAX_KEPT: usize = 2 * TOGETHER_BYTES;

/// The first parts of a version of the room, if they are known. They count as text while they are kept here. What
/// clients hold of them counts as pending output; otherwise clients that read nothing could use up the memory for
/// texts.
#[derive(Debug, Default)]
pub(crate) struct FirstParts(Option<((u64, Visibility), Vec<Part>, Charge)>);

impl FirstParts {
    /// The parts of this version of the room for receivers with this visibility, which count in `waiting` too.
    pub(crate) fn get(&self, version: (u64, Visibility), waiting: &MemoryLimit) -> Option<Vec<Part>> {
        let (_, parts, _) = self.0.as_ref().filter(|(kept, ..)| *kept == version)?;
        Some(counted(parts, waiting))
    }

    /// Keeps the parts of this version, unless they are too large, or the memory for texts is used up.
    pub(crate) fn set(&mut self, version: (u64, Visibility), parts: Vec<Part>, texts: &MemoryLimit) {
        self.clear();
        let len = parts.iter().map(|part| part.json.len()).sum();
        if len <= MAX_KEPT && !texts.is_over() {
            let mut charge = texts.charge();
            charge.set(len);
            self.0 = Some((version, parts, charge));
        }
    }

    /// Bytes of the parts.
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |(_, _, charge)| charge.bytes())
    }

    /// Frees the parts.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

/// The same parts, which count in `memory` for as long as anyone holds them.
pub(crate) fn counted(parts: &[Part], memory: &MemoryLimit) -> Vec<Part> {
    let count = |part: &Part| Part { json: memory.keep_shared(part.json.clone()), next: part.next };
    parts.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;

    fn part(len: usize) -> Part {
        Part { json: vec![b'x'; len].into(), next: None }
    }

    #[test]
    fn large_parts_are_not_kept_and_none_are_once_the_memory_for_texts_is_used_up() {
        let waiting = MemoryLimit::new(Counter::default(), 1, 1);
        for (len, others, is_kept) in
            [(MAX_KEPT, 0, true), (MAX_KEPT + 1, 0, false), (1, 10 * MAX_KEPT + 1, false)]
        {
            let texts = MemoryLimit::new(Counter::default(), 10 * MAX_KEPT, 1);
            let mut charge = texts.charge();
            charge.set(others);
            let mut parts = FirstParts::default();
            parts.set((7, Visibility::All), vec![part(len)], &texts);
            assert_eq!(
                parts.get((7, Visibility::All), &waiting).is_some(),
                is_kept,
                "{len} bytes beside {others}"
            );
            assert!(parts.get((8, Visibility::All), &waiting).is_none());
            assert_eq!(texts.of_owner(), others + if is_kept { len } else { 0 });
        }
    }
}
