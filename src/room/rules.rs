//! The rules of a room: which actions are allowed, and which facts follow from them.
//!
//! Architecture invariant: the rules are pure. They take an action and the time, and return a fact and a reply. Beside
//! the [`View`], they keep only what nobody else may see or needs: sessions, ranks, the end of grace periods, keys of
//! posts.

use crate::base::clock::Now;
use crate::base::ids::{IdMap, UserId};
use crate::base::limits::Limits;
use crate::room::action::{Action, Actor, Rank};
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::names::{Name, Names};
use crate::room::numbering::Numbering;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::Session;
use crate::room::text::TextChange;
use crate::room::view::View;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a user has to have had a seat for it to be kept after the connection breaks, unless they wrote. Whoever
/// joins and is gone at once has nothing to come back to, and would otherwise hold a place that others need. A few
/// seconds, because a person needs that long to begin to type.
pub const MIN_STAY: Duration = Duration::from_secs(3);

/// Decides actions.
#[derive(Debug)]
pub struct Rules {
    limits: Limits,
    seats: IdMap<UserId, Seat>,
    sessions: HashMap<Session, UserId>,
    names: Names,
    last_user: UserId,
    /// `None` if the store numbers posts.
    numbering: Option<Numbering>,
}

/// What the rules know of a user and nobody else sees.
#[derive(Debug)]
struct Seat {
    session: Session,
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
    /// The actor now has this user's seat, and gets the state of the room.
    Seated(UserId),
    /// A later connection already has the seat.
    SeatTaken,
    /// The actor's post was posted with this `ref`.
    Posted(Option<String>),
    /// The store has to number this post.
    Pending(PendingPost),
    /// The actor has sent this post before, with this `ref`. The post is the one from the first time.
    Duplicate(Post, Option<String>),
}

impl Decision {
    fn reply(reply: Reply) -> Self {
        Self { fact: None, reply }
    }
}

impl Rules {
    /// The rules of an empty room. User ids start after `last_user`. If `is_stored`, the store numbers posts.
    pub fn new(limits: Limits, is_stored: bool, last_user: UserId) -> Self {
        Self {
            limits,
            seats: IdMap::default(),
            sessions: HashMap::new(),
            names: Names::default(),
            last_user,
            numbering: (!is_stored).then(Numbering::default),
        }
    }

    /// The last user id that was assigned.
    pub fn last_user(&self) -> UserId {
        self.last_user
    }

    /// The memory of what they keep of posts, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.numbering.as_ref().map_or(0, Numbering::memory)
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

