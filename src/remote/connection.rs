//! One connection to a room: sends events, receives messages, and notices when the server is silent.

use crate::remote::address::Address;
use crate::remote::failure::Failure;
use crate::remote::messages::{ServerMessage, parse};
use crate::remote::pipe::Chunk;
use crate::remote::stream::Stream;
use crate::remote::tls::Tls;
use crossbeam_channel::Receiver;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// A connection has this long to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// After this long without a byte from the server, it is asked for one.
const QUIET: Duration = Duration::from_secs(10);

/// A server that is asked has this long to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// The server has this long to answer a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of a message. The largest message is a snapshot, with all boxes and the log of a room.
pub(crate) const MAX_MESSAGE: usize = 256 * 1024 * 1024;

/// Messages that are read in a row. Then whoever reads has a turn to look at the clock and to write, because a server may
/// send without end.
const MAX_IN_A_ROW: usize = 1_000;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: WebSocket<Stream>,
    chunks: Receiver<Chunk>,
    /// When the last bytes came.
    heard_at: Instant,
    /// When the server was asked for a sign of life, unless something came since.
    asked_at: Option<Instant>,
    /// Messages that were read since there were none, or since the last rest.
    in_a_row: usize,
    /// Whether the last read has stopped although more may have come.
    rests: bool,
    pings: u64,
    pongs: u64,
}

impl Connection {
    /// Connects to a room, in bounded time.
    pub(crate) fn open(address: &Address, tls: Option<&Tls>) -> Result<Self, Failure> {
        let deadline = Instant::now() + OPEN_TIMEOUT;
        let mut stream = Stream::open(address, tls, deadline)?;
        let chunks = stream.pipe().chunks().clone();
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let opened = tungstenite::client::client_with_config(address.url(), stream, Some(config));
        let (mut socket, _) = opened.map_err(|error| match error {
            HandshakeError::Failure(Error::Io(error)) if error.kind() == ErrorKind::TimedOut => {
                Failure::silent()
            }
            HandshakeError::Failure(error) => error.into(),
            HandshakeError::Interrupted(_) => Failure::silent(),
        })?;
        socket.get_mut().pipe().stop_blocking();
        Ok(Self {
            socket,
            chunks,
            heard_at: Instant::now(),
            asked_at: None,
            in_a_row: 0,
            rests: false,
            pings: 0,
            pongs: 0,
        })
    }

    /// What has come; to wait for before [`next`](Self::next).
    pub(crate) fn chunks(&self) -> &Receiver<Chunk> {
        &self.chunks
    }

    /// Sends an event.
    pub(crate) fn send(&mut self, event: &str, data: &Value) -> Result<(), Failure> {
        Ok(self.socket.send(Message::text(json!([event, data]).to_string()))?)
    }

    /// Asks for a sign of life, which comes when the server has handled everything before. Returns the ping's number.
    pub(crate) fn ping(&mut self) -> Result<u64, Failure> {
        self.send("ping", &json!({}))?;
        self.pings += 1;
        Ok(self.pings)
    }

    /// Whether this ping was answered.
    pub(crate) fn is_answered(&self, ping: u64) -> bool {
        self.pongs >= ping
    }

