//! Why the server closes a connection: a close code, and a stable reason that programs can compare.

use bytes::Bytes;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The server stops. Pages reconnect by themselves.
    Stopping,
    /// The server has the maximum number of clients.
    ServerFull,
    /// The client's address has the maximum number of clients.
    AddressFull,
    /// The server has the maximum number of rooms.
    RoomsFull,
    /// Too many rooms wait to be loaded, or the store could not read the room.
    ServerBusy,
    /// A later connection has the seat.
    SeatTaken,
    /// The client reads too slowly, see [`outbox`](crate::delivery::outbox).
    TooSlow,
    /// A host removed the user.
    Removed,
    /// The client did not give the passphrase in time.
    PassphraseTimeout,
    /// The client broke the WebSocket protocol, with this code of RFC 6455 (section 7.4.1).
    Protocol(CloseCode, &'static str),
}

impl CloseReason {
    /// The close code. Codes from 4000 on are for applications (RFC 6455, section 7.4.2).
    fn code(&self) -> CloseCode {
        match self {
            Self::Stopping => CloseCode::Away,
            Self::ServerFull | Self::AddressFull | Self::RoomsFull | Self::ServerBusy => CloseCode::Again,
            Self::SeatTaken => CloseCode::from(4001),
            Self::TooSlow => CloseCode::from(4002),
            Self::PassphraseTimeout => CloseCode::from(4003),
            Self::Removed => CloseCode::from(4004),
            Self::Protocol(code, _) => *code,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::ServerFull => "server_full",
            Self::AddressFull => "address_full",
            Self::RoomsFull => "rooms_full",
            Self::ServerBusy => "server_busy",
            Self::SeatTaken => "seat_taken",
            Self::TooSlow => "too_slow",
            Self::PassphraseTimeout => "passphrase_timeout",
            Self::Removed => "removed",
            Self::Protocol(_, reason) => reason,
        }
    }

    /// The encoded close frame.
    pub(crate) fn frame(&self) -> Bytes {
        let mut bytes = Vec::new();
        let frame = Frame::close(Some(CloseFrame { code: self.code(), reason: self.reason().into() }));
        frame.format(&mut bytes).expect("writing to a Vec does not fail");
        bytes.into()
    }
}
