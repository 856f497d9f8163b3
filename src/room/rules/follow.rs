//! Following: the rules of a room that another process decides for. They know what its rules know, so that they can
//! decide once that process is gone.

use super::{KeptSeat, Presence, Rules, Seat};
use crate::base::clock::Now;
use crate::base::ids::UserId;
use crate::room::action::Rank;
use crate::room::copy::{Holder, RoomCopy, SeatCopy, UserCopy};
use crate::room::fact::Fact;
use crate::room::post::Post;
use crate::room::rules::RoomOptions;
use crate::room::session::SessionKey;
use crate::room::state::RoomRecord;
use crate::room::view::View;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// A fact, and what only the rules of another process need to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The fact.
    pub fact: Fact,
    /// Who has a seat since then, if the fact gives it to somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<SeatClaim>,
}

/// Who has a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatClaim {
    /// The key of the session.
    pub key: SessionKey,
    /// The rank of the connection.
    pub rank: Rank,
}

impl Rules {
    /// A fact that these rules have just decided, for the rules of other processes.
    pub fn ruling(&self, fact: Fact) -> Ruling {
        let seat = match fact {
            Fact::Joined { id, .. } | Fact::Back { id } | Fact::SeatTaken { id } => self.claim(id),
            _ => None,
        };
        Ruling { fact, seat }
    }

    fn claim(&self, id: UserId) -> Option<SeatClaim> {
        let Seat { key, presence, .. } = *self.seats.get(&id)?;
        match presence {
            Presence::Connected(rank) => Some(SeatClaim { key, rank }),
            Presence::Away(_) => None,
        }
    }

    /// Follows a fact that another process has decided, and that is about to be applied to the view.
    pub fn follow(&mut self, view: &View, ruling: &Ruling, now: Now) {
        match (&ruling.fact, ruling.seat) {
            (Fact::Joined { id, name, mark, .. }, Some(SeatClaim { key, rank })) => {
                let presence = Presence::Connected(rank);
                self.add_seat(*id, Seat { key, since: now.instant, wrote: false, presence });
                self.names.add(name);
                self.marks.add(name, *mark);
            }
            (Fact::Back { id } | Fact::SeatTaken { id }, Some(SeatClaim { rank, .. })) => {
                if let Some(seat) = self.seats.get_mut(id) {
                    seat.presence = Presence::Connected(rank);
                }
            }
            (Fact::Away { id }, _) => self.keep_seat(*id, now),
            (Fact::Gone { id, removed }, _) => {
                self.remove(view, *id, *removed);
                self.hosting.leave_unsaved();
            }
            (Fact::Renamed { id, name }, _) => {
                if let Some(user) = view.user(*id) {
                    self.names.free(&user.name);
                }
                self.names.add(name);
            }
            (Fact::Text { id, change }, _) if !change.leaves_nothing() => self.note_written(*id),
            (Fact::Posted { post }, _) => {
                self.note_written(post.id);
                self.last_user = self.last_user.max(post.id);
            }
            _ => {}
        }
    }

    pub(super) fn add_seat(&mut self, id: UserId, seat: Seat) {
        self.sessions.insert(seat.key, id);
        self.seats.insert(id, seat);
        self.last_user = self.last_user.max(id);
    }

