//! The rules of a room: which actions are allowed, and which facts follow from them.
//!
//! What only hosts may do is in [`hosts`], and posts are in [`posts`].
//!
//! Architecture invariant: the rules are pure. They take an action and the time, and return a fact and a reply. Beside
//! the [`View`], they keep only what nobody else may see or needs: sessions, ranks, the end of grace periods, keys of
//! posts.

mod follow;
mod hosts;
mod posts;
#[cfg(test)]
mod tests;

use crate::base::clock::Now;
use crate::base::ids::{IdMap, UserId};
use crate::base::limits::Limits;
use crate::room::action::{Action, Actor, Rank};
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::marks::Marks;
use crate::room::names::Name;
use crate::room::numbering::Numbering;
use crate::room::post::{PendingPost, Post};
use crate::room::rules::hosts::Hosting;
use crate::room::session::SessionKey;
use crate::room::state::HostMode;
use crate::room::text::TextChange;
use crate::room::unique_names::Names;
use crate::room::view::View;
pub use follow::Ruling;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a user has to have had a seat for it to be kept after the connection breaks, unless they wrote. Whoever
/// joins and is gone at once has nothing to come back to, and would otherwise hold a place that others need. A few
/// seconds, because a person needs that long to begin to type.
pub const MIN_STAY: Duration = Duration::from_secs(3);

/// What is the same for all rooms of a server.
#[derive(Debug, Clone, Copy)]
pub struct RoomOptions {
    /// The limits.
    pub limits: Limits,
    /// Who can be a host.
    pub hosts: HostMode,
    /// There is a store, which numbers posts.
    pub is_stored: bool,
}

/// Decides actions.
#[derive(Debug)]
pub struct Rules {
    limits: Limits,
    seats: IdMap<UserId, Seat>,
    sessions: HashMap<SessionKey, UserId>,
    names: Names,
    marks: Marks,
    hosting: Hosting,
    last_user: UserId,
    /// `None` if the store numbers posts.
    numbering: Option<Numbering>,
}

/// What the rules know of a user and nobody else sees.
#[derive(Debug)]
struct Seat {
    /// The key of their session.
    key: SessionKey,
    /// When the user joined.
    since: Instant,
    /// The user has posted, or their box has held a text.
    wrote: bool,
    presence: Presence,
}

/// Whether a user is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Connected(Rank),
    /// The connection broke.
    Away(KeptSeat),
}

/// The seat of a user who is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSeat {
    /// How long the user was there: from joining to the break of the connection.
    pub stay: Duration,
    /// The end of the grace period.
    pub until: Instant,
}

/// The outcome of an allowed action.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// The change in the room, if any.
    pub fact: Option<Fact>,
    /// What the actor is told in addition to the fact.
    pub reply: Reply,
}

/// What only the actor is told.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    None,
    /// The state of the room.
    Snapshot,
    /// The actor is a host.
    Hosting,
    /// The actor now has this user's seat, and gets the state of the room.
    Seated(UserId),
    /// A later connection already has the seat.
    SeatTaken,
    /// The actor's post was posted with this `ref`.
    Posted(Option<String>),
    /// The store has to number this post.
    Pending(PendingPost),
    /// The store has to erase the post with this number.
    Erase(u64),
    /// The actor has sent this post before, with this `ref`. The post is the one from the first time.
    Duplicate(Post, Option<String>),
}

impl Decision {
    fn reply(reply: Reply) -> Self {
        Self { fact: None, reply }
    }
}

impl Rules {
    /// The rules of an empty room. User ids start after `last_user`.
    pub fn new(RoomOptions { limits, hosts, is_stored }: RoomOptions, last_user: UserId) -> Self {
        Self {
            limits,
            seats: IdMap::default(),
            sessions: HashMap::new(),
            names: Names::default(),
            marks: Marks::new(),
            hosting: Hosting::new(hosts),
            last_user,
            numbering: (!is_stored).then(Numbering::default),
        }
    }

    /// The last user id that was assigned.
    pub fn last_user(&self) -> UserId {
        self.last_user
    }

