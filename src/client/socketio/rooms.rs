//! Rooms, as the application of Socket.IO: a client enters one with its CONNECT packet.

use crate::base::address::Address;
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::client::socketio::application::{Application, InvalidMessage, Join, Message, Reaction};
use crate::client::socketio::events::invalid_namespace;
use crate::client::socketio::output::Output;
use crate::client::socketio::session_id::SessionId;
use crate::client::validate;
use crate::hub::attempts::Refusal;
use crate::hub::event::FromClient;
use crate::hub::shards::{Refused, Shards};
use crate::protocol::error::EventError;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::packet::{Content, MAIN_NAMESPACE, SocketPacket};
use crate::room::room_name::{RoomName, RoomNameTooLong};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;

/// How long a client waits until its passphrase is checked. Nothing is sent to it meanwhile, and one that gets no ping
/// for longer takes the connection for dead.
const CHECK_TIMEOUT: Duration = Duration::from_secs(6);

/// Packets that a client may send before it has entered a room: enough to mistype a passphrase.
const MAX_PACKETS: usize = 16;

/// The rooms, for a client that has entered none.
#[derive(Debug)]
pub(crate) struct Rooms {
    shards: Shards,
    address: Address,
    /// The room in the query of the client's first request.
    room: Result<RoomName, RoomNameTooLong>,
    needs_passphrase: bool,
    /// Characters of the longest name.
    max_name: usize,
    /// Packets that the client may still send.
    packets_left: usize,
}

/// What a client says when it enters.
#[derive(Debug, Default, Deserialize)]
struct Auth<'a> {
    #[serde(borrow, default)]
    room: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    passphrase: Option<Cow<'a, str>>,
    /// The token from an earlier `unlocked`.
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
    /// The host key.
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    /// The name with which it takes a seat at once. What it has kept while it was away follows without a pause.
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    /// The session of that seat.
    #[serde(borrow, default)]
    session: Option<Cow<'a, str>>,
}

/// Why a client may not enter.
#[derive(Debug, Serialize)]
struct ConnectError {
    message: String,
    data: ErrorData,
}

#[derive(Debug, Serialize)]
struct ErrorData {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<u64>,
}

impl From<EventError> for ConnectError {
    fn from(error: EventError) -> Self {
        Self { message: error.to_string(), data: ErrorData { code: error.code(), wait: error.wait() } }
    }
}

impl ConnectError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), data: ErrorData { code, wait: None } }
    }
}

impl Rooms {
    /// For a client at `address` whose first request names `room`.
    pub(crate) fn new(
        shards: Shards,
        address: Address,
        room: Result<RoomName, RoomNameTooLong>,
        needs_passphrase: bool,
        max_name: usize,
    ) -> Self {
        Self { shards, address, room, needs_passphrase, max_name, packets_left: MAX_PACKETS }
    }

    /// Finds the room that a client enters, and checks its passphrase.
    fn enter(&self, auth: Option<&str>) -> Result<Join, ConnectError> {
        let auth: Auth<'_> = serde_json::from_str(auth.unwrap_or("{}")).map_err(|_| {
            ConnectError::new("wrong_type", "room, passphrase, token, key, name and session are strings.")
        })?;
        let room = auth.room.as_deref().map_or_else(|| self.room.clone(), RoomName::parse);
        let room = room.map_err(|error| ConnectError::new("room_name", error.to_string()))?;
        let session = auth.session.as_deref();
        let seat = auth.name.map(|name| validate::join(&name, session, self.max_name)).transpose()?;
        let token = auth.token.as_deref().and_then(Token::parse);
        if self.needs_passphrase {
            self.check_passphrase(auth.passphrase.as_deref(), token)?;
        }
        let host = auth.key.map(|key| FromClient::Host { key: SecretHash::new(&key), token: None });
        let (hub, is_admitted) = (self.shards.of_room(&room).clone(), self.needs_passphrase);
        Ok(Join { hub, room, is_admitted, host, seat: seat.map(FromClient::Acted) })
    }

    fn check_passphrase(&self, passphrase: Option<&str>, token: Option<Token>) -> Result<(), ConnectError> {
        // The sentence of the event error names `unlock`, which no client sends here.
        let needed = || {
            let message = "Enter the passphrase: connect with auth: {passphrase}.";
            ConnectError::new(EventError::PassphraseNeeded.code(), message)
        };
        if passphrase.is_none() && token.is_none() {
            return Err(needed());
        }
        let is_given = passphrase.is_some();
        let passphrase = SecretHash::new(passphrase.unwrap_or_default());
        let checked = self.shards.check_passphrase(self.address, passphrase, token, CHECK_TIMEOUT);
        checked.map_err(|refused| match refused {
            Refused::ByHub(Refusal::Wrong) if !is_given => needed(), // the token is not valid
            Refused::ByHub(Refusal::Wrong) => EventError::PassphraseWrong.into(),
            Refused::ByHub(Refusal::Wait(seconds)) => EventError::PassphraseWait(seconds).into(),
            Refused::Busy => {
                ConnectError::new("server_busy", "The server is too busy; please try again later.")
            }
        })
    }
}

