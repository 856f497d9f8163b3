//! A Socket.IO client behind a proxy that never opens a WebSocket.

use crate::site::{ELSEWHERE, Site};
use crate::support::TIMEOUT;
use serde_json::{Value, json};
use std::time::Instant;

/// The separator between the packets of a payload.
const SEPARATOR: char = '\u{1e}';

/// A session in the room `r`.
pub(crate) struct Poller<'a> {
    site: &'a Site,
    path: String,
}

impl<'a> Poller<'a> {
    pub(crate) fn open(site: &'a Site) -> Self {
        let path = "socket.io/?EIO=4&transport=polling&room=r".to_owned();
        let mut poller = Self { site, path };
        let handshake = poller.poll();
        let handshake: Value =
            serde_json::from_str(handshake.strip_prefix('0').expect("a handshake")).unwrap();
        poller.path += &format!("&sid={}", handshake["sid"].as_str().expect("an id"));
        poller.post("40");
        poller.sees("40{");
        poller
    }

    fn request(&self, arguments: &[&str]) -> String {
        let interface = ELSEWHERE.to_string();
        let origin = format!("Origin: {}", self.site.origin());
        let arguments = [&["--interface", &interface, "-H", &origin], arguments].concat();
        let (status, body) = self.site.get(&self.path, &arguments);
        assert_eq!(status, 200, "{body}");
        body
    }

    fn poll(&self) -> String {
        self.request(&[])
    }

    fn post(&self, payload: &str) {
        assert_eq!(self.request(&["-H", "Content-Type: text/plain", "--data-binary", payload]), "ok");
    }

    pub(crate) fn join(&mut self, name: &str) {
        self.post(&format!("42{}", json!(["got_a_new_user", { "name": name }])));
        self.sees("existing_users");
    }

    pub(crate) fn write(&self, text: &str) {
        self.post(&format!("42{}", json!(["updated_text", text])));
    }

    /// Polls until something comes with this in it. Answers pings.
    pub(crate) fn sees(&mut self, part: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let payload = self.poll();
            if payload.split(SEPARATOR).any(|packet| packet == "2") {
                self.post("3");
            }
            if payload.contains(part) {
                return;
            }
            assert!(Instant::now() < deadline, "timed out: {part}; the last is {payload}");
        }
    }
}
