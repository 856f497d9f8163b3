//! The output of the bench's clients: the handshake and the frames of events.

use crate::frame;
use crate::text::Edit;
use memchr::memmem;

/// The response to [`frame::KEY`], the key of every handshake here.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The request of a handshake for a room.
pub(crate) fn handshake(room: usize, splice: bool) -> Vec<u8> {
    let splice = if splice { "&splice=1" } else { "" };
    frame::handshake(&format!("/ws?room=crowd{room}{splice}"))
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

/// The frame with which a client joins.
pub(crate) fn join(name: &str) -> Vec<u8> {
    frame::text(format!(r#"["got_a_new_user",{{"name":"{name}"}}]"#))
}

/// The frame with which a viewer asks for the state of the room.
pub(crate) fn watch() -> Vec<u8> {
    frame::text(r#"["watch",{}]"#)
}

/// The key of the server's hosts.
pub(crate) const HOST_KEY: &str = "crowd";

/// The frame with which a client becomes a host.
pub(crate) fn host() -> Vec<u8> {
    frame::text(format!(r#"["host",{{"key":"{HOST_KEY}"}}]"#))
}

/// The frame with which a host hides or shows texts.
pub(crate) fn set_hidden(hidden: bool) -> Vec<u8> {
    frame::text(format!(r#"["set_room",{{"hidden":{hidden}}}]"#))
}

/// The frame that replaces a text.
pub(crate) fn whole(text: &[u8]) -> Vec<u8> {
    frame::text([&br#"["updated_text",{"text":""#[..], text, br#""}]"#].concat())
}

/// The frame that changes a text, which has `length` characters afterwards.
pub(crate) fn splice(edit: &Edit, length: usize) -> Vec<u8> {
    let put = String::from_utf8_lossy(&edit.put);
    let (at, cut) = (edit.at, edit.cut);
    frame::text(format!(r#"["updated_text",{{"at":{at},"cut":{cut},"put":"{put}","length":{length}}}]"#))
}
