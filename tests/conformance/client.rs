//! A server, and its clients: sessions that poll, and WebSockets.

use crate::example;
use crate::support::client::dial;
use crate::support::frame::{self, BINARY, CLOSE, FIN, TEXT, first_frame};
use crate::support::http::{Response, read_response};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;
use typewall::internals::SessionOptions;

/// Times in which nothing happens by itself.
pub(crate) const SLOW: SessionOptions = SessionOptions {
    ping_interval: Duration::from_secs(60),
    ping_timeout: Duration::from_secs(60),
    connect_timeout: Duration::from_secs(60),
};

/// The separator between the packets of a payload.
pub(crate) const SEPARATOR: &str = "\u{1e}";

/// A server, which runs until the tests end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TestServer(SocketAddr);

impl TestServer {
    pub(crate) fn start(options: SessionOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || example::serve(&listener, options));
        Self(address)
    }

    /// Sends a request, whose response is still to be read.
    pub(crate) fn begin(self, method: &str, path: &str, body: &str) -> TcpStream {
        self.begin_with(method, path, "", body)
    }

    /// The same, with more headers, each with the end of its line.
    pub(crate) fn begin_with(self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut socket = dial(self.0);
        let headers = format!("Host: localhost\r\n{headers}Content-Length: {}\r\n", body.len());
        let head = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
        socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("a request");
        socket
    }

    /// The status and the body of the response to a request.
    pub(crate) fn request(self, method: &str, path: &str, body: &str) -> (u16, String) {
        read_response(&mut self.begin(method, path, body))
    }

    /// The status and the body of the response to a handshake of a WebSocket that is refused.
    pub(crate) fn refused_websocket(self, path: &str) -> (u16, String) {
        let mut socket = dial(self.0);
        socket.write_all(&frame::handshake(path)).expect("a handshake");
        read_response(&mut socket)
    }

    /// Opens a session at `/engine.io/` or `/socket.io/`.
    pub(crate) fn poller(self, endpoint: &'static str) -> Poller {
        let (status, body) = self.request("GET", &format!("{endpoint}?EIO=4&transport=polling"), "");
        let handshake = body.strip_prefix('0').and_then(|json| serde_json::from_str(json).ok());
        let handshake: Value = handshake.unwrap_or_else(|| panic!("no handshake: {status} {body}"));
        let sid = handshake["sid"].as_str().expect("an id").to_owned();
        Poller { server: self, endpoint, sid, handshake }
    }

    /// Opens a WebSocket, which has not read its first packet.
    pub(crate) fn websocket(self, path: &str) -> WebSocket {
        let mut socket = dial(self.0);
        socket.write_all(&frame::handshake(path)).expect("a handshake");
        assert_eq!(Response::read_head(&mut socket).status, 101);
        WebSocket { socket, received: Vec::new() }
    }

    /// A session over a WebSocket, which has read its first packet.
    pub(crate) fn session(self, endpoint: &str) -> WebSocket {
        let mut session = self.websocket(&format!("{endpoint}?EIO=4&transport=websocket"));
        assert!(matches!(session.next(), Received::Text(packet) if packet.starts_with("0{")));
        session
    }

    /// A session that has entered the main namespace.
    pub(crate) fn connected(self) -> WebSocket {
        let mut session = self.session("/socket.io/");
        session.enter("40", "40", r#"42["auth",{}]"#);
        session
    }
}

/// The response to a request that is refused.
pub(crate) fn refusal(code: u8, message: &str) -> (u16, String) {
    (400, format!("{{\"code\":{code},\"message\":\"{message}\"}}\n"))
}

/// The id in a packet that lets a client into a namespace. The packet begins so, and says nothing else.
pub(crate) fn entered(packet: &str, prefix: &str) -> String {
    let data = packet.strip_prefix(prefix).unwrap_or_else(|| panic!("{packet}"));
    let data: serde_json::Map<String, Value> = serde_json::from_str(data).expect("an object");
    let sid = data["sid"].as_str().expect("an id");
    assert_eq!(data.len(), 1, "{packet}");
    sid.to_owned()
}

/// A session that polls.
#[derive(Debug)]
pub(crate) struct Poller {
    pub server: TestServer,
    endpoint: &'static str,
    pub sid: String,
    pub handshake: Value,
}

