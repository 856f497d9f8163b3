//! What an open room that another node owns exchanges with the owner.

use super::OpenRoom;
use super::asked::asked;
use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, NodeId, UserId};
use crate::cluster::message::{Asked, Request, ToNode};
use crate::hub::linked::{MAX_ACKNOWLEDGED, MAX_UNCONFIRMED, Mirrored, OwnText, RequestedBy, Unconfirmed};
use crate::hub::post_request::PostRequester;
use crate::protocol::error::EventError;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::action::{Action, Actor, Rank};
use crate::room::copy::RoomCopy;
use crate::room::error::RoomError;
use crate::room::fact::Fact;
use crate::room::names::Name;
use crate::room::post::{NotStored, PendingPost};
use crate::room::rules::{RoomOptions, Rules, Ruling};
use crate::room::session::Session;
use crate::room::state::RoomRecord;
use crate::room::text::TextChange;
use crate::store::request::Requester;
use std::collections::BTreeSet;
use std::mem;
use std::time::Instant;

impl OpenRoom {
    pub(super) fn mirrored(&mut self) -> Option<&mut Mirrored> {
        Some(&mut self.linked.as_mut()?.mirrored)
    }

    /// The owner shows a user as away, or not at all, whose client is here: it will be told of the client again, and
    /// gets the text. Returns the client.
    pub(crate) fn keep_own_user(&mut self, fact: &Fact) -> Option<ClientId> {
        let linked = self.linked.as_mut().filter(|linked| !linked.link.is_owner())?;
        let (Fact::Away { id } | Fact::Gone { id, removed: false }) = *fact else { return None };
        let client = *self.clients.get(&id)?;
        linked.link.request_attach();
        let mirrored = &mut linked.mirrored;
        if let Some(text) = self.view.text(id) {
            mirrored.texts.entry(client).or_insert(OwnText::new(text.clone()));
        }
        if matches!(fact, Fact::Gone { .. }) {
            let member = self.members.get(&client)?;
            let (actor, session, name) = (member.actor(), member.session?, self.view.user(id)?.name.clone());
            let join = Asked::Join { name, key: session.key() };
            mirrored.ask(actor.rank, actor.has_key, join, RequestedBy::client(client));
            self.unseat(id);
        }
        Some(client)
    }

    /// Whether a client here that has this user's seat connected later than the connection that the owner says has it.
    pub(crate) fn has_later_client(&self, user: UserId, holder: Rank) -> bool {
        let client = self.clients.get(&user);
        client.and_then(|client| self.actor(*client)).is_some_and(|actor| actor.rank > holder)
    }

    /// Has the owner told of all clients here.
    pub(crate) fn request_attach(&mut self) {
        if let Some(linked) = &mut self.linked {
            linked.link.request_attach();
        }
    }

    /// This node does not decide any more. What the clients here have written since it last did, they keep.
    pub(crate) fn keep_own_texts(&mut self) {
        let Some(linked) = &mut self.linked else { return };
        for (user, client) in &self.clients {
            if let Some(text) = self.view.text(*user) {
                linked.mirrored.texts.insert(*client, OwnText::new(text.clone()));
            }
        }
    }

    /// A client of a room that another node owns has gone.
    pub(crate) fn forward_leave(&mut self, client: ClientId, goodbye: bool, now: Instant) {
        let actor = self.actor(client);
        self.leave(client, now);
        self.note_left(client, actor, goodbye);
    }

    /// A client has gone, of which the owner is to be told.
    pub(crate) fn note_left(&mut self, client: ClientId, actor: Option<Actor>, goodbye: bool) {
        // The owner knows nothing of viewers, beside their number.
        let is_known = |actor: &Actor| actor.user.is_some() || self.is_joining(client) || self.is_just_left();
        let actor = actor.filter(is_known);
        if let (Some(actor), Some(mirrored)) = (actor, self.mirrored()) {
            mirrored.texts.remove(&client);
            mirrored.ask(actor.rank, actor.has_key, Asked::Leave { goodbye }, RequestedBy::client(client));
        }
    }

