//! Questions that an HTTP request asks a hub.

use crate::hub::shards::{HUB_TIMEOUT, SocketEvent};
use crossbeam_channel::{Sender, bounded};

/// Sends the hub an event that carries the sender of its reply, and waits for the reply. `None` after [`HUB_TIMEOUT`].
pub(super) fn query_hub<T>(
    hub: &Sender<SocketEvent>,
    event: impl FnOnce(Sender<T>) -> SocketEvent,
) -> Option<T> {
    let (reply_to, reply) = bounded(1);
    hub.send_timeout(event(reply_to), HUB_TIMEOUT).ok()?;
    reply.recv_timeout(HUB_TIMEOUT).ok()
}
