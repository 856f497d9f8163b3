//! The health of a hub, as `/healthz` shows it.

use crate::base::ids::NodeId;
use std::iter::Sum;

/// The health of a hub.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    /// WebSocket connections.
    pub clients: usize,
    /// Open rooms.
    pub rooms: usize,
    /// Bytes of output that wait for slow clients, and of large messages that arrive.
    pub waiting: usize,
    /// Bytes of boxes and logs, except in rooms whose texts are hidden.
    pub texts: usize,
    /// The other nodes, if there may be some.
    pub cluster: Option<ClusterHealth>,
}

/// How a hub sees the other nodes.
#[derive(Debug, Clone, Copy)]
pub struct ClusterHealth {
    /// This node.
    pub node: NodeId,
    /// The nodes that are alive, this one included.
    pub nodes: usize,
    /// This node is linked to them.
    pub linked: bool,
}

impl ClusterHealth {
    /// How two hubs of a node see the others.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { node: self.node, nodes: self.nodes.min(other.nodes), linked: self.linked && other.linked }
    }
}

impl Sum for Health {
    fn sum<I: Iterator<Item = Self>>(hubs: I) -> Self {
        hubs.fold(Self::default(), |sum, hub| Self {
            clients: sum.clients + hub.clients,
            rooms: sum.rooms + hub.rooms,
            waiting: sum.waiting + hub.waiting,
            texts: sum.texts + hub.texts,
            cluster: sum.cluster.zip(hub.cluster).map(|(a, b)| a.with(b)).or(sum.cluster).or(hub.cluster),
        })
    }
}