impl Application for Rooms {
    fn receive(&mut self, message: Message<'_>, output: &mut Output) -> Result<Reaction, InvalidMessage> {
        let Message::Text(text) = message else { return Err(InvalidMessage) };
        self.packets_left = self.packets_left.checked_sub(1).ok_or(InvalidMessage)?;
        let SocketPacket { namespace, content } = SocketPacket::decode(text).map_err(|_| InvalidMessage)?;
        let Content::Connect(auth) = content else { return Err(InvalidMessage) };
        if namespace != MAIN_NAMESPACE {
            output.send(invalid_namespace(namespace));
            return Ok(Reaction::Stay);
        }
        let entered = self.enter(auth);
        let json = match &entered {
            Ok(_) => format!(r#"{{"sid":"{}"}}"#, SessionId::random()),
            Err(error) => serde_json::to_string(error).map_err(|_| InvalidMessage)?,
        };
        let (content, reaction) = match entered {
            Ok(join) => (Content::Connect(Some(&json)), Reaction::Join(Box::new(join))),
            Err(_) => (Content::ConnectError(&json), Reaction::Stay),
        };
        let mut packet = String::new();
        SocketPacket { namespace, content }.encode(&mut packet);
        output.send(EnginePacket::Message(packet.into()));
        Ok(reaction)
    }

    fn is_connected(&self) -> bool {
        false // a client that has entered a room belongs to its hub
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::socketio::mailbox::Mailbox;
    use crate::hub::shards::Shard;
    use crossbeam_channel::bounded;
    use std::net::Ipv4Addr;

    /// The rooms of a server, for a client whose request names `room`, and an output that nobody polls.
    fn rooms(room: &str, needs_passphrase: bool) -> (Rooms, Output) {
        let shards = Shards::new(vec![bounded(1).0], &Shard::single(), 0);
        let (address, room) = (Address::of(Ipv4Addr::LOCALHOST.into()), RoomName::parse(room));
        let output = Output::new(Mailbox::new(bounded(1).1).transport(None));
        (Rooms::new(shards, address, room, needs_passphrase, 40), output)
    }

    /// What is answered to a packet, and the room that the client joins.
    fn answer(packet: &str, needs_passphrase: bool) -> (String, Option<String>) {
        answer_in("asked for", packet, needs_passphrase)
    }

    fn answer_in(room: &str, packet: &str, needs_passphrase: bool) -> (String, Option<String>) {
        let (mut rooms, mut output) = rooms(room, needs_passphrase);
        let reaction = rooms.receive(Message::Text(packet), &mut output).expect("an answer");
        let room = match reaction {
            Reaction::Join(join) => Some(join.room.as_str().to_owned()),
            Reaction::Stay => None,
        };
        let frame = output.into_parts().1;
        (String::from_utf8_lossy(&frame[2..]).into_owned(), room)
    }

    #[test]
    fn a_client_enters_the_room_of_its_auth_or_of_its_request() {
        assert_eq!(answer("0", false).1.as_deref(), Some("asked for"));
        assert_eq!(answer(r#"0{"room":"physics","more":[1]}"#, false).1.as_deref(), Some("physics"));
        assert!(answer("0", false).0.starts_with("40{\"sid\":\""));
    }

    #[test]
    fn a_client_that_may_not_enter_is_told_why() {
        for (packet, needs_passphrase, code) in [
            (r#"0{"room":7}"#, false, "wrong_type"),
            (r#"0{"name":7}"#, false, "wrong_type"),
            (r#"0{"name":"Ada","session":[]}"#, false, "wrong_type"),
            (r#"0{"name":" "}"#, false, "name_empty"),
            (&format!(r#"0{{"name":"{}"}}"#, "x".repeat(41)), false, "name_too_long"),
            (r#"0{"name":"Ada"}"#, true, "passphrase_needed"),
            (r#"0{"room":"#, false, "wrong_type"),
            (&format!(r#"0{{"room":"{}"}}"#, "x".repeat(1000)), false, "room_name"),
            ("0", true, "passphrase_needed"),
            (r#"0{"passphrase":"x"}"#, true, "server_busy"),
        ] {
            let (answer, room) = answer(packet, needs_passphrase);
            assert!(room.is_none() && answer.contains(&format!(r#""code":"{code}""#)), "{packet}: {answer}");
        }
        assert_eq!(answer("0/other,", false).0, r#"44/other,{"message":"Invalid namespace"}"#);
    }

    #[test]
    fn a_room_of_the_query_with_a_long_name_is_told_like_one_of_the_auth() {
        let long = "x".repeat(1000);
        let (answer, room) = answer_in(&long, "0", false);
        assert!(room.is_none() && answer.contains(r#""code":"room_name""#), "{answer}");
        assert_eq!(answer_in(&long, r#"0{"room":"physics"}"#, false).1.as_deref(), Some("physics"));
    }

    #[test]
    fn a_client_that_does_not_enter_soon_is_disconnected() {
        let (mut rooms, mut output) = rooms("r", true);
        for _ in 0..MAX_PACKETS {
            assert!(rooms.receive(Message::Text("0"), &mut output).is_ok());
        }
        assert!(rooms.receive(Message::Text("0"), &mut output).is_err());
        for packet in [Message::Text("2[\"ping\"]"), Message::Text("x"), Message::Binary(b"x")] {
            let (mut rooms, mut output) = super::tests::rooms("r", false);
            assert!(rooms.receive(packet, &mut output).is_err(), "{packet:?}");
        }
    }
}
