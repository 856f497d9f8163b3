//! Facts: what the rules have decided. The state of a room follows from its facts alone.
//!
//! Facts contain no client ids and no frames. They can be serialised, so another process can apply them.

use crate::base::ids::UserId;
use crate::room::marks::Mark;
use crate::room::names::Name;
use crate::room::post::Post;
use crate::room::state::RoomState;
use crate::room::text::TextChange;
use serde::{Deserialize, Serialize};

/// A change in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A user has a new seat, with an empty box.
    Joined {
        /// The new user.
        id: UserId,
        /// The name that the rules assigned.
        name: Name,
        /// The mark that the rules assigned, unless it is the one that the name suggests.
        mark: Option<Mark>,
        /// When a host last cleared a box of this user, see [`View::cleared`].
        ///
        /// [`View::cleared`]: crate::room::view::View::cleared
        cleared: u64,
    },
    /// A user has changed their name.
    Renamed {
        /// The user.
        id: UserId,
        /// The name that the rules assigned.
        name: Name,
    },
    /// A user's connection broke; the seat is kept for the grace period.
    Away {
        /// The user.
        id: UserId,
    },
    /// A user who was away has their seat again.
    Back {
        /// The user.
        id: UserId,
    },
    /// A newer connection has taken a user's seat from an older one.
    SeatTaken {
        /// The user.
        id: UserId,
    },
    /// A user's seat and box were removed.
    Gone {
        /// The user.
        id: UserId,
        /// A host removed them.
        removed: bool,
    },
    /// A user is a host for as long as they have the seat.
    HostMade {
        /// The user.
        id: UserId,
    },
    /// A user is no host after all: the process that had made them one was no longer the one that decides.
    HostLost {
        /// The user.
        id: UserId,
    },
    /// A host has changed the state of the room.
    StateChanged {
        /// The whole state.
        state: RoomState,
    },
    /// A host has emptied boxes.
    Cleared {
        /// The owner of the box, or `None` for all boxes.
        id: Option<UserId>,
        /// When, see [`View::cleared`](crate::room::view::View::cleared).
        at: u64,
    },
    /// The text of a box has changed.
    Text {
        /// The owner of the box.
        id: UserId,
        /// The change.
        change: TextChange<'static>,
    },
    /// A post was numbered and added to the log.
    Posted {
        /// The post.
        post: Post,
    },
    /// A host or its author has removed a post. Its number stays.
    PostRemoved {
        /// Its number.
        n: u64,
    },
    /// The store has loaded the room, in which nothing has happened yet.
    Loaded {
        /// The last posts, the oldest first.
        posts: Vec<Post>,
        /// What hosts have set.
        state: RoomState,
    },
    /// The log is another one: posts were lost, or it goes on after a gap.
    LogReplaced {
        /// The last posts, the oldest first.
        posts: Vec<Post>,
        /// The highest number that a post had.
        last_n: u64,
    },
    /// The oldest posts were removed, because memory is short.
    HistoryShortened {
        /// The most bytes that the others may take.
        max_bytes: usize,
    },
    /// Old posts were removed.
    HistoryTrimmed {
        /// The posts from before this time, in milliseconds since 1970.
        before: u64,
    },
}
