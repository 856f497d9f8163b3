//! What messages of other nodes mean for a room's part in the cluster.

use super::missed::Out;
use super::{Effect, Mirror, Moment, Role, RoomLink};
use crate::base::ids::{Epoch, NodeId};
use crate::cluster::message::{Position, ToNode, ToRoom};
use std::time::Instant;

impl RoomLink {
    /// A message on the channel of the room.
    pub(crate) fn on_room_message(&mut self, from: NodeId, says: ToRoom, moment: Moment<'_>) -> Vec<Effect> {
        if from == self.me {
            return Vec::new();
        }
        let epoch = match &says {
            ToRoom::Open => return self.on_open(from, moment),
            ToRoom::Out { at, .. } | ToRoom::Tick { at, .. } => at.epoch,
            ToRoom::Reign { epoch, .. } => *epoch,
        };
        if epoch < self.at.epoch || (epoch == self.at.epoch && matches!(self.role, Role::Owner(_))) {
            return Vec::new();
        }
        if matches!(self.role, Role::Unknown(_)) {
            return Vec::new(); // Redis is about to say who owns the room
        }
        if epoch > self.at.epoch {
            return self.on_new_epoch(from, epoch, says, moment.now);
        }
        self.on_owner_message(from, says, moment.now)
    }

    /// A message of the current epoch, for a mirror. If it is not the next one, a message was lost, or this mirror is
    /// ahead of its owner because somebody else has sent it something. Either way, the mirror needs a copy.
    fn on_owner_message(&mut self, from: NodeId, says: ToRoom, now: Instant) -> Vec<Effect> {
        let Role::Mirror(mirror) = &mut self.role else { return Vec::new() };
        if from != mirror.owner {
            return Vec::new(); // an epoch has one owner
        }
        match says {
            ToRoom::Out { at, rulings, record, is_unsaved, heard } => {
                let out = Out { at, rulings, record, is_unsaved, heard };
                if mirror.follows(self.at, at) {
                    self.at = at;
                    return out.followed_by(self.me).collect();
                }
                mirror.miss(out, now);
            }
            ToRoom::Tick { at, heard, viewers } if mirror.is_synced() && at == self.at => {
                mirror.check_heard(heard.get(&self.me).copied());
                return vec![Effect::Viewers(viewers)];
            }
            ToRoom::Tick { .. } => mirror.lose_sync(now),
            ToRoom::Open | ToRoom::Reign { .. } => return Vec::new(),
        }
        mirror.ask(now).into_iter().collect()
    }

    /// A node that does not have the room wants to own it.
    fn on_open(&self, from: NodeId, moment: Moment<'_>) -> Vec<Effect> {
        let knows = match &self.role {
            Role::Unknown(_) => return vec![Effect::Send(from, ToNode::Unknown)],
            Role::Owner(_) => moment.holds,
            Role::Mirror(_) if !self.knows_room => return vec![Effect::Send(from, ToNode::Unknown)],
            Role::Mirror(mirror) => mirror.owner != from,
        };
        if knows { vec![self.ask(true)] } else { Vec::new() }
    }

    /// Another node owns the room in a later epoch.
    fn on_new_epoch(&mut self, from: NodeId, epoch: Epoch, says: ToRoom, now: Instant) -> Vec<Effect> {
        let before = self.at;
        self.at = Position { epoch, seq: 0 };
        let Role::Mirror(mirror) = &mut self.role else { return self.step_down(from, now) };
        mirror.owner = from;
        mirror.restart();
        if mirror.is_synced() && matches!(says, ToRoom::Reign { from, .. } if from == before) {
            return vec![Effect::Attach];
        }
        mirror.mark_diverged();
        match says {
            ToRoom::Out { at, rulings, record, is_unsaved, heard } => {
                mirror.miss(Out { at, rulings, record, is_unsaved, heard }, now);
            }
            _ => mirror.lose_sync(now),
        }
        mirror.ask(now).into_iter().collect()
    }

