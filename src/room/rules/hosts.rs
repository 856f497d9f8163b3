//! Actions reserved for hosts, and the state they need.

use super::{Decision, Presence, Reply, Rules};
use crate::base::clock::Now;
use crate::base::ids::UserId;
use crate::room::action::{Action, Actor};
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::session::SessionKey;
use crate::room::state::{HostMode, MAX_HOSTS, RoomRecord, RoomState, StateChange};
use crate::room::view::View;
use std::mem;
use std::time::Instant;

/// The state that host actions need.
#[derive(Debug)]
pub(super) struct Hosting {
    mode: HostMode,
    record: RoomRecord,
    /// The record has changed since it was last [taken](Rules::take_record).
    is_changed: bool,
    /// Until when hosts are expected back: those from before a restart, or one who has the key and no seat.
    expected_until: Option<Instant>,
    /// Somebody in the room has the host key.
    has_key_holder: bool,
    /// A user with a seat who is to become a host next, and whether because of the host key.
    candidate: Option<(UserId, bool)>,
}

impl Hosting {
    pub(super) fn new(mode: HostMode) -> Self {
        Self {
            mode,
            record: RoomRecord::default(),
            is_changed: false,
            expected_until: None,
            has_key_holder: false,
            candidate: None,
        }
    }

    pub(super) fn is_removed(&self, key: SessionKey) -> bool {
        self.record.is_removed(key)
    }

    /// What the room remembers of its hosts.
    pub(super) fn record(&self) -> &RoomRecord {
        &self.record
    }

    /// Another process has decided, and saves, this record.
    pub(super) fn follow(&mut self, record: RoomRecord) {
        self.record = record;
        self.is_changed = false;
    }

    /// Takes over the record that the store has, if it is later than this one. Returns whether it is.
    pub(super) fn catch_up(&mut self, view: &View, stored: RoomRecord) -> bool {
        let is_later = self.mode != HostMode::None && stored.version() > self.record.version();
        if is_later {
            self.record.catch_up(stored);
            self.record.state.spotlight.take_if(|shown| view.user(*shown).is_none());
        }
        is_later
    }

    /// A user has left. Another process saves the record.
    pub(super) fn leave_unsaved(&mut self) {
        self.is_changed = false;
    }

    /// Until when hosts are expected back.
    pub(super) fn expect(&mut self, until: Option<Instant>) {
        self.expected_until = until;
    }

    /// The memory that it takes, in bytes, roughly.
    pub(super) fn memory(&self) -> usize {
        self.record.memory()
    }

    /// A user has a new seat. Returns when a host last cleared the box that they had before, or 0.
    pub(super) fn seat(&mut self, actor: Actor, id: UserId, key: SessionKey, now: Now) -> u64 {
        let was_host =
            self.expected_until.is_some_and(|until| now.instant < until) && self.record.is_host(key);
        if actor.has_key || was_host {
            self.nominate(id, actor.has_key);
        }
        self.is_changed |= self.record.state.locked && self.record.add_member(key);
        self.record.cleared(key)
    }

    /// Whether a user with this session has had a seat while the room was locked, so that the lock is not for them.
    pub(super) fn is_member(&self, key: SessionKey) -> bool {
        self.record.is_member(key)
    }

    /// A user is to become a host, unless they are one: because of the host key, or as before a restart.
    pub(super) fn nominate(&mut self, id: UserId, has_key: bool) {
        self.candidate = Some((id, has_key));
    }

    /// A user is losing the seat.
    pub(super) fn leave(&mut self, id: UserId, key: SessionKey, removed: bool) {
        self.is_changed |= self.record.state.spotlight.take_if(|shown| *shown == id).is_some();
        self.is_changed |= self.record.drop_host(key);
        if removed {
            self.record.remove(key);
            self.is_changed = true;
        }
    }
}

impl Rules {
    /// Who can be a host.
    pub(crate) fn host_mode(&self) -> HostMode {
        self.hosting.mode
    }