    /// A user's session.
    pub fn session(&self, id: UserId) -> Option<Session> {
        self.seats.get(&id).map(|seat| seat.session)
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
            (Action::Join { name, session }, None) => self.join(actor.rank, name, session, now),
            (Action::Watch, None) | (Action::Resync, _) => Ok(Decision::reply(Reply::Snapshot)),
            (Action::Write(change), Some(id)) => self.write(view, id, change),
            (Action::Post { text, reference }, Some(id)) => Ok(self.post(view, id, text, reference, now)),
            (Action::Join { .. } | Action::Watch, Some(_)) => Err(RoomError::AlreadyJoined),
            (Action::Write(_) | Action::Post { .. }, None) => Err(RoomError::NotJoined),
        }
    }

    /// A session without a seat gets a new one. A page can therefore choose its own session, and gets its seat back
    /// even if no reply ever reached it.
    fn join(&mut self, rank: Rank, name: Name, session: Session, now: Now) -> Result<Decision, RoomError> {
        if let Some(&id) = self.sessions.get(&session) {
            return Ok(self.take_seat(rank, id));
        }
        if self.is_full() {
            return Err(RoomError::RoomFull { max: self.limits.max_users });
        }
        self.last_user.0 += 1;
        let id = self.last_user;
        self.sessions.insert(session, id);
        let presence = Presence::Connected(rank);
        self.seats.insert(id, Seat { session, since: now.instant, wrote: false, presence });
        let name = self.names.take(name, self.limits.max_name);
        Ok(Decision { fact: Some(Fact::Joined { id, name }), reply: Reply::Seated(id) })
    }

    /// Whether a viewer with this session would be refused, because it needs a new seat and there is none.
    pub fn lacks_seat_for(&self, session: Session) -> bool {
        self.is_full() && !self.sessions.contains_key(&session)
    }

    /// Whether a viewer with this session would get a new seat.
    pub fn would_seat(&self, session: Session) -> bool {
        !self.is_full() && !self.sessions.contains_key(&session)
    }

    fn is_full(&self) -> bool {
        self.seats.len() >= self.limits.max_users
    }

    /// The later connection gets the seat, whichever claim is read first. A claim that was still in the network when
    /// its connection broke must not take the seat from the connection that replaced it.
    fn take_seat(&mut self, rank: Rank, id: UserId) -> Decision {
        let Some(seat) = self.seats.get_mut(&id) else { return Decision::reply(Reply::None) };
        let fact = match seat.presence {
            Presence::Connected(holder) if rank < holder => return Decision::reply(Reply::SeatTaken),
            Presence::Connected(_) => Fact::SeatTaken { id },
            Presence::Away(_) => Fact::Back { id },
        };
        seat.presence = Presence::Connected(rank);
        Decision { fact: Some(fact), reply: Reply::Seated(id) }
    }

    fn write(&mut self, view: &View, id: UserId, change: TextChange<'static>) -> Result<Decision, RoomError> {
        if !view.text(id).is_some_and(|text| text.fits(&change)) {
            return Err(RoomError::OutOfStep);
        }
        if !change.leaves_nothing()
            && let Some(seat) = self.seats.get_mut(&id)
        {
            seat.wrote = true;
        }
        Ok(Decision { fact: Some(Fact::Text { id, change }), reply: Reply::None })
    }

    fn post(
        &mut self,
        view: &View,
        id: UserId,
        text: String,
        reference: Option<String>,
        now: Now,
    ) -> Decision {
        let (Some(seat), Some(user)) = (self.seats.get_mut(&id), view.user(id)) else {
            return Decision::reply(Reply::None);
        };
        seat.wrote = true;
        let name = user.name.as_str().to_owned();
        let with_key = |reference: String| {
            let key = seat.session.idempotency_key(&reference);
            (reference, key)
        };
        let pending =
            PendingPost { id, name, text, at: now.unix_millis, reference: reference.clone().map(with_key) };
        let Some(numbering) = &mut self.numbering else {
            return Decision::reply(Reply::Pending(pending));
        };
        match numbering.number(pending) {
            Numbered::New(post) => {
                Decision { fact: Some(Fact::Posted { post }), reply: Reply::Posted(reference) }
            }
            Numbered::Duplicate(post) => {
                // The numbering keeps no texts. The log has the one that was posted, unless it has dropped the post.
                let posted = view.posts().find(|posted| posted.n == post.n);
                let post = posted.map_or(post, |posted| Post::clone(posted));
                Decision::reply(Reply::Duplicate(post, reference))
            }
        }
    }

    /// A user's connection has ended. The seat is removed after a goodbye, without a grace period, and if the user
    /// neither wrote nor stayed for [`MIN_STAY`]. Otherwise it is kept, and the caller has to call
    /// [`expire`](Self::expire) at the end of the grace period, see [`kept_seat`](Self::kept_seat).
    pub fn leave(&mut self, view: &View, id: UserId, goodbye: bool, now: Now) -> Option<Fact> {
        let seat = self.seats.get_mut(&id)?;
        let stay = now.instant.saturating_duration_since(seat.since);
        if goodbye || self.limits.grace.is_zero() || (!seat.wrote && stay < MIN_STAY) {
            return self.remove(view, id);
        }
        seat.presence = Presence::Away(KeptSeat { stay, until: now.instant + self.limits.grace });
        Some(Fact::Away { id })
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
        self.remove(view, id)
    }

    fn remove(&mut self, view: &View, id: UserId) -> Option<Fact> {
        let seat = self.seats.remove(&id)?;
        self.sessions.remove(&seat.session);
        if let Some(user) = view.user(id) {
            self.names.free(&user.name);
        }
        Some(Fact::Gone { id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        Now { instant: Instant::now(), unix_millis: 0 }
    }

    fn join(rules: &mut Rules, view: &mut View, rank: u64, session: Session) -> Decision {
        let action = Action::Join { name: Name::parse("Ada", 40).unwrap(), session };
        let actor = Actor { user: None, rank: Rank(rank) };
        let decision = rules.decide(view, actor, action, now()).unwrap();
        decision.fact.clone().into_iter().for_each(|fact| view.apply(fact));
        decision
    }

    #[test]
    fn a_seat_that_is_left_and_taken_again_leaves_nothing_behind() {
        let (mut rules, mut view) = (Rules::new(Limits::DEFAULT, false, UserId(0)), View::new(10));
        let (id, session) = (UserId(1), Session::random());
        for rank in 0..100 {
            assert_eq!(join(&mut rules, &mut view, rank, session).reply, Reply::Seated(id));
            assert_eq!(rules.kept_seat(id), None);
            let later = Now { instant: Instant::now() + MIN_STAY, unix_millis: 0 };
            view.apply(rules.leave(&view, id, false, later).unwrap());
            assert!(rules.kept_seat(id).is_some());
        }
        view.apply(rules.expire(&view, id).unwrap());
        assert_eq!((view.user_count(), rules.seats.len(), rules.sessions.len()), (0, 0, 0));
        assert_eq!(join(&mut rules, &mut view, 100, Session::random()).reply, Reply::Seated(UserId(2)));
        assert_eq!(view.user(UserId(2)).unwrap().name.as_str(), "Ada");
    }

    #[test]
    fn a_reference_that_is_used_again_gets_the_first_post() {
        let (mut rules, mut view) = (Rules::new(Limits::DEFAULT, false, UserId(0)), View::new(10));
        join(&mut rules, &mut view, 1, Session::random());
        let actor = Actor { user: Some(UserId(1)), rank: Rank(1) };
        let mut post = |text: &str| {
            let action = Action::Post { text: text.to_owned(), reference: Some("a".to_owned()) };
            let Decision { fact, reply } = rules.decide(&view, actor, action, now()).unwrap();
            fact.into_iter().for_each(|fact| view.apply(fact));
            reply
        };
        assert_eq!(post("first"), Reply::Posted(Some("a".to_owned())));
        assert!(matches!(post("second"), Reply::Duplicate(Post { n: 1, text, .. }, _) if text == "first"));
    }

    #[test]
    fn the_later_connection_has_the_seat_whichever_claims_it_first() {
        let (mut rules, mut view) = (Rules::new(Limits::DEFAULT, false, UserId(0)), View::new(10));
        let (id, session) = (UserId(1), Session::random());
        join(&mut rules, &mut view, 5, session);
        let late = join(&mut rules, &mut view, 3, session);
        assert_eq!((late.fact, late.reply), (None, Reply::SeatTaken));
        let newer = join(&mut rules, &mut view, 7, session);
        assert_eq!((newer.fact, newer.reply), (Some(Fact::SeatTaken { id }), Reply::Seated(id)));
    }
    #[test]
    fn a_seat_is_kept_for_who_wrote_or_stayed() {
        let (mut rules, mut view) = (Rules::new(Limits::DEFAULT, false, UserId(0)), View::new(10));
        let write = |text: &'static str| Some(Action::Write(TextChange::Whole(text.into())));
        let post = Some(Action::Post { text: "x".to_owned(), reference: None });
        let almost = MIN_STAY - Duration::from_millis(1);
        for (action, stay, is_kept) in [
            (None, almost, false),
            (None, MIN_STAY, true),
            (write(""), almost, false),
            (write("x"), Duration::ZERO, true),
            (post, Duration::ZERO, true),
        ] {
            let Reply::Seated(id) = join(&mut rules, &mut view, 1, Session::random()).reply else {
                panic!("a new session gets a new seat")
            };
            let since = rules.seats[&id].since;
            if let Some(action) = action.clone() {
                let actor = Actor { user: Some(id), rank: Rank(1) };
                view.apply(rules.decide(&view, actor, action, now()).unwrap().fact.unwrap());
            }
            let later = Now { instant: since + stay, unix_millis: 0 };
            let fact = rules.leave(&view, id, false, later).unwrap();
            let expected = if is_kept { Fact::Away { id } } else { Fact::Gone { id } };
            assert_eq!(fact, expected, "{action:?} and {stay:?}");
            assert_eq!(rules.kept_seat(id).map(|kept| kept.stay), is_kept.then_some(stay));
            view.apply(fact);
        }
    }
}
