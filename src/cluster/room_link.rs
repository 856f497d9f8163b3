//! A room's part in the cluster: which node owns it, and whether this node is synced with the owner.
//!
//! Architecture invariant: this is pure. Messages and the time go in, and effects come out. It has no socket, thread or
//! clock.

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

/// How long a node counts as alive after a beat.
pub(crate) const TTL: Duration = Duration::from_secs(3);

/// How often a node sends a beat.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// A room's part in the cluster.
#[derive(Debug)]
pub(crate) struct RoomLink {
    me: NodeId,
    role: Role,
    /// The owner's last position that this node knows of.
    at: Position,
    /// This node has had the room, as its owner or from a copy.
    knows_room: bool,
}

#[derive(Debug)]
enum Role {
    /// This node does not know yet who owns the room.
    Unknown(Unknown),
    Owner(Owner),
    Mirror(Mirror),
}

impl RoomLink {
    /// The link of a node that does not have the room.
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

    /// Whether this node is a mirror, and synced with the owner.
    pub(crate) fn is_synced(&self) -> bool {
        matches!(&self.role, Role::Mirror(mirror) if mirror.is_synced())
    }

    /// Another node may have taken the room, or Redis may have forgotten it: this node does not decide until Redis says
    /// who owns it.
    pub(crate) fn doubt(&mut self) -> Vec<Effect> {
        if let Role::Owner(owner) = &mut self.role {
            owner.doubts = true;
        }
        vec![self.ask(true)]
    }

    /// Asks who owns the room.
    pub(crate) fn ask(&self, may_take: bool) -> Effect {
        Effect::Own { known: self.at.epoch, may_take }
    }

    /// What is due with a beat. `was_alive` says whether this node has counted as alive until now, `viewers` how many
    /// viewers it has.
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

    /// Messages may have been lost.
    pub(crate) fn lose_messages(&mut self, now: Instant) {
        match &mut self.role {
            Role::Unknown(_) => {}
            Role::Owner(owner) => owner.forget_heard(),
            Role::Mirror(mirror) => mirror.lose_sync(now),
        }
    }

    /// This node is cut off and goes on alone: from now on, no other node has the room as it is here.
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

    /// The owner is no longer alone. Nobody knows what it decided meanwhile, so every mirror needs a copy, and attaches
    /// again.
    pub(crate) fn skip(&mut self, now: Instant) {
        if let Role::Owner(owner) = &mut self.role {
            *owner = Owner::new(now);
            self.at.seq = self.at.seq.saturating_add(1);
        }
    }

    /// Redis says who owns the room.
    pub(crate) fn on_owned(&mut self, owned: Ownership, moment: Moment<'_>) -> Vec<Effect> {
        match (owned.owner, &mut self.role) {
            (Some(owner), Role::Owner(role)) if owner == self.me && owned.epoch == self.at.epoch => {
                let was_in_doubt = mem::take(&mut role.doubts);
                was_in_doubt.then_some(Effect::Resume).into_iter().collect()
            }
            (Some(owner), _) if owner == self.me => self.reign(owned.epoch, moment),
            // This node knows of a later owner.
            (Some(_), _) if owned.epoch < self.at.epoch => Vec::new(),
            (Some(owner), Role::Mirror(mirror)) => {
                if owner != mirror.owner || owned.epoch > self.at.epoch {
                    mirror.lose_sync(moment.now);
                }
                mirror.owner = owner;
                mirror.ask(moment.now).into_iter().collect()
            }
            (Some(owner), _) => self.step_down(owner, moment.now),
            // A node that has the room receives this and takes the room first.
            (None, Role::Unknown(unknown)) => {
                let opens = unknown.on_nobody(owned.epoch, moment);
                opens.then_some(Effect::Publish(ToRoom::Open)).into_iter().collect()
            }
            (None, _) => Vec::new(),
        }
    }

    /// Says how many nodes, this one included, have received the last `Open` or `Reign`.
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
            Role::Mirror(mirror) if !mirror.is_exact() => Position::default(), // no mirror is there
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

    /// The message that publishes what the owner has decided; `None` if this node is not the owner. If it `confirms`,
    /// it also says which messages were handled: the answers to those have to be sent first.
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

    /// Whether the owner has handled messages that it has not confirmed.
    pub(crate) fn has_unconfirmed(&self) -> bool {
        matches!(&self.role, Role::Owner(owner) if owner.has_newly_heard())
    }

    /// The position of a copy that is made now.
    pub(crate) fn position(&self) -> Position {
        self.at
    }

    /// The owner, the epoch, and the number of this mirror's next message, which is an `Attach` if `is_all`. `None` if
    /// the owner cannot be told: then the mirror attaches once it is synced.
    pub(crate) fn next_message(&mut self, is_all: bool) -> Option<(NodeId, Epoch, u64)> {
        let Role::Mirror(mirror) = &mut self.role else { return None };
        mirror.next_message(is_all).map(|seq| (mirror.owner, self.at.epoch, seq))
    }

    /// Whether the clients of another node are gone, because the node is dead, or has not attached in time.
    pub(crate) fn has_lost(&self, node: NodeId, moment: Moment<'_>) -> bool {
        let Role::Owner(owner) = &self.role else { return false };
        let is_dead = || moment.is_settled && !moment.alive.contains(&node);
        node != self.me && (is_dead() || owner.misses(node, moment.now))
    }

    /// Whether this node may number posts: all nodes with the room have attached, or have had the time to.
    pub(crate) fn may_number(&self, now: Instant) -> bool {
        matches!(&self.role, Role::Owner(owner) if owner.may_number(now))
    }

    /// The owner does not know what it should of a client here: this node attaches again.
    pub(crate) fn request_attach(&mut self) {
        if let Role::Mirror(mirror) = &mut self.role {
            mirror.request_attach();
        }
    }

    /// One of these nodes that has attached, so that it can own the room next.
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
