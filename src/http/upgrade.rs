//! The WebSocket handshake: turns a connection into a client of a room.

use crate::base::address::Address;
use crate::client::spawn::{PendingUpgrade, spawn};
use crate::http::connection::{Connection, close_with, has_body};
use crate::http::request::Head;
use crate::http::response::Response;
use crate::protocol::encoding::Encoding;
use crate::room::names::RoomName;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::{self, create_response, write_response};

/// A valid handshake.
pub(super) struct Upgrade {
    /// The bytes of the 101 response, which the hub sends.
    response: Vec<u8>,
    room: RoomName,
    encoding: Encoding,
    address: Address,
}

impl Upgrade {
    /// Checks the handshake of a client at `address`. An error is the response that rejects it.
    pub(super) fn from_head(head: &Head, address: Address) -> Result<Self, Response> {
        let accepted = create_response(head).map_err(|error| handshake_error(&error))?;
        if has_body(head) {
            return Err(Response::text(400, "A WebSocket handshake must not have a body."));
        }
        let query = head.uri().query().unwrap_or_default();
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        Ok(Self { response: encode(&accepted), room, encoding: encoding(query), address })
    }
}

impl Connection {
    /// Turns the connection into a WebSocket. From here on only the hub writes to it.
    pub(super) fn upgrade(self, upgrade: Upgrade, already_read: Vec<u8>) {
        let Upgrade { response: handshake, room, encoding, address } = upgrade;
        let Self { transport, client, limits, shards, permit, .. } = self;
        let pending = PendingUpgrade {
            hub: shards.of_room(&room).clone(),
            transport: transport.clone(),
            client,
            address,
            room,
            encoding,
            handshake,
            already_read,
            limits,
            permit,
        };
        if let Err(error) = spawn(pending) {
            log::warn!("client {} is refused because no thread can be started: {error}", client.0);
            close_with(&transport, Response::too_many_connections());
        }
    }
}

fn encode(response: &server::Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).expect("writing to a Vec does not fail");
    bytes
}

/// The encoding that a client asks for: texts as splices with `splice=1`, whole texts otherwise.
fn encoding(query: &str) -> Encoding {
    let mut fields = form_urlencoded::parse(query.as_bytes());
    match fields.any(|(field, value)| field == "splice" && value == "1") {
        true => Encoding::PlainSpliced,
        false => Encoding::PlainWhole,
    }
}

fn handshake_error(error: &Error) -> Response {
    let upgrade_required = |text| {
        Response::text(426, text).with_header("Connection", "Upgrade").with_header("Upgrade", "websocket")
    };
    match error {
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => upgrade_required("Only WebSocket connections are accepted here; the wall is at /."),
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            upgrade_required("Only WebSocket version 13 is supported.")
                .with_header("Sec-WebSocket-Version", "13")
        }
        error => Response::text(400, format!("Invalid WebSocket handshake: {error}.")),
    }
}
