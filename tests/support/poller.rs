//! A Socket.IO client that polls, as raw HTTP.

use crate::support::client::dial;
use crate::support::http::read_response;
use serde_json::Value;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

/// The separator between the packets of a payload.
const SEPARATOR: char = '\u{1e}';

/// The path and query of all requests, but for the id of the session.
pub(crate) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A session, with the packets that have come.
pub(crate) struct Poller {
    pub address: SocketAddr,
    pub sid: String,
    packets: Vec<String>,
}

impl Poller {
    /// Opens a session; it is in no room yet.
    pub(crate) fn open(server: SocketAddr, room: &str) -> Self {
        Self::open_room(&mut dial(server), server, &format!("&room={room}"))
    }

    /// Opens a session over a connection that has served other requests.
    pub(crate) fn open_over(socket: &mut TcpStream, server: SocketAddr) -> Self {
        Self::open_room(socket, server, "")
    }

    fn open_room(socket: &mut TcpStream, address: SocketAddr, query: &str) -> Self {
        write!(socket, "GET {POLLING}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (status, body) = read_response(socket);
        assert_eq!(status, 200, "{body}");
        let handshake: Value =
            serde_json::from_str(body.strip_prefix('0').expect("an open packet")).expect("JSON");
        let sid = handshake["sid"].as_str().expect("an id").to_owned();
        Self { address, sid, packets: Vec::new() }
    }

    /// Enters the room as a viewer.
    pub(crate) fn connect(server: SocketAddr, room: &str) -> Self {
        let mut poller = Self::open(server, room);
        poller.post("40");
        poller.until(|packet| packet.starts_with("40{"));
        poller
    }

    pub(crate) fn path(&self) -> String {
        format!("{POLLING}&sid={}", self.sid)
    }

    /// A poll that has been sent.
    pub(crate) fn begin_poll(&self) -> TcpStream {
        let mut socket = dial(self.address);
        write!(socket, "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.path()).unwrap();
        socket
    }

    pub(crate) fn poll(&self) -> Vec<String> {
        let (status, body) = read_response(&mut self.begin_poll());
        assert_eq!(status, 200, "{body}");
        body.split(SEPARATOR).map(str::to_owned).collect()
    }

    pub(crate) fn try_post(&self, payload: &str) -> (u16, String) {
        let mut socket = dial(self.address);
        let head = format!("POST {} HTTP/1.1\r\nHost: localhost\r\n", self.path());
        write!(socket, "{head}Content-Length: {}\r\n\r\n{payload}", payload.len()).unwrap();
        read_response(&mut socket)
    }

    pub(crate) fn post(&self, payload: &str) {
        assert_eq!(self.try_post(payload), (200, "ok".to_owned()), "{payload}");
    }

    pub(crate) fn emit(&self, event: &str, data: &Value) {
        self.post(&format!("42{}", serde_json::json!([event, data])));
    }

    /// Polls until a packet comes for which this holds. Packets before it are forgotten, pings answered.
    pub(crate) fn until(&mut self, mut holds: impl FnMut(&str) -> bool) -> String {
        loop {
            while !self.packets.is_empty() {
                let packet = self.packets.remove(0);
                if packet == "2" {
                    self.post("3");
                }
                if holds(&packet) {
                    return packet;
                }
            }
            self.packets = self.poll();
        }
    }

    /// Polls until this event comes. Returns its data.
    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        let prefix = format!("42[\"{event}\",");
        let packet = self.until(|packet| packet.starts_with(&prefix));
        serde_json::from_str::<Value>(&packet[2..]).expect("JSON")[1].take()
    }
}
