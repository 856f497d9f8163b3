//! Encodings: how events are written for a client. The client chooses one when it connects.
//!
//! Every encoding is of WebSocket text frames. A client that polls gets the content of the frames.

use crate::base::ids::AckId;
use crate::protocol::server_event::ServerEvent;
use crate::room::boxes::TextUpdate;
use std::io::Write;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// What precedes the JSON of a message.
    pub carrier: Carrier,
    /// The form of texts.
    pub texts: TextForm,
}

/// What precedes the JSON of a message, and which events there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing.
    Plain,
    /// The types of Engine.IO and Socket.IO packets.
    SocketIo,
    /// The same, with [notices](ServerEvent::Notice).
    SocketIoWithNotices,
}

/// The form of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// The whole text each time.
    Whole,
    /// The difference from the text that was sent before, which the client must have.
    Spliced,
    /// Only whether there is a text.
    Hidden,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// An event: `["event", data]`.
    Event,
    /// The arguments of an acknowledgement, which only Socket.IO has.
    Ack(AckId),
}

/// The place of a frame in its message (RFC 6455, section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The message begins with this frame.
    pub is_first: bool,
    /// The message ends with this frame.
    pub is_last: bool,
}

impl Fragment {
    /// The only frame of its message.
    const WHOLE: Self = Self { is_first: true, is_last: true };
}

impl Carrier {
    /// The number of carriers.
    const COUNT: usize = 3;

    /// Whether its clients get notices.
    pub fn has_notices(self) -> bool {
        self == Self::SocketIoWithNotices
    }

    /// The frame that a client answers, to show that its connection works: a WebSocket ping, or a message with the ping
    /// packet of Engine.IO.
    pub fn ping(self) -> &'static [u8] {
        match self {
            Self::Plain => b"\x89\x00",
            Self::SocketIo | Self::SocketIoWithNotices => b"\x81\x012",
        }
    }

    /// The message after which a client does not reconnect by itself: the DISCONNECT packet of Socket.IO. `None` on the
    /// plain wire, where close codes say that.
    pub fn disconnect(self) -> Option<&'static [u8]> {
        match self {
            Self::Plain => None,
            Self::SocketIo | Self::SocketIoWithNotices => Some(b"\x81\x0241"),
        }
    }

    /// What precedes the JSON.
    fn prefix(self, message: Message) -> Prefix {
        let mut prefix = Prefix::default();
        let written = match (self, message) {
            (Self::Plain, _) => Ok(()),
            (Self::SocketIo | Self::SocketIoWithNotices, Message::Event) => prefix.write_all(b"42"),
            (Self::SocketIo | Self::SocketIoWithNotices, Message::Ack(AckId(n))) => write!(prefix, "43{n}"),
        };
        written.expect("the longest number fits");
        prefix
    }
}

/// What precedes the JSON of a message.
#[derive(Default)]
struct Prefix {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Prefix {
    /// Two digits for types, and the largest number.
    const MAX: usize = 2 + 20;

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Write for Prefix {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = (&mut self.bytes[self.len..]).write(bytes)?;
        self.len += written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl TextForm {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Whole, Self::Spliced, Self::Hidden];

    /// The event for a changed text. `None` if the text is the same as before in this form.
    pub fn event<'a>(self, update: &TextUpdate<'a>) -> Option<ServerEvent<'a>> {
        match self {
            Self::Whole => Some(ServerEvent::whole_text(update)),
            Self::Spliced if update.before == update.after => None,
            Self::Spliced => Some(ServerEvent::spliced_text(update)),
            Self::Hidden => ServerEvent::wrote(update),
        }
    }
}

impl Encoding {
    /// The plain wire with each text whole.
    pub const PLAIN_WHOLE: Self = Self { carrier: Carrier::Plain, texts: TextForm::Whole };

    /// The plain wire with each text as a splice of the one before.
    pub const PLAIN_SPLICED: Self = Self { carrier: Carrier::Plain, texts: TextForm::Spliced };

    /// That of a Socket.IO client that has just entered.
    pub const SOCKET_IO: Self = Self { carrier: Carrier::SocketIoWithNotices, texts: TextForm::Whole };

    /// The number of encodings.
    pub const COUNT: usize = Carrier::COUNT * TextForm::ALL.len();

