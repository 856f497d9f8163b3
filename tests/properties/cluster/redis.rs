//! A model of Redis: what the scripts do there.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use typewall::internals::{Epoch, NodeId, Numbered, Owned, PendingPost, Post, Restore, Returned, RoomRecord};

/// For how long a node is alive after a beat, in milliseconds.
pub(super) const TTL: u64 = 3_000;

/// What Redis holds, for one room.
#[derive(Debug, Clone, Default)]
pub(super) struct Redis {
    alive_until: BTreeMap<NodeId, u64>,
    owner: Option<NodeId>,
    epoch: Epoch,
    pub record: RoomRecord,
    pub log: Vec<(Post, Option<[u8; 16]>)>,
}

impl Redis {
    /// A node says that it is alive. Returns whether it was, and who is.
    pub(super) fn beat(&mut self, me: NodeId, now: u64) -> (bool, BTreeSet<NodeId>) {
        let was_alive = self.is_alive(me, now);
        self.alive_until.insert(me, now + TTL);
        let alive = self.alive_until.keys().copied().filter(|node| self.is_alive(*node, now)).collect();
        (was_alive, alive)
    }

    fn is_alive(&self, node: NodeId, now: u64) -> bool {
        self.alive_until.get(&node).is_some_and(|until| *until >= now)
    }

    pub(super) fn own(&mut self, me: NodeId, known: Epoch, may_take: bool, now: u64) -> Owned {
        let is_mine = self.owner == Some(me) && self.epoch >= known;
        let is_other = |owner: &NodeId| *owner != me && self.epoch >= known && self.is_alive(*owner, now);
        if let Some(owner) = self.owner.filter(|owner| is_mine && self.epoch == known || is_other(owner)) {
            return Owned { owner: Some(owner), epoch: self.epoch };
        }
        if !is_mine && !may_take {
            return Owned { owner: None, epoch: self.epoch };
        }
        self.epoch = Epoch((self.epoch.0 + 1).max(known.0 + 1).max(now));
        self.owner = Some(me);
        Owned { owner: Some(me), epoch: self.epoch }
    }

    /// A node hands the room to another one. Returns the new epoch.
    pub(super) fn give(&mut self, me: NodeId, epoch: Epoch, to: NodeId, now: u64) -> Option<Epoch> {
        let may_give = self.owner == Some(me) && self.epoch == epoch && self.is_alive(to, now);
        may_give.then(|| {
            self.owner = Some(to);
            self.epoch.0 += 1;
            self.epoch
        })
    }

    /// A node has stopped.
    pub(super) fn say_goodbye(&mut self, me: NodeId) {
        self.alive_until.remove(&me);
    }

    /// Nobody owns the room any more, if this node did.
    pub(super) fn release(&mut self, me: NodeId) {
        self.owner.take_if(|owner| *owner == me);
    }

    /// Whether an owner of this epoch may write.
    fn check(&self, epoch: Epoch) -> Result<(), Returned> {
        match self.epoch.cmp(&epoch) {
            Ordering::Greater => Err(Returned::Fenced),
            Ordering::Less => Err(Returned::Forgot),
            Ordering::Equal => Ok(()),
        }
    }

    /// Keeps what the room remembers of its hosts. Returns whether it did.
    pub(super) fn save(&mut self, epoch: Epoch, record: RoomRecord) -> bool {
        let is_owner = self.check(epoch).is_ok();
        if is_owner {
            self.record = record;
        }
        is_owner
    }

    /// Numbers a post, or finds it.
    pub(super) fn post(&mut self, epoch: Epoch, after: u64, post: PendingPost) -> Result<Numbered, Returned> {
        self.check(epoch)?;
        if (self.log.len() as u64) < after {
            return Err(Returned::Behind);
        }
        let key = post.reference.as_ref().map(|(_, key)| key.0);
        if let Some((known, _)) = self.log.iter().find(|(_, known)| key.is_some() && *known == key) {
            return Ok(Numbered::Duplicate(known.clone()));
        }
        let post = post.numbered(self.log.len() as u64 + 1);
        self.log.push((post.clone(), key));
        Ok(Numbered::New(post))
    }

    /// Takes in posts that it has lost. Returns the last number.
    pub(super) fn restore(&mut self, Restore { epoch, posts, .. }: Restore) -> Result<u64, Returned> {
        self.check(epoch)?;
        for (post, key) in posts {
            if post.n == self.log.len() as u64 + 1 {
                self.log.push((post, key.map(|key| key.0)));
            }
        }
        Ok(self.log.len() as u64)
    }

    /// Forgets everything, or everything since this state.
    pub(super) fn lose(&mut self, back: Option<Self>) {
        *self = back.unwrap_or_default();
    }
}
