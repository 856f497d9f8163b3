//! Posts over HTTP: a room takes them as it takes those of its users, and nobody comes or goes for them.

use crate::base::address_rates::AddressRates;
use crate::base::clock::{Now, whole_seconds};
use crate::base::ids::{ClientId, RoomId, UserId};
use crate::base::limits::Limits;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::cause::Cause;
use crate::hub::event::{FromClient, QueuedEvent};
use crate::hub::post_request::{PostRequest, PostRequester};
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::action::Rank;
use crate::room::fact::Fact;
use crate::room::names::Name;
use crate::room::post::{NotStored, Numbered};
use crate::room::rules::Reply;
use std::collections::HashMap;

/// The requests of a hub to post.
#[derive(Debug)]
pub(crate) struct PostRequests {
    rates: AddressRates,
    /// Requests whose posts wait for the store, by room and author. Each author has one post.
    pub(super) storing: HashMap<(RoomId, UserId), PostRequester>,
}

impl PostRequests {
    /// No requests yet.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { rates: AddressRates::new(limits.post_pace()), storing: HashMap::new() }
    }

    /// Another node numbers posts now. Who asked for this one over HTTP is told that the server is busy.
    pub(super) fn forget(&mut self, room: RoomId, author: UserId) {
        self.storing.remove(&(room, author));
    }

    /// The store has answered for a post.
    pub(super) fn on_stored(&mut self, room: RoomId, author: UserId, outcome: &Result<Numbered, NotStored>) {
        let Some(from) = self.storing.remove(&(room, author)) else { return };
        from.answer(match outcome {
            Ok(Numbered::New(post) | Numbered::Duplicate(post)) => Ok(post.n),
            Err(why) => Err(EventError::NotStored(*why).into()),
        });
    }
}

impl<T: Transport> Hub<T> {
    /// A request to post comes over this connection, which is no client of a room.
    pub(super) fn receive_post(&mut self, connection: ClientId, request: PostRequest, now: Now) {
        match self.room_for_post(&request, now) {
            Ok(id) => {
                let event = FromClient::PostRequest(Box::new(request));
                self.receive_in(id, QueuedEvent::new(connection, event), now);
                self.on_vacated(id);
            }
            Err(refusal) => request.from.answer(Err(refusal)),
        }
    }

    /// The room of a request. Opens it as for a client: what its hosts have set counts, so the post waits until the room
    /// is loaded.
    fn room_for_post(&mut self, request: &PostRequest, now: Now) -> Result<RoomId, PostRefusal> {
        if self.stage.is_stopping() {
            return Err(PostRefusal::Stopping);
        }
        let wait = self.post_requests.rates.take(request.address, now.instant);
        if !wait.is_zero() {
            return Err(PostRefusal::Wait(whole_seconds(wait).max(1)));
        }
        if let Some(id) = self.rooms.id(&request.room) {
            return if self.is_out_of_reach(id) { Err(PostRefusal::Busy) } else { Ok(id) };
        }
        self.open_room(request.room.clone(), now).map_err(|reason| match reason {
            CloseReason::RoomsFull => PostRefusal::RoomsFull,
            _ => PostRefusal::Busy,
        })
    }

    /// The turn of a request has come.
    pub(super) fn post_without_seat(&mut self, connection: ClientId, request: PostRequest, now: Now) {
        let PostRequest { room, name, text, reference, until, from, .. } = request;
        let Some(id) = self.rooms.id(&room) else { return };
        if until < now.instant {
            return; // the request is told that nothing was posted
        }
        let Some(open) = self.rooms.touch(id) else { return };
        if open.is_alone() {
            return from.answer(Err(PostRefusal::Busy));
        }
        if open.is_mirror() {
            let rank = Rank::local(connection.0);
            return open.forward_post_without_seat(rank, name, text, reference, from);
        }
        self.decide_post_without_seat(connection, id, (name, text, reference, from), now);
    }

    /// Has the rules decide on a post, and answers the request.
    pub(super) fn decide_post_without_seat(
        &mut self,
        connection: ClientId,
        id: RoomId,
        (name, text, reference, from): (Name, String, Option<String>, PostRequester),
        now: Now,
    ) {
        let Some(open) = self.rooms.touch(id) else { return };
        match open.decide_post_without_seat(&name, text, reference, now) {
            Err(error) => from.answer(Err(error.into())),
            Ok(decision) => match (decision.reply, decision.fact) {
                (Reply::Pending(post), _) => {
                    self.post_requests.storing.insert((id, post.id), from);
                    self.store_post(connection, id, post, None);
                }
                (Reply::Duplicate(post, _), _) => from.answer(Ok(post.n)),
                (_, Some(Fact::Posted { post })) => {
                    let n = post.n;
                    self.publish(id, Fact::Posted { post }, Cause::default(), now);
                    from.answer(Ok(n));
                }
                _ => {}
            },
        }
    }
}
