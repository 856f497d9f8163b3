//! What an open room that this node owns exchanges with its mirrors.

use super::OpenRoom;
use crate::base::clock::Now;
use crate::base::ids::{NodeId, RequestId, UserId};
use crate::cluster::message::{Asked, Outcome, Request, ToNode, ToRoom};
use crate::cluster::room_link::Moment;
use crate::hub::linked::{MAX_UNCONFIRMED, Owned};
use crate::protocol::error::EventError;
use crate::room::action::{Action, Actor, Rank};
use crate::room::error::RoomError;
use crate::room::post::{Numbered, PendingPost};
use crate::room::rules::{Decision, Reply};
use crate::room::session::SessionKey;
use crate::room::state::RoomRecord;
use crate::room::text::TextChange;
use crate::store::request::Requester;
use std::collections::BTreeSet;
use std::mem;
use std::time::Instant;

impl OpenRoom {
    /// Decides what a client of another node asks for.
    pub(crate) fn decide_request(&mut self, request: Request, now: Now) -> Result<Decision, EventError> {
        let Request { by, has_key, asks, .. } = request;
        let user = self.remote_user(by);
        let actor = Actor { user, has_key, rank: by };
        let action = match asks {
            Asked::Join { key, .. } if user.is_some_and(|user| !self.rules.has_key(user, key)) => {
                return Err(RoomError::AlreadyJoined.into());
            }
            Asked::Join { name, key } => {
                return self.rules.join(&self.view, actor, name, key, now).map_err(EventError::from);
            }
            Asked::Leave { goodbye } => {
                if let Some(linked) = &mut self.linked {
                    linked.owned.remotes.remove(&by);
                }
                let fact = user.and_then(|user| self.rules.leave(&self.view, user, goodbye, now));
                return Ok(Decision { fact, reply: Reply::None });
            }
            Asked::PostWithoutSeat { name, text, reference } => {
                let decision = self.decide_post_without_seat(&name, text, Some(reference), now);
                return decision.map_err(EventError::from);
            }
            Asked::Write(TextChange::Whole(text)) if user.is_some_and(|user| self.has_text(user, &text)) => {
                return Ok(Decision { fact: None, reply: Reply::None });
            }
            Asked::Write(change) => Action::Write(change),
            Asked::Post { text, reference } => Action::Post { text, reference: Some(reference) },
            Asked::Rename(name) => Action::Rename(name),
            Asked::Host => Action::Host,
            Asked::SetRoom(change) => Action::SetRoom(change),
            Asked::RemoveUser(id) => Action::RemoveUser(id),
            Asked::Clear(id) => Action::Clear(id),
            Asked::MakeHost(id) => Action::MakeHost(id),
            Asked::RemovePost(n) => Action::RemovePost(n),
        };
        self.decide_for(actor, action, now)
    }

    /// Whether this node has done what another node's client asked for with this number.
    pub(crate) fn has_done(&self, by: Rank, number: u64) -> bool {
        self.linked.as_ref().is_some_and(|linked| linked.owned.done.contains(&(by, number)))
    }

    fn has_text(&self, user: UserId, text: &str) -> bool {
        self.view.text(user).is_some_and(|shown| shown.as_str() == text)
    }

    /// Whether another node's connection would be refused a seat only because there is none left.
    pub(crate) fn lacks_seat_for_remote(&self, by: Rank, has_key: bool, key: SessionKey) -> bool {
        self.lacks_seat(Actor { user: None, has_key, rank: by }, key)
    }

    /// The user of another node's connection, if it still has the seat.
    fn remote_user(&self, by: Rank) -> Option<UserId> {
        let user = *self.linked.as_ref()?.owned.remotes.get(&by)?;
        (self.rules.holder(user) == Some(by)).then_some(user)
    }

    /// Forgets other nodes' connections that have no seat any more: their users have come back through others, and the
    /// room would be kept for them. Their nodes do not say so, because nobody has left there.
    pub(crate) fn forget_remotes_without_seat(&mut self) {
        if let Some(linked) = &mut self.linked {
            linked.owned.remotes.retain(|rank, user| self.rules.holder(*user) == Some(*rank));
        }
    }

    /// Keeps the record that is being saved for the mirrors.
    pub(crate) fn note_record(&mut self, record: &RoomRecord) {
        if let Some(linked) = self.linked.as_mut().filter(|linked| linked.link.is_owner()) {
            linked.owned.record = Some(record.clone());
        }
    }

    /// Whether this node knows the record that the owner before has saved. Its own may be older until then.
    pub(crate) fn has_read_record(&self) -> bool {
        self.linked.as_ref().is_none_or(|linked| linked.owned.log.is_read)
    }

