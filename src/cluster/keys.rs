//! The names of keys and channels in Redis. All begin with the prefix.

use crate::base::ids::NodeId;
use crate::cluster::link::Channel;
use std::sync::Arc;

/// The names of keys and channels with one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: Arc<str>,
    /// What names of channels begin with.
    channels: Arc<str>,
}

impl Keys {
    /// The names with this prefix in this database. Channels are the same in all databases of a Redis, so the number of
    /// the database is in their names, unless it is the usual one.
    pub(crate) fn new(prefix: &str, database: i64) -> Self {
        let channels = match database {
            0 => prefix.into(),
            database => format!("{prefix}{database}:").into(),
        };
        Self { prefix: prefix.into(), channels }
    }

    /// What all names begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The nodes, and until when each is alive.
    pub(crate) fn nodes(&self) -> String {
        format!("{}nodes", self.prefix)
    }

    /// What is known of a room: its owner, the epoch, the number of its last post, and its record.
    pub(crate) fn room(&self, room: &str) -> String {
        format!("{}r:{room}", self.prefix)
    }

    /// The posts of a room.
    pub(crate) fn log(&self, room: &str) -> String {
        format!("{}l:{room}", self.prefix)
    }

    /// What the keys begin with that hold the numbers of a room's posts. The rest is a post's idempotency key, in
    /// hexadecimal.
    pub(crate) fn post_keys(&self, room: &str) -> String {
        format!("{}d:{room}:", self.prefix)
    }

    /// A pattern for all logs.
    pub(crate) fn logs(&self) -> String {
        format!("{}l:*", self.prefix)
    }

    /// The room with this log.
    pub(crate) fn room_of_log<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&*self.prefix)?.strip_prefix("l:")
    }

    /// The channel of a node.
    pub(crate) fn inbox(&self, node: NodeId) -> String {
        format!("{}in:{}", self.channels, node.0)
    }

    /// The channel of a room.
    pub(crate) fn room_channel(&self, room: &str) -> String {
        format!("{}room:{room}", self.channels)
    }

    /// The name of a channel.
    pub(crate) fn channel(&self, channel: &Channel) -> String {
        match channel {
            Channel::Room(room) => self.room_channel(room),
            Channel::Node(node) => self.inbox(*node),
        }
    }

    /// The room with this channel.
    pub(crate) fn room_of_channel<'a>(&self, channel: &'a str) -> Option<&'a str> {
        channel.strip_prefix(&*self.channels)?.strip_prefix("room:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_found_by_their_keys_and_channels() {
        let keys = Keys::new("a:", 0);
        assert_eq!(keys.room_of_log(&keys.log("l:room:x")), Some("l:room:x"));
        assert_eq!(keys.room_of_channel(&keys.room_channel("in:1")), Some("in:1"));
        assert_eq!(keys.room_of_channel(&keys.inbox(NodeId(1))), None);
        assert_eq!(keys.room_of_log("b:l:x"), None);
    }

    #[test]
    fn clusters_in_different_databases_have_different_channels() {
        let [usual, other] = [0, 2].map(|database| Keys::new("a:", database));
        assert_ne!(usual.room_channel("x"), other.room_channel("x"));
        assert_ne!(usual.inbox(NodeId(1)), other.inbox(NodeId(1)));
        assert_eq!(other.room_of_channel(&other.room_channel("x")), Some("x"));
        assert_eq!(usual.log("x"), other.log("x"));
    }
}
