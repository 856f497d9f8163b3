//! The WebSocket handshake: which room and encoding a request asks for, and the response to it.

use crate::base::address::Address;
use crate::http::request::{Head, has_body};
use crate::http::response::Response;
use crate::protocol::encoding::Encoding;
use crate::room::room_name::RoomName;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::{self, create_response, write_response};

/// A valid handshake.
#[derive(Debug)]
pub struct Upgrade {
    /// The bytes of the 101 response, which the hub sends.
    pub response: Vec<u8>,
    /// The room to enter.
    pub room: RoomName,
    /// The encoding of events.
    pub encoding: Encoding,
    /// The address of the client.
    pub address: Address,
}

impl Upgrade {
    /// Checks the handshake of a client at `address`. An error is the response that rejects it.
    pub fn from_head(head: &Head, address: Address) -> Result<Self, Response> {
        let response = accept(head)?;
        let query = head.uri().query().unwrap_or_default();
        let room = RoomName::from_query(query).map_err(|error| Response::text(400, error.to_string()))?;
        Ok(Self { response, room, encoding: encoding(query), address })
    }
}

/// Checks a handshake. Returns the bytes of the 101 response, or the response that rejects it.
pub(crate) fn accept(head: &Head) -> Result<Vec<u8>, Response> {
    let accepted = create_response(head).map_err(|error| handshake_error(&error))?;
    if has_body(head) {
        return Err(Response::text(400, "A WebSocket handshake must not have a body."));
    }
    Ok(encode(&accepted))
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
        true => Encoding::PLAIN_SPLICED,
        false => Encoding::PLAIN_WHOLE,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_are_for_clients_that_ask_for_them() {
        for (query, expected) in [
            ("room=r&splice=1", Encoding::PLAIN_SPLICED),
            ("room=r", Encoding::PLAIN_WHOLE),
            ("splice=0", Encoding::PLAIN_WHOLE),
            ("room=1", Encoding::PLAIN_WHOLE),
        ] {
            assert_eq!(encoding(query), expected, "{query}");
        }
    }
}
