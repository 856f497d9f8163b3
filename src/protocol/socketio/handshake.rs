//! What Engine.IO says outside its packets: the handshake, and why a request is refused.

use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// The content of the first packet. Clients check that these fields are there, and some that there are no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake<'a> {
    /// The id of the session.
    pub sid: &'a str,
    /// The transports that the client may change to.
    pub upgrades: &'static [&'static str],
    /// The time between two pings, in milliseconds on the wire.
    #[serde(serialize_with = "as_millis")]
    pub ping_interval: Duration,
    /// How long a pong may take, in milliseconds on the wire.
    #[serde(serialize_with = "as_millis")]
    pub ping_timeout: Duration,
    /// Bytes of the longest payload that the client may send.
    pub max_payload: usize,
}

fn as_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Why a request is refused. The numbers are those of the package engine.io (`lib/server.ts`, `Server.errors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// The transport is neither `polling` nor `websocket`.
    UnknownTransport,
    /// There is no such session, or no longer.
    UnknownSession,
    /// A session begins with GET.
    BadMethod,
    /// Anything else that is wrong.
    BadRequest,
    /// The page, or the address, may not use the server.
    Forbidden,
    /// Another revision of the protocol.
    UnsupportedVersion,
}

impl RequestError {
    /// The number on the wire.
    fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedVersion => 5,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedVersion => "Unsupported protocol version",
        })
    }
}

impl Serialize for RequestError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire {
            code: u8,
            message: String,
        }
        Wire { code: self.code(), message: self.to_string() }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_has_exactly_these_keys() {
        let handshake = Handshake {
            sid: "lv_VI97HAXpY6yYWAAAC",
            upgrades: &["websocket"],
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_millis(10_500),
            max_payload: 1_000_000,
        };
        assert_eq!(
            serde_json::to_string(&handshake).unwrap(),
            concat!(
                r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":5000,"#,
                r#""pingTimeout":10500,"maxPayload":1000000}"#
            )
        );
    }

    #[test]
    fn errors_have_the_numbers_of_engine_io() {
        for (error, json) in [
            (RequestError::UnknownTransport, r#"{"code":0,"message":"Transport unknown"}"#),
            (RequestError::UnknownSession, r#"{"code":1,"message":"Session ID unknown"}"#),
            (RequestError::BadMethod, r#"{"code":2,"message":"Bad handshake method"}"#),
            (RequestError::BadRequest, r#"{"code":3,"message":"Bad request"}"#),
            (RequestError::Forbidden, r#"{"code":4,"message":"Forbidden"}"#),
            (RequestError::UnsupportedVersion, r#"{"code":5,"message":"Unsupported protocol version"}"#),
        ] {
            assert_eq!(serde_json::to_string(&error).unwrap(), json);
        }
    }
}
