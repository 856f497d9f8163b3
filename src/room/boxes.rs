//! A room's boxes: their texts, and the order in which they changed.
//!
//! Text is state: if a box changes several times between two batches, only its latest text is sent.

use crate::base::ids::{IdMap, UserId};
use crate::room::splice::OutOfStep;
use crate::room::text::{Text, TextChange};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::mem;

/// The number of a text that the room has sent. Of two boxes, the one with the higher revision changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Revision(pub u64);

/// Every user's box.
#[derive(Debug, Default)]
pub(crate) struct Boxes {
    boxes: IdMap<UserId, TextBox>,
    last_revision: Revision,
    /// The box of each revision. A box has at most one, its latest.
    revisions: BTreeMap<Revision, UserId>,
    /// Boxes that changed since the last [`commit`](Boxes::commit).
    changed: Vec<UserId>,
    /// The memory of all texts, in bytes.
    memory: usize,
}

#[derive(Debug, Default)]
struct TextBox {
    text: Text,
    /// The text at the last commit. Splices start from it.
    committed: Text,
    revision: Revision,
    /// True if `changed` contains this box.
    is_changed: bool,
}

/// A change of a box's text since the text was last sent.
#[derive(Debug, Clone, Copy)]
pub struct TextUpdate<'a> {
    /// The owner of the box.
    pub id: UserId,
    /// The number of this change.
    pub revision: Revision,
    /// The text that was sent before.
    pub before: &'a Text,
    /// The text now.
    pub after: &'a Text,
}

impl TextBox {
    fn memory(&self) -> usize {
        self.text.memory() + self.committed.memory()
    }
}

impl Boxes {
    /// Adds an empty box.
    pub(crate) fn add(&mut self, id: UserId) {
        self.boxes.insert(id, TextBox::default());
    }

    /// Removes a box.
    pub(crate) fn remove(&mut self, id: UserId) {
        if let Some(removed) = self.boxes.remove(&id) {
            self.revisions.remove(&removed.revision);
            self.memory -= removed.memory();
        }
    }

    /// The memory of all texts, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// The text of a box; `None` if there is no such box.
    pub(crate) fn text(&self, id: UserId) -> Option<&Text> {
        self.boxes.get(&id).map(|found| &found.text)
    }

    /// Changes the text of a box.
    pub(crate) fn change(&mut self, id: UserId, change: TextChange<'_>) -> Result<(), OutOfStep> {
        if let Some(found) = self.boxes.get_mut(&id) {
            let before = found.memory();
            found.text.apply(change)?;
            self.memory = self.memory + found.memory() - before;
            Self::note_change(&mut self.changed, id, found);
        }
        Ok(())
    }

    /// Notes that a box is to be sent again.
    fn note_change(changed: &mut Vec<UserId>, id: UserId, found: &mut TextBox) {
        if !mem::replace(&mut found.is_changed, true) {
            changed.push(id);
        }
    }

    /// Empties a box that has a text.
    pub(crate) fn empty(&mut self, id: UserId) {
        if self.text(id).is_some_and(|text| !text.as_str().is_empty()) {
            let _ = self.change(id, TextChange::Whole("".into())); // a whole text always fits
        }
    }

    /// Makes every box that has a text count as changed, because somebody could not see it so far.
    pub(crate) fn mark_all_changed(&mut self) {
        for (&id, found) in self.boxes.iter_mut().filter(|(_, found)| !found.text.as_str().is_empty()) {
            Self::note_change(&mut self.changed, id, found);
        }
    }

    /// Gives every box that changed since the last commit a new revision, and calls `each` with it.
    pub(crate) fn commit(&mut self, mut each: impl FnMut(TextUpdate<'_>)) {
        for id in self.changed.drain(..) {
            let Some(found) = self.boxes.get_mut(&id) else { continue }; // its user has left since
            self.last_revision.0 += 1;
            self.revisions.remove(&found.revision);
            self.revisions.insert(self.last_revision, id);
            found.revision = self.last_revision;
            found.is_changed = false;
            let TextBox { text: after, committed: before, revision, .. } = &*found;
            each(TextUpdate { id, revision: *revision, before, after });
            let before = found.memory();
            found.committed.copy_from(&found.text);
            self.memory = self.memory + found.memory() - before;
        }
    }

    /// The boxes that changed at revision `from` or later, in the order of their changes.
    pub(crate) fn changed_since(&self, from: Revision) -> impl Iterator<Item = (Revision, UserId, &Text)> {
        let changed = self.revisions.range(from..);
        changed.filter_map(|(&revision, &id)| Some((revision, id, self.text(id)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_one_revision_and_a_removed_box_has_none() {
        let mut boxes = Boxes::default();
        for id in (0..10).map(UserId) {
            boxes.add(id);
            for text in ["a", "b"] {
                boxes.change(id, TextChange::Whole(text.into())).unwrap();
                boxes.commit(|_| {});
                assert_eq!(boxes.revisions.len(), 1);
            }
            assert!(boxes.memory() > 0);
            boxes.remove(id);
            assert!(boxes.revisions.is_empty());
            assert_eq!(boxes.memory(), 0);
        }
    }

    #[test]
    fn the_memory_is_that_of_all_texts_before_and_after_a_commit() {
        let mut boxes = Boxes::default();
        let mut write = |n: u64, length: usize, commits: bool| {
            boxes.add(UserId(n));
            boxes.change(UserId(n), TextChange::Whole("x".repeat(length).into())).unwrap();
            if commits {
                boxes.commit(|_| {});
            }
            let of_all = boxes.boxes.values().map(|each| each.text.memory() + each.committed.memory());
            assert_eq!(boxes.memory(), of_all.sum::<usize>());
            boxes.memory()
        };
        assert!(write(1, 100, false) >= 100);
        assert!(write(2, 1_000, true) >= 2 * 1_100);
        assert!(write(3, 10, false) >= 2 * 1_100 + 10);
    }

    #[test]
    fn the_boxes_that_changed_come_in_the_order_of_their_latest_change() {
        let mut boxes = Boxes::default();
        (1..=3).for_each(|n| boxes.add(UserId(n)));
        for n in [1, 2, 3, 1] {
            boxes.change(UserId(n), TextChange::Whole("x".into())).unwrap();
            boxes.commit(|_| {});
        }
        let since =
            |revision| boxes.changed_since(Revision(revision)).map(|(_, id, _)| id.0).collect::<Vec<_>>();
        assert_eq!([since(0), since(3), since(4), since(5)], [vec![2, 3, 1], vec![3, 1], vec![1], vec![]]);
    }
}
