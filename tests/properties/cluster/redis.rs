//! A model of Redis: what the scripts do there.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use typewall::internals::{
    Epoch, IdempotencyKey, NodeId, Numbered, Ownership, PendingPost, Post, Restore, Returned, RoomRecord,
    Session, UserId,
};

/// For how long a node is alive after a beat, in milliseconds.
pub(super) const TTL: u64 = 3_000;

/// What Redis holds, for one room.
#[derive(Debug, Clone, Default)]
pub(super) struct Redis {
    alive_until: BTreeMap<NodeId, u64>,
    owner: Option<NodeId>,
    epoch: Epoch,
    record: Option<RoomRecord>,
    /// The last number that a post got.
    pub n: u64,
    /// The posts that are kept, by number. A removed one has no text.
    pub log: BTreeMap<u64, Post>,
    /// The numbers of posts, by their keys.
    keys: HashMap<[u8; 16], u64>,
    /// The texts of all posts that were numbered or restored, and not lost since: not to erase them.
    pub ever: BTreeMap<u64, String>,
    /// The same, also if they were lost since.
    first: HashMap<(u64, UserId, u64), String>,
}

impl Redis {
    /// A node says that it is alive. Returns until when it was before, and who is.
    pub(super) fn beat(&mut self, me: NodeId, now: u64) -> (u64, BTreeSet<NodeId>) {
        let before = self.alive_until.insert(me, now + TTL).unwrap_or_default();
        let alive = self.alive_until.keys().copied().filter(|node| self.is_alive(*node, now)).collect();
        (before, alive)
    }

    fn is_alive(&self, node: NodeId, now: u64) -> bool {
        self.alive_until.get(&node).is_some_and(|until| *until >= now)
    }

    pub(super) fn own(&mut self, me: NodeId, known: Epoch, may_take: bool, now: u64) -> Ownership {
        let is_mine = self.owner == Some(me) && self.epoch >= known;
        let is_other = |owner: &NodeId| *owner != me && self.epoch >= known && self.is_alive(*owner, now);
        if let Some(owner) = self.owner.filter(|owner| is_mine && self.epoch == known || is_other(owner)) {
            return Ownership { owner: Some(owner), epoch: self.epoch };
        }
        if !is_mine && !may_take {
            return Ownership { owner: None, epoch: self.epoch };
        }
        self.epoch = Epoch((self.epoch.0 + 1).max(known.0 + 1).max(now));
        self.owner = Some(me);
        Ownership { owner: Some(me), epoch: self.epoch }
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
        if self.owner == Some(me) {
            self.owner = None;
            if self.n == 0 && self.record.is_none() {
                self.epoch = Epoch::default();
            }
        }
    }

    /// The epoch of the last owner.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether the record says that somebody was removed.
    pub(super) fn knows_as_removed(&self, session: Session) -> bool {
        let record = serde_json::to_value(&self.record).expect("JSON");
        let key = serde_json::to_value(session.key()).expect("JSON");
        record["removed"].as_array().is_some_and(|removed| removed.contains(&key))
    }

    /// Whether an owner of this epoch may write.
    fn check(&self, epoch: Epoch) -> Result<(), Returned> {
        match self.epoch.cmp(&epoch) {
            Ordering::Greater => Err(Returned::Fenced),
            Ordering::Less => Err(Returned::Forgot),
            Ordering::Equal => Ok(()),
        }
    }

    /// Keeps what the room remembers of its hosts, also if the epoch was forgotten. Returns whether it did.
    pub(super) fn save(&mut self, epoch: Epoch, record: RoomRecord) -> bool {
        let is_kept = self.epoch <= epoch;
        if is_kept {
            self.record = Some(record);
        }
        is_kept
    }

    /// The record, and at most this number of last posts.
    pub(super) fn load(&self, count: usize) -> (RoomRecord, Vec<Post>) {
        let mut posts: Vec<Post> = self.log.values().rev().take(count).cloned().collect();
        posts.reverse();
        (self.record.clone().unwrap_or_default(), posts)
    }

    /// The keys of posts that are kept, by number.
    pub(super) fn keys_of(&self, posts: &[Post]) -> Vec<(u64, IdempotencyKey)> {
        let keys: BTreeMap<u64, [u8; 16]> = self.keys.iter().map(|(key, n)| (*n, *key)).collect();
        posts.iter().filter_map(|post| Some((post.n, IdempotencyKey(*keys.get(&post.n)?)))).collect()
    }

    /// Numbers a post, or finds it.
    pub(super) fn post(&mut self, epoch: Epoch, after: u64, post: PendingPost) -> Result<Numbered, Returned> {
        self.check(epoch)?;
        if self.n < after {
            return Err(Returned::Behind);
        }
        let key = post.reference.as_ref().map(|(_, key)| key.0);
        if let Some(n) = key.and_then(|key| self.keys.get(&key)) {
            let known = self.log.get(n).cloned();
            return Ok(Numbered::Duplicate(known.unwrap_or_else(|| post.numbered(*n))));
        }
        self.n += 1;
        let post = post.numbered(self.n);
        self.add(post.clone(), key);
        Ok(Numbered::New(post))
    }

    fn add(&mut self, post: Post, key: Option<[u8; 16]>) {
        self.keys.extend(key.map(|key| (key, post.n)));
        let first = self.first.entry((post.n, post.id, post.at)).or_insert_with(|| post.text.clone());
        self.ever.insert(post.n, first.clone());
        self.log.insert(post.n, post);
    }

    /// Erases the text of a post. Returns whether there is one; `None` if the room has a later owner.
    pub(super) fn erase(&mut self, epoch: Epoch, n: u64) -> Option<bool> {
        let may_erase = self.epoch <= epoch;
        may_erase.then(|| self.log.get_mut(&n).map(|post| post.text.clear()).is_some())
    }

    /// The numbers of posts whose texts are erased.
    pub(super) fn erased(&self) -> BTreeSet<u64> {
        self.log.values().filter(|post| post.text.is_empty()).map(|post| post.n).collect()
    }

    /// Takes in posts that it has lost, and erases those that were removed. Returns the last number.
    pub(super) fn restore(&mut self, restore: Restore) -> Result<u64, Returned> {
        let Restore { epoch, after, posts, .. } = restore;
        self.check(epoch)?;
        let stored = self.n;
        self.n = self.n.max(after);
        for (post, key) in posts {
            self.n = self.n.max(post.n);
            match self.log.get_mut(&post.n) {
                Some(known) if post.text.is_empty() => known.text.clear(),
                None if post.n > stored => self.add(post, key.map(|key| key.0)),
                _ => {}
            }
        }
        Ok(self.n)
    }

    /// Deletes the posts from before a time.
    pub(super) fn sweep(&mut self, before: u64) {
        self.log.retain(|_, post| post.at >= before);
    }

    /// Forgets everything, or everything since this state.
    pub(super) fn lose(&mut self, back: Option<Self>) {
        let first = std::mem::take(&mut self.first);
        *self = Self { first, ..back.unwrap_or_default() };
    }
}
