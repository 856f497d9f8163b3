//! A node that is cut off from the others. The people in a room go on among themselves: they write, and come back to
//! their seats. Users of other nodes are shown as away, and nobody loses a seat. Nobody gets a new seat, no post is
//! stored, and whatever else the owner of the room would decide waits.

use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, RoomId};
use crate::cluster::room_link::RoomLink;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::deadlines::Deadline;
use crate::hub::event::ReplyTo;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::room::action::Action;
use crate::room::post::NotStored;
use std::time::Duration;

/// How often it is checked whether the grace period of a user can end: not while a node is alone.
const GRACE_PAUSE: Duration = Duration::from_secs(1);

impl<T: Transport> Hub<T> {
    /// Notes whether this node is cut off from the others by now, and what follows.
    pub(super) fn check_link(&mut self, now: Now) {
        match self.node.as_mut().and_then(|node| node.update_alone()) {
            None => {}
            Some(true) => self.rooms.ids().into_iter().for_each(|id| self.begin_alone(id, now)),
            Some(false) => self.rooms.ids().into_iter().for_each(|id| self.rejoin(id, now)),
        }
    }

    fn begin_alone(&mut self, id: RoomId, now: Now) {
        let me = self.node.as_ref().map(|node| node.me);
        let Some(room) = self.rooms.touch(id) else { return };
        let is_loading = room.is_loading();
        let (Some(me), Some(linked)) = (me, &mut room.linked) else { return };
        if is_loading {
            linked.link = RoomLink::new(me); // whoever it belongs to, it is asked for anew
            return self.abandon_room(id, now);
        }
        if room.is_alone() {
            return;
        }
        room.begin_alone(now);
        let (actions, acks) = ([room.take_own_joins(), room.take_own_texts()], room.take_text_acks());
        let changes = room.take_state_changes();
        let holders = room.rules().holders();
        for (user, _) in holders.into_iter().filter(|(_, rank)| rank.node != me) {
            if let Some(fact) = self.rooms.touch(id).and_then(|room| room.decide_away(user, now)) {
                self.publish(id, fact, Cause::default(), now);
            }
        }
        for (client, action, ack) in actions.into_iter().flatten() {
            self.act_alone(client, id, action, ack, now);
        }
        acks.into_iter().for_each(|(client, ack)| self.acknowledge(client, ack));
        for (client, ack) in changes {
            self.reject(client, EventError::StateNotStored, ack);
        }
        // Those of other nodes come again with the other posts there.
        self.refuse_waiting_posts(id, |by| by.request.is_none());
        self.show_alone(id, true);
        self.on_viewers_changed(id, now);
    }

    /// Whether a room is still to be loaded while this node is cut off. Nobody is let in: pages try again, perhaps on
    /// another node.
    pub(super) fn is_out_of_reach(&self, id: RoomId) -> bool {
        let is_alone = self.node.as_ref().is_some_and(|node| node.is_alone());
        is_alone && self.rooms.get(id).is_some_and(|room| room.is_loading())
    }

    /// This node is linked to the others again. If it owned the room, it may not any more; until it knows, the people
    /// here go on among themselves.
    fn rejoin(&mut self, id: RoomId, now: Now) {
        if let Some(room) = self.rooms.touch(id).filter(|room| room.is_alone() && !room.is_in_charge()) {
            room.keep_own_texts();
            room.restart_graces(now); // they have stood still, and this node may own the room next
            if let Some(linked) = &mut room.linked {
                linked.is_alone = false;
            }
        }
        self.link(id, now, |link, _| link.rejoin(now.instant));
    }

    /// This node still owns a room that it may have lost.
    pub(super) fn resume(&mut self, id: RoomId, now: Now) {
        let Some(room) = self.rooms.touch(id).filter(|room| room.is_alone()) else { return };
        room.restart_graces(now);
        if let Some(linked) = &mut room.linked {
            linked.is_alone = false;
            linked.link.skip(now.instant);
            linked.owned.remotes.clear();
            linked.owned.log.is_told = false;
        }
        self.set_graces(id);
        self.act_as_owner(id, now);
        self.show_alone(id, false);
    }

    /// Tells the people here whether they are alone, if they do not know.
    pub(super) fn show_alone(&mut self, id: RoomId, is_alone: bool) {
        if let Some(linked) = self.linked(id)
            && linked.shows_alone != is_alone
        {
            linked.shows_alone = is_alone;
            if let Some(room) = self.rooms.touch(id) {
                room.broadcast(&ServerEvent::Linked { linked: !is_alone });
            }
        }
    }

    /// A client acts in a room of a node that is alone.
    pub(super) fn act_alone(
        &mut self,
        client: ClientId,
        id: RoomId,
        action: Action,
        ack: Option<AckId>,
        now: Now,
    ) {
        let Some(room) = self.rooms.touch(id) else { return };
        match action {
            Action::Join { session, .. } if !room.rules().has_seat_for(session.key()) => {
                self.close(client, &CloseReason::ServerBusy, now);
            }
            Action::Join { .. } | Action::Write(_) | Action::Watch | Action::Resync => {
                self.decide(client, id, action, ack, now);
            }
            Action::Post { reference, .. } => {
                let error = EventError::NotStored(NotStored::Unavailable);
                self.reject(client, error, ReplyTo { reference, ack });
            }
            // Later, it could undo what another host has set meanwhile.
            Action::SetRoom(_) => self.reject(client, EventError::StateNotStored, ack),
            action => self.forward(client, id, action, ack),
        }
    }

    /// The grace period of a user can end, unless this node is alone.
    pub(super) fn pauses_grace(&mut self, deadline: Deadline, id: RoomId, now: Now) -> bool {
        let is_alone = self.rooms.get(id).is_some_and(|room| room.is_alone());
        if is_alone {
            self.deadlines.set(deadline, now.instant + GRACE_PAUSE);
        }
        is_alone
    }
}