    /// Whether the owner is to be told that nobody is here any more. Until it has heard that, this node keeps the room: if
    /// the message is lost, nobody else would tell the owner, which would count viewers for ever.
    fn is_just_left(&self) -> bool {
        let Some(Mirrored { told_viewers, told_key, unconfirmed, .. }) =
            self.linked.as_ref().map(|linked| &linked.mirrored)
        else {
            return false;
        };
        // One that is still to be sent will say so too.
        let is_queued = |request: &Unconfirmed| {
            request.sent_with.is_none() && matches!(request.asks, Some(Asked::Leave { .. }))
        };
        self.members.is_empty() && (*told_viewers > 0 || *told_key) && !unconfirmed.values().any(is_queued)
    }

    /// Passes a client's action on to the owner, or keeps it until there is one.
    pub(crate) fn forward(
        &mut self,
        client: ClientId,
        action: Action,
        ack: Option<AckId>,
    ) -> Result<(), EventError> {
        let actor = self.actor(client).ok_or(EventError::PassphraseNeeded)?;
        let has_joined = self.has_seat_or_joins(client);
        if has_joined && matches!(action, Action::Join { .. }) {
            return Err(RoomError::AlreadyJoined.into());
        }
        if !has_joined && matches!(action, Action::Write(_) | Action::Post { .. } | Action::Rename(_)) {
            return Err(RoomError::NotJoined.into());
        }
        if let Action::Write(change) = action {
            return self.forward_text(client, actor, change, ack);
        }
        let reference = action.reference().map(str::to_owned);
        let Some((asks, mirrored)) = asked(action).zip(self.mirrored()) else { return Ok(()) };
        if mirrored.unconfirmed_requests() >= MAX_UNCONFIRMED {
            return Err(EventError::NotStored(NotStored::Unavailable));
        }
        mirrored.ask(actor.rank, actor.has_key, asks, RequestedBy::Client { client, reference, ack });
        Ok(())
    }

    /// Passes a post on to the owner whose author has no seat.
    pub(crate) fn forward_post_without_seat(
        &mut self,
        by: Rank,
        name: Name,
        text: String,
        reference: Option<String>,
        from: PostRequester,
    ) {
        let Some(mirrored) = self.mirrored() else { return };
        if mirrored.unconfirmed_requests() >= MAX_UNCONFIRMED {
            return from.answer(Err(PostRefusal::Busy));
        }
        let reference = reference.unwrap_or_else(|| Session::random().to_hex());
        let asks = Asked::PostWithoutSeat { name, text, reference };
        mirrored.ask(by, false, asks, RequestedBy::Http(from));
    }

    /// Keeps the text of an author here until the owner has it, and passes the change on.
    fn forward_text(
        &mut self,
        client: ClientId,
        actor: Actor,
        change: TextChange<'static>,
        ack: Option<AckId>,
    ) -> Result<(), EventError> {
        let shown = actor.user.and_then(|user| self.view.text(user)).cloned().unwrap_or_default();
        let Some(mirrored) = self.mirrored() else { return Ok(()) };
        if ack.is_some() && mirrored.unconfirmed.len() >= MAX_ACKNOWLEDGED {
            return Err(EventError::MemoryFull);
        }
        let own = mirrored.texts.entry(client).or_insert(OwnText::new(shown));
        own.text.apply(change.clone()).map_err(|_| EventError::from(RoomError::OutOfStep))?;
        let number = mirrored.next_number();
        let asks = Asked::Write(change);
        let request = Request { by: actor.rank, has_key: actor.has_key, number, asks };
        mirrored.ask_text(client, request, ack);
        Ok(())
    }

    /// Whether a client has a seat, or the owner has not answered for its claim of one.
    pub(crate) fn has_seat_or_joins(&self, client: ClientId) -> bool {
        self.members.get(&client).is_some_and(|member| member.user.is_some()) || self.is_joining(client)
    }

    /// Whether the owner has not answered for a client's claim of a seat.
    fn is_joining(&self, client: ClientId) -> bool {
        let unconfirmed = self.linked.iter().flat_map(|linked| linked.mirrored.unconfirmed.values());
        let is_join = |request: &Unconfirmed| {
            matches!(request.asks, Some(Asked::Join { .. })) && request.from.is(client)
        };
        unconfirmed.into_iter().any(is_join)
    }