    /// Whether this node may tell the others what it has decided: it surely owns the room.
    fn may_tell(&self, moment: Moment<'_>) -> bool {
        self.linked.as_ref().is_some_and(|linked| !linked.is_alone && linked.link.decides(moment))
    }

    /// What this node, the owner, tells all others. Answers that wait go to their nodes next, and what they answer is
    /// confirmed after them.
    pub(crate) fn take_out(&mut self, moment: Moment<'_>) -> Option<ToRoom> {
        if !self.may_tell(moment) {
            return None;
        }
        let linked = self.linked.as_mut()?;
        let Owned { outgoing, record, is_unsaved, answers, .. } = &mut linked.owned;
        let is_empty = outgoing.is_empty() && record.is_none() && !*is_unsaved;
        let confirms = answers.is_empty();
        if is_empty && !(confirms && linked.link.has_unconfirmed()) {
            return None;
        }
        linked.link.out(mem::take(outgoing), record.take(), mem::take(is_unsaved), confirms)
    }

    /// The answers to requests of other nodes.
    pub(crate) fn take_answers(&mut self, moment: Moment<'_>) -> Vec<(RequestId, Outcome)> {
        let may_tell = self.may_tell(moment);
        let linked = self.linked.as_mut().filter(|_| may_tell);
        linked.map(|linked| mem::take(&mut linked.owned.answers)).unwrap_or_default()
    }

    /// The copies of the room that other nodes get, made after everything else was published, and for whom they are.
    pub(crate) fn take_copies(&mut self, moment: Moment<'_>, now: Now) -> Vec<(BTreeSet<NodeId>, ToNode)> {
        let may_tell = self.may_tell(moment);
        // A copy without the posts of the owner before would take them from pages that show them.
        let linked = self.linked.as_mut().filter(|linked| may_tell && linked.owned.log.is_read);
        let Some(linked) = linked else { return Vec::new() };
        let (at, keys) = (linked.link.position(), Vec::from_iter(linked.keys.iter().copied()));
        let successor: BTreeSet<NodeId> = linked.owned.successor.take().into_iter().collect();
        let others = &mem::take(&mut linked.owned.copies_for) - &successor;
        let copy = |(nodes, leaves)| {
            let (name, keys) = (self.name.as_str().to_owned(), keys.clone());
            let copy = Box::new(self.rules.copy(&self.view, now));
            (nodes, ToNode::Copy { at, name, leaves, copy, keys })
        };
        let receivers = [(others, false), (successor, true)].into_iter();
        receivers.filter(|(nodes, _)| !nodes.is_empty()).map(copy).collect()
    }

    /// Whether posts cannot be numbered yet.
    pub(crate) fn holds_posts(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| !linked.owned.log.is_complete())
    }

    /// Keeps a post until it can be numbered. Returns it if too many wait.
    pub(crate) fn hold_post(&mut self, by: Requester, post: PendingPost) -> Result<(), PendingPost> {
        match self.linked.as_mut().filter(|linked| linked.owned.held_posts.len() < MAX_UNCONFIRMED) {
            Some(linked) => {
                linked.owned.held_posts.push((by, post));
                Ok(())
            }
            None => Err(post),
        }
    }

    /// Whether the store may have posts before this one that this node lacks: it has numbered them, and its answer was
    /// lost. Once the log is to be read because of that, all that are numbered meanwhile wait too, or they would be
    /// shown before those that are missing.
    pub(crate) fn lacks_posts_before(&self, numbered: &Numbered) -> bool {
        let Some(linked) = &self.linked else { return false };
        let last = self.view.last_n();
        let is_gap = match numbered {
            Numbered::New(post) => post.n > last + 1,
            Numbered::Duplicate(post) => post.n > last,
        };
        is_gap || !linked.owned.log.is_read
    }

    /// A post that this node has already, because it has read the log meanwhile, is not new; one that it lacks is.
    pub(crate) fn recognise(&self, numbered: Numbered) -> Numbered {
        let last = self.view.last_n();
        match numbered {
            Numbered::New(post) if self.linked.is_some() && post.n <= last => Numbered::Duplicate(post),
            Numbered::Duplicate(post) if self.linked.is_some() && post.n > last => Numbered::New(post),
            numbered => numbered,
        }
    }

    /// This node has just begun to own the room: users who join get ids after this one, and the record counts, even if
    /// the owner before has not saved it. If that has saved a later one, this node [takes it over](Self::catch_up).
    pub(crate) fn begin_reign(&mut self, last_user: UserId, now: Instant) {
        self.rules.start_ids_after(last_user);
        self.save_again();
        self.note_key_holders(now);
        self.rules.await_hosts(&self.view, now);
    }

    /// The store may have lost the record. A node that does not have the room yet reads it first.
    pub(crate) fn save_again(&mut self) {
        if !self.is_loading() {
            self.rules.return_record();
        }
    }
}
