//! The posts of a room that wait until the store has loaded its history, so that the history never contains them.

use crate::hub::post_quota::PostQuota;
use crate::room::post::PendingPost;

/// Most posts that one room holds back: as many as 25 users post in bursts while the history loads, which takes
/// milliseconds, or seconds if another program locks the store.
pub const MAX_HELD_POSTS: usize = 250;

/// Maximum size of the posts that one room holds back, in bytes: a burst of the default limits, twice.
pub const MAX_HELD_SIZE_OF_ROOM: usize = 1024 * 1024;

/// The posts of one room that are held back.
#[derive(Debug)]
pub(crate) struct HeldPosts {
    posts: Vec<PendingPost>,
    quota: PostQuota,
}

impl HeldPosts {
    /// No posts yet.
    pub(crate) fn new() -> Self {
        Self { posts: Vec::new(), quota: PostQuota::new(MAX_HELD_POSTS, MAX_HELD_SIZE_OF_ROOM) }
    }

    /// Holds back a post. Returns it if there are too many.
    pub(crate) fn push(&mut self, post: PendingPost) -> Result<(), PendingPost> {
        if !self.quota.fits(&post) {
            return Err(post);
        }
        self.quota.add(&post);
        self.posts.push(post);
        Ok(())
    }

    /// The posts, in the order in which they came.
    pub(crate) fn into_posts(self) -> Vec<PendingPost> {
        self.posts
    }
}
