//! HTTP responses: the server's health, and a line of text for everything else. The page is in [`super::page`].

use crate::hub::health::{ClusterHealth, Health};
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use tiny_http::{HTTPVersion, Header, StatusCode};

/// The Content-Security-Policy of every response but the page: a browser that opens one may do nothing with it.
const STRICT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The status of a response that has no body, because the client has that already.
const NOT_MODIFIED: u16 = 304;

/// Bytes of the longest body that is copied behind its head, so that both are in one packet.
const MAX_COPIED: usize = 1024;

/// The response to a request that does not become a WebSocket.
#[derive(Debug)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    body: Body,
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

/// The type of Engine.IO payloads.
const PAYLOAD_TYPE: &str = "text/plain; charset=UTF-8";

/// What follows the head of a response.
#[derive(Debug)]
enum Body {
    /// These bytes.
    Known(Bytes),
    /// A chunked body, which the caller sends.
    Chunked,
    /// Nothing, because the request is a HEAD; and the head does not say how long the body would be (RFC 9110,
    /// section 9.3.2).
    Unknown,
}

/// The header by which tiny_http announces any body whose length it is not told.
const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";

impl Response {
    fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        // The page changes with the program and everything else with the room, so browsers have to revalidate.
        let headers = vec![
            ("Cache-Control", "no-cache".into()),
            ("X-Content-Type-Options", "nosniff".into()),
            ("Referrer-Policy", "no-referrer".into()),
            ("Content-Security-Policy", STRICT_POLICY.into()),
        ];
        Self { status, content_type, body: Body::Known(body.into()), headers }
    }

    /// A line of plain text: what is wrong and what to do.
    pub fn text(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", (text.into() + "\n").into_owned().into_bytes())
    }

    /// The connection limit is reached, or the system has no descriptor or thread left.
    pub fn too_many_connections() -> Self {
        Self::text(503, "The server has too many connections; please try again later.")
    }

    /// The hub did not reply in time.
    pub fn busy() -> Self {
        Self::text(503, "The server is too busy to respond; please try again later.")
    }

    /// Bytes that are built into the program. A browser may do nothing with them, unless `policy` allows it.
    pub fn built_in(content_type: &'static str, body: &'static [u8], policy: Option<&str>) -> Self {
        let mut response = Self::new(200, content_type, body);
        if let Some(policy) = policy {
            response.headers.retain(|(name, _)| *name != "Content-Security-Policy");
            response.headers.push(("Content-Security-Policy", policy.to_owned().into()));
        }
        response
    }

    /// The same response, which may be cached for ever, because its URL changes with the body.
    pub fn immutable(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != "Cache-Control");
        self.with_header("Cache-Control", "public, max-age=31536000, immutable")
    }

    /// The same response for a client that has the body already.
    pub fn not_modified(mut self) -> Self {
        self.status = NOT_MODIFIED; // the head keeps the length, as RFC 9110 (section 8.6) allows
        self
    }

    /// The health of the hubs, or `None` if one did not reply in time. `with_counts` adds the numbers of clients and
    /// rooms.
    pub fn health(health: Option<Health>, with_counts: bool) -> Self {
        let (status, body) = match health {
            Some(_) if !with_counts => (200, "{\"healthy\":true}\n".to_owned()),
            Some(Health { clients, rooms, texts, waiting, cluster }) => {
                // The id is a string, because JavaScript has no number for it.
                let cluster = cluster.map_or_else(String::new, |ClusterHealth { node, nodes, linked }| {
                    format!(",\"node\":\"{}\",\"nodes\":{nodes},\"linked\":{linked}", node.0)
                });
                let body = format!(
                    "{{\"healthy\":true,\"clients\":{clients},\"rooms\":{rooms},\"texts\":{texts},\
                     \"waiting\":{waiting}{cluster}}}\n"
                );
                (200, body)
            }
            None => (503, "{\"healthy\":false}\n".to_owned()),
        };
        Self::new(status, "application/json", body.into_bytes())
    }

    /// Whether the server takes new clients: the hubs reply, and are linked to the other nodes if there may be some.
    pub(crate) fn readiness(health: Option<Health>) -> Self {
        let is_linked = |health: Health| health.cluster.is_none_or(|cluster| cluster.linked);
        let ready = health.is_some_and(is_linked);
        let body = format!("{{\"ready\":{ready}}}\n");
        Self::new(if ready { 200 } else { 503 }, "application/json", body.into_bytes())
    }

    /// Numbers in Prometheus's text format.
    pub(crate) fn metrics(text: String) -> Self {
        Self::new(200, "text/plain; version=0.0.4; charset=utf-8", text.into_bytes())
    }

    /// Data as JSON.
    pub fn json(data: &impl Serialize) -> Self {
        let body = serde_json::to_string(data).expect("wire types have string keys");
        Self::new(200, "application/json", (body + "\n").into_bytes())
    }

    /// The same response with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Engine.IO packets.
    pub fn payload(packets: Bytes) -> Self {
        Self::new(200, PAYLOAD_TYPE, packets)
    }

    /// The head of a response with packets that follow in chunks.
    pub fn chunked_payload() -> Self {
        Self::chunked(PAYLOAD_TYPE)
    }

    /// The response to a payload that was accepted.
    pub fn ok() -> Self {
        Self::new(200, PAYLOAD_TYPE, &b"ok"[..])
    }

    /// A response without content.
    pub fn no_content() -> Self {
        Self::new(204, PAYLOAD_TYPE, &[][..])
    }

    /// The head of a response with a chunked body, which the caller sends.
    pub fn chunked(content_type: &'static str) -> Self {
        Self { body: Body::Chunked, ..Self::new(200, content_type, &[][..]) }
    }

    /// An SVG image.
    pub fn svg(svg: String) -> Self {
        Self::new(200, "image/svg+xml", svg.into_bytes())
    }

    /// The head of a response with an SVG image that was not drawn.
    pub fn svg_head() -> Self {
        Self { body: Body::Unknown, ..Self::svg(String::new()) }
    }

    /// Names the file that a client saves this as, after the room, such as `typewall-physics-wall.csv` (RFC 6266).
    pub fn with_file_name(self, room: &str, suffix: &str, extension: &str) -> Self {
        let words: Vec<&str> =
            room.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let name = format!("typewall-{}{suffix}.{extension}", words.join("-"));
        let parameter = match name.is_ascii() {
            true => format!("filename=\"{name}\""),
            false => format!("filename*=UTF-8''{}", byte_serialize(name.as_bytes()).collect::<String>()),
        };
        self.with_header("Content-Disposition", format!("inline; {parameter}"))
    }

    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the response, without its body if `head_only`. `close` announces that the connection ends with it.
    pub fn write(self, mut to: impl Write, head_only: bool, close: bool) -> io::Result<()> {
        let connection = close.then_some(("Connection", "close".into()));
        let is_unknown = matches!(self.body, Body::Unknown);
        let (len, body) = match self.body {
            Body::Known(body) => (Some(body.len()), body),
            Body::Chunked | Body::Unknown => (None, Bytes::new()),
        };
        let mut response = tiny_http::Response::empty(StatusCode(self.status))
            .with_data(&body[..], len)
            .with_chunked_threshold(usize::MAX)
            .with_header(header("Server", "typewall"))
            .with_header(header("Content-Type", self.content_type));
        let mut hop_by_hop = String::new();
        for (name, value) in self.headers.into_iter().chain(connection) {
            match name {
                // tiny_http leaves these two headers to its own server, which is not used here.
                "Connection" | "Upgrade" => hop_by_hop += &format!("{name}: {value}\r\n"),
                _ => response.add_header(header(name, &value)),
            }
        }
        let mut bytes = Vec::new();
        response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], true, None)?;
        let status_line = bytes.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
        bytes.splice(status_line..status_line, hop_by_hop.into_bytes());
        if is_unknown && let Some(at) = bytes.windows(CHUNKED.len()).position(|line| line == CHUNKED) {
            bytes.drain(at..at + CHUNKED.len());
        }
        if head_only || self.status == NOT_MODIFIED {
            return to.write_all(&bytes);
        }
        if body.len() <= MAX_COPIED {
            bytes.extend_from_slice(&body);
            return to.write_all(&bytes);
        }
        to.write_all(&bytes)?;
        to.write_all(&body)
    }
}