    /// The index of this encoding in an array with one element per encoding.
    pub fn index(self) -> usize {
        self.carrier as usize * TextForm::ALL.len() + self.texts as usize
    }

    /// The encoding with the same carrier and whole texts, for a client that may not have the previous texts.
    pub fn whole(self) -> Self {
        Self { texts: TextForm::Whole, ..self }
    }

    /// The encoding with the same carrier and without texts, for a client that may not see them.
    pub fn hidden(self) -> Self {
        Self { texts: TextForm::Hidden, ..self }
    }

    /// The same encoding without notices, for a client that knows the events that they repeat.
    pub fn without_notices(self) -> Self {
        match self.carrier {
            Carrier::SocketIoWithNotices => Self { carrier: Carrier::SocketIo, ..self },
            Carrier::Plain | Carrier::SocketIo => self,
        }
    }

    /// Appends a message to `frames`, as a frame.
    pub fn frame(self, message: Message, json: &[u8], frames: &mut Vec<u8>) {
        self.begin_frame(message, Fragment::WHOLE, json.len(), frames);
        frames.extend_from_slice(json);
    }

    /// Appends what precedes `json_len` bytes of JSON in a frame.
    pub fn begin_frame(self, message: Message, fragment: Fragment, json_len: usize, frames: &mut Vec<u8>) {
        let (opcode, prefix) = match fragment.is_first {
            true => (Data::Text, self.carrier.prefix(message)),
            false => (Data::Continue, Prefix::default()),
        };
        let header = FrameHeader {
            is_final: fragment.is_last,
            opcode: OpCode::Data(opcode),
            ..FrameHeader::default()
        };
        let len = prefix.len + json_len;
        header.format(len as u64, frames).expect("writing to a Vec does not fail");
        frames.extend_from_slice(prefix.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(carrier: Carrier, message: Message) -> Vec<u8> {
        let mut frames = Vec::new();
        Encoding { carrier, texts: TextForm::Whole }.frame(message, b"[1]", &mut frames);
        frames
    }

    #[test]
    fn a_message_is_framed_for_its_carrier() {
        assert_eq!(framed(Carrier::Plain, Message::Event), b"\x81\x03[1]");
        assert_eq!(framed(Carrier::SocketIo, Message::Event), b"\x81\x0542[1]");
        assert_eq!(framed(Carrier::SocketIoWithNotices, Message::Event), b"\x81\x0542[1]");
        assert_eq!(framed(Carrier::SocketIo, Message::Ack(AckId(7))), b"\x81\x06437[1]");
        let longest = framed(Carrier::SocketIo, Message::Ack(AckId(u64::MAX)));
        assert_eq!(longest, b"\x81\x194318446744073709551615[1]");
    }

    #[test]
    fn pings_and_disconnects_are_packets_of_socket_io_and_whole_frames() {
        assert_eq!((Carrier::Plain.ping(), Carrier::Plain.disconnect()), (&b"\x89\x00"[..], None));
        for carrier in [Carrier::SocketIo, Carrier::SocketIoWithNotices] {
            assert_eq!(carrier.ping(), b"\x81\x012");
            assert_eq!(carrier.disconnect(), Some(&b"\x81\x0241"[..]));
        }
    }

    #[test]
    fn only_the_first_fragment_of_a_message_has_what_precedes_it() {
        let encoding = Encoding { carrier: Carrier::SocketIo, texts: TextForm::Whole };
        let mut frames = Vec::new();
        for (is_first, is_last) in [(true, false), (false, false), (false, true)] {
            encoding.begin_frame(Message::Event, Fragment { is_first, is_last }, 1, &mut frames);
            frames.push(b'x');
        }
        assert_eq!(frames, b"\x01\x0342x\x00\x01x\x80\x01x");
    }

    #[test]
    fn every_encoding_has_an_index_of_its_own() {
        let carriers = [Carrier::Plain, Carrier::SocketIo, Carrier::SocketIoWithNotices];
        let all =
            carriers.into_iter().flat_map(|carrier| TextForm::ALL.map(|texts| Encoding { carrier, texts }));
        assert!(all.map(Encoding::index).eq(0..Encoding::COUNT));
    }
}