    /// The owner has handled the messages up to this one. Texts that it does not have, although it has handled them, it
    /// is told again.
    pub(crate) fn confirm_texts(&mut self, seq: u64) {
        let texts = self.linked.iter().flat_map(|linked| linked.mirrored.texts.keys());
        // Whoever was refused a seat has no box.
        let without_box: BTreeSet<ClientId> =
            texts.copied().filter(|client| !self.has_seat_or_joins(*client)).collect();
        let Some(linked) = &mut self.linked else { return };
        let mut is_lost = false;
        linked.mirrored.texts.retain(|client, own| {
            if own.sent_with.is_none_or(|sent| sent > seq) {
                return true;
            }
            if without_box.contains(client) {
                return false;
            }
            let user = self.members.get(client).and_then(|member| member.user);
            let has_it = user.and_then(|user| self.view.text(user)).is_some_and(|shown| *shown == own.text);
            is_lost |= !has_it;
            !has_it
        });
        if is_lost {
            linked.link.request_attach();
        }
    }

    /// Follows a fact that the owner has decided, and that is about to be published here.
    pub(crate) fn follow(&mut self, ruling: Ruling, now: Now) -> Fact {
        self.rules.follow(&self.view, &ruling, now);
        self.drop_cleared_text(&ruling.fact);
        ruling.fact
    }

    /// A host has emptied boxes: their authors do not get the text back.
    pub(crate) fn drop_cleared_text(&mut self, fact: &Fact) {
        let (Fact::Cleared { id, .. }, Some(linked)) = (fact, &mut self.linked) else { return };
        let texts = &mut linked.mirrored.texts;
        match id {
            Some(id) => _ = self.clients.get(id).map(|client| texts.remove(client)),
            None => texts.clear(),
        }
    }

    /// Follows the record of the owner.
    pub(crate) fn follow_record(&mut self, record: RoomRecord) {
        self.rules.follow_record(record);
    }

    /// Whether a fact in which a copy differs from the view is about to be made untrue by what this node tells the
    /// owner next: a user whose client is here is not away, and has the text that the client has written.
    pub(crate) fn contradicts(&self, fact: &Fact) -> bool {
        let Some(linked) = &self.linked else { return false };
        match fact {
            Fact::Away { id } => self.clients.contains_key(id),
            Fact::Text { id, change } => {
                let own = self.clients.get(id).and_then(|client| linked.mirrored.texts.get(client));
                // If it is the text that the client has written, the owner has it, and readers here may lack it.
                own.is_some_and(|own| own.text.to_change() != *change)
            }
            _ => false,
        }
    }

    /// Applies a fact of which nobody has to be told.
    pub(crate) fn adopt(&mut self, fact: Fact) {
        self.view.apply(fact);
        self.count_memory();
    }

    /// The rules of the copy are those of the room now.
    pub(crate) fn replace_rules(&mut self, copy: &RoomCopy, now: Now) {
        let options = RoomOptions { limits: self.limits, hosts: self.rules.host_mode(), is_stored: true };
        self.rules = Rules::of_copy(options, copy, now);
    }

    /// Whether the client is still there that asked for something.
    pub(crate) fn has_requester(&self, number: u64) -> bool {
        let request = self.linked.as_ref().and_then(|linked| linked.mirrored.unconfirmed.get(&number));
        request.is_some_and(|request| match request.from {
            RequestedBy::Client { client, .. } => self.has_seat_or_joins(client),
            RequestedBy::Http(_) => true,
        })
    }

    /// Takes out a request of this node that the owner has handled.
    pub(crate) fn take_confirmed(&mut self, number: u64) -> Option<RequestedBy> {
        self.mirrored()?.unconfirmed.remove(&number).map(|request| request.from)
    }

    /// What this node, a mirror, tells the owner.
    pub(crate) fn take_message(&mut self) -> Option<(NodeId, ToNode)> {
        let (viewers, has_key) = (self.own_viewers(), self.key_holders > 0);
        let linked = self.linked.as_mut().filter(|linked| !linked.is_alone)?;
        let Mirrored { requests, attaches, told_viewers, told_key, .. } = &linked.mirrored;
        if !*attaches && requests.is_empty() && (viewers, has_key) == (*told_viewers, *told_key) {
            return None;
        }
        let attaches = *attaches;
        let (owner, epoch, seq) = linked.link.next_message(attaches)?;
        (linked.mirrored.told_viewers, linked.mirrored.told_key) = (viewers, has_key);
        let waiting = mem::take(&mut linked.mirrored.requests);
        let message = match attaches {
            false => ToNode::In { epoch, seq, requests: waiting, viewers, has_key },
            true => {
                linked.mirrored.attaches = false;
                let posts = mem::take(&mut linked.mirrored.surplus);
                ToNode::Attach { epoch, seq, requests: self.all_requests(), posts, viewers, has_key }
            }
        };
        if let Some(mirrored) = self.mirrored() {
            mirrored.note_sent(seq, attaches);
        }
        Some((owner, message))
    }

