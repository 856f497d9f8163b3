//! A hub's connection to the store.

use crate::base::ids::RoomId;
use crate::room::names::RoomName;
use crate::room::post::PendingPost;
use crate::store::request::{Load, Record, Requests};

/// Most posts under way to the store. Beyond that, the store does not keep up, and posts are rejected.
pub(crate) const MAX_POSTS_UNDER_WAY: usize = 1024;

/// Most rooms that wait for their histories. Beyond that, the store does not keep up, and no room is opened.
pub const MAX_LOADING_ROOMS: usize = 1024;

/// A hub's connection to the store, if there is one.
#[derive(Debug)]
pub(crate) struct StoreLink {
    requests: Option<Requests>,
    /// Posts that the store has not answered for.
    pub posts: usize,
    /// Rooms that wait for their histories.
    pub loading: usize,
}

impl StoreLink {
    /// A connection without requests under way.
    pub(crate) fn new(requests: Option<Requests>) -> Self {
        Self { requests, posts: 0, loading: 0 }
    }

    /// Whether there is a store.
    pub(crate) fn is_some(&self) -> bool {
        self.requests.is_some()
    }

    /// Whether as many rooms wait for their histories as may.
    pub(crate) fn is_busy_loading(&self) -> bool {
        self.loading >= MAX_LOADING_ROOMS
    }

    /// Asks for a room's last posts.
    pub(crate) fn load(&mut self, room: RoomId, name: RoomName, count: usize) {
        if let Some(requests) = &self.requests {
            self.loading += 1;
            // If the store has crashed, the server is about to end.
            let _ = requests.loads.send(Load { room, name, count });
        }
    }

    /// Sends a post to be stored. Returns it if the store is gone.
    pub(crate) fn record(&self, room: RoomId, name: RoomName, post: PendingPost) -> Result<(), PendingPost> {
        match &self.requests {
            Some(requests) => {
                requests.records.send(Record { room, name, post }).map_err(|error| error.into_inner().post)
            }
            None => Err(post),
        }
    }
}
