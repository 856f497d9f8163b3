//! When a room gets another host with `--hosts first`: the node that owns the room decides it, for the people of all
//! nodes.

use crate::base::clock::Now;
use crate::base::ids::{NodeId, RoomId};
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::deadlines::Deadline;
use crate::hub::open_room::OpenRoom;

impl<T: Transport> Hub<T> {
    /// Hosts of a room may be expected back: at the deadline, somebody else may become the host.
    pub(super) fn await_hosts(&mut self, id: RoomId) {
        let room = self.rooms.get(id).filter(|room| room.is_in_charge());
        if let Some(until) = room.and_then(|room| room.rules().hosts_expected_until()) {
            self.deadlines.set(Deadline::Hosts(id), until);
        }
    }

    /// Makes a user the host of a room, if it lacks one.
    pub(super) fn appoint_host(&mut self, id: RoomId, now: Now) {
        if let Some(room) = self.rooms.touch(id).filter(|room| room.is_in_charge())
            && let Some(host) = room.decide_appoint(now)
        {
            room.publish(host, Cause::default());
        }
    }

    /// Hosts are not expected back any more. While this node is alone, they may be on another one.
    pub(super) fn on_hosts_deadline(&mut self, id: RoomId, now: Now) {
        if !self.pauses_grace(Deadline::Hosts(id), id, now) {
            self.appoint_host(id, now);
        }
    }

    /// A client of another node has proved the host key, or none there has it any more.
    pub(super) fn note_key_holder(&mut self, id: RoomId, node: NodeId, has_key: bool, now: Now) {
        self.change_key_holders(id, now, |room| {
            let Some(linked) = &mut room.linked else { return false };
            match has_key {
                true => linked.owned.key_holders.insert(node),
                false => linked.owned.key_holders.remove(&node),
            }
        });
    }

    /// The clients of nodes that are dead, or do not tell of them, are gone.
    pub(super) fn lose_key_holders(&mut self, id: RoomId, now: Now) {
        let Some(others) = self.node.as_ref().map(|node| node.others()) else { return };
        let moment = others.at(now.instant);
        self.change_key_holders(id, now, |room| {
            let linked = room.linked.as_mut().filter(|linked| linked.link.decides(moment));
            let Some(linked) = linked.filter(|linked| !linked.owned.key_holders.is_empty()) else {
                return false;
            };
            let count = linked.owned.key_holders.len();
            linked.owned.key_holders.retain(|node| !linked.link.has_lost(*node, moment));
            linked.owned.key_holders.len() != count
        });
    }

    fn change_key_holders(&mut self, id: RoomId, now: Now, change: impl FnOnce(&mut OpenRoom) -> bool) {
        if let Some(room) = self.rooms.get_mut(id)
            && change(room)
        {
            room.note_key_holders(now.instant);
            self.await_hosts(id);
        }
    }
}