    /// The seats and texts of all clients here, and what the owner has not answered for.
    fn all_requests(&mut self) -> Vec<Request> {
        let Some(linked) = &mut self.linked else { return Vec::new() };
        let mirrored = &mut linked.mirrored;
        mirrored.unconfirmed.retain(|_, request| request.asks.is_some() || has_ack(request));
        let mut requests = Vec::new();
        for (&user, &client) in &self.clients {
            let (Some(member), Some(shown)) = (self.members.get(&client), self.view.user(user)) else {
                continue;
            };
            let (Some(session), actor) = (member.session, member.actor()) else { continue };
            let own = mirrored.texts.get(&client).map(|own| &own.text);
            let change = own.or_else(|| self.view.text(user)).map(|text| text.to_change());
            let join = Asked::Join { name: shown.name.clone(), key: session.key() };
            for asks in [Some(join), change.map(Asked::Write)].into_iter().flatten() {
                requests.push(mirrored.request_again(client, actor, asks));
            }
        }
        let waiting: Vec<Request> = mirrored.waiting().collect();
        requests.extend(waiting);
        let viewers: Vec<ClientId> = mirrored.texts.keys().copied().collect();
        for client in viewers {
            let actor = self.members.get(&client).map(|member| member.actor());
            let Some(actor) = actor.filter(|actor| actor.user.is_none()) else { continue };
            if let Some(change) = mirrored.texts.get(&client).map(|own| own.text.to_change()) {
                requests.push(mirrored.request_again(client, actor, Asked::Write(change)));
            }
        }
        requests
    }

    /// Another node owns the room now, and numbers a post of a client here.
    pub(crate) fn forward_post(&mut self, by: Requester, post: PendingPost) {
        let Some(actor) = self.actor(by.client).filter(|_| by.request.is_none()) else { return };
        let Some(mirrored) = self.mirrored() else { return };
        let reference = post.reference().map(str::to_owned);
        let from = RequestedBy::Client { client: by.client, reference: reference.clone(), ack: by.ack };
        let reference = reference.unwrap_or_else(|| Session::random().to_hex());
        mirrored.ask(actor.rank, actor.has_key, Asked::Post { text: post.text, reference }, from);
    }

    /// Another node owns the room now, and removes a post for a client here.
    pub(crate) fn forward_removal(&mut self, by: Requester, n: u64) {
        let Some(actor) = self.actor(by.client).filter(|_| by.request.is_none()) else { return };
        let Some(mirrored) = self.mirrored() else { return };
        let from = RequestedBy::Client { client: by.client, reference: None, ack: by.ack };
        mirrored.ask(actor.rank, actor.has_key, Asked::RemovePost(n), from);
    }
}

impl Mirrored {
    /// A request of which every message tells that tells of all clients. It is not kept.
    fn request_again(&mut self, client: ClientId, actor: Actor, asks: Asked) -> Request {
        let number = self.next_number();
        let from = RequestedBy::client(client);
        if let (Asked::Write(_), Some(own)) = (&asks, self.texts.get_mut(&client)) {
            own.number = number;
        }
        let Actor { rank: by, has_key, .. } = actor;
        self.unconfirmed.insert(number, Unconfirmed { by, has_key, asks: None, sent_with: None, from });
        Request { by, has_key, number, asks }
    }

    /// The requests that the owner has not answered for.
    fn waiting(&self) -> impl Iterator<Item = Request> {
        self.unconfirmed.iter().filter_map(|(&number, request)| {
            let Unconfirmed { by, has_key, .. } = *request;
            Some(Request { by, has_key, number, asks: request.asks.clone()? })
        })
    }
}

fn has_ack(request: &Unconfirmed) -> bool {
    matches!(request.from, RequestedBy::Client { ack: Some(_), .. })
}
