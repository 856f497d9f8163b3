//! The requests of hubs to the store, and the answers of the store.

use crate::base::ids::{AckId, ClientId, Epoch, RequestId, RoomId};
use crate::room::post::{NotStored, Numbered, PendingPost, Post};
use crate::room::room_name::RoomName;
use crate::room::session::IdempotencyKey;
use crate::room::state::RoomRecord;
use crossbeam_channel::Sender;

/// Where requests go.
#[derive(Debug, Clone)]
pub struct Requests {
    /// Rooms to be loaded.
    pub loads: Sender<Load>,
    /// Posts and changes to write.
    pub writes: Sender<Write>,
}

/// A request to write.
#[derive(Debug)]
pub enum Write {
    /// A post.
    Post(StorePost),
    /// A change to stored data.
    Change(Change),
    /// Posts that the store has lost.
    Restore(Restore),
}

/// A request to change stored data.
#[derive(Debug)]
pub enum Change {
    /// Saves a room's record.
    Save(Save),
    /// Erases a post.
    Erase(Erase),
}

/// Requests the stored state of a room that has just opened: its last posts and its record.
#[derive(Debug)]
pub struct Load {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The maximum number of posts.
    pub count: usize,
    /// The epoch in which this node owns the room; `None` if there are no other nodes.
    pub epoch: Option<Epoch>,
}

/// Asks to number and store a post.
#[derive(Debug)]
pub struct StorePost {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The post.
    pub post: PendingPost,
    /// The highest number in the room so far. The post gets a higher one, even if the store has forgotten the room.
    pub after: u64,
    /// The epoch in which this node owns the room; `None` if there are no other nodes.
    pub epoch: Option<Epoch>,
    /// Who asks for it.
    pub by: Requester,
}

/// The client that asks for something, which the store passes on with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester {
    /// The client.
    pub client: ClientId,
    /// The acknowledgement that it asks for.
    pub ack: Option<AckId>,
    /// The request of another node's client that it is instead.
    pub request: Option<RequestId>,
}

impl From<ClientId> for Requester {
    fn from(client: ClientId) -> Self {
        Self { client, ack: None, request: None }
    }
}

/// Asks to store a room's record.
#[derive(Debug)]
pub struct Save {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// Its record.
    pub record: RoomRecord,
    /// The time, in milliseconds since 1970.
    pub at: u64,
    /// The epoch in which this node owns the room; `None` if there are no other nodes.
    pub epoch: Option<Epoch>,
}

/// Asks to store posts again that the store has lost, and to erase those that were removed. Without posts, it asks how
/// far the store has them.
#[derive(Debug)]
pub struct Restore {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The epoch in which this node owns the room.
    pub epoch: Epoch,
    /// The number up to which the store has all posts after this that are still known. The next post gets a higher one.
    pub after: u64,
    /// The posts, the oldest first, with the keys of their `ref`s, as far as those are known.
    pub posts: Vec<(Post, Option<IdempotencyKey>)>,
}

/// Asks to overwrite the text of a post.
#[derive(Debug)]
pub struct Erase {
    /// The room.
    pub room: RoomId,
    /// Its name.
    pub name: RoomName,
    /// The number of the post.
    pub n: u64,
    /// The epoch in which this node owns the room; `None` if there are no other nodes.
    pub epoch: Option<Epoch>,
    /// Who asks for it.
    pub by: Requester,
}

/// Why a post was not numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Another node owns the room, in a later epoch.
    Fenced,
    /// The store does not know that this node owns the room.
    Forgot,
    /// The store lacks posts that this node has.
    Behind,
}

/// The outcome of a [`Restore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// The store has the posts up to this number.
    UpTo(u64),
    /// This node may not own the room any more.
    Returned(Returned),
    /// It could not be done.
    Failed(NotStored),
}

/// An answer of the store.
#[derive(Debug)]
pub enum Answer {
    /// A room's stored state.
    Loaded {
        /// The room.
        room: RoomId,
        /// The epoch in which it was asked for.
        epoch: Option<Epoch>,
        /// Its record. `None` if that could not be read.
        record: Option<RoomRecord>,
        /// The last posts, the oldest first. Empty if they could not be read.
        posts: Vec<Post>,
    },
    /// The keys of the posts that come with the next [`Loaded`](Self::Loaded) of the room, for a store that may lose them.
    Keys {
        /// The room.
        room: RoomId,
        /// The numbers of posts, and their keys, the oldest first.
        keys: Vec<(u64, IdempotencyKey)>,
    },
    /// The outcome of a [`Save`].
    Saved {
        /// The room.
        room: RoomId,
        /// Whether the record is kept.
        is_kept: bool,
    },
    /// The outcome of an [`Erase`].
    Erased {
        /// The room.
        room: RoomId,
        /// The number of the post.
        n: u64,
        /// Who asked for it.
        by: Requester,
        /// Whether there was such a post, or why it could not be erased.
        outcome: Result<bool, NotStored>,
    },
    /// The outcome of a [`StorePost`].
    PostStored {
        /// The room.
        room: RoomId,
        /// The post, as it was sent.
        post: PendingPost,
        /// Who asked for it.
        by: Requester,
        /// Its number, or why it has none.
        outcome: Result<Numbered, NotStored>,
    },
    /// A post that was not numbered, because this node may not own the room any more, or the store has lost posts.
    PostReturned {
        /// The room.
        room: RoomId,
        /// The post, as it was sent.
        post: PendingPost,
        /// Who asked for it.
        by: Requester,
        /// Why it was not numbered.
        why: Returned,
    },
    /// The outcome of a [`Restore`].
    Restored {
        /// The room.
        room: RoomId,
        /// The epoch in which it was asked for.
        epoch: Epoch,
        /// The outcome.
        outcome: Restored,
    },
    /// Posts from before this time, in milliseconds since 1970, were removed.
    Trimmed {
        /// The time.
        before: u64,
    },
}
