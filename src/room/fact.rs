//! Facts: what the rules have decided, and all that a room consists of.
//!
//! Facts hold no client of a transport and no frame. They can be serialised, so another process can apply them.

use crate::base::ids::UserId;
use crate::room::names::Name;
use crate::room::post::Post;
use crate::room::text::TextChange;
use serde::{Deserialize, Serialize};

/// Something that has happened in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A user has a new seat, with an empty box.
    Joined {
        /// The new user.
        id: UserId,
        /// The name the rules gave.
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
    /// A user's seat and box are gone.
    Gone {
        /// The user.
        id: UserId,
    },
    /// The text of a box has changed.
    Text {
        /// Whose box.
        id: UserId,
        /// How.
        change: TextChange<'static>,
    },
    /// A post has its number.
    Posted {
        /// The post.
        post: Post,
    },
    /// The store has delivered the room's last posts. They precede all that were posted since.
    HistoryLoaded {
        /// The posts, the oldest first.
        posts: Vec<Post>,
    },
    /// Posts have been removed because of their age.
    HistoryTrimmed {
        /// Posts from before this time are gone, in milliseconds since 1970.
        before: u64,
    },
}
