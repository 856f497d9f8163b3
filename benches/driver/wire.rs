//! What the bench's clients send, and how the messages of the server are to be read: the handshake, and the frames of
//! events, as both carriers have them.

use crate::driver::frame;
use crate::driver::text::Edit;
use clap::ValueEnum;
use memchr::memmem;
use serde::{Deserialize, Serialize};

/// The response to [`frame::KEY`], the key of every handshake here.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The key of the server's hosts.
pub(crate) const HOST_KEY: &str = "crowd";

/// How events travel over the WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Carrier {
    /// As JSON arrays, `["event",data]`, as pages send and get them.
    Plain,
    /// As Socket.IO's packets, `42["event",data]`, with Engine.IO's packets between them.
    #[value(name = "socketio")]
    SocketIo,
}

/// A text message of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// An event, as JSON.
    Event(&'a [u8]),
    /// The first message of Engine.IO.
    Open,
    /// The answer to [`Carrier::connect`]: the client may send events.
    Connected,
    /// A ping of Engine.IO, to be answered by [`Carrier::pong`].
    Ping,
}

impl Carrier {
    /// The name in reports, which is the option's value.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::SocketIo => "socketio",
        }
    }

    /// The request of a handshake for a room.
    pub(crate) fn handshake(self, room: usize, splice: bool) -> Vec<u8> {
        let splice = if splice { "&splice=1" } else { "" };
        match self {
            Self::Plain => frame::handshake(&format!("/ws?room=crowd{room}{splice}")),
            Self::SocketIo => {
                frame::handshake(&format!("/socket.io/?EIO=4&transport=websocket&room=crowd{room}"))
            }
        }
    }

    /// Reads a text message of the server.
    pub(crate) fn read(self, message: &[u8]) -> Result<Message<'_>, String> {
        match (self, message) {
            (Self::Plain, json) => Ok(Message::Event(json)),
            (Self::SocketIo, [b'4', b'2', json @ ..]) => Ok(Message::Event(json)),
            (Self::SocketIo, [b'0', ..]) => Ok(Message::Open),
            (Self::SocketIo, [b'4', b'0', ..]) => Ok(Message::Connected),
            (Self::SocketIo, b"2") => Ok(Message::Ping),
            _ => Err(format!("Unexpected: {}", String::from_utf8_lossy(&message[..message.len().min(200)]))),
        }
    }

    /// The frame with which a client of Socket.IO connects, after [`Message::Open`].
    pub(crate) fn connect() -> Vec<u8> {
        frame::text("40")
    }

    /// The frame that answers a ping of Engine.IO.
    pub(crate) fn pong() -> Vec<u8> {
        frame::text("3")
    }

    /// The frame with which a client joins.
    pub(crate) fn join(self, name: &str) -> Vec<u8> {
        self.event(&[br#"["got_a_new_user",{"name":""#, name.as_bytes(), br#""}]"#])
    }

    /// The frame with which a client takes its own seat again.
    pub(crate) fn return_to_seat(self, name: &str, session: &[u8]) -> Vec<u8> {
        let join = br#"["got_a_new_user",{"name":""#;
        self.event(&[join, name.as_bytes(), br#"","session":""#, session, br#""}]"#])
    }

    /// The frame with which a viewer asks for the state of the room.
    pub(crate) fn watch(self) -> Vec<u8> {
        self.event(&[br#"["watch",{}]"#])
    }

    /// The frame with which a client becomes a host.
    pub(crate) fn host(self) -> Vec<u8> {
        self.event(&[br#"["host",{"key":""#, HOST_KEY.as_bytes(), br#""}]"#])
    }

    /// The frame with which a host hides or shows texts.
    pub(crate) fn set_hidden(self, hidden: bool) -> Vec<u8> {
        self.event(&[format!(r#"["set_room",{{"hidden":{hidden}}}]"#).as_bytes()])
    }

    /// The frame that replaces a text.
    pub(crate) fn whole(self, text: &[u8]) -> Vec<u8> {
        self.event(&[br#"["updated_text",{"text":""#, text, br#""}]"#])
    }

    /// The frame that changes a text, which has `length` characters afterwards.
    pub(crate) fn splice(self, edit: &Edit, length: usize) -> Vec<u8> {
        let put = String::from_utf8_lossy(&edit.put);
        let (at, cut) = (edit.at, edit.cut);
        let json = format!(r#"["updated_text",{{"at":{at},"cut":{cut},"put":"{put}","length":{length}}}]"#);
        self.event(&[json.as_bytes()])
    }

    /// The frame of an event, whose JSON is in pieces.
    fn event(self, json: &[&[u8]]) -> Vec<u8> {
        let prefix: &[u8] = match self {
            Self::Plain => b"",
            Self::SocketIo => b"42",
        };
        frame::text([&[prefix], json].concat().concat())
    }
}

/// The response to a handshake.
pub(crate) fn accepted() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
    )
}

/// The length of the response to the handshake, in bytes; `None` if its end has not arrived.
pub(crate) fn shake(read: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = memmem::find(read, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&read[..end]);
    match head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) {
        true => Ok(Some(end + 4)),
        false => Err(format!("The handshake was answered with {:?}.", head.lines().next())),
    }
}
