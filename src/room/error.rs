//! Why the rules of a room reject an action.

/// An action was rejected and changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// A splice does not fit the text in the box.
    OutOfStep,
}
