//! A server to test against, and a client that models the page: it replays events into what a page would show.

use crate::shown_user::ShownUser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::error::Error;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};
use typewall::server::Stopper;
use typewall::{Access, Limits, Server, StoreOptions};

/// How long anything here may take. Far more than it does, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server that stops when the test ends.
pub struct TestServer {
    pub address: SocketAddr,
    pub stopper: Stopper,
    server: Option<Server>,
}

impl TestServer {
    pub fn start() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub fn with(limits: Limits) -> Self {
        Self::with_store(limits, None)
    }

    pub fn with_store(limits: Limits, store: Option<&StoreOptions>) -> Self {
        // More than one, so that nothing holds only where all rooms are on the same.
        Self::with_hubs(3, limits, store)
    }

    pub fn with_hubs(hubs: usize, limits: Limits, store: Option<&StoreOptions>) -> Self {
        let limits = Limits { hubs, ..limits };
        // Tests call it the wall, unless they are about what it may be called.
        let allowed = vec!["http://wall".parse().expect("an origin")];
        Self::with_access(limits, Access { allowed, ..Access::default() }, store)
    }

    pub fn with_access(limits: Limits, access: Access, store: Option<&StoreOptions>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = Server::start(listener, limits, access, store).expect("threads and a store");
        Self { address: server.address(), stopper: server.stopper(), server: Some(server) }
    }

    /// A connection with nothing sent yet.
    pub fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
    }

    /// A viewer of a room.
    pub fn connect(&self, room: &str) -> Person {
        self.open(room, self.dial())
    }

    /// A viewer of a room, who comes through a proxy from that address.
    pub fn connect_from(&self, room: &str, address: &str) -> Person {
        let mut request = format!("ws://{}/ws?room={room}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("X-Forwarded-For", address.parse().unwrap());
        let (socket, _) = tungstenite::client(request, self.dial()).expect("a handshake");
        Person::new(socket)
    }

    /// A viewer on a connection that is set up in its own way.
    pub fn open(&self, room: &str, socket: TcpStream) -> Person {
        self.try_open(room, socket).expect("a handshake")
    }

    /// The same, on a connection that may end before it is open.
    pub fn try_open(&self, room: &str, socket: TcpStream) -> Option<Person> {
        let url = format!("ws://{}/ws?room={room}", self.address);
        match tungstenite::client(url.into_client_request().unwrap(), socket) {
            Ok((socket, _)) => Some(Person::new(socket)),
            Err(HandshakeError::Failure(_)) => None,
            Err(HandshakeError::Interrupted(_)) => panic!("nothing came in time"),
        }
    }

    /// A user in a room, with the snapshot received.
    pub fn join(&self, room: &str, name: &str) -> Person {
        let mut person = self.connect(room);
        person.join(name);
        person
    }

    /// Waits until it was stopped and is gone.
    pub fn wait(mut self) {
        self.server.take().unwrap().join().expect("a hub that lives");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(server) = self.server.take() {
            let outcome = server.join();
            assert!(outcome.is_ok() || std::thread::panicking(), "the hub died");
        }
    }
}

/// A client, and what its page would show.
pub struct Person {
    pub socket: WebSocket<TcpStream>,
    pub you: Option<String>,
    pub name: Option<String>,
    pub session: Option<String>,
    pub room: Option<String>,
    /// The server has taken the passphrase.
    pub unlocked: bool,
    pub users: BTreeMap<String, ShownUser>,
    pub log: Vec<Value>,
    pub errors: Vec<String>,
}