    /// A message to this node alone.
    pub(crate) fn on_node_message(&mut self, from: NodeId, says: ToNode, moment: Moment<'_>) -> Vec<Effect> {
        match (says, &mut self.role) {
            (ToNode::Sync, Role::Owner(owner)) if moment.holds && !owner.doubts => {
                owner.expect_attach(from);
                vec![Effect::CopyTo(from)]
            }
            // The sender believes that this node owns the room, perhaps because the sender has handed it over.
            (ToNode::Sync, Role::Mirror(_)) => vec![self.ask(true)],
            // The owner has forgotten the room, so it does not own it any more.
            (ToNode::Unknown, Role::Mirror(mirror)) if mirror.owner == from => vec![self.ask(true)],
            (ToNode::Unknown, Role::Unknown(unknown)) => {
                unknown.add_also_unknown(from);
                unknown.take_turn(moment.now).then(|| self.ask(true)).into_iter().collect()
            }
            (ToNode::Copy { at, leaves, copy, keys, .. }, _) => {
                self.on_copy(from, at, leaves, Effect::Replace { copy, keys }, moment.now)
            }
            (ToNode::In { epoch, seq, requests, viewers, has_key }, Role::Owner(owner))
                if moment.holds && !owner.doubts && epoch == self.at.epoch =>
            {
                let decide = Effect::Decide { from, has_key, requests, is_all: false, posts: Vec::new() };
                owner.accept(from, seq, viewers).then_some(decide).into_iter().collect()
            }
            (ToNode::Attach { epoch, seq, requests, posts, viewers, has_key }, Role::Owner(owner))
                if moment.holds && !owner.doubts && epoch == self.at.epoch =>
            {
                owner.attach(from, seq, viewers);
                vec![Effect::Decide { from, has_key, requests, is_all: true, posts }]
            }
            _ => Vec::new(),
        }
    }

    /// A copy of the room, perhaps from an owner that is stopping and hands the room over to this node.
    fn on_copy(
        &mut self,
        from: NodeId,
        at: Position,
        leaves: bool,
        replace: Effect,
        now: Instant,
    ) -> Vec<Effect> {
        let is_late = match &self.role {
            Role::Unknown(unknown) => !leaves || unknown.is_later_than(at.epoch),
            Role::Owner(_) => at.epoch <= self.at.epoch,
            Role::Mirror(mirror) => {
                let is_of_now = at.epoch == self.at.epoch;
                at.epoch < self.at.epoch || is_of_now && (mirror.is_synced() || mirror.owner != from)
            }
        };
        if is_late {
            return Vec::new();
        }
        let mut effects = Vec::new();
        match &self.role {
            Role::Unknown(_) => self.role = Role::Mirror(Mirror::of(from, now)),
            Role::Owner(_) => effects.extend(self.step_down(from, now).into_iter().take(1)),
            Role::Mirror(_) => {}
        }
        let Role::Mirror(mirror) = &mut self.role else { return effects };
        if at.epoch > self.at.epoch {
            mirror.restart();
        }
        mirror.owner = from;
        self.knows_room = true;
        effects.push(replace);
        let (missed, is_whole) = mirror.gain_sync(at);
        self.at = missed.last().map_or(at, |last| last.at);
        effects.extend(missed.into_iter().flat_map(|out| out.followed_by(self.me)));
        effects.push(Effect::Attach);
        if !is_whole {
            mirror.lose_sync(now);
            effects.extend(mirror.ask(now));
        }
        effects
    }

    /// This node does not have the room, and gets it from an owner that is stopping.
    pub(crate) fn accept_handover(&mut self, from: NodeId, at: Position, now: Instant) {
        let mut mirror = Mirror::of(from, now);
        mirror.gain_sync(at);
        self.role = Role::Mirror(mirror);
        (self.at, self.knows_room) = (at, true);
    }
}
