//! The configurable limits. The others are constants next to what they protect.

use crate::base::rate_limit::Rate;
use std::time::Duration;

/// Seconds of posts that a client may send at once.
const POST_BURST: u32 = 5;

/// The configurable limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of users and viewers.
    pub max_clients: usize,
    /// Maximum number of users and viewers from one IPv4 address or IPv6 /64 network. `None` for no limit.
    pub max_per_address: Option<usize>,
    /// Hub threads, 1 to [`MAX_HUBS`](crate::hub::shards::MAX_HUBS). With a passphrase or a limit per address there is
    /// only one, because one hub must count all wrong passphrases, or all clients of an address.
    pub hubs: usize,
    /// Maximum number of rooms.
    pub max_rooms: usize,
    /// Maximum number of users in a room, including away users.
    pub max_users: usize,
    /// Maximum length of a box or a post, in characters (Unicode code points).
    pub max_text: usize,
    /// Maximum length of a user's name, in characters (Unicode code points).
    pub max_name: usize,
    /// Maximum number of posts in a room's log.
    pub log_length: usize,
    /// Posts that a connection may send per second in the long run.
    pub post_rate: u32,
    /// Bytes of events, such as posts, that everyone in a room gets at once; see [`budget`](crate::hub::budget).
    pub room_burst: usize,
    /// A client that is owed more than this many bytes of events is too slow when more comes; see
    /// [`outbox`](crate::delivery::outbox).
    pub max_backlog: usize,
    /// Maximum memory for output that waits for slow clients and for large messages that arrive, of all clients
    /// together, in bytes.
    pub max_waiting: usize,
    /// Maximum memory for the boxes and logs of all rooms together, in bytes.
    pub max_texts: usize,
    /// How long a user's seat is kept after the connection broke, unless a newcomer needs it. Zero removes the seat at
    /// once.
    pub grace: Duration,
    /// Time between two pings to a client.
    pub ping_every: Duration,
    /// How long a client may send nothing. Longer than two ping intervals, so that one late answer is harmless.
    pub max_silence: Duration,
    /// How long a message of a client may take to arrive.
    pub message_timeout: Duration,
}

impl Limits {
    /// The defaults. The program starts a hub for each core instead of one, and derives the limits on memory
    /// from what the system has.
    pub const DEFAULT: Self = Self {
        max_clients: 10_000,
        max_per_address: None,
        hubs: 1,
        max_rooms: 1_000,
        max_users: 10_000,
        max_text: 10_000,
        max_name: 40,
        log_length: 200,
        post_rate: 2,
        room_burst: 512 * 1024,
        max_backlog: 1024 * 1024,
        max_waiting: 256 * 1024 * 1024,
        max_texts: 512 * 1024 * 1024,
        grace: Duration::from_secs(10),
        ping_every: Duration::from_secs(5),
        max_silence: Duration::from_secs(12),
        message_timeout: Duration::from_secs(30),
    };

    /// How fast a connection, or an address over HTTP, may post.
    pub(crate) fn post_pace(&self) -> Rate {
        Rate { per_second: self.post_rate, burst: self.post_rate.saturating_mul(POST_BURST) }
    }

    /// These limits with another maximum length of texts, and what follows from it: a room may get fifty of the longest
    /// posts in ASCII at once, and a client may be owed twice that, so that nobody is closed for a burst.
    pub fn with_max_text(self, max_text: usize) -> Self {
        let room_burst = Self::DEFAULT.room_burst.max(50 * max_text);
        Self { max_text, room_burst, max_backlog: 2 * room_burst, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_closed_for_fifty_of_the_longest_posts_at_once() {
        for (max_text, room_burst) in [(1, 512 * 1024), (10_000, 512 * 1024), (20_000, 1_000_000)] {
            let limits = Limits::DEFAULT.with_max_text(max_text);
            assert_eq!((limits.max_text, limits.room_burst), (max_text, room_burst));
            assert_eq!(limits.max_backlog, 2 * room_burst, "{max_text}");
        }
        let limits = Limits::DEFAULT.with_max_text(Limits::DEFAULT.max_text);
        assert_eq!(
            (limits.room_burst, limits.max_backlog),
            (Limits::DEFAULT.room_burst, Limits::DEFAULT.max_backlog)
        );
    }
}
