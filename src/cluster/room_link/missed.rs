//! What the owner decides while a mirror waits for a copy of the room. A large copy takes a while, and the room goes on
//! meanwhile.

use super::Effect;
use crate::base::ids::NodeId;
use crate::cluster::message::{Heard, Position, Ruled};
use crate::room::fact::Fact;
use crate::room::state::RoomRecord;
use crate::room::text::TextChange;
use std::collections::VecDeque;

/// The most bytes that are kept, roughly. Beyond that, everything is dropped, and the mirror asks for another copy. A
/// busy room takes seconds to produce this much; sending a copy of a full room takes less.
const MAX_KEPT: usize = 8 * 1024 * 1024;

/// Roughly the size of a fact without its text, in bytes.
const FACT_OVERHEAD: usize = 256;

/// Roughly the size of a message without its facts, its record and its confirmations, in bytes.
const OUT_OVERHEAD: usize = 256;

/// Consecutive messages of the owner that this node has not followed.
#[derive(Debug, Default)]
pub(super) struct Missed {
    outs: VecDeque<Out>,
    bytes: usize,
}

/// A message of the owner.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) at: Position,
    pub(super) rulings: Vec<Ruled>,
    pub(super) record: Option<Box<RoomRecord>>,
    pub(super) is_unsaved: bool,
    pub(super) heard: Heard,
}

impl Out {
    /// The effects of the message on a mirror that has everything before it.
    pub(super) fn followed_by(self, me: NodeId) -> impl Iterator<Item = Effect> {
        let Self { rulings, record, is_unsaved, heard, .. } = self;
        let confirm = heard.get(&me).map(|seq| Effect::Confirm(*seq));
        [Effect::Follow { rulings, record: record.map(|record| *record), is_unsaved }]
            .into_iter()
            .chain(confirm)
    }

    fn bytes(&self) -> usize {
        let facts = self.rulings.iter().map(|ruled| FACT_OVERHEAD + text_of(&ruled.ruling.fact));
        let record = self.record.as_deref().map_or(0, RoomRecord::memory);
        OUT_OVERHEAD + facts.sum::<usize>() + record + self.heard.len() * size_of::<(NodeId, u64)>()
    }
}

impl Missed {
    /// Keeps a message. If there is a gap before it, earlier ones are of no use, and are dropped.
    pub(super) fn keep(&mut self, out: Out) {
        let last = self.outs.back().map(|last| (last.at.epoch, last.at.seq.checked_add(1)));
        if last.is_some_and(|last| last != (out.at.epoch, Some(out.at.seq))) {
            self.clear();
        }
        self.bytes += out.bytes();
        self.outs.push_back(out);
        if self.bytes > MAX_KEPT {
            self.clear();
        }
    }

    /// Takes the messages that come after a copy of the room. Returns whether nothing is missing between the two.
    pub(super) fn take_after(&mut self, copied: Position) -> (Vec<Out>, bool) {
        let outs = std::mem::take(self).outs.into_iter();
        let outs: Vec<Out> = outs.filter(|out| out.at > copied && out.at.epoch == copied.epoch).collect();
        let is_whole = outs.first().is_none_or(|first| Some(first.at.seq) == copied.seq.checked_add(1));
        (if is_whole { outs } else { Vec::new() }, is_whole)
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The bytes of the text in a fact.
fn text_of(fact: &Fact) -> usize {
    match fact {
        Fact::Text { change: TextChange::Whole(text), .. } => text.len(),
        Fact::Text { change: TextChange::Splice(splice), .. } => splice.put.len(),
        Fact::Posted { post } => post.text.len(),
        Fact::StateChanged { state } => state.prompt.len(),
        Fact::LogReplaced { posts, .. } | Fact::Loaded { posts, .. } => {
            posts.iter().map(|post| FACT_OVERHEAD + post.text.len()).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Epoch;

    /// Whether this number of such messages is kept.
    fn keeps_all(count: u64, message: impl Fn() -> (Option<RoomRecord>, Heard)) -> bool {
        let mut missed = Missed::default();
        let at = |seq| Position { epoch: Epoch(1), seq };
        for seq in 1..=count {
            let (record, heard) = message();
            let record = record.map(Box::new);
            missed.keep(Out { at: at(seq), rulings: Vec::new(), record, is_unsaved: false, heard });
        }
        missed.take_after(at(0)).0.len() as u64 == count
    }

    #[test]
    fn messages_without_facts_take_memory_too() {
        assert!(keeps_all(1_000, || (None, Heard::new())));
        assert!(!keeps_all(50_000, || (None, Heard::new())));
        let mut record = RoomRecord::default();
        record.state.prompt = "x".repeat(1_000_000);
        assert!(!keeps_all(9, || (Some(record.clone()), Heard::new())));
        let heard: Heard = (0..1_000).map(|node| (NodeId(node), 1)).collect();
        assert!(!keeps_all(1_000, || (None, heard.clone())));
    }
}
