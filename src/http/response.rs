//! HTTP answers: the server's health, and a sentence for everything else. The page is in [`super::page`].

use crate::hub::event::Health;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use tiny_http::{HTTPVersion, Header, Response, StatusCode};

/// What all answers but the page are allowed to do if a browser opens them: nothing.
const STRICT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What a request is answered with, unless it becomes a WebSocket.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    /// `None` where the body follows the answer in chunks.
    body: Option<Cow<'static, [u8]>>,
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        // The page changes with the program and everything else with the room, so a browser has to ask each time.
        let headers = vec![
            ("Cache-Control", "no-cache".into()),
            ("X-Content-Type-Options", "nosniff".into()),
            ("Referrer-Policy", "no-referrer".into()),
            ("Content-Security-Policy", STRICT_POLICY.into()),
        ];
        Self { status, content_type, body: Some(body.into()), headers }
    }

    /// A status with a sentence that says what to do.
    pub fn sentence(status: u16, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", (sentence.into() + "\n").into_owned().into_bytes())
    }

    /// There is nothing left for a connection, or a client, more.
    pub fn exhausted() -> Self {
        Self::sentence(503, "The server has as many connections as it can; please try again later.")
    }

    /// Bytes that are built in; they allow a browser no more than any other answer unless `policy` says so.
    pub fn built_in(content_type: &'static str, body: &'static [u8], policy: Option<&str>) -> Self {
        let mut answer = Self::new(200, content_type, body);
        if let Some(policy) = policy {
            answer.headers.retain(|(name, _)| *name != "Content-Security-Policy");
            answer.headers.push(("Content-Security-Policy", policy.to_owned().into()));
        }
        answer
    }

    /// The same without a body, for a client that has it already.
    pub fn not_modified(mut self) -> Self {
        self.status = 304; // tiny_http sends the length of what is left out, as RFC 9110 (section 8.6) wants it
        self
    }

    /// How the hub is; `None` where it does not answer. How many are in how many rooms is not for everybody.
    pub fn health(health: Option<Health>, shows_rooms: bool) -> Self {
        let (status, body) = match health {
            Some(_) if !shows_rooms => (200, "{\"healthy\":true}\n".to_owned()),
            Some(Health { clients, rooms }) => {
                (200, format!("{{\"healthy\":true,\"clients\":{clients},\"rooms\":{rooms}}}\n"))
            }
            None => (503, "{\"healthy\":false}\n".to_owned()),
        };
        Self::new(status, "application/json", body.into_bytes())
    }

    /// Data for the page.
    pub fn json(data: &impl Serialize) -> Self {
        let body = serde_json::to_string(data).expect("wire types have string keys");
        Self::new(200, "application/json", (body + "\n").into_bytes())
    }

    /// The head of an answer whose body follows in chunks.
    pub fn stream(content_type: &'static str) -> Self {
        Self { body: None, ..Self::new(200, content_type, &[][..]) }
    }

    /// A picture for the page.
    pub fn picture(svg: String) -> Self {
        Self::new(200, "image/svg+xml", svg.into_bytes())
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the answer, without its body where `head_only`, and says where `last` that no other will follow.
    pub fn write(self, mut to: impl Write, head_only: bool, last: bool) -> io::Result<()> {
        let connection = last.then_some(("Connection", "close".into()));
        let len = self.body.as_ref().map(|body| body.len());
        let body = self.body.unwrap_or_default();
        let mut response = Response::empty(StatusCode(self.status))
            .with_data(&body[..], len)
            .with_chunked_threshold(usize::MAX)
            .with_header(header("Server", "typewall"))
            .with_header(header("Content-Type", self.content_type));
        let mut hop_by_hop = String::new();
        for (name, value) in self.headers.into_iter().chain(connection) {
            match name {
                // tiny_http leaves these two to its own server, which is not used here.
                "Connection" | "Upgrade" => hop_by_hop += &format!("{name}: {value}\r\n"),
                _ => response.add_header(header(name, &value)),
            }
        }
        let mut bytes = Vec::new();
        response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], head_only, None)?;
        let status_line = bytes.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
        bytes.splice(status_line..status_line, hop_by_hop.into_bytes());
        to.write_all(&bytes)
    }
}

fn header(name: &'static str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("our own headers are ASCII")
}
