//! A hub's connection to the store.

use crate::base::ids::RoomId;
use crate::hub::post_quota::PostQuota;
use crate::room::post::PendingPost;
use crate::store::request::{Change, Erase, Load, Requests, Restore, Save, StorePost, Write};
use crossbeam_channel::SendError;
use std::collections::BTreeMap;

/// Most posts under way to the store. Beyond that, the store does not keep up, and posts are rejected.
pub const MAX_POSTS_UNDER_WAY: usize = 1024;

/// Maximum size of the posts under way to the store, in bytes. With the default `--max-text`, the maximum number of the
/// longest posts takes 41 MB. With the largest one, it would take 4 GB.
pub const MAX_SIZE_UNDER_WAY: usize = 64 * 1024 * 1024;

/// Most rooms that wait to be loaded. Beyond that, the store does not keep up, and no room is opened.
pub const MAX_LOADING_ROOMS: usize = 1024;

/// Most loads under way: the store reads one room while the hub takes in the other. The other rooms wait
/// in the hub, which knows when nobody needs a room any more. Otherwise, whoever opens and leaves large rooms
/// thousands of times a second would make the store read megabytes each time while everyone else waited.
pub(crate) const MAX_LOADS_UNDER_WAY: usize = 2;

/// A hub's connection to the store, if there is one.
#[derive(Debug)]
pub(crate) struct StoreLink {
    requests: Option<Requests>,
    /// Posts that the store has not answered for.
    sent: PostQuota,
    /// Posts to be erased that the store has not answered for.
    erasing: usize,
    /// Records of rooms that the store has not answered for.
    saving: usize,
    /// Posts to be restored that the store has not answered for.
    restoring: usize,
    /// Loads that the store has not answered for.
    loading: usize,
    /// Rooms whose turn to load has not come, the one that has waited longest first: ids of rooms increase.
    waiting: BTreeMap<RoomId, Load>,
}

impl StoreLink {
    /// A connection without requests under way.
    pub(crate) fn new(requests: Option<Requests>) -> Self {
        let sent = PostQuota::new(MAX_POSTS_UNDER_WAY, MAX_SIZE_UNDER_WAY);
        Self { requests, sent, erasing: 0, saving: 0, restoring: 0, loading: 0, waiting: BTreeMap::new() }
    }

    /// Whether there is a store.
    pub(crate) fn is_some(&self) -> bool {
        self.requests.is_some()
    }

    /// Whether as many rooms wait to be loaded as may.
    pub(crate) fn is_busy_loading(&self) -> bool {
        self.loading() >= MAX_LOADING_ROOMS
    }

    /// The number of rooms that wait to be loaded.
    pub(crate) fn loading(&self) -> usize {
        self.loading + self.waiting.len()
    }

    /// Asks for a room's last posts as soon as it is the room's turn.
    pub(crate) fn load(&mut self, load: Load) {
        if self.requests.is_some() {
            self.waiting.insert(load.room, load);
            self.send_loads();
        }
    }

    /// The store has answered for a load.
    pub(crate) fn on_loaded(&mut self) {
        self.loading -= 1;
        self.send_loads();
    }

    /// Nobody needs a room to be loaded any more.
    pub(crate) fn cancel_load(&mut self, room: RoomId) {
        self.waiting.remove(&room);
    }

    fn send_loads(&mut self) {
        let Some(requests) = &self.requests else { return };
        while self.loading < MAX_LOADS_UNDER_WAY
            && let Some((_, load)) = self.waiting.pop_first()
        {
            self.loading += 1;
            // If the store has crashed, the server is about to end.
            let _ = requests.loads.send(load);
        }
    }

    /// Whether the store is still to answer for something.
    pub(crate) fn has_requests(&self) -> bool {
        !self.sent.is_empty() || self.erasing + self.saving + self.restoring + self.loading() > 0
    }

    /// Sends a room's record to be saved. Returns whether the store will answer.
    pub(crate) fn save(&mut self, save: Save) -> bool {
        let save = Write::Change(Change::Save(save));
        let is_sent = self.requests.as_ref().is_some_and(|requests| requests.writes.send(save).is_ok());
        self.saving += usize::from(is_sent);
        is_sent
    }

    /// The store has answered for a record of a room.
    pub(crate) fn on_saved(&mut self) {
        self.saving -= 1;
    }

    /// Sends posts that the store has lost. Returns whether the store will answer.
    pub(crate) fn restore(&mut self, restore: Restore) -> bool {
        let restore = Write::Restore(restore);
        let is_sent = self.requests.as_ref().is_some_and(|requests| requests.writes.send(restore).is_ok());
        self.restoring += usize::from(is_sent);
        is_sent
    }

    /// The store has answered for posts to be restored.
    pub(crate) fn on_restored(&mut self) {
        self.restoring -= 1;
    }

    /// Sends a post to be erased. Returns whether the store will answer.
    pub(crate) fn erase(&mut self, erase: Erase) -> bool {
        let erase = Write::Change(Change::Erase(erase));
        let has_space = self.erasing < MAX_POSTS_UNDER_WAY;
        let is_sent =
            has_space && self.requests.as_ref().is_some_and(|requests| requests.writes.send(erase).is_ok());
        self.erasing += usize::from(is_sent);
        is_sent
    }

    /// The store has answered for a post to be erased.
    pub(crate) fn on_erased(&mut self) {
        self.erasing -= 1;
    }

    /// Sends a post to be stored. Returns it if too many are under way, or if the store is gone.
    pub(crate) fn store_post(&mut self, record: StorePost) -> Result<(), PendingPost> {
        let Some(requests) = &self.requests else { return Err(record.post) };
        if !self.sent.fits(&record.post) {
            return Err(record.post);
        }
        self.sent.add(&record.post);
        let sent = requests.writes.send(Write::Post(record));
        match sent.map_err(SendError::into_inner) {
            Err(Write::Post(StorePost { post, .. })) => {
                self.sent.remove(&post);
                Err(post)
            }
            _ => Ok(()),
        }
    }

    /// The store has answered for a post.
    pub(crate) fn on_post_stored(&mut self, post: &PendingPost) {
        self.sent.remove(post);
    }
}