fn header(name: &'static str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("our own headers are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_room() {
        for (room, disposition) in [
            ("physics", "filename=\"typewall-physics-wall.csv\""),
            ("a/b \"c\" ..", "filename=\"typewall-a-b-c-wall.csv\""),
            ("Café 2", "filename*=UTF-8''typewall-Caf%C3%A9-2-wall.csv"),
        ] {
            let mut bytes = Vec::new();
            let response = Response::chunked("text/csv").with_file_name(room, "-wall", "csv");
            response.write(&mut bytes, true, true).unwrap();
            let head = String::from_utf8(bytes).unwrap();
            assert!(head.contains(&format!("Content-Disposition: inline; {disposition}\r\n")), "{head}");
        }
    }

    #[test]
    fn headers_of_the_connection_follow_the_status_line() {
        let mut bytes = Vec::new();
        let response = Response::text(426, "Not here.").with_header("Upgrade", "websocket");
        response.write(&mut bytes, false, true).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line ends the head");
        let lines: Vec<&str> = head.split("\r\n").collect();
        assert!(lines[0].starts_with("HTTP/1.1 426 "), "{head}");
        assert_eq!(lines[1..3], ["Upgrade: websocket", "Connection: close"]);
        assert!(lines[3..].iter().all(|line| line.contains(": ")) && body.starts_with("Not here."), "{text}");
    }
}