    /// Restores the room's stored record.
    pub(crate) fn restore(&mut self, record: RoomRecord, posts: Vec<Post>, now: Now) -> Fact {
        let hosting = &mut self.hosting;
        if hosting.mode != HostMode::None {
            hosting.record = record;
            hosting.record.state.spotlight = None; // the user has another id now
            // A host with the key is not in the record, but the state is not that of a room without a host.
            let had_host = hosting.record.has_hosts() || hosting.record.state != RoomState::default();
            hosting.expected_until = had_host.then(|| now.instant + self.limits.grace);
        }
        Fact::Loaded { posts, state: hosting.record.state.clone() }
    }

    /// Whether [`take_record`](Self::take_record) returns something.
    pub(crate) fn has_unsaved_record(&self) -> bool {
        self.hosting.is_changed
    }

    /// Has the record saved again, which the store could not keep.
    pub(crate) fn return_record(&mut self) {
        self.hosting.is_changed = true;
    }

    /// What the room is to remember through a restart, if that has changed.
    pub fn take_record(&mut self) -> Option<RoomRecord> {
        let Hosting { is_changed, record, .. } = &mut self.hosting;
        mem::take(is_changed).then(|| {
            record.count_version();
            record.clone()
        })
    }

    /// Whether the next user to come becomes the host. A room that the first user may run is not closed to them, or it
    /// would be closed for ever.
    pub(super) fn awaits_first_host(&self, view: &View) -> bool {
        let Hosting { mode, expected_until, has_key_holder, .. } = &self.hosting;
        let is_expected = expected_until.is_some() || *has_key_holder;
        *mode == HostMode::First && !is_expected && view.hosts().next().is_none()
    }

    /// Somebody in the room has the host key, or nobody has any more. A host without a seat has a grace period too.
    pub(crate) fn note_key_holder(&mut self, is_there: bool, now: Instant) {
        if !is_there && self.hosting.has_key_holder {
            self.hosting.expected_until = Some(now + self.limits.grace);
        }
        self.hosting.has_key_holder = is_there;
    }

    /// This process decides from now on for one that is gone. A room in which people are and no host had one without a
    /// seat, or had one a moment ago: as if that host had just gone, there is time to come back.
    pub(crate) fn await_hosts(&mut self, view: &View, now: Instant) {
        if self.awaits_first_host(view) && view.user_count() > 0 {
            self.hosting.expected_until = Some(now + self.limits.grace);
        }
    }

    /// Until when hosts are expected back. Then the caller has to [appoint](Self::appoint) a host.
    pub(crate) fn hosts_expected_until(&self) -> Option<Instant> {
        self.hosting.expected_until
    }

    /// Decides whether a user becomes a host now, without being made one by another. To be called after every fact
    /// that may leave a room without a host, or bring one, and when hosts are no longer expected back.
    pub fn appoint(&mut self, view: &View, now: Now) -> Option<Fact> {
        let candidate = self.hosting.candidate.take();
        if self.hosting.expected_until.take_if(|until| *until <= now.instant).is_some() {
            let keys: Vec<SessionKey> =
                view.hosts().filter_map(|id| Some(self.seats.get(&id)?.key)).collect();
            self.hosting.is_changed |= self.hosting.record.retain_hosts(|key| keys.contains(&key));
        }
        let is_connected = |id: &UserId| {
            self.seats.get(id).is_some_and(|seat| matches!(seat.presence, Presence::Connected(_)))
        };
        let (id, has_key) = match candidate {
            Some(candidate) => candidate,
            None if self.awaits_first_host(view) => {
                (view.users_after(None).map(|(id, _)| id).find(is_connected)?, false)
            }
            None => return None,
        };
        self.make_host(view, id, has_key)
    }

