//! Numbers the posts of a room that is kept in memory only. Numbers have no gaps, and a post that is sent twice gets
//! one number.

use crate::base::ids::UserId;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use std::collections::{HashMap, VecDeque};

/// Maximum number of keys that a room remembers. A page resends a post within minutes, if at all, and a room takes
/// longer for this many posts.
const MAX_KEYS: usize = 10_000;

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
}

/// What is kept of a post: all but the text, which would take too much memory.
#[derive(Debug, Clone)]
struct Known {
    n: u64,
    id: UserId,
    name: String,
    at: u64,
}

impl Numbering {
    /// Numbers a post, or finds the number that it got the first time. A duplicate has the text that was sent again.
    pub(crate) fn number(&mut self, post: PendingPost) -> Numbered {
        let key = post.reference.as_ref().map(|(_, key)| *key);
        if let Some(Known { n, id, name, at }) = key.and_then(|key| self.dedup.posts.get(&key)).cloned() {
            return Numbered::Duplicate(Post { n, id, name, text: post.text, at });
        }
        self.last += 1;
        let post = post.numbered(self.last);
        if let Some(key) = key {
            self.dedup.insert(key, &post);
        }
        Numbered::New(post)
    }
}

impl DedupTable {
    fn insert(&mut self, key: IdempotencyKey, post: &Post) {
        let known = Known { n: post.n, id: post.id, name: post.name.clone(), at: post.at };
        self.posts.insert(key, known);
        self.order.push_back(key);
        if self.order.len() > MAX_KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.posts.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::session::Session;

    #[test]
    fn the_oldest_keys_are_removed() {
        let (mut numbering, session) = (Numbering::default(), Session::random());
        let mut number = |reference: usize| {
            let reference = reference.to_string();
            let reference = Some((reference.clone(), session.idempotency_key(&reference)));
            let (name, text) = ("Ada".to_owned(), "text".to_owned());
            numbering.number(PendingPost { id: UserId(1), name, text, at: 0, reference })
        };
        assert!((0..MAX_KEYS).all(|reference| matches!(number(reference), Numbered::New(_))));
        assert!(matches!(number(0), Numbered::Duplicate(Post { n: 1, .. })));
        assert!(matches!(number(MAX_KEYS), Numbered::New(_)));
        assert!(matches!(number(1), Numbered::Duplicate(Post { n: 2, .. })));
        assert!(matches!(number(0), Numbered::New(_)));
        assert_eq!((numbering.dedup.posts.len(), numbering.dedup.order.len()), (MAX_KEYS, MAX_KEYS));
    }
}
