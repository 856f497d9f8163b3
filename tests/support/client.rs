//! A client of a server or of the program: it connects, sends events, and replays what it receives into a [`Page`].

use crate::support::TIMEOUT;
use crate::support::page::{Page, number, string};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::Error;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// A connection with nothing sent yet, on which no read and no write blocks for ever.
pub(crate) fn dial(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("a connection");
    set_timeouts(&socket);
    socket
}

/// Bounds reads and writes, and sends small frames at once.
pub(crate) fn set_timeouts(socket: &TcpStream) {
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    socket.set_write_timeout(Some(TIMEOUT)).unwrap();
    socket.set_nodelay(true).unwrap();
}

/// A client, and what its page shows. `S` is what it is connected by.
pub(crate) struct Client<S = TcpStream> {
    pub socket: WebSocket<S>,
    pub page: Page,
}

impl Client {
    /// Connects to a room, without asking for a snapshot.
    pub(crate) fn connect(address: SocketAddr, room: &str) -> Self {
        Self::open(dial(address), room)
    }

    /// Connects like a proxy that forwards for that address.
    pub(crate) fn connect_from(address: SocketAddr, room: &str, forwarded_for: &str) -> Self {
        Self::handshake(dial(address), room, Some(forwarded_for)).expect("a handshake")
    }
}

impl<S: Read + Write> Client<S> {
    /// A client that has received nothing yet.
    pub(crate) fn new(socket: WebSocket<S>) -> Self {
        Self { socket, page: Page::default() }
    }

    /// Connects to a room over a socket that the test has prepared.
    pub(crate) fn open(socket: S, room: &str) -> Self {
        Self::try_open(socket, room).expect("a handshake")
    }

    /// The same. `None` if the connection ends before the handshake is answered.
    pub(crate) fn try_open(socket: S, room: &str) -> Option<Self> {
        Self::handshake(socket, room, None)
    }

    fn handshake(socket: S, room: &str, forwarded_for: Option<&str>) -> Option<Self> {
        // The server's own name would do, but the peer of a link is the link.
        let mut request = format!("ws://localhost/ws?room={room}").into_client_request().unwrap();
        let headers = request.headers_mut();
        forwarded_for.map(|address| headers.insert("X-Forwarded-For", address.parse().unwrap()));
        match tungstenite::client(request, socket) {
            Ok((socket, _)) => Some(Self::new(socket)),
            Err(HandshakeError::Failure(_)) => None,
            Err(HandshakeError::Interrupted(_)) => panic!("the handshake was not answered in time"),
        }
    }

    pub(crate) fn send(&mut self, event: &str, data: Value) {
        self.try_send(event, data).expect("the server reads");
    }

    /// Sends an event on a connection that may have ended.
    pub(crate) fn try_send(&mut self, event: &str, data: Value) -> Result<(), Error> {
        self.socket.send(Message::text(json!([event, data]).to_string()))
    }

    /// Sends a text frame of any content.
    pub(crate) fn send_raw(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("the server reads");
    }

