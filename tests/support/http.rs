//! HTTP as a test sees it: one response as it stands on the wire.

use chunked_transfer::Decoder;
use std::io::{self, Read};

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    /// The status line and the headers, with the empty line after them.
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    /// Reads a response and its body, which is as long as its head says.
    pub(crate) fn read(socket: &mut impl Read) -> Self {
        Self::try_read(socket).expect("a whole response")
    }

    /// The same, on a connection that may end before the response.
    pub(crate) fn try_read(socket: &mut impl Read) -> io::Result<Self> {
        let mut response = Self::try_read_head(socket)?;
        response.body = vec![0; response.content_length()];
        socket.read_exact(&mut response.body)?;
        Ok(response)
    }

    /// Reads the head of a response, and leaves what follows it: a body in chunks, frames, or nothing.
    pub(crate) fn read_head(socket: &mut impl Read) -> Self {
        Self::try_read_head(socket).expect("a whole head")
    }

    /// The same, on a connection that may end before the response.
    pub(crate) fn try_read_head(socket: &mut impl Read) -> io::Result<Self> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte)?;
            head.extend(byte);
        }
        Ok(Self::of_head(head))
    }

    fn of_head(head: Vec<u8>) -> Self {
        let head = String::from_utf8(head).expect("a head in ASCII");
        Self { status: head[9..12].parse().expect("a status"), head, body: Vec::new() }
    }

    fn content_length(&self) -> usize {
        let length = self.head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        length.and_then(|length| length.parse().ok()).expect("a length")
    }

    /// The value of a header that occurs once at most.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let value = values.next();
        assert_eq!(values.next(), None, "{name} occurs twice");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// Reads to the end of a connection, which has to be an end and not a reset, and returns how many bytes came.
pub(crate) fn read_to_end(socket: &mut impl Read) -> usize {
    socket.read_to_end(&mut Vec::new()).expect("an end and not a reset")
}

/// The status and the body of a response, whose length may not be known before its end.
pub(crate) fn read_response(socket: &mut impl Read) -> (u16, String) {
    let mut response = Response::read_head(socket);
    let mut body = String::new();
    match response.header("Transfer-Encoding") {
        Some(_) => _ = Decoder::new(&mut *socket).read_to_string(&mut body).expect("a whole body"),
        None => {
            let length =
                response.header("Content-Length").map_or(0, |length| length.parse().expect("a length"));
            response.body = vec![0; length];
            socket.read_exact(&mut response.body).expect("a whole body");
            body = response.text().to_owned();
        }
    }
    (response.status, body)
}
