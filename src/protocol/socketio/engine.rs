//! Engine.IO packets, revision 4: a digit for the type, then the data.
//!
//! Over WebSocket, each packet is one text frame, and a binary message is one binary frame. Over long-polling, a body
//! is a payload: packets with a separator between them, in which binary messages are Base64 after a `b`.

use data_encoding::BASE64;
use std::borrow::Cow;

/// Stands between the packets of a payload.
pub(crate) const SEPARATOR: char = '\u{1e}';

/// Precedes a binary message in a payload.
const BINARY: char = 'b';

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnginePacket<'a> {
    /// The handshake, as JSON. From the server, first.
    Open(Cow<'a, str>),
    /// The session ends. From either side.
    Close,
    /// A sign of life is due, from the server; or `probe` on a WebSocket that is to take over, from the client.
    Ping(&'a str),
    /// The answer to a ping, with the same data.
    Pong(&'a str),
    /// A text message.
    Message(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// The client goes on over the WebSocket that it has probed.
    Upgrade,
    /// Nothing. It ends a poll.
    Noop,
}

/// Text that is not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEnginePacket;

impl<'a> EnginePacket<'a> {
    /// Decodes a text frame.
    pub fn decode(text: &'a str) -> Result<Self, InvalidEnginePacket> {
        let mut rest = text.chars();
        let (kind, data) = (rest.next(), rest.as_str());
        match (kind, data) {
            (Some('0'), _) => Ok(Self::Open(data.into())),
            (Some('1'), "") => Ok(Self::Close),
            (Some('2'), _) => Ok(Self::Ping(data)),
            (Some('3'), _) => Ok(Self::Pong(data)),
            (Some('4'), _) => Ok(Self::Message(data.into())),
            (Some('5'), "") => Ok(Self::Upgrade),
            (Some('6'), "") => Ok(Self::Noop),
            _ => Err(InvalidEnginePacket),
        }
    }

    /// Decodes the packets of a payload, each when it is asked for. An empty payload has none.
    pub fn decode_payload(payload: &'a str) -> impl Iterator<Item = Result<Self, InvalidEnginePacket>> {
        let packets = payload.split(SEPARATOR).filter(move |_| !payload.is_empty());
        packets.map(|packet| match packet.strip_prefix(BINARY) {
            Some(base64) => {
                let bytes = BASE64.decode(base64.as_bytes()).map_err(|_| InvalidEnginePacket)?;
                Ok(Self::Binary(bytes.into()))
            }
            None => Self::decode(packet),
        })
    }

    /// Bytes of its data.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Open(data) | Self::Message(data) => data.len(),
            Self::Ping(data) | Self::Pong(data) => data.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Close | Self::Upgrade | Self::Noop => 0,
        }
    }

    /// Appends the packet to a payload.
    pub fn encode(&self, payload: &mut String) {
        if !payload.is_empty() {
            payload.push(SEPARATOR);
        }
        let (kind, data) = match self {
            Self::Open(json) => ('0', &**json),
            Self::Close => ('1', ""),
            Self::Ping(data) => ('2', *data),
            Self::Pong(data) => ('3', *data),
            Self::Message(text) => ('4', &**text),
            Self::Upgrade => ('5', ""),
            Self::Noop => ('6', ""),
            Self::Binary(bytes) => {
                payload.push(BINARY);
                return BASE64.encode_append(bytes, payload);
            }
        };
        payload.push(kind);
        payload.push_str(data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every packet, as it is in a payload.
    fn all() -> Vec<(&'static str, EnginePacket<'static>)> {
        vec![
            (r#"0{"sid":"a"}"#, EnginePacket::Open(r#"{"sid":"a"}"#.into())),
            ("1", EnginePacket::Close),
            ("2", EnginePacket::Ping("")),
            ("2probe", EnginePacket::Ping("probe")),
            ("3", EnginePacket::Pong("")),
            ("3probe", EnginePacket::Pong("probe")),
            ("4", EnginePacket::Message("".into())),
            ("4hello", EnginePacket::Message("hello".into())),
            ("4\u{e9}\u{1F600}", EnginePacket::Message("\u{e9}\u{1F600}".into())),
            ("5", EnginePacket::Upgrade),
            ("6", EnginePacket::Noop),
            ("bAQIDBA==", EnginePacket::Binary([1, 2, 3, 4][..].into())),
            ("b", EnginePacket::Binary([][..].into())),
        ]
    }

    fn decoded(payload: &str) -> Result<Vec<EnginePacket<'_>>, InvalidEnginePacket> {
        EnginePacket::decode_payload(payload).collect()
    }

    #[test]
    fn every_packet_is_encoded_and_decoded() {
        for (text, packet) in all() {
            let mut payload = String::new();
            packet.encode(&mut payload);
            assert_eq!((&payload[..], decoded(text)), (text, Ok(vec![packet])));
        }
    }

    #[test]
    fn a_payload_has_several_packets_with_separators_between_them() {
        let mut payload = String::new();
        let (texts, packets): (Vec<_>, Vec<_>) = all().into_iter().unzip();
        packets.iter().for_each(|packet| packet.encode(&mut payload));
        assert_eq!(payload, texts.join("\u{1e}"));
        assert_eq!(decoded(&payload), Ok(packets));
        assert_eq!(decoded(""), Ok(Vec::new()));
        let [text, more] = ["text", "more"].map(|text| EnginePacket::Message(text.into()));
        assert_eq!(decoded("4text\u{1e}2\u{1e}4more"), Ok(vec![text, EnginePacket::Ping(""), more]));
    }

    #[test]
    fn what_is_no_packet_is_rejected() {
        for text in ["abc", "7", "9", " 4", "\u{e9}", "1x", "5x", "6x"] {
            assert_eq!(EnginePacket::decode(text), Err(InvalidEnginePacket), "{text}");
            assert_eq!(decoded(text), Err(InvalidEnginePacket), "{text}");
        }
        assert_eq!(EnginePacket::decode(""), Err(InvalidEnginePacket));
        assert_eq!(EnginePacket::decode("bAQIDBA=="), Err(InvalidEnginePacket), "only in a payload");
        for payload in ["bAQIDBA", "b\u{e9}", "b!", "4a\u{1e}", "\u{1e}4a", "4a\u{1e}\u{1e}4b"] {
            assert_eq!(decoded(payload), Err(InvalidEnginePacket), "{payload}");
        }
    }
}