impl Person {
    /// Somebody who has not received anything yet.
    pub fn new(socket: WebSocket<TcpStream>) -> Self {
        Self {
            socket,
            you: None,
            name: None,
            session: None,
            room: None,
            unlocked: false,
            users: BTreeMap::new(),
            log: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub fn send(&mut self, event: &str, data: Value) {
        self.send_raw(&json!([event, data]).to_string());
    }

    pub fn send_raw(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("the server reads");
    }

    pub fn write(&mut self, text: &str) {
        self.send("updated_text", json!({ "text": text }));
    }

    pub fn post(&mut self, text: &str) {
        self.send("message", json!({ "text": text }));
    }

    /// Gives a passphrase that is right.
    pub fn unlock(&mut self, passphrase: &str) {
        self.unlocked = false;
        self.unlock_with(passphrase);
        self.until("to be let in", |person| person.unlocked);
    }

    /// Gives a passphrase.
    pub fn unlock_with(&mut self, passphrase: &str) {
        self.send("unlock", json!({ "passphrase": passphrase }));
    }

    pub fn join(&mut self, name: &str) {
        self.ask_for_box(json!({ "name": name }));
    }

    /// Joins with the session of an earlier connection.
    pub fn return_as(&mut self, name: &str, session: &str) {
        self.ask_for_box(json!({ "name": name, "session": session }));
    }

    fn ask_for_box(&mut self, data: Value) {
        self.send("got_a_new_user", data);
        self.until("a snapshot with an id", |person| person.you.is_some());
    }

    pub fn watch(&mut self) {
        self.send("watch", json!({}));
        self.until("a snapshot", |person| person.room.is_some());
    }

    /// Receives events until something holds. Fails when that takes too long.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "{what} did not come; there are {:?} {:?}",
                self.users,
                self.log
            );
            self.receive();
        }
    }

    /// Receives all that the server has sent so far: a pong comes behind it.
    pub fn catch_up(&mut self) {
        let token = self.users.len().to_string();
        self.socket.send(Message::Ping(token.clone().into())).expect("the server reads");
        loop {
            match self.next() {
                Message::Pong(pong) if pong == token.as_bytes() => return,
                message => self.apply(message),
            }
        }
    }

    /// Receives and applies one message, and returns the event if it was one.
    pub fn receive(&mut self) -> Option<(String, Value)> {
        let message = self.next();
        self.take(message)
    }

    /// Applies a message, and returns the event if it is one.
    pub fn take(&mut self, message: Message) -> Option<(String, Value)> {
        let event = match &message {
            Message::Text(text) => Some(serde_json::from_str(text).expect("an event")),
            _ => None,
        };
        self.apply(message);
        event
    }

    /// Receives and applies one message; the code, if the server closes the connection.
    pub fn receive_or_close(&mut self) -> Option<u16> {
        match self.next() {
            Message::Close(close) => Some(close.map_or(1005, |close| close.code.into())),
            message => {
                self.apply(message);
                None
            }
        }
    }

    /// The next message, whatever it is.
    pub fn next(&mut self) -> Message {
        self.try_next().unwrap_or_else(|error| panic!("the connection ended: {error}"))
    }

    /// The next message, or how the connection ended.
    pub fn try_next(&mut self) -> Result<Message, Error> {
        match self.socket.read() {
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                panic!("nothing came in time")
            }
            outcome => outcome,
        }
    }

    fn apply(&mut self, message: Message) {
        match message {
            Message::Text(text) => {
                let (event, data): (String, Value) = serde_json::from_str(&text).expect("an event");
                self.apply_event(&event, &data);
            }
            Message::Close(close) => panic!("the server closed the connection: {close:?}"),
            _ => {}
        }
    }

    fn apply_event(&mut self, event: &str, data: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {data}")).to_owned();
        match event {
            "unlocked" => self.unlocked = true,
            "existing_users" => {
                self.you = data["you"].as_str().map(str::to_owned);
                self.name = data["name"].as_str().map(str::to_owned);
                self.session = data["session"].as_str().map(str::to_owned);
                self.room = Some(text(&data["room"]));
                let users = data["users"].as_object().expect("users");
                let user = |user: &Value| ShownUser {
                    name: text(&user["name"]),
                    text: text(&user["text"]),
                    away: user["away"].as_bool().expect("a bool"),
                };
                self.users = users.iter().map(|(id, shown)| (id.clone(), user(shown))).collect();
                self.log = data["log"].as_array().expect("a log").clone();
            }
            "new_user" => {
                let user = ShownUser { name: text(&data["new_user_name"]), text: String::new(), away: false };
                assert_eq!(self.users.insert(text(&data["id"]), user), None, "a user came twice");
            }
            "text_update" => {
                let id = text(&data["id"]);
                assert_ne!(Some(&id), self.you.as_ref(), "an author got its own text");
                if let Some(user) = self.users.get_mut(&id) {
                    user.change(data);
                } else {
                    assert!(self.room.is_none(), "a text of nobody's");
                }
            }
            "disconnect_user" => {
                let user = self.users.remove(&text(&data["id"]));
                assert!(
                    user.is_some_and(|user| user.name == data["name"]) || self.room.is_none(),
                    "nobody left"
                );
            }
            "user_away" | "user_back" => {
                let id = text(&data["id"]);
                assert_ne!(Some(&id), self.you.as_ref(), "somebody was told of themselves");
                match self.users.get_mut(&id) {
                    Some(user) => user.away = event == "user_away",
                    None => assert!(self.room.is_none(), "{event} of nobody"),
                }
            }
            "data" => self.log.push(data.clone()),
            "error" => self.errors.push(text(&data["code"])),
            other => panic!("an event of no kind: {other}"),
        }
    }

    /// Whether somebody with a box is away.
    pub fn is_away(&self, name: &str) -> Option<bool> {
        self.users.values().find(|user| user.name == name).map(|user| user.away)
    }

    /// The text in somebody's box.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.users.values().find(|user| user.name == name).map(|user| user.text.as_str())
    }

    /// Waits for a text in somebody's box.
    pub fn sees(&mut self, name: &str, text: &str) {
        self.until(&format!("{text:?} of {name}"), |person| person.text_of(name) == Some(text));
    }

    /// Waits until exactly these people have boxes, in the order in which they came.
    pub fn sees_people(&mut self, names: &[&str]) {
        self.until(&format!("{names:?}"), |person| person.names() == names);
    }

    /// Who has a box, in the order in which they came.
    pub fn names(&self) -> Vec<&str> {
        let mut users: Vec<(u64, &str)> =
            self.users.iter().map(|(id, user)| (id.parse().unwrap_or(0), user.name.as_str())).collect();
        users.sort_unstable();
        users.into_iter().map(|(_, name)| name).collect()
    }

    /// The texts of the log.
    pub fn posts(&self) -> Vec<&str> {
        self.log.iter().filter_map(|post| post["text"].as_str()).collect()
    }

    /// Waits for the next refusal.
    pub fn refused(&mut self) -> String {
        self.until("an error", |person| !person.errors.is_empty());
        self.errors.remove(0)
    }

    /// Closes as a page does that is left for good, and reads to the end.
    pub fn leave(mut self) {
        let code = CloseCode::Normal;
        self.socket.close(Some(CloseFrame { code, reason: "".into() })).expect("the server reads");
        while self.socket.read().is_ok() {}
    }

    /// Reads until the server closes the connection; the code of its close frame, and that nothing follows.
    pub fn closed(mut self) -> u16 {
        // Where it is not closed, pings would come for ever.
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Message::Close(Some(close)) = self.next() {
                while self.socket.read().is_ok() {}
                return close.code.into();
            }
        }
        panic!("the server did not close the connection");
    }

    /// Writes bytes beside the WebSocket, which a client of good manners would not.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).expect("the server reads");
    }
}

/// A client's frame with these first two header bits and opcode, masked with zeros so that it can be read.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ ..=125 => bytes.push(0x80 | len as u8),
        len @ ..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// A handshake as bytes.
pub fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: wall\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}