    /// A user has written something, so that the seat is kept for a while.
    pub(crate) fn note_written(&mut self, id: UserId) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.wrote = true;
        }
    }

    /// Follows the record of the process that decides.
    pub fn follow_record(&mut self, record: RoomRecord) {
        self.hosting.follow(record);
    }

    /// Takes over the record that the store has, if it is later than that of these rules: the process that decided
    /// before has saved it, and has not told of it before it died. Returns what the room is still to be told.
    pub(crate) fn catch_up(&mut self, view: &View, stored: RoomRecord) -> Vec<Fact> {
        if !self.hosting.catch_up(view, stored) {
            return Vec::new();
        }
        let record = self.hosting.record();
        let state = record.state.clone();
        let mut facts = Vec::from_iter((state != *view.state()).then_some(Fact::StateChanged { state }));
        let mut removed = Vec::new();
        for (&id, &Seat { key, .. }) in &self.seats {
            let at = record.cleared(key);
            if record.is_removed(key) {
                removed.push(id);
                continue;
            }
            if record.is_host(key) && !view.is_host(id) {
                facts.push(Fact::HostMade { id });
            }
            if at > view.cleared(id) {
                facts.push(Fact::Cleared { id: Some(id), at });
            }
        }
        facts.extend(removed.into_iter().filter_map(|id| self.remove(view, id, true)));
        facts
    }

    /// A copy of the room.
    pub fn copy(&self, view: &View, now: Now) -> RoomCopy {
        let user = |(id, seat): (&UserId, &Seat)| {
            let user = view.user(*id)?;
            let text = view.text(*id).map(|text| text.as_str().to_owned()).unwrap_or_default();
            Some(UserCopy {
                id: *id,
                name: user.name.clone(),
                mark: user.mark,
                cleared: view.cleared(*id),
                text,
                seat: seat.copy(now),
            })
        };
        let mut users: Vec<UserCopy> = self.seats.iter().filter_map(user).collect();
        users.sort_unstable_by_key(|user| user.id);
        RoomCopy {
            users,
            hosts: view.hosts().collect(),
            state: view.state().clone(),
            record: self.hosting.record().clone(),
            hosts_expected: self
                .hosts_expected_until()
                .map(|until| until.saturating_duration_since(now.instant)),
            posts: view.posts().map(|post| Post::clone(post)).collect(),
            last_n: view.last_n(),
            last_user: self.last_user,
        }
    }

    /// The rules of a room that was copied.
    pub fn of_copy(options: RoomOptions, copy: &RoomCopy, now: Now) -> Self {
        let mut rules = Self::new(options, copy.last_user);
        for UserCopy { id, name, mark, seat, .. } in &copy.users {
            rules.add_seat(*id, Seat::of_copy(*seat, options.limits.grace, now));
            rules.names.add(name);
            rules.marks.add(name, *mark);
        }
        rules.follow_record(copy.record.clone());
        let grace = options.limits.grace;
        rules.hosting.expect(copy.hosts_expected.map(|left| now.instant + left.min(grace)));
        rules
    }

    /// The connection that has a user's seat; `None` if they are away.
    pub(crate) fn holder(&self, id: UserId) -> Option<Rank> {
        self.claim(id).map(|claim| claim.rank)
    }

    /// Whether a user's seat is that of the session with this key.
    pub(crate) fn has_key(&self, id: UserId, key: SessionKey) -> bool {
        self.seats.get(&id).is_some_and(|seat| seat.key == key)
    }

    /// The users with a connection, in the order in which they joined.
    pub(crate) fn holders(&self) -> Vec<(UserId, Rank)> {
        let mut holders: Vec<_> = self.seats.keys().filter_map(|id| Some((*id, self.holder(*id)?))).collect();
        holders.sort_unstable();
        holders
    }

    /// Users who join from now on get ids after this one.
    pub(crate) fn start_ids_after(&mut self, id: UserId) {
        self.last_user = self.last_user.max(id);
    }
}

impl Seat {
    fn copy(&self, now: Now) -> SeatCopy {
        let left = |until: Instant| until.saturating_duration_since(now.instant);
        let (stay, holder) = match self.presence {
            Presence::Connected(rank) => {
                (now.instant.saturating_duration_since(self.since), Holder::Connected(rank))
            }
            Presence::Away(KeptSeat { stay, until }) => (stay, Holder::Away(left(until))),
        };
        SeatCopy { key: self.key, wrote: self.wrote, stay, holder }
    }

    fn of_copy(SeatCopy { key, wrote, stay, holder }: SeatCopy, grace: Duration, now: Now) -> Self {
        // A clock that has not run for as long yet makes the stay shorter.
        let since = now.instant.checked_sub(stay).unwrap_or(now.instant);
        let presence = match holder {
            Holder::Connected(rank) => Presence::Connected(rank),
            Holder::Away(left) => Presence::Away(KeptSeat { stay, until: now.instant + left.min(grace) }),
        };
        Self { key, since, wrote, presence }
    }
}
