//! The history of a room: the last posts of its log.

use crate::room::post::Post;
use crate::room::text::json_len;
use std::collections::VecDeque;
use std::sync::Arc;

/// Maximum size of the texts in a history, in bytes of JSON: a hundred of the longest posts in ASCII. The last post may
/// exceed it alone. Every snapshot contains all of them.
pub(crate) const MAX_HISTORY_BYTES: usize = 1024 * 1024;

/// Memory of a post beside its text, in bytes, roughly: its fields, its author's name, its place in the list.
const POST_OVERHEAD: usize = 200;

/// The last posts. Log downloads share them.
#[derive(Debug)]
pub(crate) struct History {
    posts: VecDeque<Arc<Post>>,
    max_posts: usize,
    /// The size of their texts, in bytes of JSON.
    bytes: usize,
    /// The highest number of a post that was ever in it.
    last_n: u64,
}

impl History {
    /// An empty history that keeps at most `max_posts` posts.
    pub(crate) fn new(max_posts: usize) -> Self {
        Self { posts: VecDeque::new(), max_posts, bytes: 0, last_n: 0 }
    }

    /// The posts with higher numbers than this, the oldest first.
    pub(crate) fn posts_after(&self, n: u64) -> impl DoubleEndedIterator<Item = &Arc<Post>> {
        self.posts.range(self.posts.partition_point(|post| post.n <= n)..)
    }

    /// The highest number of a post that was ever in it, or 0.
    pub(crate) fn last_n(&self) -> u64 {
        self.last_n
    }

    /// Adds a post, and removes the oldest ones beyond the limits. The new one stays even if it alone is too large,
    /// because everyone has seen it and expects it in the log.
    pub(crate) fn push(&mut self, post: Post) {
        self.bytes += json_len(&post.text);
        self.last_n = self.last_n.max(post.n);
        self.posts.push_back(Arc::new(post));
        while self.posts.len() > self.max_posts || (self.bytes > MAX_HISTORY_BYTES && self.posts.len() > 1) {
            self.remove_oldest();
        }
    }

    /// Inserts older posts before the existing ones.
    pub(crate) fn load(&mut self, posts: Vec<Post>) {
        let newer = std::mem::replace(self, Self::new(self.max_posts));
        posts.into_iter().for_each(|post| self.push(post));
        newer.posts.into_iter().for_each(|post| self.push(Arc::unwrap_or_clone(post)));
        self.last_n = self.last_n.max(newer.last_n);
    }

    /// Replaces all posts.
    pub(crate) fn replace(&mut self, posts: Vec<Post>, last_n: u64) {
        *self = Self::new(self.max_posts);
        posts.into_iter().for_each(|post| self.push(post));
        self.last_n = self.last_n.max(last_n);
    }

    /// Removes the text of a post. The post stays, with its number.
    pub(crate) fn erase(&mut self, n: u64) {
        if let Ok(index) = self.posts.binary_search_by_key(&n, |post| post.n) {
            let post = Arc::make_mut(&mut self.posts[index]);
            self.bytes -= json_len(&post.text);
            post.text = String::new();
        }
    }

    /// Removes posts from before a time, in milliseconds since 1970.
    pub(crate) fn trim(&mut self, before: u64) {
        // Times are not sorted if the clock was set back.
        self.posts.retain(|post| post.at >= before);
        self.bytes = self.posts.iter().map(|post| json_len(&post.text)).sum();
    }

    /// How much more memory than this it takes, in bytes; 0 if [`shorten`](Self::shorten) would remove nothing.
    pub(crate) fn excess(&self, max_bytes: usize) -> usize {
        if self.posts.len() > 1 { self.memory().saturating_sub(max_bytes) } else { 0 }
    }

    /// Removes the oldest posts until the others take no more than this many bytes. The last post stays.
    pub(crate) fn shorten(&mut self, max_bytes: usize) {
        while self.excess(max_bytes) > 0 {
            self.remove_oldest();
        }
    }

