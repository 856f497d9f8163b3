//! Marks: numbers from which pages draw the colours and shapes beside names. A new user gets a mark that nobody else in
//! the room has, as long as one is free.

use crate::room::names::Name;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The number of marks: 24 colours in 8 shapes. Successive marks differ in both, see `page/marks.js`.
pub(crate) const MARKS: usize = 192;

/// The number of a mark, below [`MARKS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark(pub u8);

impl Mark {
    /// The mark that a name suggests: FNV-1a of its characters, regardless of case and width. Clients compute the same,
    /// so they are told of other marks only.
    pub(crate) fn suggested(name: &str) -> Self {
        let folded = name.nfkc().collect::<String>().to_lowercase();
        let step = |value: u32, c: char| (value ^ u32::from(c)).wrapping_mul(0x0100_0193);
        let hash = folded.chars().fold(0x811C_9DC5, step);
        Self(((hash ^ (hash >> 15)) % MARKS as u32) as u8)
    }
}

/// How many users of a room have each mark.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Empty until the first user comes, because many rooms have viewers only.
    counts: Vec<u32>,
}

impl Marks {
    /// Nobody has a mark.
    pub(crate) fn new() -> Self {
        Self { counts: Vec::new() }
    }

    /// Takes a mark for a user with this name: the first free one from the suggested one on. `None` if that is the
    /// suggested one, which several users have if none is free.
    pub(crate) fn take(&mut self, name: &Name) -> Option<Mark> {
        self.counts.resize(MARKS, 0);
        let suggested = usize::from(Mark::suggested(name.as_str()).0);
        let mut from_suggested = (suggested..MARKS).chain(0..suggested);
        let mark = from_suggested.find(|&mark| self.counts[mark] == 0).unwrap_or(suggested);
        self.counts[mark] += 1;
        (mark != suggested).then_some(Mark(mark as u8))
    }

    /// Adds the mark that another process has given to a user with this name.
    pub(crate) fn add(&mut self, name: &Name, mark: Option<Mark>) {
        self.counts.resize(MARKS, 0);
        let Mark(mark) = mark.unwrap_or_else(|| Mark::suggested(name.as_str()));
        if let Some(count) = self.counts.get_mut(usize::from(mark)) {
            *count += 1;
        }
    }

    /// The user who had this mark has left.
    pub(crate) fn free(&mut self, Mark(mark): Mark) {
        if let Some(count) = self.counts.get_mut(usize::from(mark)) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn take(marks: &mut Marks, typed: &str) -> Mark {
        marks.take(&Name::parse(typed, 40).unwrap()).unwrap_or(Mark::suggested(typed))
    }

    #[test]
    fn users_have_different_marks_as_long_as_there_are_enough() {
        let mut marks = Marks::new();
        let taken: BTreeSet<u8> = (0..MARKS).map(|n| take(&mut marks, &format!("user {n}")).0).collect();
        assert_eq!(taken.len(), MARKS);
        assert_eq!(marks.take(&Name::parse("one more", 40).unwrap()), None, "the one that the name suggests");
    }

    #[test]
    fn a_name_has_its_own_mark_again_once_that_is_free() {
        let mut marks = Marks::new();
        let own = Mark::suggested("Ada");
        let [first, second] = [take(&mut marks, "Ada"), take(&mut marks, "ADA")];
        assert_eq!([first, second], [own, Mark((own.0 + 1) % MARKS as u8)]);
        marks.free(first);
        assert_eq!(take(&mut marks, "Ada"), own);
        assert_eq!(take(&mut marks, "Ada"), Mark((own.0 + 2) % MARKS as u8), "the second is still taken");
    }

    #[test]
    fn the_page_computes_the_same_marks() {
        let vectors = include_str!("../../tests/vectors/marks.json");
        let vectors: BTreeMap<String, u8> = serde_json::from_str(vectors).unwrap();
        for (name, mark) in &vectors {
            assert_eq!(Mark::suggested(name), Mark(*mark), "{name}");
        }
        assert!(vectors.len() >= 8);
    }
}
