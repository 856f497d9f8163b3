//! Socket.IO packets, revision 5: a digit for the type, then what of this applies, in this order: the number of
//! attachments and `-`, the namespace and `,`, the number of the acknowledgement, JSON.

use std::fmt::Write;

/// The namespace that is not written out.
pub const MAIN_NAMESPACE: &str = "/";

/// Bytes of the longest namespace. The refusal of one repeats it, and may wait for a poll that never comes.
const MAX_NAMESPACE: usize = 256;

/// A packet. Whether its JSON is valid is left to whoever reads the JSON; here it only has the right first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketPacket<'a> {
    /// The namespace, which begins with a slash.
    pub namespace: &'a str,
    /// What it says.
    pub content: Content<'a>,
}

/// What a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content<'a> {
    /// A client enters the namespace, or the server lets it in. The JSON is an object.
    Connect(Option<&'a str>),
    /// One side leaves the namespace.
    Disconnect,
    /// An event: its name and arguments, as an array.
    Event {
        /// The acknowledgement that is asked for.
        ack: Option<u64>,
        /// The array.
        json: &'a str,
    },
    /// An acknowledgement: its arguments, as an array.
    Ack {
        /// The number that the event had.
        ack: u64,
        /// The array.
        json: &'a str,
    },
    /// The client may not enter the namespace. The JSON is an object.
    ConnectError(&'a str),
    /// An event with binary attachments, which follow as messages of their own.
    BinaryEvent {
        /// How many follow.
        attachments: usize,
        /// The acknowledgement that is asked for.
        ack: Option<u64>,
        /// The array, in which placeholders stand for the attachments.
        json: &'a str,
    },
    /// An acknowledgement with binary attachments.
    BinaryAck {
        /// How many follow.
        attachments: usize,
        /// The number that the event had.
        ack: u64,
        /// The array, in which placeholders stand for the attachments.
        json: &'a str,
    },
}

/// Text that is not a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidSocketPacket;

impl<'a> SocketPacket<'a> {
    /// Decodes a text message of Engine.IO.
    pub fn decode(text: &'a str) -> Result<Self, InvalidSocketPacket> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(InvalidSocketPacket)?;
        let rest = rest.as_str();
        let (attachments, rest) = match kind {
            '5' | '6' => take_attachments(rest)?,
            _ => (0, rest),
        };
        let (namespace, rest) = take_namespace(rest);
        if namespace.len() > MAX_NAMESPACE {
            return Err(InvalidSocketPacket);
        }
        let (ack, rest) = take_number(rest);
        let content = match (kind, ack) {
            ('0', None) if rest.is_empty() => Content::Connect(None),
            ('0', None) => Content::Connect(Some(starts_with(rest, '{')?)),
            ('1', None) if rest.is_empty() => Content::Disconnect,
            ('2', ack) => Content::Event { ack, json: starts_with(rest, '[')? },
            ('3', Some(ack)) => Content::Ack { ack, json: starts_with(rest, '[')? },
            ('4', None) => Content::ConnectError(starts_with(rest, '{')?),
            ('5', ack) => Content::BinaryEvent { attachments, ack, json: starts_with(rest, '[')? },
            ('6', Some(ack)) => Content::BinaryAck { attachments, ack, json: starts_with(rest, '[')? },
            _ => return Err(InvalidSocketPacket),
        };
        Ok(Self { namespace, content })
    }

    /// Appends the packet to `text`.
    pub fn encode(&self, text: &mut String) {
        let (kind, attachments, ack, json) = match self.content {
            Content::Connect(json) => ('0', None, None, json.unwrap_or_default()),
            Content::Disconnect => ('1', None, None, ""),
            Content::Event { ack, json } => ('2', None, ack, json),
            Content::Ack { ack, json } => ('3', None, Some(ack), json),
            Content::ConnectError(json) => ('4', None, None, json),
            Content::BinaryEvent { attachments, ack, json } => ('5', Some(attachments), ack, json),
            Content::BinaryAck { attachments, ack, json } => ('6', Some(attachments), Some(ack), json),
        };
        text.push(kind);
        let mut push = |part: std::fmt::Arguments<'_>| {
            text.write_fmt(part).expect("writing to a String does not fail");
        };
        if let Some(attachments) = attachments {
            push(format_args!("{attachments}-"));
        }
        if self.namespace != MAIN_NAMESPACE {
            push(format_args!("{},", self.namespace));
        }
        if let Some(ack) = ack {
            push(format_args!("{ack}"));
        }
        text.push_str(json);
    }
}

/// The number before the first `-`.
fn take_attachments(text: &str) -> Result<(usize, &str), InvalidSocketPacket> {
    let (number, rest) = take_number(text);
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.zip(rest.strip_prefix('-')).ok_or(InvalidSocketPacket)
}

