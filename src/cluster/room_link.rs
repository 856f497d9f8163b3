//! A room's part in the cluster: which node owns it, and whether this node is in step with the owner.
//!
//! Architecture invariant: this is pure. It gets messages and the time, and returns what is to be done.

mod effect;
mod mirror;
mod missed;
mod owner;
mod received;
#[cfg(test)]
mod tests;
mod unknown;

use crate::base::ids::{Epoch, NodeId};
use crate::cluster::message::{Heard, Position, Ruled, ToRoom};
use crate::cluster::room_link::mirror::Mirror;
use crate::cluster::room_link::owner::Owner;
use crate::cluster::room_link::unknown::Unknown;
use crate::room::state::RoomRecord;
pub use effect::Ownership;
pub(crate) use effect::{Effect, Moment};
use std::collections::BTreeSet;
use std::mem;
use std::time::{Duration, Instant};

/// For how long a node counts as alive after its last beat.
pub(crate) const TTL: Duration = Duration::from_secs(3);

/// How often a node says that it is alive.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// A room's part in the cluster.
#[derive(Debug)]
pub(crate) struct RoomLink {
    me: NodeId,
    role: Role,
    /// What the owner has published last, of what is known here.
    at: Position,
    /// This node has had the room as an owner had it.
    knows_room: bool,
}

#[derive(Debug)]
enum Role {
    /// It is not known whose the room is.
    Unknown(Unknown),
    Owner(Owner),
    Mirror(Mirror),
}

impl RoomLink {
    /// The part of this node, which knows nothing of the room.
    pub(crate) fn new(me: NodeId) -> Self {
        Self { me, role: Role::Unknown(Unknown::default()), at: Position::default(), knows_room: false }
    }

    /// Whether this node may decide for others.
    pub(crate) fn decides(&self, moment: Moment<'_>) -> bool {
        matches!(&self.role, Role::Owner(owner) if !owner.doubts) && moment.holds
    }

    /// Whether this node owns the room, as far as it knows.
    pub(crate) fn is_owner(&self) -> bool {
        matches!(self.role, Role::Owner(_))
    }

    /// The other node that owns the room, as far as this one knows.
    pub(crate) fn other_owner(&self) -> Option<NodeId> {
        match &self.role {
            Role::Mirror(mirror) if mirror.owner != self.me => Some(mirror.owner),
            _ => None,
        }
    }

    /// Whether this node has the room as its owner has it.
    pub(crate) fn is_mirror(&self) -> bool {
        matches!(&self.role, Role::Mirror(mirror) if mirror.is_synced())
    }

    /// Another node may have taken the room, or Redis may have forgotten it: this node does not decide until Redis says
    /// whose it is.
    pub(crate) fn doubt(&mut self) -> Vec<Effect> {
        if let Role::Owner(owner) = &mut self.role {
            owner.doubts = true;
        }
        vec![self.ask(true)]
    }

    /// Asks whose the room is.
    pub(crate) fn ask(&self, may_take: bool) -> Effect {
        Effect::Own { known: self.at.epoch, may_take }
    }

    /// Every [`BEAT`]. `was_alive` says whether the others took this node for alive until now, `viewers` how many
    /// viewers this node has.
    pub(crate) fn on_beat(&mut self, was_alive: bool, viewers: usize, moment: Moment<'_>) -> Vec<Effect> {
        match &mut self.role {
            Role::Unknown(_) => vec![self.ask(false)],
            Role::Owner(owner) if owner.doubts || !was_alive => self.doubt(),
            Role::Owner(owner) => owner.tick(self.at, viewers, moment.alive).into_iter().collect(),
            Role::Mirror(mirror) if mirror.must_take_over(moment) => {
                // Another mirror may have the room, with all who are in it.
                if !self.knows_room {
                    self.role = Role::Unknown(Unknown::default());
                }
                vec![self.ask(self.knows_room)]
            }
            Role::Mirror(mirror) => mirror.tick(moment.now),
        }
    }

    /// Messages may be lost.
    pub(crate) fn lose_messages(&mut self, now: Instant) {
        match &mut self.role {
            Role::Unknown(_) => {}
            Role::Owner(owner) => owner.forget_heard(),
            Role::Mirror(mirror) => mirror.lose_sync(now),
        }
    }

    /// This node is cut off, and its people go on among themselves: nobody has the room as it is here from now on.
    pub(crate) fn go_alone(&mut self, now: Instant) {
        self.lose_messages(now);
        match &mut self.role {
            Role::Unknown(_) => {}
            Role::Owner(_) => self.at.seq = self.at.seq.saturating_add(1),
            Role::Mirror(mirror) => mirror.mark_diverged(),
        }
    }

    /// This node is linked to the others again: it asks for what it has missed.
    pub(crate) fn rejoin(&mut self, now: Instant) -> Vec<Effect> {
        match &mut self.role {
            Role::Unknown(_) => vec![self.ask(false)],
            Role::Owner(_) => self.doubt(),
            Role::Mirror(mirror) => mirror.ask(now).into_iter().collect(),
        }
    }

    /// The owner goes on after it has decided things that it told nobody: every mirror needs a copy, and tells of its
    /// clients.
    pub(crate) fn skip(&mut self, now: Instant) {
        if let Role::Owner(owner) = &mut self.role {
            *owner = Owner::new(now);
            self.at.seq = self.at.seq.saturating_add(1);
        }
    }