    /// Decides on an action that only a host may take, or that makes somebody one.
    pub(super) fn decide_host_action(
        &mut self,
        view: &View,
        actor: Actor,
        action: Action,
        now: Now,
    ) -> Result<Decision, RoomError> {
        let is_host = view.is_host_actor(actor);
        if let Action::RemovePost(n) = action {
            return self.remove_post(view, actor, n);
        }
        if !is_host {
            return Err(RoomError::NotHost);
        }
        let fact = match action {
            Action::Host => {
                let fact = actor.user.and_then(|id| self.make_host(view, id, true));
                return Ok(Decision { fact, reply: Reply::Hosting });
            }
            Action::SetRoom(change) => self.set_state(view, change)?,
            Action::RemoveUser(id) => Some(self.remove(view, id, true).ok_or(RoomError::UnknownUser)?),
            Action::Clear(id) => Some(self.clear(id, now)?),
            Action::MakeHost(id) if view.user(id).is_none() => return Err(RoomError::UnknownUser),
            Action::MakeHost(id) if !view.is_host(id) && view.hosts().count() >= MAX_HOSTS => {
                return Err(RoomError::HostsFull { max: MAX_HOSTS });
            }
            Action::MakeHost(id) => self.make_host(view, id, false),
            Action::RemovePost(_)
            | Action::Join { .. }
            | Action::Watch
            | Action::Resync
            | Action::Write(_)
            | Action::Post { .. }
            | Action::Rename(_) => None, // not for hosts alone
        };
        Ok(Decision { fact, reply: Reply::None })
    }

    /// Makes a user a host. One who has the host key is not remembered through a restart, which may bring a new key.
    fn make_host(&mut self, view: &View, id: UserId, has_key: bool) -> Option<Fact> {
        let is_redundant = view.is_host(id) || view.hosts().count() >= MAX_HOSTS;
        let seat = self.seats.get(&id).filter(|_| !is_redundant)?;
        if !has_key {
            self.hosting.record.add_host(seat.key);
            self.hosting.is_changed = true;
        }
        Some(Fact::HostMade { id })
    }

    /// People rely on the state of the room. If there is a store, the caller publishes the state once the record is
    /// saved.
    fn set_state(&mut self, view: &View, change: StateChange) -> Result<Option<Fact>, RoomError> {
        let Self { hosting: Hosting { record, is_changed, .. }, numbering, seats, .. } = self;
        // They may have left under another process, which has not saved that.
        record.state.spotlight.take_if(|shown| view.user(*shown).is_none());
        let state = change.apply(&record.state);
        if state.spotlight.is_some_and(|id| view.user(id).is_none()) {
            return Err(RoomError::UnknownUser);
        }
        if state == record.state {
            return Ok(None);
        }
        if state.locked != record.state.locked {
            let seated = view.users_after(None).filter_map(|(id, _)| seats.get(&id));
            record.set_members(seated.filter(|_| state.locked).map(|seat| seat.key));
        }
        record.state = state.clone();
        *is_changed = true;
        let is_stored = numbering.is_none();
        Ok((!is_stored).then_some(Fact::StateChanged { state }))
    }

    fn clear(&mut self, id: Option<UserId>, now: Now) -> Result<Fact, RoomError> {
        let key_of = |id| self.seats.get(&id).map(|seat| seat.key).ok_or(RoomError::UnknownUser);
        let key = id.map(key_of).transpose()?;
        let at = self.hosting.record.clear(key, now.unix_millis);
        self.hosting.is_changed = true;
        Ok(Fact::Cleared { id, at })
    }

    /// A host may remove any post that the store has, and an author their own, while it is in the log.
    fn remove_post(&mut self, view: &View, actor: Actor, n: u64) -> Result<Decision, RoomError> {
        let post = view.posts_after(n.saturating_sub(1)).next().filter(|post| post.n == n);
        let is_author = post.is_some_and(|post| actor.user == Some(post.id));
        if !is_author && !view.is_host_actor(actor) {
            return Err(RoomError::NotHost);
        }
        match (post, &self.numbering) {
            (Some(post), _) if post.text.is_empty() => Ok(Decision::reply(Reply::None)),
            (_, None) if (1..=view.last_n()).contains(&n) => Ok(Decision::reply(Reply::Erase(n))),
            (Some(_), Some(_)) => Ok(Decision { fact: Some(Fact::PostRemoved { n }), reply: Reply::None }),
            _ => Err(RoomError::UnknownPost),
        }
    }
}
