//! The numbers of a hub for `/metrics`: what it has counted, and what there is now.

use crate::base::tally::Tally;
use crate::hub::counters::{ClientKind, Counters};
use crate::hub::health::ClusterHealth;
use crate::protocol::close::CloseLabel;

/// The numbers of one hub, or of several.
#[derive(Debug)]
pub struct Report {
    /// What was counted.
    pub(crate) counters: Counters,
    /// Connections that the server has ended.
    pub(crate) closes: Tally<CloseLabel>,
    /// Bytes that connections have accepted.
    pub(crate) sent_bytes: u64,
    /// Clients, those that are closing included.
    pub(crate) clients: Tally<ClientKind>,
    /// Users who are there.
    pub(crate) present: usize,
    /// Users who are away.
    pub(crate) away: usize,
    /// Rooms.
    pub(crate) rooms: usize,
    /// Bytes of output that wait for clients.
    pub(crate) outboxes: usize,
    /// Bytes of boxes and logs.
    pub(crate) texts: usize,
    /// The other nodes, if there may be some.
    pub(crate) cluster: Option<ClusterHealth>,
}

impl Report {
    /// The numbers of two hubs together.
    pub(crate) fn with(mut self, other: &Self) -> Self {
        self.counters.add(&other.counters);
        self.closes.add(&other.closes);
        self.clients.add(&other.clients);
        self.sent_bytes += other.sent_bytes;
        self.present += other.present;
        self.away += other.away;
        self.rooms += other.rooms;
        self.outboxes += other.outboxes;
        self.texts += other.texts;
        self.cluster = self.cluster.zip(other.cluster).map(|(a, b)| a.with(b));
        self
    }
}
