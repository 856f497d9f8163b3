//! HTTP responses: the page, the server's health, and a line of text for everything else.

use crate::hub::event::Health;
use data_encoding::BASE64;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{self, Write};
use tiny_http::{HTTPVersion, Header, StatusCode};

/// The page, as it is in the repository.
const PAGE: &str = include_str!("../../index.html");

/// The Content-Security-Policy of every response but the page: a browser that opens one may do nothing with it.
const STRICT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What the page may do, as a Content-Security-Policy: run its own script and style and nothing that anybody
/// put into it, and talk to its own server. `frame_ancestors` are those who may show it in a frame.
pub(crate) fn policy(frame_ancestors: &str) -> String {
    let [script, style] = ["script", "style"].map(|element| hash(inline(element)));
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors}"
    )
}

/// The content of the page's one element of that name, as a browser hashes it.
fn inline(element: &str) -> &'static str {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let content = PAGE.split_once(&start).and_then(|(_, rest)| rest.split_once(&end));
    content.map(|(content, _)| content).expect("the page has one script and one style")
}

fn hash(content: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(content)))
}

/// The response to a request that does not become a WebSocket.
#[derive(Debug)]
pub struct Response {
    status: u16,
    content_type: &'static str,
    /// `None` if a chunked body follows the head.
    body: Option<Cow<'static, str>>,
    headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Response {
    fn new(status: u16, content_type: &'static str, body: impl Into<Cow<'static, str>>) -> Self {
        // The page is small and changes with the binary: to revalidate it costs less than to show an old one.
        let headers = vec![
            ("Cache-Control", "no-cache".into()),
            ("X-Content-Type-Options", "nosniff".into()),
            ("Referrer-Policy", "no-referrer".into()),
            ("Content-Security-Policy", STRICT_POLICY.into()),
        ];
        Self { status, content_type, body: Some(body.into()), headers }
    }

    /// A line of plain text: what is wrong and what to do.
    pub fn text(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into() + "\n")
    }

    /// The connection limit is reached, or the system has no descriptor or thread left.
    pub fn too_many_connections() -> Self {
        Self::text(503, "The server has too many connections; please try again later.")
    }

    /// The hub did not reply in time.
    pub fn busy() -> Self {
        Self::text(503, "The server is too busy to respond; please try again later.")
    }

    /// The page, with its [`policy`].
    pub fn page(policy: &str) -> Self {
        let mut page = Self::new(200, "text/html; charset=utf-8", PAGE);
        page.headers.retain(|(name, _)| *name != "Content-Security-Policy");
        page.with_header("Content-Security-Policy", policy.to_owned())
    }

    /// The health of the hubs, or `None` if one did not reply in time. `with_counts` adds the numbers of clients and
    /// rooms.
    pub fn health(health: Option<Health>, with_counts: bool) -> Self {
        let (status, body) = match health {
            Some(_) if !with_counts => (200, "{\"healthy\":true}\n".to_owned()),
            Some(Health { clients, rooms }) => {
                (200, format!("{{\"healthy\":true,\"clients\":{clients},\"rooms\":{rooms}}}\n"))
            }
            None => (503, "{\"healthy\":false}\n".to_owned()),
        };
        Self::new(status, "application/json", body)
    }

    /// Data as JSON.
    pub fn json(data: &impl Serialize) -> Self {
        let body = serde_json::to_string(data).expect("wire types have string keys");
        Self::new(200, "application/json", body + "\n")
    }

    /// The head of a response with a chunked body, which the caller sends.
    pub fn chunked(content_type: &'static str) -> Self {
        Self { body: None, ..Self::new(200, content_type, "") }
    }

    /// An SVG image.
    pub fn svg(svg: String) -> Self {
        Self::new(200, "image/svg+xml", svg)
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Writes the response, without its body if `head_only`. `close` announces that the connection ends with it.
    pub fn write(self, mut to: impl Write, head_only: bool, close: bool) -> io::Result<()> {
        let connection = close.then_some(("Connection", "close".into()));
        let len = self.body.as_ref().map(|body| body.len());
        let body = self.body.unwrap_or_default();
        let mut response = tiny_http::Response::empty(StatusCode(self.status))
            .with_data(body.as_bytes(), len)
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
        response.raw_print(&mut bytes, HTTPVersion(1, 1), &[], head_only, None)?;
        let status_line = bytes.windows(2).position(|two| two == b"\r\n").map_or(0, |at| at + 2);
        bytes.splice(status_line..status_line, hop_by_hop.into_bytes());
        to.write_all(&bytes)
    }
}

fn header(name: &'static str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("our own headers are ASCII")
}
