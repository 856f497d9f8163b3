//! The host key: which clients may run their rooms.

use crate::base::address::Address;
use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId};
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::attempts::{Attempt, Refusal, Requester};
use crate::hub::deadlines::Deadline;
use crate::hub::secret_check::AttemptResult;
use crate::protocol::error::EventError;
use crate::room::action::Action;
use crossbeam_channel::Sender;

impl<T: Transport> Hub<T> {
    /// A client gives the host key. A token spares it the wait for others' attempts; an invalid one is ignored.
    pub(super) fn check_host_key(
        &mut self,
        client: ClientId,
        key: SecretHash,
        token: Option<Token>,
        ack: Option<AckId>,
        now: Now,
    ) {
        if self.clients.registry.room_of(client).is_none() {
            return self.reject(client, EventError::PassphraseNeeded, ack);
        }
        let address = self.clients.registry.get(client).map(|client| client.address);
        let (Some(check), Some(address)) = (&mut self.host_key, address) else {
            return self.reject(client, EventError::NoHosts, ack);
        };
        if token.is_some_and(|token| check.accepts(&token)) {
            return self.admit_host(client, ack, now);
        }
        check.add(client, now.instant);
        let attempt = Attempt { from: Requester::Client(client, ack), secret: key };
        let result = check.attempt(address, attempt, now.instant);
        self.answer_host_keys(address, result, now);
    }

    /// An HTTP request gives the host key. Without hosts, every key is wrong.
    pub(super) fn check_key_of_request(
        &mut self,
        address: Address,
        key: SecretHash,
        reply_to: Sender<Result<(), Refusal>>,
        now: Now,
    ) {
        let Some(check) = &mut self.host_key else {
            let _ = reply_to.try_send(Err(Refusal::Wrong));
            return;
        };
        let attempt = Attempt { from: Requester::Request { reply_to }, secret: key };
        let result = check.attempt(address, attempt, now.instant);
        self.answer_host_keys(address, result, now);
    }

    /// Checks the host keys from an address that are due.
    pub(super) fn check_host_keys(&mut self, address: Address, now: Now) {
        let Some(check) = &mut self.host_key else { return };
        let results = check.check_next(address, now.instant);
        self.answer_host_keys(address, results, now);
    }

    fn answer_host_keys(
        &mut self,
        address: Address,
        results: impl IntoIterator<Item = AttemptResult>,
        now: Now,
    ) {
        for AttemptResult { to, outcome } in results {
            match (to, outcome) {
                (Requester::Client(client, ack), Ok(())) => self.admit_host(client, ack, now),
                (Requester::Client(client, ack), Err(Refusal::Wrong)) => {
                    self.reject(client, EventError::HostKeyWrong, ack);
                }
                (Requester::Client(client, ack), Err(Refusal::Wait(wait))) => {
                    self.reject(client, EventError::HostKeyWait(wait), ack);
                }
                // A request may have given up waiting, so a failed reply is no error.
                (Requester::Request { reply_to }, outcome) => _ = reply_to.try_send(outcome),
            }
        }
        if let Some(due) = self.host_key.as_ref().and_then(|check| check.due(address)) {
            self.deadlines.set(Deadline::HostKeyAttempt(address), due);
        }
    }

    /// A client has proved the host key.
    fn admit_host(&mut self, client: ClientId, ack: Option<AckId>, now: Now) {
        if let Some(room) = self.clients.registry.room_of(client).and_then(|id| self.rooms.touch(id)) {
            room.set_key_proven(client, now.instant);
            self.act(client, Action::Host, ack, now);
        }
    }
}