impl Poller {
    pub(crate) fn path(&self, transport: &str) -> String {
        format!("{}?EIO=4&transport={transport}&sid={}", self.endpoint, self.sid)
    }

    pub(crate) fn begin_poll(&self) -> TcpStream {
        self.server.begin("GET", &self.path("polling"), "")
    }

    pub(crate) fn poll(&self) -> (u16, String) {
        read_response(&mut self.begin_poll())
    }

    /// Polls until these packets have come, in one response or several.
    pub(crate) fn receives(&self, expected: &[&str]) {
        assert_eq!(self.packets(expected.len()), expected);
    }

    /// Polls until so many packets have come, in one response or several.
    pub(crate) fn packets(&self, count: usize) -> Vec<String> {
        let mut packets = Vec::new();
        while packets.len() < count {
            let (status, body) = self.poll();
            assert_eq!(status, 200, "{body}");
            packets.extend(body.split(SEPARATOR).map(str::to_owned));
        }
        packets
    }

    /// A payload of this length, which is still to be sent.
    pub(crate) fn begin_post(&self, length: usize) -> TcpStream {
        let mut socket = dial(self.server.0);
        let path = self.path("polling");
        write!(socket, "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n")
            .expect("a request");
        socket
    }

    pub(crate) fn post(&self, payload: &str) -> (u16, String) {
        self.server.request("POST", &self.path("polling"), payload)
    }

    pub(crate) fn posts(&self, payload: &str) {
        assert_eq!(self.post(payload), (200, "ok".to_owned()), "{payload}");
    }

    /// Nothing finds the session any more.
    pub(crate) fn is_gone(&self) {
        let unknown = refusal(1, "Session ID unknown");
        assert_eq!(self.poll(), unknown);
        assert_eq!(self.post("4late"), unknown);
    }

    /// A WebSocket that asks to take over.
    pub(crate) fn candidate(&self) -> WebSocket {
        self.server.websocket(&self.path("websocket"))
    }

    /// One that has been probed.
    pub(crate) fn probed(&self) -> WebSocket {
        let mut candidate = self.candidate();
        candidate.send("2probe");
        candidate.receives("3probe");
        candidate
    }
}

/// What a WebSocket has received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    Text(String),
    Binary(Vec<u8>),
    /// A close frame, or the end of the connection.
    End,
}

/// A WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    socket: TcpStream,
    received: Vec<u8>,
}

impl WebSocket {
    pub(crate) fn send(&mut self, packet: &str) {
        self.socket.write_all(&frame::text(packet)).expect("the server reads");
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.write_all(&frame::frame(FIN | BINARY, bytes)).expect("the server reads");
    }

    pub(crate) fn next(&mut self) -> Received {
        loop {
            if let Some((first, payload, length)) = first_frame(&self.received) {
                let payload = payload.to_vec();
                self.received.drain(..length);
                return match first & !FIN {
                    TEXT => Received::Text(String::from_utf8(payload).expect("UTF-8")),
                    BINARY => Received::Binary(payload),
                    CLOSE => Received::End,
                    opcode => panic!("an unexpected frame: {opcode}"),
                };
            }
            let mut buffer = [0; 4096];
            match self.socket.read(&mut buffer).expect("a frame in time") {
                0 => return Received::End,
                read => self.received.extend(&buffer[..read]),
            }
        }
    }

    pub(crate) fn receives(&mut self, packet: &str) {
        assert_eq!(self.next(), Received::Text(packet.to_owned()));
    }

    pub(crate) fn receives_bytes(&mut self, bytes: &[u8]) {
        assert_eq!(self.next(), Received::Binary(bytes.to_vec()));
    }

    /// Nothing comes but the end.
    pub(crate) fn ends(&mut self) {
        assert_eq!(self.next(), Received::End);
    }

    /// Enters a namespace: the answer begins so, and has an id, which this returns, and nothing else; then this packet
    /// comes.
    pub(crate) fn enter(&mut self, packet: &str, prefix: &str, then: &str) -> String {
        self.send(packet);
        let Received::Text(answer) = self.next() else { panic!("no answer to {packet}") };
        let sid = entered(&answer, prefix);
        self.receives(then);
        sid
    }
}
