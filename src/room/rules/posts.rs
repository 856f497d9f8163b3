//! Posts: those of users, and those of programs that have no seat.

use super::{Decision, Reply, Rules};
use crate::base::clock::Now;
use crate::base::ids::UserId;
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::names::Name;
use crate::room::post::{Numbered, PendingPost, Post};
use crate::room::session::IdempotencyKey;
use crate::room::view::View;

impl Rules {
    /// A user posts.
    pub(super) fn post(
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
            let key = seat.key.idempotency_key(&reference);
            (reference, key)
        };
        let reference = reference.map(with_key);
        let decision = self.number(view, PendingPost { id, name, text, at: now.unix_millis, reference });
        // Rules that follow these do not learn of a post that is there already.
        if !matches!(decision.reply, Reply::Duplicate(..)) {
            self.note_written(id);
        }
        decision
    }

    /// Decides on a post under this name by somebody who has no seat. Nobody is shown to come or go. The author gets an
    /// id that nobody has, so that no user can be taken for the author. A second post under the same name with the same
    /// `ref` is not posted.
    pub fn post_without_seat(
        &mut self,
        view: &View,
        name: &Name,
        text: String,
        reference: Option<String>,
        now: Now,
    ) -> Result<Decision, RoomError> {
        let state = view.state();
        if state.locked {
            return Err(RoomError::Locked);
        }
        if state.frozen {
            return Err(RoomError::Frozen);
        }
        if self.names.is_taken(name) {
            return Err(RoomError::NameTaken);
        }
        self.last_user.0 += 1;
        let with_key = |reference: String| {
            let key = IdempotencyKey::of_name(name, &reference);
            (reference, key)
        };
        let (id, name, at) = (self.last_user, name.as_str().to_owned(), now.unix_millis);
        Ok(self.number(view, PendingPost { id, name, text, at, reference: reference.map(with_key) }))
    }

    /// Numbers a post, unless the store does that.
    fn number(&mut self, view: &View, pending: PendingPost) -> Decision {
        let Some(numbering) = &mut self.numbering else {
            return Decision::reply(Reply::Pending(pending));
        };
        let reference = pending.reference().map(str::to_owned);
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
}