    /// Sends bytes past the WebSocket, such as frames that it would not send.
    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).expect("the server reads");
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.send("updated_text", json!({ "text": text }));
    }

    pub(crate) fn post(&mut self, text: &str) {
        self.send("message", json!({ "text": text }));
    }

    /// Posts with a ref, by which the server knows the post when it comes again.
    pub(crate) fn post_as(&mut self, reference: &str, text: &str) {
        self.send("message", json!({ "text": text, "ref": reference }));
    }

    /// Posts, and returns the post's number, or the code of the error that refuses it.
    pub(crate) fn try_post(&mut self, reference: &str, text: &str) -> Result<u64, String> {
        self.post_as(reference, text);
        self.receive_until("an answer to the post", |client, message| {
            let (event, data) = client.take(message).filter(|(_, data)| data["ref"] == reference)?;
            Some(if event == "data" { Ok(number(&data)) } else { Err(string(&data["code"])) })
        })
    }

    /// Posts, and waits until the post is in the log.
    pub(crate) fn post_and_wait(&mut self, text: &str) {
        let count = self.page.log.len();
        self.post(text);
        self.until("the post", |page| page.log.len() > count && page.posts().last() == Some(&text));
    }

    /// Sends a passphrase.
    pub(crate) fn send_passphrase(&mut self, passphrase: &str) {
        self.send("unlock", json!({ "passphrase": passphrase }));
    }

    /// Sends the right passphrase.
    pub(crate) fn unlock(&mut self, passphrase: &str) {
        self.page.unlocked = false;
        self.send_passphrase(passphrase);
        self.until("unlocked", |page| page.unlocked);
    }

    pub(crate) fn join(&mut self, name: &str) {
        self.join_with(json!({ "name": name }));
    }

    /// Joins with the session of an earlier connection.
    pub(crate) fn rejoin(&mut self, name: &str, session: &str) {
        self.join_with(json!({ "name": name, "session": session }));
    }

    fn join_with(&mut self, data: Value) {
        self.send("got_a_new_user", data);
        self.until("a snapshot with an id", |page| page.you.is_some());
    }

    pub(crate) fn watch(&mut self) {
        self.send("watch", json!({}));
        self.until("a snapshot", |page| page.room.is_some());
    }

    /// Receives messages until one is what is wanted. Fails when that takes too long.
    pub(crate) fn receive_until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&mut Self, Message) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let message = self.next();
            if let Some(found) = wanted(self, message) {
                return found;
            }
            assert!(Instant::now() < deadline, "timed out: {what}; the page shows {:?}", self.page);
        }
    }

    /// Receives events until the page is as wanted.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Page) -> bool) {
        if !holds(&self.page) {
            self.receive_until(what, |client, message| {
                client.take(message);
                holds(&client.page).then_some(())
            });
        }
    }

    /// Receives the next event; pings and pongs may come before it.
    pub(crate) fn next_event(&mut self) -> (String, Value) {
        self.receive_until("an event", Self::take)
    }

    /// Receives events up to the next one of that name, and returns its data.
    pub(crate) fn wait_for(&mut self, name: &str) -> Value {
        self.receive_until(name, |client, message| {
            client.take(message).filter(|(event, _)| event == name).map(|(_, data)| data)
        })
    }

    /// Receives all that the server had sent before it reads this: its pong comes after that.
    pub(crate) fn catch_up(&mut self) {
        self.socket.send(Message::Ping("catch up".into())).expect("the server reads");
        self.receive_until("a pong", |client, message| match message {
            Message::Pong(payload) => (payload == "catch up").then_some(()),
            message => client.take(message).and(None),
        });
    }

    /// The next message, not applied yet.
    pub(crate) fn next(&mut self) -> Message {
        self.try_next().unwrap_or_else(|error| panic!("the connection ended: {error}"))
    }

    /// The next message, or how the connection ended.
    pub(crate) fn try_next(&mut self) -> Result<Message, Error> {
        match self.socket.read() {
            // A read with a time-out is interrupted when the system suspends the test.
            Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => self.try_next(),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                panic!("nothing came in time")
            }
            outcome => outcome,
        }
    }

    /// Applies a message, and returns the event if it is one. Fails if the server closes the connection.
    pub(crate) fn take(&mut self, message: Message) -> Option<(String, Value)> {
        assert!(!message.is_close(), "the server closed the connection: {message:?}");
        let Message::Text(text) = message else { return None };
        let (event, data): (String, Value) = serde_json::from_str(&text).expect("an event");
        self.page.apply(&event, &data);
        Some((event, data))
    }

    /// Waits for a text in a user's box.
    pub(crate) fn sees(&mut self, name: &str, text: &str) {
        self.until(&format!("{text:?} of {name}"), |page| page.text_of(name) == Some(text));
    }

    /// Waits until these are all users, in the order in which they came.
    pub(crate) fn sees_users(&mut self, names: &[&str]) {
        self.until(&format!("{names:?}"), |page| page.names() == names);
    }

    /// Waits until a user is away, or back.
    pub(crate) fn sees_away(&mut self, name: &str, away: bool) {
        self.until(&format!("{name} away: {away}"), |page| page.is_away(name) == Some(away));
    }

    /// Waits for the next error that has not been returned yet, and returns its code.
    pub(crate) fn next_error(&mut self) -> String {
        self.until("an error", |page| !page.errors.is_empty());
        self.page.errors.remove(0)
    }

    /// Says goodbye, as a page does when it is closed, and reads to the end.
    pub(crate) fn leave(mut self) {
        let code = CloseCode::Normal;
        self.socket.close(Some(CloseFrame { code, reason: "".into() })).expect("the server reads");
        self.read_to_end();
    }

    /// Receives events until the server closes the connection, and returns the code.
    pub(crate) fn receive_to_close(&mut self) -> u16 {
        self.receive_until("a close frame", |client, message| match message {
            Message::Close(frame) => Some(code(frame)),
            message => client.take(message).and(None),
        })
    }

    /// The same; nothing may follow the close frame.
    pub(crate) fn closed(mut self) -> u16 {
        let code = self.receive_to_close();
        self.read_to_end();
        code
    }

    fn read_to_end(&mut self) {
        while self.socket.read().is_ok() {}
    }
}

/// The code of a close frame; 1005 if it has none (RFC 6455, section 7.4.1).
pub(crate) fn code(frame: Option<CloseFrame>) -> u16 {
    frame.map_or(1005, |frame| frame.code.into())
}
