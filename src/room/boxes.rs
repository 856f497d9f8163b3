//! A room's boxes: their texts, and what of them was sent when.
//!
//! Text is state: whatever is written between two batches, a batch has only the latest of each box.

use crate::base::ids::ClientId;
use crate::base::ids::UserId;
use crate::delivery::batch::{Batch, Revision, TextForm};
use crate::protocol::events::ServerEvent;
use crate::room::splice::{OutOfStep, Splice};
use std::collections::{BTreeMap, HashMap};
use std::mem;

/// How many bytes of texts a client that was behind is given at once: enough to fill a socket's buffer,
/// so that no more is encoded than it can take.
const CATCH_UP_BYTES: usize = 64 * 1024;

/// Every user's box.
#[derive(Debug, Default)]
pub struct Boxes {
    boxes: HashMap<UserId, TextBox>,
    last_revision: Revision,
    /// Whose text was sent when, the earliest first.
    revisions: BTreeMap<Revision, UserId>,
    /// Whose text is not in a batch yet.
    changed: Vec<UserId>,
}

#[derive(Debug, Default)]
struct TextBox {
    text: String,
    /// What was sent of it last, which is what splices are made for.
    sent: String,
    revision: Revision,
    /// It is among those that are not in a batch yet.
    changed: bool,
}

impl Boxes {
    /// Adds an empty box.
    pub fn add(&mut self, id: UserId) {
        self.boxes.insert(id, TextBox::default());
    }

    /// Takes a box away.
    pub fn remove(&mut self, id: UserId) {
        if let Some(gone) = self.boxes.remove(&id) {
            self.revisions.remove(&gone.revision);
        }
    }

    /// What is in a box; nothing if there is none.
    pub fn text(&self, id: UserId) -> &str {
        self.boxes.get(&id).map_or("", |found| &found.text)
    }

    /// A box has this text now.
    pub fn write(&mut self, id: UserId, text: String) {
        if let Some(found) = self.boxes.get_mut(&id) {
            found.text = text;
            self.mark_changed(id);
        }
    }

    /// A box's text differs by this from what it was.
    pub fn splice(&mut self, id: UserId, splice: &Splice<'_>) -> Result<(), OutOfStep> {
        if let Some(found) = self.boxes.get_mut(&id) {
            splice.apply(&mut found.text)?;
            self.mark_changed(id);
        }
        Ok(())
    }

    fn mark_changed(&mut self, id: UserId) {
        if let Some(found) = self.boxes.get_mut(&id)
            && !mem::replace(&mut found.changed, true)
        {
            self.changed.push(id);
        }
    }

    /// Adds to a batch the latest text of every box that changed, in each of the forms that are read.
    pub fn finish(
        &mut self,
        forms: &[TextForm],
        author: impl Fn(UserId) -> Option<ClientId>,
        batch: &mut Batch,
    ) {
        for id in self.changed.drain(..) {
            let Some(found) = self.boxes.get_mut(&id) else { continue }; // left in this batch
            self.last_revision.0 += 1;
            self.revisions.remove(&found.revision);
            self.revisions.insert(self.last_revision, id);
            found.revision = self.last_revision;
            found.changed = false;
            for &form in forms {
                batch.text(form, &found.update(id, form), author(id), found.revision);
            }
            found.sent.clone_from(&found.text);
        }
    }

    /// Fills an empty batch with the texts sent from revision `from` on, as they are now, for a client that
    /// missed them. Where they are many it stops early and returns the first that is left.
    pub fn catch_up(
        &self,
        client: ClientId,
        from: Revision,
        author: impl Fn(UserId) -> Option<ClientId>,
        batch: &mut Batch,
    ) -> Option<Revision> {
        for (&revision, &id) in self.revisions.range(from..) {
            if batch.len() >= CATCH_UP_BYTES {
                return Some(revision);
            }
            if let Some(found) = self.boxes.get(&id).filter(|_| author(id) != Some(client)) {
                let whole = found.update(id, TextForm::Whole);
                batch.text(TextForm::Whole, &whole, author(id), revision);
            }
        }
        None
    }
}

impl TextBox {
    fn update(&self, id: UserId, form: TextForm) -> ServerEvent<'_> {
        match form {
            TextForm::Whole => ServerEvent::TextUpdate { id, text: &self.text },
            TextForm::Spliced => {
                let Splice { at, cut, put, length } = Splice::between(&self.sent, &self.text);
                ServerEvent::TextSplice { id, at, cut, put, length }
            }
        }
    }
}
