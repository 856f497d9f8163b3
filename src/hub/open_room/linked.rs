//! A room that other nodes have too: what is the same for its owner and for a mirror.

use super::OpenRoom;
use crate::base::clock::Now;
use crate::base::ids::{ClientId, Epoch, RequestId, UserId};
use crate::cluster::message::{Asked, Ruled};
use crate::hub::linked::Linked;
use crate::hub::wall_part::WallQuestion;
use crate::room::fact::Fact;
use crate::room::session::IdempotencyKey;
use std::mem;

impl OpenRoom {
    /// The epoch in which this node owns the room; `None` if there are no other nodes.
    pub(crate) fn epoch(&self) -> Option<Epoch> {
        self.linked.as_ref().map(|linked| linked.link.position().epoch)
    }

    /// Whether another node decides, as far as this one knows.
    pub(crate) fn is_mirror(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| !linked.is_alone && !linked.link.is_owner())
    }

    /// Whether this node is cut off from the others.
    pub(crate) fn is_alone(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| linked.is_alone)
    }

    /// Whether the seats of the room count here, and end here.
    pub(crate) fn is_in_charge(&self) -> bool {
        self.linked.as_ref().is_none_or(|linked| linked.link.is_owner())
    }

    /// The clients here that have no box.
    pub(crate) fn own_viewers(&self) -> usize {
        self.members.len().saturating_sub(self.clients.len())
    }

    /// The users that are there on other nodes, as far as this node knows.
    pub(crate) fn users_elsewhere(&self) -> usize {
        let present = |linked: &Linked| match linked.is_alone {
            true => 0,
            false => self.rules.holders().len().saturating_sub(self.clients.len()),
        };
        self.linked.as_deref().map_or(0, present)
    }

    /// Whether this node owns the room, and somebody is in it on another one.
    pub(crate) fn serves_others(&self) -> bool {
        self.linked.as_deref().is_some_and(|linked| {
            linked.link.is_owner() && (!linked.owned.remotes.is_empty() || linked.link.other_viewers() > 0)
        })
    }

    /// Keeps a question until the room is loaded. As many questions wait as requests may be answered at once.
    pub(crate) fn keep_question(&mut self, question: WallQuestion) {
        if let Some(linked) = &mut self.linked {
            linked.questions.push(question);
            self.begin_request();
        }
    }

    /// The questions that have waited.
    pub(crate) fn take_questions(&mut self) -> Vec<WallQuestion> {
        let questions =
            self.linked.as_mut().map(|linked| mem::take(&mut linked.questions)).unwrap_or_default();
        questions.iter().for_each(|_| self.request_answered());
        questions
    }

    /// Whether a client is in the room.
    pub(crate) fn has_member(&self, client: ClientId) -> bool {
        self.members.contains_key(&client)
    }

    /// Whether nobody here or elsewhere needs this node to keep the room.
    pub(crate) fn is_needed_by_nobody(&self) -> bool {
        match &self.linked {
            Some(linked) if !linked.link.is_owner() => linked.mirrored.unconfirmed.is_empty(),
            // A post over HTTP may wait until the room numbers posts, and nobody is in the room for it.
            Some(linked) => {
                let is_held = !(linked.owned.held_posts.is_empty() && linked.owned.numbered.is_empty());
                // Other nodes are still to tell of the people that they have in it.
                let is_told = linked.owned.log.is_told || linked.is_alone;
                self.view.user_count() == 0 && linked.link.other_viewers() == 0 && !is_held && is_told
            }
            None => self.view.user_count() == 0,
        }
    }

    /// Whether there is something for other nodes.
    pub(crate) fn has_output_for_nodes(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| linked.has_output(self.own_viewers(), self.key_holders > 0))
    }

    /// Whether the owner is still to answer for posts.
    pub(crate) fn awaits_posts(&self) -> bool {
        let unconfirmed = self.linked.iter().flat_map(|linked| linked.mirrored.unconfirmed.values());
        let is_post = |asks: &Asked| matches!(asks, Asked::Post { .. } | Asked::PostWithoutSeat { .. });
        self.is_mirror() && unconfirmed.filter_map(|request| request.asks.as_ref()).any(is_post)
    }

    /// Keeps a fact that this node has decided for the others. To be called before it is applied.
    pub(crate) fn note_for_nodes(&mut self, fact: &Fact, by: Option<RequestId>, key: Option<IdempotencyKey>) {
        let Some(linked) = &mut self.linked else { return };
        if let Fact::Posted { post } = fact {
            linked.note_key(post.n, key);
        }
        if linked.link.is_owner() && !linked.is_alone {
            let ruling = self.rules.ruling(fact.clone());
            linked.owned.outgoing.push(Ruled { ruling, by, key });
        }
    }

    /// Takes a user's seat from the client here that has it. Returns the client.
    pub(crate) fn unseat(&mut self, user: UserId) -> Option<ClientId> {
        let client = self.clients.remove(&user)?;
        if let Some(member) = self.members.get_mut(&client) {
            member.user = None;
        }
        Some(client)
    }

    /// This node is cut off: the room goes on among the people here, and what was for other nodes is told later.
    pub(crate) fn begin_alone(&mut self, now: Now) {
        let Some(linked) = &mut self.linked else { return };
        linked.is_alone = true;
        linked.link.go_alone(now.instant);
        linked.owned.outgoing.clear();
        linked.owned.is_unsaved = false;
        linked.owned.answers.clear();
        linked.owned.copies_for.clear();
        linked.owned.successor = None;
        linked.mirrored.requests.clear();
        linked.mirrored.attaches = false;
        linked.mirrored.texts.values_mut().for_each(|text| text.queued = None);
    }

    /// A user has no connection here while this node is cut off: they are shown as away.
    pub(crate) fn decide_away(&mut self, user: UserId, now: Now) -> Option<Fact> {
        self.rules.send_away(user, now)
    }

    /// Away users get a new grace period.
    pub(crate) fn restart_graces(&mut self, now: Now) {
        self.rules.restart_graces(now);
    }
}
