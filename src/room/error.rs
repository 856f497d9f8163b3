//! Why the rules of a room reject an action.

use serde::{Deserialize, Serialize};

/// An action was rejected and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomError {
    /// A viewer did what only a user can do.
    NotJoined,
    /// A user asked for another seat, or to watch.
    AlreadyJoined,
    /// The room has the maximum number of users.
    RoomFull {
        /// The maximum.
        max: usize,
    },
    /// Only a host may do this.
    NotHost,
    /// The room gives no new seats.
    Locked,
    /// Only hosts may write and post.
    Frozen,
    /// Somebody in the room has this name, or one that looks like it.
    NameTaken,
    /// A host has removed this user.
    Removed,
    /// The room has the maximum number of hosts.
    HostsFull {
        /// The maximum.
        max: usize,
    },
    /// There is no such user in the room.
    UnknownUser,
    /// There is no such post in the log.
    UnknownPost,
    /// A splice does not fit the text in the box.
    OutOfStep,
}