    /// The memory of what they keep of names, of posts, and for hosts, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        let of_posts = self.numbering.as_ref().map_or(0, Numbering::memory);
        of_posts + self.names.memory() + self.hosting.memory()
    }

    /// How much of it [`shorten`](Self::shorten) would free.
    pub(crate) fn excess(&self) -> usize {
        self.numbering.as_ref().map_or(0, Numbering::excess)
    }

    /// Forgets the oldest posts, because memory is short. If one is sent again, it is posted again.
    pub(crate) fn shorten(&mut self) {
        if let Some(numbering) = &mut self.numbering {
            numbering.shorten();
        }
    }

    /// Decides an action. The caller then applies the fact to the view.
    pub fn decide(
        &mut self,
        view: &View,
        actor: Actor,
        action: Action,
        now: Now,
    ) -> Result<Decision, RoomError> {
        match (action, actor.user) {
            (Action::Join { name, session }, None) => self.join(view, actor, name, session.key(), now),
            (Action::Watch, None) | (Action::Resync, _) => Ok(Decision::reply(Reply::Snapshot)),
            (Action::Write(_) | Action::Post { .. }, Some(_)) if is_frozen_for(view, actor) => {
                Err(RoomError::Frozen)
            }
            (Action::Write(change), Some(id)) => self.write(view, id, change),
            (Action::Post { text, reference }, Some(id)) => Ok(self.post(view, id, text, reference, now)),
            (Action::Rename(name), Some(id)) => Ok(self.rename(view, id, name)),
            (Action::Join { .. } | Action::Watch, Some(_)) => Err(RoomError::AlreadyJoined),
            (Action::Write(_) | Action::Post { .. } | Action::Rename(_), None) => Err(RoomError::NotJoined),
            (action, _) => self.decide_host_action(view, actor, action, now),
        }
    }

    /// Decides on a seat for the session with this key. A session without a seat gets a new one. A page can therefore
    /// choose its own session, and gets its seat back even if no reply ever reached it.
    pub(crate) fn join(
        &mut self,
        view: &View,
        actor: Actor,
        name: Name,
        key: SessionKey,
        now: Now,
    ) -> Result<Decision, RoomError> {
        if let Some(&id) = self.sessions.get(&key) {
            return Ok(self.take_seat(actor, id));
        }
        self.may_seat(view, actor, key)?;
        self.last_user.0 += 1;
        let id = self.last_user;
        let presence = Presence::Connected(actor.rank);
        self.add_seat(id, Seat { key, since: now.instant, wrote: false, presence });
        let name = self.names.take(name, self.limits.max_name);
        let mark = self.marks.take(&name);
        let cleared = self.hosting.seat(actor, id, key, now);
        Ok(Decision { fact: Some(Fact::Joined { id, name, mark, cleared }), reply: Reply::Seated(id) })
    }

    /// Whether a viewer with the session of this key has a seat, which it may take again.
    pub fn has_seat_for(&self, key: SessionKey) -> bool {
        self.sessions.contains_key(&key)
    }

    /// Whether a viewer with the session of this key, which has no seat, may have a new one.
    pub fn may_seat(&self, view: &View, actor: Actor, key: SessionKey) -> Result<(), RoomError> {
        let is_host = view.is_host_actor(actor);
        if !is_host && self.hosting.is_removed(key) {
            return Err(RoomError::Removed);
        }
        let is_open = || self.awaits_first_host(view) || self.hosting.is_member(key);
        if !is_host && view.state().locked && !is_open() {
            return Err(RoomError::Locked);
        }
        if self.seats.len() >= self.limits.max_users {
            return Err(RoomError::RoomFull { max: self.limits.max_users });
        }
        Ok(())
    }

    /// The later connection gets the seat, whichever claim is read first. A claim that was still in the network when
    /// its connection broke must not take the seat from the connection that replaced it.
    fn take_seat(&mut self, Actor { rank, has_key, .. }: Actor, id: UserId) -> Decision {
        let Some(seat) = self.seats.get_mut(&id) else { return Decision::reply(Reply::None) };
        let fact = match seat.presence {
            Presence::Connected(holder) if rank < holder => return Decision::reply(Reply::SeatTaken),
            Presence::Connected(holder) if rank == holder => return Decision::reply(Reply::Seated(id)),
            Presence::Connected(_) => Fact::SeatTaken { id },
            Presence::Away(_) => Fact::Back { id },
        };
        seat.presence = Presence::Connected(rank);
        if has_key {
            self.hosting.nominate(id, true);
        }
        Decision { fact: Some(fact), reply: Reply::Seated(id) }
    }

    fn write(&mut self, view: &View, id: UserId, change: TextChange<'static>) -> Result<Decision, RoomError> {
        if !view.text(id).is_some_and(|text| text.fits(&change)) {
            return Err(RoomError::OutOfStep);
        }
        if !change.leaves_nothing() {
            self.note_written(id);
        }
        Ok(Decision { fact: Some(Fact::Text { id, change }), reply: Reply::None })
    }

    /// Changes a user's name. The old name is freed first, so that a user can change its case without getting a number.
    fn rename(&mut self, view: &View, id: UserId, name: Name) -> Decision {
        let Some(user) = view.user(id) else { return Decision::reply(Reply::None) };
        self.names.free(&user.name);
        let name = self.names.take(name, self.limits.max_name);
        Decision { fact: Some(Fact::Renamed { id, name }), reply: Reply::None }
    }

    /// A user's connection has ended. The seat is removed after a goodbye, without a grace period, and if the user
    /// neither wrote nor stayed for [`MIN_STAY`]. Otherwise it is kept, and the caller has to call
    /// [`expire`](Self::expire) at the end of the grace period, see [`kept_seat`](Self::kept_seat).
    pub fn leave(&mut self, view: &View, id: UserId, goodbye: bool, now: Now) -> Option<Fact> {
        let seat = self.seats.get(&id)?;
        let stay = now.instant.saturating_duration_since(seat.since);
        if goodbye || self.limits.grace.is_zero() || (!seat.wrote && stay < MIN_STAY) {
            return self.remove(view, id, false);
        }
        self.keep_seat(id, now);
        Some(Fact::Away { id })
    }

    /// Keeps the seat of a user whose connection has ended.
    fn keep_seat(&mut self, id: UserId, now: Now) {
        if let Some(seat) = self.seats.get_mut(&id) {
            let stay = now.instant.saturating_duration_since(seat.since);
            seat.presence = Presence::Away(KeptSeat { stay, until: now.instant + self.limits.grace });
        }
    }

    /// A user has no connection that this process can see, although it may not have ended.
    pub(crate) fn send_away(&mut self, id: UserId, now: Now) -> Option<Fact> {
        self.seats.get(&id).filter(|seat| matches!(seat.presence, Presence::Connected(_)))?;
        self.keep_seat(id, now);
        Some(Fact::Away { id })
    }

    /// Users who are away get a new grace period, because nobody could come back for a while.
    pub(crate) fn restart_graces(&mut self, now: Now) {
        for seat in self.seats.values_mut() {
            if let Presence::Away(kept) = &mut seat.presence {
                kept.until = now.instant + self.limits.grace;
            }
        }
    }

    /// The seat of a user who is away; `None` if the user is not away.
    pub fn kept_seat(&self, id: UserId) -> Option<KeptSeat> {
        match self.seats.get(&id)?.presence {
            Presence::Connected(_) => None,
            Presence::Away(kept) => Some(kept),
        }
    }

    /// Removes the seat of a user who is away, because the grace period is over or somebody else needs the seat.
    pub fn expire(&mut self, view: &View, id: UserId) -> Option<Fact> {
        self.kept_seat(id)?;
        self.remove(view, id, false)
    }

    fn remove(&mut self, view: &View, id: UserId, removed: bool) -> Option<Fact> {
        let seat = self.seats.remove(&id)?;
        self.sessions.remove(&seat.key);
        self.hosting.leave(id, seat.key, removed);
        if let Some(user) = view.user(id) {
            self.names.free(&user.name);
            self.marks.free(user.full_mark());
        }
        Some(Fact::Gone { id, removed })
    }
}

/// Whether hosts have frozen the room for this actor.
fn is_frozen_for(view: &View, actor: Actor) -> bool {
    view.state().frozen && !view.is_host_actor(actor)
}