    /// Redis says whose the room is.
    pub(crate) fn on_owned(&mut self, owned: Ownership, moment: Moment<'_>) -> Vec<Effect> {
        match (owned.owner, &mut self.role) {
            (Some(owner), Role::Owner(role)) if owner == self.me && owned.epoch == self.at.epoch => {
                let was_in_doubt = mem::take(&mut role.doubts);
                was_in_doubt.then_some(Effect::Resume).into_iter().collect()
            }
            (Some(owner), _) if owner == self.me => self.reign(owned.epoch, moment),
            // It has been known by now that somebody else owns the room.
            (Some(_), _) if owned.epoch < self.at.epoch => Vec::new(),
            (Some(owner), Role::Mirror(mirror)) => {
                if owner != mirror.owner || owned.epoch > self.at.epoch {
                    mirror.lose_sync(moment.now);
                }
                mirror.owner = owner;
                mirror.ask(moment.now).into_iter().collect()
            }
            (Some(owner), _) => self.step_down(owner, moment.now),
            // Whoever knows something of the room hears it and takes the room first.
            (None, Role::Unknown(unknown)) => {
                let opens = unknown.on_nobody(owned.epoch, moment);
                opens.then_some(Effect::Publish(ToRoom::Open)).into_iter().collect()
            }
            (None, _) => Vec::new(),
        }
    }

    /// So many nodes have received what was published last, this one among them.
    pub(crate) fn on_listeners(&mut self, nodes: usize, moment: Moment<'_>) -> Option<Effect> {
        match &mut self.role {
            Role::Unknown(unknown) => {
                unknown.set_listeners(nodes.saturating_sub(1));
                unknown.take_turn(moment.now).then(|| self.ask(true))
            }
            Role::Owner(owner) => {
                owner.set_listeners(nodes.saturating_sub(1));
                None
            }
            _ => None,
        }
    }

    fn reign(&mut self, epoch: Epoch, moment: Moment<'_>) -> Vec<Effect> {
        let from = match &self.role {
            Role::Mirror(mirror) if !mirror.is_exact() => Position::default(), // nobody is there
            _ => self.at,
        };
        self.knows_room = true;
        self.at = Position { epoch, seq: 0 };
        self.role = Role::Owner(Owner::new(moment.now));
        vec![Effect::Publish(ToRoom::Reign { epoch, from }), Effect::Reign]
    }

    /// Another node owns the room.
    fn step_down(&mut self, owner: NodeId, now: Instant) -> Vec<Effect> {
        let was_owner = matches!(self.role, Role::Owner(_));
        let mut mirror = Mirror::of(owner, now);
        let ask = mirror.ask(now);
        self.role = Role::Mirror(mirror);
        was_owner.then_some(Effect::StepDown).into_iter().chain(ask).collect()
    }

    /// What the owner publishes for facts that it has decided; `None` if this node is not the owner. If it `confirms`,
    /// it also says which messages it has handled: not before the answers to them are sent.
    pub(crate) fn out(
        &mut self,
        rulings: Vec<Ruled>,
        record: Option<RoomRecord>,
        is_unsaved: bool,
        confirms: bool,
    ) -> Option<ToRoom> {
        let Role::Owner(owner) = &mut self.role else { return None };
        self.at.seq = self.at.seq.saturating_add(1);
        let heard = if confirms { owner.take_newly_heard() } else { Heard::new() };
        Some(ToRoom::Out { at: self.at, rulings, record: record.map(Box::new), is_unsaved, heard })
    }

    /// Whether the owner has heard messages that it has not confirmed.
    pub(crate) fn has_unconfirmed(&self) -> bool {
        matches!(&self.role, Role::Owner(owner) if owner.has_newly_heard())
    }

    /// The position of a copy that is made now.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// The owner, the epoch, and the number of the next message of this mirror. `None` if there is nobody to tell: then
    /// the mirror tells of all its clients once there is.
    pub(crate) fn next_message(&mut self, is_all: bool) -> Option<(NodeId, Epoch, u64)> {
        let Role::Mirror(mirror) = &mut self.role else { return None };
        mirror.next_message(is_all).map(|seq| (mirror.owner, self.at.epoch, seq))
    }

    /// Whether the clients of another node are gone, because the node is dead, or does not tell of them.
    pub(crate) fn has_lost(&self, node: NodeId, moment: Moment<'_>) -> bool {
        let Role::Owner(owner) = &self.role else { return false };
        let is_dead = || moment.is_settled && !moment.alive.contains(&node);
        node != self.me && (is_dead() || owner.misses(node, moment.now))
    }

    /// Whether posts may be numbered: all nodes with the room have told of the posts that they have.
    pub(crate) fn may_number(&self, now: Instant) -> bool {
        matches!(&self.role, Role::Owner(owner) if owner.may_number(now))
    }

    /// The owner shows a client of this node as away, or does not show it.
    pub(crate) fn request_attach(&mut self) {
        if let Role::Mirror(mirror) = &mut self.role {
            mirror.request_attach();
        }
    }

    /// The one of these nodes that can own the room next: it has told of its clients.
    pub(crate) fn successor(&self, alive: &BTreeSet<NodeId>) -> Option<NodeId> {
        match &self.role {
            Role::Owner(owner) => owner.attached().find(|node| alive.contains(node)),
            _ => None,
        }
    }

    /// The viewers of the other nodes.
    pub(crate) fn other_viewers(&self) -> usize {
        match &self.role {
            Role::Owner(owner) => owner.viewers(),
            _ => 0,
        }
    }
}
