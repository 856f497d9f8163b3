//! Numbers for posts of a room that is kept in memory only: without gaps, and one for a post that is sent twice.

use crate::base::ids::UserId;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use std::collections::{HashMap, VecDeque};

/// Keys that a room remembers. A page sends a post again within minutes or never; this many take longer than that.
const MAX_KEYS: usize = 10_000;

/// Numbers posts.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    last: u64,
    sent_before: DedupTable,
}

/// The posts that were numbered lately, by their keys.
#[derive(Debug, Default)]
struct DedupTable {
    posts: HashMap<IdempotencyKey, Known>,
    /// The keys, the oldest first.
    order: VecDeque<IdempotencyKey>,
}

/// What is remembered of a post. Its text comes again with its key.
#[derive(Debug, Clone)]
struct Known {
    n: u64,
    id: UserId,
    name: String,
    at: u64,
}

impl Numbering {
    /// Numbers a post, or finds the number it got the first time.
    pub(crate) fn number(&mut self, post: PendingPost) -> Numbered {
        let key = post.reference.as_ref().map(|(_, key)| *key);
        if let Some(Known { n, id, name, at }) = key.and_then(|key| self.sent_before.posts.get(&key)).cloned()
        {
            return Numbered::Duplicate(Post { n, id, name, text: post.text, at });
        }
        self.last += 1;
        let post = post.numbered(self.last);
        if let Some(key) = key {
            self.sent_before.insert(key, &post);
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
