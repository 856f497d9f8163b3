//! Why the server closes a connection: a close code, and a stable reason that programs can compare.

use crate::protocol::encoding::{Encoding, Message};
use crate::protocol::server_event::ServerEvent;
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

/// The code and the reason under which the end of a connection is counted.
pub(crate) type CloseLabel = (u16, &'static str);

/// Every such code and reason. All violations of the WebSocket protocol with the same code have the same reason.
pub(crate) const CLOSE_LABELS: [CloseLabel; 15] = [
    (1001, "stopping"),
    (1002, "protocol"),
    (1003, "protocol"),
    (1006, "silent"),
    (1007, "protocol"),
    (1008, "protocol"),
    (1009, "protocol"),
    (1013, "server_full"),
    (1013, "address_full"),
    (1013, "rooms_full"),
    (1013, "server_busy"),
    (4001, "seat_taken"),
    (4002, "too_slow"),
    (4003, "passphrase_timeout"),
    (4004, "removed"),
];

/// The label of a connection that is cut because nothing comes from the client. The code is that of an end without a
/// close frame (RFC 6455, section 7.4.1).
pub(crate) const SILENT: CloseLabel = (1006, "silent");

impl CloseReason {
    /// The code and the reason to count.
    pub(crate) fn label(&self) -> CloseLabel {
        let reason = if matches!(self, Self::Protocol(..)) { "protocol" } else { self.reason() };
        (self.code().into(), reason)
    }

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

    /// Whether the client is not to come back by itself, because it would be closed again, or would close another
    /// client in turn.
    fn is_final(&self) -> bool {
        match self {
            Self::SeatTaken | Self::Removed | Self::PassphraseTimeout => true,
            Self::Stopping
            | Self::ServerFull
            | Self::AddressFull
            | Self::RoomsFull
            | Self::ServerBusy
            | Self::TooSlow
            | Self::Protocol(..) => false,
        }
    }

    /// The text frames that precede the close frame, if any: a Socket.IO client learns from them what other clients
    /// learn from the close frame.
    pub(crate) fn farewell(&self, encoding: Encoding) -> Option<Bytes> {
        let disconnect = encoding.carrier.disconnect()?;
        let (mut json, mut frames) = (Vec::new(), Vec::new());
        ServerEvent::Closed { code: self.code().into(), reason: self.reason() }.encode(&mut json);
        encoding.frame(Message::Event, &json, &mut frames);
        if self.is_final() {
            frames.extend_from_slice(disconnect);
        }
        Some(frames.into())
    }

    /// The encoded close frame.
    pub(crate) fn frame(&self) -> Bytes {
        let mut bytes = Vec::new();
        let frame = Frame::close(Some(CloseFrame { code: self.code(), reason: self.reason().into() }));
        frame.format(&mut bytes).expect("writing to a Vec does not fail");
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::encoding::Carrier;

    #[test]
    fn a_socket_io_client_is_told_why_and_after_some_reasons_not_to_come_back() {
        let text_frame = |text: &str| [&[0x81, text.len() as u8], text.as_bytes()].concat();
        for (reason, code, name, is_final) in [
            (CloseReason::SeatTaken, 4001, "seat_taken", true),
            (CloseReason::Removed, 4004, "removed", true),
            (CloseReason::PassphraseTimeout, 4003, "passphrase_timeout", true),
            (CloseReason::TooSlow, 4002, "too_slow", false),
            (CloseReason::Stopping, 1001, "stopping", false),
            (CloseReason::ServerFull, 1013, "server_full", false),
            (CloseReason::AddressFull, 1013, "address_full", false),
            (CloseReason::RoomsFull, 1013, "rooms_full", false),
            (CloseReason::ServerBusy, 1013, "server_busy", false),
            (CloseReason::Protocol(CloseCode::Unsupported, "x"), 1003, "x", false),
        ] {
            assert_eq!(
                CLOSE_LABELS.iter().filter(|label| **label == reason.label()).count(),
                1,
                "{reason:?}"
            );
            let closed = text_frame(&format!(r#"42["closed",{{"code":{code},"reason":"{name}"}}]"#));
            let disconnect = if is_final { text_frame("41") } else { vec![] };
            for carrier in [Carrier::SocketIo, Carrier::SocketIoWithNotices] {
                let farewell = reason.farewell(Encoding { carrier, ..Encoding::SOCKET_IO });
                assert_eq!(
                    farewell,
                    Some([closed.clone(), disconnect.clone()].concat().into()),
                    "{reason:?}"
                );
            }
            assert_eq!(reason.farewell(Encoding::PLAIN_WHOLE), None);
        }
    }
}