/// The namespace up to the first comma, without its query. Without a comma, the namespace is all that follows.
fn take_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return (MAIN_NAMESPACE, text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let path = namespace.split_once('?').map_or(namespace, |(path, _)| path);
    (path, rest)
}

/// The number at the beginning, if there is one and it is not too large.
fn take_number(text: &str) -> (Option<u64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    digits.parse().map_or((None, text), |number| (Some(number), rest))
}

fn starts_with(json: &str, first: char) -> Result<&str, InvalidSocketPacket> {
    if json.starts_with(first) { Ok(json) } else { Err(InvalidSocketPacket) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet<'a>(namespace: &'a str, content: Content<'a>) -> SocketPacket<'a> {
        SocketPacket { namespace, content }
    }

    #[test]
    fn every_packet_is_encoded_and_decoded() {
        let (event, ack) = (r#"["message",1]"#, Some(456));
        for (text, content) in [
            ("0", Content::Connect(None)),
            (r#"0{"room":"physics"}"#, Content::Connect(Some(r#"{"room":"physics"}"#))),
            ("1", Content::Disconnect),
            (r#"2["message",1]"#, Content::Event { ack: None, json: event }),
            (r#"2456["message",1]"#, Content::Event { ack, json: event }),
            ("3456[]", Content::Ack { ack: 456, json: "[]" }),
            (r#"4{"message":"no"}"#, Content::ConnectError(r#"{"message":"no"}"#)),
            (r#"52-["message",1]"#, Content::BinaryEvent { attachments: 2, ack: None, json: event }),
            (r#"52-456["message",1]"#, Content::BinaryEvent { attachments: 2, ack, json: event }),
            ("61-456[]", Content::BinaryAck { attachments: 1, ack: 456, json: "[]" }),
        ] {
            let packet = packet("/", content);
            let mut encoded = String::new();
            packet.encode(&mut encoded);
            assert_eq!((&encoded[..], SocketPacket::decode(text)), (text, Ok(packet)));
        }
    }

    #[test]
    fn a_packet_may_name_its_namespace() {
        let event = Content::Event { ack: Some(7), json: "[1]" };
        let attached = Content::BinaryEvent { attachments: 1, ack: Some(7), json: "[1]" };
        for (text, content) in [
            ("0/custom,", Content::Connect(None)),
            (r#"0/custom,{"a":","}"#, Content::Connect(Some(r#"{"a":","}"#))),
            ("1/custom,", Content::Disconnect),
            ("2/custom,[1]", Content::Event { ack: None, json: "[1]" }),
            ("2/custom,7[1]", event),
            ("3/custom,7[]", Content::Ack { ack: 7, json: "[]" }),
            (r#"4/custom,{"message":"no"}"#, Content::ConnectError(r#"{"message":"no"}"#)),
            ("51-/custom,7[1]", attached),
            ("52-/custom,[1]", Content::BinaryEvent { attachments: 2, ack: None, json: "[1]" }),
            ("61-/custom,7[1]", Content::BinaryAck { attachments: 1, ack: 7, json: "[1]" }),
        ] {
            let packet = packet("/custom", content);
            let mut encoded = String::new();
            packet.encode(&mut encoded);
            assert_eq!((&encoded[..], SocketPacket::decode(text)), (text, Ok(packet)));
        }
        let connect = Ok(packet("/custom", Content::Connect(None)));
        for text in ["0/custom", "0/custom?key=value,", "0/custom?key=value"] {
            assert_eq!(SocketPacket::decode(text), connect, "{text}");
        }
        assert_eq!(SocketPacket::decode("0/,"), Ok(packet("/", Content::Connect(None))));
    }

    #[test]
    fn a_namespace_has_a_largest_length() {
        let connect = |length: usize| format!("0/{},", "x".repeat(length - 1));
        assert!(SocketPacket::decode(&connect(MAX_NAMESPACE)).is_ok());
        assert_eq!(SocketPacket::decode(&connect(MAX_NAMESPACE + 1)), Err(InvalidSocketPacket));
    }

    #[test]
    fn what_is_no_packet_is_rejected() {
        for text in [
            "",
            "abc",
            "7",
            "\u{e9}",
            "0[]",
            "01",
            "1{}",
            "11",
            "2",
            "2{}",
            "2abc[]",
            "2\u{e9}",
            "2-1[]",
            "3[]",
            "3",
            "4",
            "4[]",
            "5[]",
            "5-[]",
            "5x-[]",
            "51[]",
            "61-[]",
            "51-{}",
            "2/custom",
            "2/a,b,[1]",
            "2[",
            "299999999999999999999[]",
        ] {
            let is_array = text == "2["; // whether it is valid is another's to say
            assert_eq!(SocketPacket::decode(text).is_ok(), is_array, "{text}");
        }
    }
}
