//! The requests of hubs to the store, and the answers of the store.

use crate::base::ids::RoomId;
use crate::room::names::RoomName;
use crate::room::post::{NotStored, Numbered, PendingPost, Post};
use crossbeam_channel::Sender;

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Requests {
    /// Histories to be loaded.
    pub loads: Sender<Load>,
    /// Posts to be stored.
    pub records: Sender<Record>,
}

/// Asks for the last posts of a room that was opened.
#[derive(Debug)]
pub struct Load {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The maximum number of posts.
    pub count: usize,
}

/// Asks to number and store a post.
#[derive(Debug)]
pub struct Record {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The post.
    pub post: PendingPost,
    /// The highest number in the room so far. The post gets a higher one, even if the store has forgotten the room.
    pub after: u64,
}

/// An answer of the store.
#[derive(Debug)]
pub enum Answer {
    /// The last posts of a room.
    Loaded {
        /// The room.
        room: RoomId,
        /// The posts, the oldest first. Empty if they could not be read.
        posts: Vec<Post>,
    },
    /// The outcome of a [`Record`].
    Recorded {
        /// The room.
        room: RoomId,
        /// The post, as it was sent.
        post: PendingPost,
        /// Its number, or why it has none.
        outcome: Result<Numbered, NotStored>,
    },
    /// Posts from before this time, in milliseconds since 1970, were removed.
    Trimmed {
        /// The time.
        before: u64,
    },
}
