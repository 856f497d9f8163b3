//! A limit of posts that wait for the store, by number and by size.

use crate::room::post::PendingPost;

/// How many posts wait, their size, and how much of both may.
#[derive(Debug)]
pub(crate) struct PostQuota {
    max_posts: usize,
    max_size: usize,
    posts: usize,
    size: usize,
}

impl PostQuota {
    /// No posts yet. The size is in bytes.
    pub(crate) fn new(max_posts: usize, max_size: usize) -> Self {
        Self { max_posts, max_size, posts: 0, size: 0 }
    }

    /// Whether this post may wait too. One alone always may, whatever its size.
    pub(crate) fn fits(&self, post: &PendingPost) -> bool {
        self.is_empty() || self.posts < self.max_posts && self.size + size(post) <= self.max_size
    }

    /// Whether no post waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.posts == 0
    }

    /// A post waits.
    pub(crate) fn add(&mut self, post: &PendingPost) {
        self.posts += 1;
        self.size += size(post);
    }

    /// A post that was [added](Self::add) no longer waits.
    pub(crate) fn remove(&mut self, post: &PendingPost) {
        self.posts -= 1;
        self.size -= size(post);
    }
}

/// The memory that a post takes, in bytes.
fn size(post: &PendingPost) -> usize {
    size_of_val(post) + post.name.len() + post.text.len() + post.reference().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn post(size: usize) -> PendingPost {
        let text = "x".repeat(size - size_of::<PendingPost>() - "Ada".len());
        PendingPost { id: UserId(1), name: "Ada".to_owned(), text, at: 1, reference: None }
    }

    #[test]
    fn a_quota_has_a_number_and_a_size() {
        let mut quota = PostQuota::new(3, 1000);
        assert!(quota.fits(&post(5000)), "one alone always fits");
        quota.add(&post(600));
        assert_eq!([401, 400].map(|size| quota.fits(&post(size))), [false, true]);
        quota.add(&post(200));
        quota.add(&post(200));
        quota.remove(&post(600));
        assert_eq!([601, 600].map(|size| quota.fits(&post(size))), [false, true]);
        quota.add(&post(200));
        assert!(!quota.fits(&post(200)), "three wait already");
        (0..3).for_each(|_| quota.remove(&post(200)));
        assert!(quota.is_empty() && quota.fits(&post(5000)));
    }
}
