//! The rules of a room: which actions are allowed, and which facts follow from them.
//!
//! Architecture invariant: the rules are pure. They take an action and the time, and return a fact and a reply. Beside
//! the [`View`], they keep only what nobody else may see or needs: sessions, ranks, the end of grace periods, keys of
//! posts.

use crate::base::clock::Now;
use crate::base::ids::UserId;
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
use std::time::Instant;

/// Decides actions.
#[derive(Debug)]
pub struct Rules {
    limits: Limits,
    seats: HashMap<UserId, Seat>,
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
    presence: Presence,
}

/// Whether a user is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Connected(Rank),
    /// The connection broke. The seat is kept until this time.
    Away(Instant),
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
            seats: HashMap::new(),
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
            (Action::Join { name, session }, None) => self.join(actor.rank, name, session),
            (Action::Watch, None) | (Action::Resync, _) => Ok(Decision::reply(Reply::Snapshot)),
            (Action::Write(change), Some(id)) => write(view, id, change),
            (Action::Post { text, reference }, Some(id)) => Ok(self.post(view, id, text, reference, now)),
            (Action::Join { .. } | Action::Watch, Some(_)) => Err(RoomError::AlreadyJoined),
            (Action::Write(_) | Action::Post { .. }, None) => Err(RoomError::NotJoined),
        }
    }

    /// A session without a seat gets a new one. A page can therefore choose its own session, and gets its seat back
    /// even if no reply ever reached it.
    fn join(&mut self, rank: Rank, name: Name, session: Session) -> Result<Decision, RoomError> {
        if let Some(&id) = self.sessions.get(&session) {
            return Ok(self.take_seat(rank, id));
        }
        if self.seats.len() >= self.limits.max_users {
            return Err(RoomError::RoomFull { max: self.limits.max_users });
        }
        self.last_user.0 += 1;
        let id = self.last_user;
        self.sessions.insert(session, id);
        self.seats.insert(id, Seat { session, presence: Presence::Connected(rank) });
        let name = self.names.take(name, self.limits.max_name);
        Ok(Decision { fact: Some(Fact::Joined { id, name }), reply: Reply::Seated(id) })
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

    fn post(
        &mut self,
        view: &View,
        id: UserId,
        text: String,
        reference: Option<String>,
        now: Now,
    ) -> Decision {
        let (Some(seat), Some(user)) = (self.seats.get(&id), view.user(id)) else {
            return Decision::reply(Reply::None);
        };
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

    /// A user's connection has ended. After a goodbye, or without a grace period, the seat is removed. Otherwise it is
    /// kept, and the caller has to call [`expire`](Self::expire) at [`kept_until`](Self::kept_until).
    pub fn leave(&mut self, view: &View, id: UserId, goodbye: bool, now: Now) -> Option<Fact> {
        if goodbye || self.limits.grace.is_zero() {
            return self.remove(view, id);
        }
        self.seats.get_mut(&id)?.presence = Presence::Away(now.instant + self.limits.grace);
        Some(Fact::Away { id })
    }

    /// The end of a user's grace period; `None` if the user is not away.
    pub fn kept_until(&self, id: UserId) -> Option<Instant> {
        match self.seats.get(&id)?.presence {
            Presence::Connected(_) => None,
            Presence::Away(until) => Some(until),
        }
    }

    /// Removes the seat of a user who is away, because the grace period is over or somebody else needs the seat.
    pub fn expire(&mut self, view: &View, id: UserId) -> Option<Fact> {
        self.kept_until(id)?;
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

fn write(view: &View, id: UserId, change: TextChange<'static>) -> Result<Decision, RoomError> {
    match view.text(id).is_some_and(|text| text.fits(&change)) {
        true => Ok(Decision { fact: Some(Fact::Text { id, change }), reply: Reply::None }),
        false => Err(RoomError::OutOfStep),
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
            assert_eq!(rules.kept_until(id), None);
            view.apply(rules.leave(&view, id, false, now()).unwrap());
            assert!(rules.kept_until(id).is_some());
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
}
