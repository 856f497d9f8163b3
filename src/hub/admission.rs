//! Admission: which clients may stay, in which room, and which have to give the passphrase first.

use crate::base::address::Address;
use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, RoomId, UserId};
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::cluster::link::LinkRequest;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::attempts::{Attempt, CHECK_INTERVAL, Refusal, Requester};
use crate::hub::deadlines::Deadline;
use crate::hub::event::NewClient;
use crate::hub::linked::Linked;
use crate::hub::open_room::OpenRoom;
use crate::hub::passphrase_gate::PASSPHRASE_TIMEOUT;
use crate::hub::registry::Client;
use crate::hub::secret_check::AttemptResult;
use crate::protocol::close::CloseReason;
use crate::protocol::error::EventError;
use crate::protocol::server_event::ServerEvent;
use crate::room::action::Rank;
use crate::room::room_name::RoomName;
use crate::room::rules::RoomOptions;
use crate::store::request::Load;

impl<T: Transport> Hub<T> {
    /// A client has connected.
    pub(super) fn connect(&mut self, client: NewClient<T>, now: Now) {
        let (id, address, is_admitted) = (client.id, client.address, client.admitted);
        self.clients.insert(client, &mut self.deadlines, now.instant);
        let kind = self.clients.registry.get(id).map(Client::kind);
        kind.into_iter().for_each(|kind| self.counters.connected.note(kind));
        if let Some(reason) = self.rejection(address) {
            if reason == CloseReason::ServerFull {
                let text = || "the server is full, so clients are turned away; see --max-clients".to_owned();
                self.full_warning.log(now.instant, text);
            }
            return self.close(id, &reason, now);
        }
        if !self.gate.is_closed() {
            return self.enter(id, now);
        }
        if is_admitted {
            return self.let_in(id, now);
        }
        self.deadlines.set(Deadline::Passphrase(id), now.instant + PASSPHRASE_TIMEOUT);
        if let Some(oldest) = self.gate.hold(id, now.instant) {
            self.close_unauthenticated(oldest, now);
        }
    }

    /// Why a client that has just connected may not stay. The client is already counted, so the hubs together never
    /// exceed the limit. If two clients connect at once for the last place, both may be rejected.
    fn rejection(&self, address: Address) -> Option<CloseReason> {
        let registry = &self.clients.registry;
        if self.stage.is_stopping() {
            Some(CloseReason::Stopping)
        } else if registry.open() > self.limits.max_clients {
            Some(CloseReason::ServerFull)
        } else if self.limits.max_per_address.is_some_and(|max| registry.open_from(address) > max) {
            Some(CloseReason::AddressFull)
        } else {
            None
        }
    }

    /// A client gives the passphrase. A client that needs none is only told that it is unlocked.
    pub(super) fn unlock(
        &mut self,
        client: ClientId,
        passphrase: SecretHash,
        token: Option<Token>,
        ack: Option<AckId>,
        now: Now,
    ) {
        let Some(address) = self.clients.registry.get(client).map(|client| client.address) else { return };
        if self.clients.registry.requested_room(client).is_none() {
            self.tell_unlocked(client, None);
            return self.acknowledge(client, ack);
        }
        self.attempt(
            address,
            Attempt { from: Requester::Client(client, ack), secret: passphrase },
            token,
            now,
        );
    }

    /// Somebody gives the passphrase. A token spares them the wait for others' attempts; an invalid one is ignored.
    pub(super) fn attempt(&mut self, address: Address, attempt: Attempt, token: Option<Token>, now: Now) {
        if token.is_some_and(|token| self.gate.accepts(&token)) {
            return self.announce(AttemptResult { to: attempt.from, outcome: Ok(()) }, now);
        }
        if let Some(result) = self.gate.attempt(address, attempt, now.instant) {
            self.announce(result, now);
        }
        self.schedule_attempts(address);
    }

    /// Checks the attempts from an address that are due.
    pub(super) fn check_attempts(&mut self, address: Address, now: Now) {
        for result in self.gate.check_next(address, now.instant) {
            self.announce(result, now);
        }
        self.schedule_attempts(address);
    }

    fn schedule_attempts(&mut self, address: Address) {
        if let Some(due) = self.gate.due(address) {
            self.deadlines.set(Deadline::PassphraseAttempt(address), due);
        }
    }