    /// The next message. `None` if no more have come, so there are `chunks` to wait for, or if many came in a row.
    pub(crate) fn next(&mut self) -> Result<Option<ServerMessage>, Failure> {
        if !self.chunks.is_empty() {
            self.note_life(); // a part of a message, perhaps
        }
        loop {
            self.rests = self.in_a_row >= MAX_IN_A_ROW;
            if self.rests {
                self.in_a_row = 0;
                return Ok(None);
            }
            let read = self.socket.read();
            self.in_a_row += 1;
            if read.is_ok() {
                self.note_life(); // the message may have come since
            }
            match read {
                Ok(Message::Text(text)) => {
                    let message = parse(&text).ok_or_else(Failure::not_understood)?;
                    self.pongs += u64::from(matches!(message, ServerMessage::Pong));
                    return Ok(Some(message));
                }
                Ok(Message::Close(frame)) => return Err(Failure::of_close(frame.as_ref())),
                // The WebSocket answers pings by itself, at the next read.
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    self.in_a_row = 0;
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn note_life(&mut self) {
        self.heard_at = Instant::now();
        self.asked_at = None;
    }

    /// When to call [`next`](Self::next) and [`keep_alive`](Self::keep_alive) if nothing comes.
    pub(crate) fn deadline(&self) -> Instant {
        if self.rests { self.heard_at } else { self.silent_at() }
    }

    /// When a server from which nothing comes has to be asked, or given up.
    fn silent_at(&self) -> Instant {
        self.asked_at.map_or(self.heard_at + QUIET, |asked_at| asked_at + ANSWER_TIMEOUT)
    }

    /// Asks a silent server for a sign of life, and gives it up if none comes: a cable that was pulled ends no
    /// connection.
    pub(crate) fn keep_alive(&mut self, now: Instant) -> Result<(), Failure> {
        if now < self.silent_at() || !self.chunks.is_empty() {
            return Ok(());
        }
        if self.asked_at.is_some() {
            return Err(Failure::silent());
        }
        self.ping()?;
        self.asked_at = Some(now);
        Ok(())
    }

    /// Waits for the next message until a deadline. `None` if none comes.
    pub(crate) fn wait(&mut self, deadline: Instant) -> Result<Option<ServerMessage>, Failure> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(Some(message));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            self.keep_alive(now)?;
            wait_for(&self.chunks, deadline.min(self.deadline()));
        }
    }

    /// Says goodbye, after which the server keeps no seat, and waits for its answer.
    pub(crate) fn close(mut self) {
        let deadline = Instant::now() + GOODBYE_TIMEOUT;
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        if self.socket.close(Some(frame)).is_err() {
            return;
        }
        while let Ok(Some(_)) = self.wait(deadline) {}
    }
}

/// Blocks until something has come, which stays there, or until the deadline.
pub(crate) fn wait_for(chunks: &Receiver<Chunk>, deadline: Instant) {
    let mut select = crossbeam_channel::Select::new();
    select.recv(chunks);
    let _ = select.ready_deadline(deadline);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    fn pair() -> (Connection, WebSocket<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let server = thread::spawn(move || {
            let socket = listener.accept().unwrap().0;
            socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            tungstenite::accept(socket).unwrap()
        });
        let connection = Connection::open(&address, None).unwrap();
        (connection, server.join().unwrap())
    }

    #[test]
    fn a_silent_server_is_asked_and_then_given_up() {
        let (mut connection, mut server) = pair();
        let quiet = connection.deadline();
        connection.keep_alive(quiet - Duration::from_millis(1)).unwrap();
        assert_eq!(connection.pings, 0);
        connection.keep_alive(quiet).unwrap();
        assert_eq!(server.read().unwrap(), Message::text(r#"["ping",{}]"#));
        let late = connection.deadline();
        assert_eq!(late, quiet + ANSWER_TIMEOUT);
        connection.keep_alive(late - Duration::from_millis(1)).unwrap();
        assert_eq!(connection.keep_alive(late), Err(Failure::silent()));
    }

    #[test]
    fn a_server_that_sends_without_end_is_not_read_without_end() {
        for frame in [&[0x89, 0][..], b"\x81\x08[\"x\",{}]"] {
            let (mut connection, mut server) = pair();
            let flood =
                thread::spawn(move || while server.get_mut().write_all(&frame.repeat(1_000)).is_ok() {});
            let deadline = Instant::now() + Duration::from_millis(50);
            while connection.wait(deadline).expect("a connection").is_some() {}
            assert!(Instant::now() >= deadline);
            connection.close();
            flood.join().unwrap();
        }
    }

    #[test]
    fn an_answer_counts_for_the_pings_before_it_and_for_a_while() {
        let (mut connection, mut server) = pair();
        let quiet = connection.deadline();
        connection.keep_alive(quiet).unwrap();
        let second = connection.ping().unwrap();
        server.send(Message::text(r#"["pong",{}]"#)).unwrap();
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(matches!(connection.wait(soon), Ok(Some(ServerMessage::Pong))));
        assert!(connection.is_answered(1) && !connection.is_answered(second));
        assert!(connection.asked_at.is_none() && connection.deadline() >= quiet);
    }

    #[test]
    fn an_end_says_why() {
        let (mut connection, mut server) = pair();
        server.close(Some(CloseFrame { code: 4004.into(), reason: "removed".into() })).unwrap();
        let soon = Instant::now() + Duration::from_secs(20);
        assert!(matches!(connection.wait(soon), Err(Failure::Refused(_))));
        let (mut connection, mut server) = pair();
        server.send(Message::text("{}")).unwrap();
        assert_eq!(connection.wait(soon).unwrap_err(), Failure::not_understood());
    }
}
