//! A room's log: its last posts, and what numbers them, each once.

use crate::base::ids::UserId;
use crate::protocol::events::Post;
use crate::room::session::Mark;
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::Arc;

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

/// Bytes of text in a log, as JSON, all of which every newcomer is sent: a hundred of the longest posts in ASCII.
pub const MAX_LOG_BYTES: usize = 1024 * 1024;

/// Bytes of a text in JSON, where a control character takes six.
fn json_len(text: &str) -> usize {
    let len = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(len).sum()
}

/// The last posts of a room. They are shared with those who download them.
#[derive(Debug)]
pub struct Log {
    posts: VecDeque<Arc<Post>>,
    /// How many there may be.
    max_posts: usize,
    /// Bytes of their texts.
    bytes: usize,
    ledger: Ledger,
}

/// What numbers the posts.
#[derive(Debug)]
enum Ledger {
    /// It is done here, and forgotten with the room.
    Memory(Journal),
    /// The store does it, and is still to give the posts it has of this room.
    Loading(Vec<Draft>),
    /// The store does it. These are for it.
    Store(Vec<Draft>),
}

impl Log {
    /// An empty log of so many posts; where it is stored, the store has others.
    pub fn new(max_posts: usize, is_stored: bool) -> Self {
        let ledger = if is_stored { Ledger::Loading(Vec::new()) } else { Ledger::Memory(Journal::default()) };
        Self { posts: VecDeque::new(), max_posts, bytes: 0, ledger }
    }

    /// The posts, the oldest first.
    pub fn posts(&self) -> impl Iterator<Item = &Arc<Post>> {
        self.posts.iter()
    }

    /// True until [`load`](Self::load), where posts are stored.
    pub fn is_loading(&self) -> bool {
        matches!(self.ledger, Ledger::Loading(_))
    }

    /// Numbers a draft; `None` where the store will.
    pub fn enter(&mut self, draft: Draft) -> Option<Entry> {
        match &mut self.ledger {
            Ledger::Memory(journal) => return Some(journal.enter(draft)),
            Ledger::Loading(drafts) | Ledger::Store(drafts) => drafts.push(draft),
        }
        None
    }

    /// The drafts for the store since this was last asked.
    pub fn take_drafts(&mut self) -> Vec<Draft> {
        match &mut self.ledger {
            Ledger::Memory(_) => Vec::new(),
            Ledger::Loading(drafts) | Ledger::Store(drafts) => mem::take(drafts),
        }
    }

    /// The store has given the posts it has.
    pub fn load(&mut self, posts: Vec<Post>) {
        if let Ledger::Loading(drafts) = &mut self.ledger {
            self.ledger = Ledger::Store(mem::take(drafts));
            posts.into_iter().for_each(|post| self.push(post));
        }
    }

    /// Adds a post; the oldest go for which there is no room any more.
    pub fn push(&mut self, post: Post) {
        self.bytes += json_len(&post.text);
        self.posts.push_back(Arc::new(post));
        while self.posts.len() > self.max_posts || self.bytes > MAX_LOG_BYTES {
            self.drop_oldest();
        }
    }

    /// Posts from before this time have been dropped by the store, in milliseconds since 1970.
    pub fn drop_before(&mut self, at: u64) {
        while self.posts.front().is_some_and(|oldest| oldest.at < at) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.posts.pop_front() {
            self.bytes -= json_len(&oldest.text);
        }
    }
}

/// Numbers and marks, in memory.
#[derive(Debug, Default)]
struct Journal {
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
    fn enter(&mut self, draft: Draft) -> Entry {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_in_json_is_what_is_written() {
        for text in ["plain", "\"quoted\" \\", "\n\r\t\u{8}\u{c}", "\u{1}\u{1f}\u{7f}", "é😀\u{2028}"] {
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(json_len(text), json.len() - 2, "{json}");
        }
    }
}
