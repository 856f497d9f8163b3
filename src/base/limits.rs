//! The limits that can be set. Those that cannot stand as constants beside what they protect.

use std::time::Duration;

/// What can be set, and what it is where nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Users and viewers at once.
    pub max_clients: usize,
    /// Users and viewers at once from one address, IPv6 by its /64; `None` where it does not matter.
    pub max_per_address: Option<usize>,
    /// Threads that own rooms, 1 to [`MAX_HUBS`](crate::hub::shards::MAX_HUBS). There is only one where a passphrase or clients of one address are counted, for
    /// only one can count those.
    pub hubs: usize,
    /// Rooms at once.
    pub max_rooms: usize,
    /// Users in a room, those who are away included.
    pub max_users: usize,
    /// Characters in a box or a post.
    pub max_text: usize,
    /// Characters in a user's name.
    pub max_name: usize,
    /// Posts that a room's log keeps.
    pub log_length: usize,
    /// How long the seat of a user is kept whose connection broke; none where it is zero.
    pub grace: Duration,
    /// How often clients are pinged.
    pub ping_every: Duration,
    /// How long a client may give no sign of life; it is pinged more than once meanwhile.
    pub max_silence: Duration,
}

impl Limits {
    /// What is used where nothing else is asked for; but the program has a hub for each core.
    pub const DEFAULT: Self = Self {
        max_clients: 10_000,
        max_per_address: None,
        hubs: 1,
        max_rooms: 1_000,
        max_users: 10_000,
        max_text: 10_000,
        max_name: 40,
        log_length: 200,
        grace: Duration::from_secs(10),
        ping_every: Duration::from_secs(5),
        max_silence: Duration::from_secs(12),
    };
}
