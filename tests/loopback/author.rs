//! An author, who does what a page does: keeps the session, the text and the posts that are not confirmed from one
//! connection to the next, and sends again what the last connection may have lost.

use crate::server::TestServer;
use crate::support::TIMEOUT;
use crate::support::client::Client;
use crate::support::page::Page;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::Instant;
use tungstenite::{Message, error::Error};
use typewall::internals::Session;

/// The connection has ended.
#[derive(Debug)]
pub(crate) struct Disconnected;

pub(crate) struct Author {
    pub name: String,
    pub session: String,
    /// What is in the box.
    pub text: String,
    /// Posts that are not confirmed: each ref with its text.
    pub pending: Vec<(String, String)>,
    posted: usize,
    client: Option<Client>,
    /// What the page shows while there is no connection.
    last: Page,
}

impl Author {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            session: Session::random().to_hex(),
            text: String::new(),
            pending: Vec::new(),
            posted: 0,
            client: None,
            last: Page::default(),
        }
    }

    /// What the page shows, also when the connection has ended.
    pub(crate) fn page(&self) -> &Page {
        self.client.as_ref().map_or(&self.last, |client| &client.page)
    }

    /// The id in the last snapshot.
    pub(crate) fn id(&self) -> Option<String> {
        self.page().you.clone()
    }

    /// Joins, or takes the seat again, and sends what the server does not have.
    pub(crate) fn connect(&mut self, room: &str, socket: TcpStream) -> Result<(), Disconnected> {
        self.client = Client::try_open(socket, room);
        self.send("got_a_new_user", json!({"name": self.name, "session": self.session}));
        self.receive_until(|_, event| event == "existing_users")?;
        if self.page().text_of(&self.name) != Some(&self.text) {
            self.send("updated_text", json!({"text": self.text}));
        }
        for (reference, text) in self.pending.clone() {
            self.send("message", json!({"text": text, "ref": reference}));
        }
        Ok(())
    }

    /// Connects straight to the server.
    pub(crate) fn reconnect(&mut self, server: &TestServer, room: &str) {
        self.connect(room, server.dial()).expect("a connection that lasts");
    }

    /// Changes the text, and sends it if there is a connection.
    pub(crate) fn write(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.send("updated_text", json!({"text": text}));
    }

    /// Posts, now or when there is a connection again.
    pub(crate) fn post(&mut self, text: &str) {
        self.posted += 1;
        let reference = self.posted.to_string();
        self.pending.push((reference.clone(), text.to_owned()));
        self.send("message", json!({"text": text, "ref": reference}));
    }

    /// Waits until every post is confirmed.
    pub(crate) fn confirm_posts(&mut self) -> Result<(), Disconnected> {
        match self.pending.is_empty() {
            true => Ok(()),
            false => self.receive_until(|author, _| author.pending.is_empty()),
        }
    }

    /// Waits until the server has all that was sent.
    pub(crate) fn settle(&mut self) -> Result<(), Disconnected> {
        self.confirm_posts()?;
        self.with_client(|client| client.socket.send(Message::Ping("settle".into())))?;
        self.receive_until(|_, event| event == "pong")
    }

    /// Receives until the connection ends.
    pub(crate) fn receive_to_end(&mut self) {
        let _ = self.receive_until(|_, _| false);
    }

    /// Says goodbye.
    pub(crate) fn leave(&mut self) {
        self.client.take().expect("a connection").leave();
    }

    fn send(&mut self, event: &str, data: Value) {
        // Without a connection it is sent on return.
        let _ = self.with_client(|client| client.try_send(event, data));
    }

    /// Uses the connection, and drops it if that fails.
    fn with_client<T>(
        &mut self,
        act: impl FnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Disconnected> {
        let outcome = self.client.as_mut().map(act).and_then(Result::ok);
        outcome.ok_or_else(|| self.disconnect())
    }

    fn disconnect(&mut self) -> Disconnected {
        if let Some(client) = self.client.take() {
            self.last = client.page;
        }
        Disconnected
    }

    /// Receives until an event came after which something holds. Fails when that takes too long.
    fn receive_until(&mut self, holds: impl Fn(&Self, &str) -> bool) -> Result<(), Disconnected> {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            let event = self.receive()?;
            if holds(self, &event) {
                return Ok(());
            }
        }
        panic!("what {} waits for did not come", self.name);
    }

    /// Receives one message, and returns the name of its event; for a pong "pong", for any other control frame nothing.
    fn receive(&mut self) -> Result<String, Disconnected> {
        match self.with_client(Client::try_next)? {
            Message::Close(_) => Err(self.disconnect()),
            Message::Pong(_) => Ok("pong".to_owned()),
            message => {
                let event = self.client.as_mut().and_then(|client| client.take(message));
                let (event, data) = event.unwrap_or_default();
                self.pending.retain(|(reference, _)| event != "data" || data["ref"] != reference.as_str());
                Ok(event)
            }
        }
    }
}
