//! The hub of a node, of which a test handles all that it asks Redis for.

use crate::pipe::Pipe;
use crossbeam_channel::{Receiver, unbounded};
use std::cell::Cell;
use std::time::Duration;
use typewall::internals::{Hub, LinkRequest, Load, NodeId, Requests, Shard, Write};
use typewall::{HostOptions, Limits};

/// For how long a node may decide after a beat.
pub(super) const LEASE: Duration = Duration::from_millis(2_500);

thread_local! {
    /// The time since the start of the system, of all nodes of the test.
    pub(super) static CLOCK: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pub(super) struct NodeHub {
    pub hub: Hub<Pipe>,
    /// What it asks of the link.
    pub requests: Receiver<LinkRequest>,
    /// The rooms to be loaded.
    pub loads: Receiver<Load>,
    /// The posts and records to be stored.
    pub writes: Receiver<Write>,
}

impl NodeHub {
    pub(super) fn new(id: NodeId, limits: Limits, hosts: HostOptions) -> Self {
        let ((link, requests), (load, loads), (write, writes)) = (unbounded(), unbounded(), unbounded());
        let store = Requests { loads: load, writes: write };
        let mut hub = Hub::new(limits, None, hosts, Some(store), Shard::single());
        hub.join_cluster(id, link, || CLOCK.get());
        Self { hub, requests, loads, writes }
    }
}
