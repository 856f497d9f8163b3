//! The options of the store.

use crate::base::clock::Now;
use std::path::PathBuf;
use std::time::Duration;

/// A day, in milliseconds.
const DAY: u64 = 24 * 3600 * 1000;

/// How much longer than its posts a room keeps its last number, in milliseconds. A script that asks for the posts after
/// a number, or a page on a computer that was asleep, may remember a number that long.
const ROOM_MARGIN: u64 = 30 * DAY;

/// Where posts are stored, and for how long.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file. It is created if it does not exist.
    pub file: PathBuf,
    /// After how many days a post is removed; `None` keeps all.
    pub keep_days: Option<u32>,
    /// The maximum size of the file, in bytes.
    pub max_size: u64,
    /// How long a post waits while another program locks the file, before its author is told that it cannot be stored.
    pub lock_timeout: Duration,
}

impl StoreOptions {
    /// The default of [`max_size`](Self::max_size), in bytes: room for a million posts of a kilobyte, on any disk.
    pub const MAX_SIZE: u64 = 1024 * 1024 * 1024;

    /// A store in this file that keeps all posts. Another program may lock the file for two seconds. A server that
    /// stops waits longer than that for its last posts.
    pub fn new(file: PathBuf) -> Self {
        Self { file, keep_days: None, max_size: Self::MAX_SIZE, lock_timeout: Duration::from_secs(2) }
    }

    /// The time before which a room without posts is unused, in milliseconds since 1970.
    pub fn keeps_rooms_from(&self, now: Now) -> u64 {
        self.keeps_from(now).saturating_sub(ROOM_MARGIN)
    }

    /// The time before which posts are too old, in milliseconds since 1970.
    pub fn keeps_from(&self, now: Now) -> u64 {
        self.keep_days.map_or(0, |days| now.unix_millis.saturating_sub(u64::from(days) * DAY))
    }
}
