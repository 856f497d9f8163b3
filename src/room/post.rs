//! Posts: texts in a room's log.

use crate::base::ids::UserId;
use crate::room::session::IdempotencyKey;
use serde::{Deserialize, Serialize};

/// A numbered post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Its number in the room, from 1, without gaps.
    pub n: u64,
    /// Its author.
    pub id: UserId,
    /// The author's name at the time.
    pub name: String,
    /// Its text; empty if it was removed. Nobody can post an empty text.
    pub text: String,
    /// When it was posted, in milliseconds since 1970.
    pub at: u64,
}

/// A post without a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPost {
    /// Its author.
    pub id: UserId,
    /// The author's name.
    pub name: String,
    /// Its text.
    pub text: String,
    /// When it was posted, in milliseconds since 1970.
    pub at: u64,
    /// The author's `ref` for it, and the key that is derived from the `ref`.
    pub reference: Option<(String, IdempotencyKey)>,
}

impl PendingPost {
    /// The post with this number.
    pub fn numbered(self, n: u64) -> Post {
        let Self { id, name, text, at, .. } = self;
        Post { n, id, name, text, at }
    }

    /// The author's `ref` for it.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_ref().map(|(reference, _)| reference.as_str())
    }
}

/// Why a post was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStored {
    /// The store is full.
    Full,
    /// The store cannot be used at the moment.
    Unavailable,
}

/// The result of numbering a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Numbered {
    /// It has a number now.
    New(Post),
    /// The author has sent it before. This is the post from the first time.
    Duplicate(Post),
}
