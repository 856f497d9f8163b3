//! What the clients here have asked of the owner of an open room, and it has not answered for: this node decides it,
//! because it owns the room now, or because it is cut off.

use super::OpenRoom;
use super::asked::action_of;
use crate::base::ids::{AckId, ClientId, UserId};
use crate::cluster::message::Asked;
use crate::hub::linked::{OwnText, RequestedBy, Unconfirmed};
use crate::hub::post_request::PostRequester;
use crate::room::action::Action;
use crate::room::names::Name;
use std::mem;

impl OpenRoom {
    /// The seats of clients here that the owner has not given them back, as actions that claim them again.
    fn take_own_claims(&mut self) -> Vec<(ClientId, Action, Option<AckId>)> {
        let is_here = |(user, client): (&UserId, &ClientId)| {
            let actor = self.actor(*client);
            actor.is_some_and(|actor| self.rules.holder(*user) == Some(actor.rank))
        };
        let lost = self.clients.iter().filter(|seat| !is_here(*seat));
        let lost: Vec<(UserId, ClientId)> = lost.map(|(user, client)| (*user, *client)).collect();
        let mut actions = Vec::new();
        for (user, client) in lost {
            let session = self.members.get(&client).and_then(|member| member.session);
            if let Some((shown, session)) = self.view.user(user).zip(session) {
                actions.push((client, Action::Join { name: shown.name.clone(), session }, None));
                self.unseat(user);
            }
        }
        actions
    }

    /// The posts over HTTP that the owner has not answered for.
    pub(crate) fn take_posts_without_seat(&mut self) -> Vec<(Name, String, String, PostRequester)> {
        let Some(mirrored) = self.mirrored() else { return Vec::new() };
        let requests = mirrored.take_unconfirmed(|request| matches!(request.from, RequestedBy::Http(_)));
        let post = |Unconfirmed { asks, from, .. }: Unconfirmed| match (asks, from) {
            (Some(Asked::PostWithoutSeat { name, text, reference }), RequestedBy::Http(from)) => {
                Some((name, text, reference, from))
            }
            _ => None,
        };
        requests.into_iter().filter_map(post).collect()
    }

    /// What the clients here have asked of the owner and it has not answered for, as actions that this node decides
    /// now.
    pub(crate) fn take_own_actions(&mut self) -> Vec<(ClientId, Action, Option<AckId>)> {
        let mut actions = self.take_own_claims();
        let Some(linked) = &mut self.linked else { return Vec::new() };
        let mirrored = &mut linked.mirrored;
        mirrored.requests.clear();
        mirrored.attaches = false;
        // Whoever has lost the seat meanwhile claims it again, before what they have asked for with it.
        let joins = mirrored.take_unconfirmed(is_join);
        let unconfirmed = mem::take(&mut mirrored.unconfirmed);
        for request in joins.into_iter().chain(unconfirmed.into_values()) {
            let RequestedBy::Client { client, reference, ack } = request.from else { continue };
            let session = self.members.get(&client).and_then(|member| member.session);
            let action = request.asks.and_then(|asks| action_of(asks, session, reference));
            actions.extend(action.map(|action| (client, action, ack)));
        }
        actions.extend(self.take_own_texts());
        actions
    }

    /// The texts that the clients here have written and the owner may not have, as actions.
    pub(crate) fn take_own_texts(&mut self) -> Vec<(ClientId, Action, Option<AckId>)> {
        let texts = self.mirrored().map(|mirrored| mem::take(&mut mirrored.texts)).unwrap_or_default();
        let write = |(client, own): (ClientId, OwnText)| (client, Action::Write(own.text.to_change()), None);
        texts.into_iter().map(write).collect()
    }

    /// Who waits for an acknowledgement of a text that the owner has not answered for.
    pub(crate) fn take_text_acks(&mut self) -> Vec<(ClientId, Option<AckId>)> {
        self.take_requesters(|request| request.asks.is_none())
    }

    /// Who waits for another state of the room.
    pub(crate) fn take_state_changes(&mut self) -> Vec<(ClientId, Option<AckId>)> {
        self.take_requesters(|request| matches!(request.asks, Some(Asked::SetRoom(_))))
    }

    fn take_requesters(
        &mut self,
        is_wanted: impl Fn(&Unconfirmed) -> bool,
    ) -> Vec<(ClientId, Option<AckId>)> {
        let requests =
            self.mirrored().map(|mirrored| mirrored.take_unconfirmed(is_wanted)).unwrap_or_default();
        let requester = |request: Unconfirmed| match request.from {
            RequestedBy::Client { client, ack, .. } => Some((client, ack)),
            RequestedBy::Http(_) => None,
        };
        requests.into_iter().filter_map(requester).collect()
    }

    /// The seats that clients here have claimed and the owner has not answered for, as actions.
    pub(crate) fn take_own_joins(&mut self) -> Vec<(ClientId, Action, Option<AckId>)> {
        let mut actions = self.take_own_claims();
        let Some(linked) = &mut self.linked else { return Vec::new() };
        let joins = linked.mirrored.take_unconfirmed(is_join);
        for request in joins {
            let RequestedBy::Client { client, ack, .. } = request.from else { continue };
            let session = self.members.get(&client).and_then(|member| member.session);
            let action = request.asks.and_then(|asks| action_of(asks, session, None));
            actions.extend(action.map(|action| (client, action, ack)));
        }
        actions
    }
}

fn is_join(request: &Unconfirmed) -> bool {
    matches!(request.asks, Some(Asked::Join { .. }))
}