    /// Answers an attempt.
    fn announce(&mut self, AttemptResult { to, outcome }: AttemptResult, now: Now) {
        match (to, outcome) {
            (Requester::Client(client, ack), Ok(())) => {
                self.let_in(client, now);
                self.acknowledge(client, ack);
            }
            (Requester::Client(client, ack), Err(Refusal::Wrong)) => {
                self.reject(client, EventError::PassphraseWrong, ack);
            }
            (Requester::Client(client, ack), Err(Refusal::Wait(wait))) => {
                self.reject(client, EventError::PassphraseWait(wait), ack);
            }
            // A request may have given up waiting, so a failed reply is no error.
            (Requester::Request { reply_to }, outcome) => _ = reply_to.try_send(outcome),
        }
    }

    /// A client has given the passphrase.
    fn let_in(&mut self, client: ClientId, now: Now) {
        self.gate.release(client);
        self.deadlines.cancel(Deadline::Passphrase(client));
        self.clients.send_queued_first(client);
        self.enter(client, now);
        self.tell_unlocked(client, self.gate.issue_token());
    }

    fn tell_unlocked(&mut self, client: ClientId, token: Option<Token>) {
        if let Some(room) = self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)) {
            room.tell(client, &ServerEvent::Unlocked { token });
        }
    }

    /// A client has not given the passphrase in time. If its attempt waits, it stays until that was checked.
    pub(super) fn on_passphrase_timeout(&mut self, client: ClientId, now: Now) {
        match self.gate.awaits_answer(client) {
            true => self.deadlines.set(Deadline::Passphrase(client), now.instant + CHECK_INTERVAL),
            false => self.close_unauthenticated(client, now),
        }
    }

    fn close_unauthenticated(&mut self, client: ClientId, now: Now) {
        self.close(client, &CloseReason::PassphraseTimeout, now);
    }

    /// Lets a client into its requested room.
    fn enter(&mut self, client: ClientId, now: Now) {
        let Some(name) = self.clients.registry.requested_room(client).cloned() else { return };
        let id = match self.rooms.id(&name) {
            Some(id) if self.is_out_of_reach(id) => {
                return self.close(client, &CloseReason::ServerBusy, now);
            }
            Some(id) => id,
            None => match self.open_room(name, now) {
                Ok(id) => id,
                Err(reason) => return self.close(client, &reason, now),
            },
        };
        let rank = match &mut self.node {
            Some(node) => Rank { at: node.accepted_at(now.unix_millis), node: node.me, number: client.0 },
            None => Rank::local(client.0),
        };
        self.clients.registry.enter(client, id);
        self.seats.enter(id);
        if let Some(room) = self.rooms.touch(id) {
            room.enter(client, rank);
        }
        self.on_viewers_changed(id, now);
    }

    /// Opens a room, unless there are too many.
    pub(super) fn open_room(&mut self, name: RoomName, now: Now) -> Result<RoomId, CloseReason> {
        if self.store.is_busy_loading() || self.node.as_ref().is_some_and(|node| node.is_alone()) {
            return Err(CloseReason::ServerBusy);
        }
        // Another hub may take the place of a room that was displaced.
        while !self.rooms.reserve(self.limits.max_rooms) {
            if !self.displace_room(now) {
                return Err(CloseReason::RoomsFull);
            }
        }
        let options = RoomOptions { limits: self.limits, hosts: self.hosts, is_stored: self.store.is_some() };
        let memory = self.text_memory.clone();
        let id = self.rooms.open(&name, |last_user| {
            // User ids start at the current time at least, so that a room that opens again after a restart does not
            // reuse the ids in its log.
            let last_user = UserId(last_user.0.max(now.unix_millis));
            OpenRoom::new(name.clone(), options, last_user, memory, now.instant)
        });
        match (&self.node, self.rooms.get_mut(id)) {
            (Some(node), Some(room)) => {
                node.request(LinkRequest::Subscribe(id, name.key().to_owned()));
                room.linked = Some(Box::new(Linked::new(node.me)));
            }
            _ => self.store.load(Load { room: id, name, count: self.limits.log_length, epoch: None }),
        }
        Ok(id)
    }

    /// Forgets a room if nobody is in it any more.
    pub(super) fn forget_if_empty(&mut self, id: RoomId) {
        let linked = self.rooms.get(id).filter(|room| room.linked.is_some());
        let key = linked.map(|room| room.name().key().to_owned());
        if self.rooms.forget_if_empty(id) {
            if let (Some(node), Some(key)) = (&mut self.node, key) {
                node.copies.cancel(id);
                // Redis may be about to say that this node owns it.
                node.request(LinkRequest::Release(key.clone()));
                node.request(LinkRequest::Unsubscribe(key));
            }
            self.store.cancel_load(id);
            for deadline in
                [Deadline::Save(id), Deadline::Hosts(id), Deadline::Budget(id), Deadline::ViewerCount(id)]
            {
                self.deadlines.cancel(deadline);
            }
        }
    }
}
