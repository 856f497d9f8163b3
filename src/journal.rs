//! Drafts and what becomes of them; and the journal, which numbers the posts of a room that is not stored.

use crate::protocol::{Post, UserId};
use crate::session::Mark;
use std::collections::{HashMap, VecDeque};

/// Marks that a room remembers. A page sends a post again within minutes or never, and this many take longer.
const MAX_MARKS: usize = 10_000;

/// A post that is not numbered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who posts it.
    pub id: UserId,
    /// The name they have.
    pub name: String,
    /// What they post.
    pub text: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// The author's own name for it, and the mark made of that.
    pub reference: Option<(String, Mark)>,
}

/// What became of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It is a post now.
    New(Post),
    /// It was one already: this.
    Known(Post),
}

/// Numbers and marks, in memory.
#[derive(Debug, Default)]
pub struct Journal {
    last: u64,
    marks: HashMap<Mark, Numbered>,
    /// The marks, the oldest first.
    order: VecDeque<Mark>,
}

/// What is remembered of a post; its text comes again with its mark.
#[derive(Debug, Clone)]
struct Numbered {
    n: u64,
    id: UserId,
    name: String,
    at: u64,
}

impl Journal {
    /// Makes a draft a post, or finds the one that it became before.
    pub fn enter(&mut self, draft: Draft) -> Entry {
        let mark = draft.reference.map(|(_, mark)| mark);
        if let Some(Numbered { n, id, name, at }) = mark.and_then(|mark| self.marks.get(&mark)).cloned() {
            return Entry::Known(Post { n, id, name, text: draft.text, at });
        }
        self.last += 1;
        let Draft { id, name, text, at, .. } = draft;
        if let Some(mark) = mark {
            self.remember(mark, Numbered { n: self.last, id, name: name.clone(), at });
        }
        Entry::New(Post { n: self.last, id, name, text, at })
    }

    fn remember(&mut self, mark: Mark, numbered: Numbered) {
        self.marks.insert(mark, numbered);
        self.order.push_back(mark);
        if self.order.len() > MAX_MARKS
            && let Some(oldest) = self.order.pop_front()
        {
            self.marks.remove(&oldest);
        }
    }
}
