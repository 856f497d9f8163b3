//! Numbers the posts of a room that is kept in memory only. Numbers have no gaps, and a post that is sent twice gets
//! one number.

use crate::base::ids::UserId;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use std::collections::{HashMap, VecDeque};

/// Maximum number of keys that a room remembers. A page resends a post within minutes, if at all, and a room takes
/// longer for this many posts.
const MAX_KEYS: usize = 10_000;

/// Maximum number of keys that a room remembers when memory is short. They are those of the last minutes even in a busy
/// room.
const SHORT_KEYS: usize = 1_000;

/// Numbers posts.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    last: u64,
    dedup: DedupTable,
}

/// Recently numbered posts, by key.
#[derive(Debug, Default)]
struct DedupTable {
    posts: HashMap<IdempotencyKey, Known>,
    /// The keys, the oldest first.
    order: VecDeque<IdempotencyKey>,
    /// Bytes of the names in `posts`.
    name_bytes: usize,
}

/// What is kept of a post: all but the text, which would take too much memory.
#[derive(Debug, Clone)]
struct Known {
    n: u64,
    id: UserId,
    name: Box<str>,
    at: u64,
}

impl Numbering {
    /// Numbers a post, or finds the number that it got the first time. A duplicate has the text that was sent again.
    pub(crate) fn number(&mut self, post: PendingPost) -> Numbered {
        let key = post.reference.as_ref().map(|(_, key)| *key);
        if let Some(Known { n, id, name, at }) = key.and_then(|key| self.dedup.posts.get(&key)).cloned() {
            return Numbered::Duplicate(Post { n, id, name: name.into(), text: post.text, at });
        }
        self.last += 1;
        let post = post.numbered(self.last);
        if let Some(key) = key {
            self.dedup.insert(key, &post);
        }
        Numbered::New(post)
    }

    /// The memory of the keys, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.dedup.memory()
    }

    /// How much of it [`shorten`](Self::shorten) would free, roughly.
    pub(crate) fn excess(&self) -> usize {
        let DedupTable { order, .. } = &self.dedup;
        order.len().saturating_sub(SHORT_KEYS) * self.memory() / order.len().max(1)
    }

    /// Forgets the oldest keys, because memory is short.
    pub(crate) fn shorten(&mut self) {
        self.dedup.remove_oldest(SHORT_KEYS);
        self.dedup.posts.shrink_to_fit();
        self.dedup.order.shrink_to_fit();
    }
}

impl DedupTable {
    fn insert(&mut self, key: IdempotencyKey, post: &Post) {
        let known = Known { n: post.n, id: post.id, name: post.name.as_str().into(), at: post.at };
        self.name_bytes += known.name.len();
        self.posts.insert(key, known);
        self.order.push_back(key);
        self.remove_oldest(MAX_KEYS);
    }

    /// Removes the oldest keys, except this many.
    fn remove_oldest(&mut self, kept: usize) {
        while self.order.len() > kept
            && let Some(oldest) = self.order.pop_front()
        {
            let removed = self.posts.remove(&oldest);
            self.name_bytes -= removed.map_or(0, |known| known.name.len());
        }
    }

    /// The memory that it takes, in bytes, roughly. Lists and names have a capacity beyond their content.
    fn memory(&self) -> usize {
        let entry = size_of::<(IdempotencyKey, Known)>();
        self.posts.capacity() * entry + self.order.capacity() * size_of::<IdempotencyKey>() + self.name_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::session::Session;

    fn post(session: Session, reference: usize) -> PendingPost {
        let reference = reference.to_string();
        let reference = Some((reference.clone(), session.key().idempotency_key(&reference)));
        PendingPost { id: UserId(1), name: "Ada".to_owned(), text: "text".to_owned(), at: 0, reference }
    }

    #[test]
    fn a_shortened_table_keeps_the_last_keys_and_little_memory() {
        let (mut numbering, session) = (Numbering::default(), Session::random());
        assert_eq!((numbering.memory(), numbering.excess()), (0, 0));
        (0..MAX_KEYS).for_each(|reference| drop(numbering.number(post(session, reference))));
        let before = numbering.memory();
        let per_key = size_of::<(IdempotencyKey, Known)>() + size_of::<IdempotencyKey>() + "Ada".len();
        assert!(before >= MAX_KEYS * per_key);
        assert!((before * 4 / 5..before).contains(&numbering.excess()));
        numbering.shorten();
        assert!(numbering.memory() < before / 4, "{} of {before} bytes", numbering.memory());
        assert_eq!(numbering.excess(), 0);
        assert!(matches!(numbering.number(post(session, MAX_KEYS - 1)), Numbered::Duplicate(_)));
        assert!(matches!(numbering.number(post(session, MAX_KEYS - SHORT_KEYS)), Numbered::Duplicate(_)));
        assert!(matches!(numbering.number(post(session, MAX_KEYS - SHORT_KEYS - 1)), Numbered::New(_)));
    }

    #[test]
    fn the_oldest_keys_are_removed() {
        let (mut numbering, session) = (Numbering::default(), Session::random());
        let mut number = |reference| numbering.number(post(session, reference));
        assert!((0..MAX_KEYS).all(|reference| matches!(number(reference), Numbered::New(_))));
        assert!(matches!(number(0), Numbered::Duplicate(Post { n: 1, .. })));
        assert!(matches!(number(MAX_KEYS), Numbered::New(_)));
        assert!(matches!(number(1), Numbered::Duplicate(Post { n: 2, .. })));
        assert!(matches!(number(0), Numbered::New(_)));
        assert_eq!((numbering.dedup.posts.len(), numbering.dedup.order.len()), (MAX_KEYS, MAX_KEYS));
    }
}