    /// The memory that it takes, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.posts.len() * POST_OVERHEAD
    }

    fn remove_oldest(&mut self) {
        if let Some(oldest) = self.posts.pop_front() {
            self.bytes -= json_len(&oldest.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn post(n: u64, text: &str) -> Post {
        Post { n, id: UserId(1), name: String::new(), text: text.to_owned(), at: 0 }
    }

    fn numbers(history: &History) -> impl Iterator<Item = u64> {
        history.posts_after(0).map(|post| post.n)
    }

    #[test]
    fn old_posts_are_removed_even_behind_a_newer_one() {
        let mut history = History::new(10);
        // The clock was set back after the second post.
        for (n, at) in [(1, 10), (2, 90), (3, 20), (4, 95)] {
            history.push(Post { at, ..post(n, "text") });
        }
        history.trim(50);
        assert!(numbers(&history).eq([2, 4]));
        assert_eq!(history.bytes, 2 * "text".len());
    }

    #[test]
    fn the_oldest_posts_are_removed_beyond_either_limit() {
        // As JSON, the first character takes six bytes. Four of these texts are exactly as large as the limit.
        let quarter = "\u{1}".repeat(MAX_HISTORY_BYTES / 4 / 6) + &"x".repeat(MAX_HISTORY_BYTES / 4 % 6);
        for (max_posts, text, kept) in [(3, "text", 3), (100, quarter.as_str(), 4)] {
            let mut history = History::new(max_posts);
            for n in 1..=10 {
                history.push(post(n, text));
            }
            assert!(numbers(&history).eq(11 - kept..=10), "{max_posts} posts at most");
        }
    }

    #[test]
    fn the_last_post_is_kept_whatever_its_size() {
        let large = |n| Post { text: "x".repeat(2 * MAX_HISTORY_BYTES), ..post(n, "") };
        let mut history = History::new(10);
        for n in 1..=3 {
            history.push(large(n));
            assert!(numbers(&history).eq([n]));
        }
        history.push(post(4, "small"));
        assert!(numbers(&history).eq([4]), "a large post makes room for the next one");
        let mut none = History::new(0);
        none.push(large(1));
        assert_eq!(numbers(&none).count(), 0);
    }

    #[test]
    fn loaded_posts_come_before_newer_ones_and_count_too() {
        let mut history = History::new(3);
        history.push(post(4, "newer"));
        history.load((1..=3).map(|n| post(n, "older")).collect());
        assert!(numbers(&history).eq(2..=4), "the oldest one is beyond the limit");
        assert_eq!((history.bytes, history.last_n()), (3 * "newer".len(), 4));
        let mut none = History::new(3);
        none.push(post(7, "removed since"));
        none.trim(1);
        none.load(vec![post(5, "older")]);
        assert_eq!((numbers(&none).count(), none.last_n()), (1, 7));
    }

    #[test]
    fn an_erased_post_keeps_its_number_and_not_its_text() {
        let mut history = History::new(10);
        (1..=3).for_each(|n| history.push(post(n, "text")));
        [2, 2, 7].into_iter().for_each(|n| history.erase(n));
        let texts = history.posts_after(0).map(|post| post.text.as_str());
        assert!(texts.eq(["text", "", "text"]));
        assert_eq!((history.bytes, history.last_n()), (2 * "text".len(), 3));
    }

    #[test]
    fn a_shortened_history_keeps_the_last_posts() {
        for (max_bytes, kept) in [(usize::MAX, 10), (5 * (POST_OVERHEAD + 4), 5), (0, 1)] {
            let mut history = History::new(100);
            (1..=10).for_each(|n| history.push(post(n, "text")));
            history.shorten(max_bytes);
            assert!(numbers(&history).eq(11 - kept..=10), "{max_bytes} bytes");
            assert_eq!((history.memory(), history.last_n()), (kept as usize * (POST_OVERHEAD + 4), 10));
        }
    }
}
