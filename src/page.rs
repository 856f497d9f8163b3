//! HTTP answers: the page, the server's health, and a sentence for everything else.

use crate::event::Health;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};
use tiny_http::{HTTPVersion, Header, Response, StatusCode};

/// The page, as it is in the repository.
const PAGE: &str = include_str!("../index.html");

/// What a request is answered with, unless it becomes a WebSocket.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    /// `None` where the body follows the answer in chunks.
    body: Option<Cow<'static, str>>,
    headers: Vec<(&'static str, &'static str)>,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        // The page is small and changes with the binary; asking each time costs less than a stale one.
        let headers = vec![("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")];
        Self { status, content_type, body: Some(body.into()), headers }
    }

    /// A status with a sentence that says what to do.
    pub fn sentence(status: u16, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", sentence.into() + "\n")
    }

    /// The page.
    pub fn page() -> Self {
        Self::new(200, "text/html; charset=utf-8", PAGE)
    }

    /// How the hub is; `None` where it does not answer.
    pub fn health(health: Option<Health>) -> Self {
        let (status, body) = match health {
            Some(Health { clients, rooms }) => {
                (200, format!("{{\"healthy\":true,\"clients\":{clients},\"rooms\":{rooms}}}\n"))
            }
            None => (503, "{\"healthy\":false}\n".to_owned()),
        };
        Self::new(status, "application/json", body)
    }

    /// Data for the page.
    pub fn json(data: &impl Serialize) -> Self {
        let body = serde_json::to_string(data).expect("wire types have string keys");
        Self::new(200, "application/json", body + "\n")
    }

    /// The head of an answer whose body follows in chunks.
    pub fn stream(content_type: &'static str) -> Self {
        Self { body: None, ..Self::new(200, content_type, "") }
    }

    /// A picture for the page.
    pub fn picture(svg: String) -> Self {
        Self::new(200, "image/svg+xml", svg)
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Writes the answer, without its body where `head_only`, and says where `last` that no other will follow.
    pub fn write(self, mut to: impl Write, head_only: bool, last: bool) -> io::Result<()> {
        let connection = last.then_some(("Connection", "close"));
        let len = self.body.as_ref().map(|body| body.len());
        let body = self.body.unwrap_or_default();
        let mut response = Response::empty(StatusCode(self.status))
            .with_data(body.as_bytes(), len)
            .with_chunked_threshold(usize::MAX)
            .with_header(header("Server", "typewall"))
            .with_header(header("Content-Type", self.content_type));
        let mut hop_by_hop = String::new();
        for (name, value) in self.headers.into_iter().chain(connection) {
            match name {
                // tiny_http leaves these two to its own server, which is not used here.
                "Connection" | "Upgrade" => hop_by_hop += &format!("{name}: {value}\r\n"),
                _ => response.add_header(header(name, value)),
            }
        }
        let mut bytes = Vec::new();
        response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], head_only, None)?;
        let status_line = bytes.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
        bytes.splice(status_line..status_line, hop_by_hop.into_bytes());
        to.write_all(&bytes)
    }
}

fn header(name: &'static str, value: &'static str) -> Header {
    Header::from_bytes(name, value).expect("our own headers are ASCII")
}
