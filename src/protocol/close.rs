//! Why the server closes a connection: a close code, and a stable reason for programs.

use bytes::Bytes;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::CloseCode;

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The server stops. Pages come back by themselves.
    Stopping,
    /// There are as many clients as there may be.
    ServerFull,
    /// There are as many clients from this address as there may be.
    AddressFull,
    /// There are as many rooms as there may be.
    RoomsFull,
    /// The store does not keep up with opening rooms.
    ServerBusy,
    /// A later connection has the seat.
    SeatTaken,
    /// The client takes too little of what it is sent, see [`outbox`](crate::delivery::outbox).
    TooSlow,
    /// The passphrase was not given in time.
    PassphraseTimeout,
    /// The client broke the WebSocket protocol, with this code of RFC 6455 (section 7.4.1).
    Protocol(CloseCode, &'static str),
}

impl CloseReason {
    /// The code. Those from 4000 on are our own.
    fn code(&self) -> CloseCode {
        match self {
            Self::Stopping => CloseCode::Away,
            Self::ServerFull | Self::AddressFull | Self::RoomsFull | Self::ServerBusy => CloseCode::Again,
            Self::SeatTaken => CloseCode::from(4001),
            Self::TooSlow => CloseCode::from(4002),
            Self::PassphraseTimeout => CloseCode::from(4003),
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
            Self::Protocol(_, reason) => reason,
        }
    }

    /// The close frame.
    pub(crate) fn frame(&self) -> Bytes {
        let mut bytes = Vec::new();
        let frame = Frame::close(Some(CloseFrame { code: self.code(), reason: self.reason().into() }));
        frame.format(&mut bytes).expect("a Vec takes every write");
        bytes.into()
    }
}
