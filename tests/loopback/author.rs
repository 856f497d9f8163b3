//! Somebody who writes as a page does: keeps their session, their text and the posts that are not back from one
//! connection to the next, and makes up on return for what the last one lost.

use crate::person::{PATIENCE, Person, TestServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::time::Instant;
use tungstenite::{Message, error::Error};
use typewall::room::session::Session;

/// The connection has ended.
#[derive(Debug)]
pub struct Gone;

pub struct Author {
    pub name: String,
    pub session: String,
    /// What stands in the box.
    pub text: String,
    /// Posts that are not back: each ref with its text.
    pub pending: Vec<(String, String)>,
    /// The log as it is shown.
    pub posts: BTreeMap<u64, String>,
    /// The id of the last snapshot.
    pub id: Option<String>,
    /// With what the server closed the last connection, if it did.
    pub closed: Option<u16>,
    refs: usize,
    line: Option<Person>,
}

impl Author {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            session: Session::random().to_hex(),
            text: String::new(),
            pending: Vec::new(),
            posts: BTreeMap::new(),
            id: None,
            closed: None,
            refs: 0,
            line: None,
        }
    }

    /// Joins, or takes the seat again, and sends what the server does not have.
    pub fn connect(&mut self, server: &TestServer, room: &str, socket: TcpStream) -> Result<(), Gone> {
        self.closed = None;
        self.line = server.try_open(room, socket);
        self.send("got_a_new_user", json!({"name": self.name, "session": self.session}));
        self.hear_until(|_, event| event == "existing_users")?;
        let line = self.line.as_ref().ok_or(Gone)?;
        if line.text_of(&self.name) != Some(&self.text) {
            self.send("updated_text", json!({"text": self.text}));
        }
        for (reference, text) in self.pending.clone() {
            self.send("message", json!({"text": text, "ref": reference}));
        }
        Ok(())
    }

    /// Has this in the box, and sends it if there is a connection.
    pub fn write(&mut self, text: &str) {
        self.text = text.to_owned();
        self.send("updated_text", json!({"text": text}));
    }

    /// Posts this, now or when there is a connection again.
    pub fn post(&mut self, text: &str) {
        self.refs += 1;
        let reference = self.refs.to_string();
        self.pending.push((reference.clone(), text.to_owned()));
        self.send("message", json!({"text": text, "ref": reference}));
    }

    /// Waits until every post is back.
    pub fn posted(&mut self) -> Result<(), Gone> {
        if self.pending.is_empty() { Ok(()) } else { self.hear_until(|author, _| author.pending.is_empty()) }
    }

    /// Waits until the server has all that was sent.
    pub fn settle(&mut self) -> Result<(), Gone> {
        self.posted()?;
        self.with_line(|line| line.socket.send(Message::Ping("all".into())))?;
        self.hear_until(|_, event| event == "pong")
    }

    /// Receives until the connection ends.
    pub fn listen(&mut self) {
        let _ = self.hear_until(|_, _| false);
    }

    /// Closes as a page does that is left for good.
    pub fn leave(&mut self) {
        self.line.take().expect("a connection").leave();
    }

    fn send(&mut self, event: &str, data: Value) {
        // Without a connection it is sent on return.
        let _ = self.with_line(|line| line.socket.send(Message::text(json!([event, data]).to_string())));
    }

    /// Does something with the connection, which is given up if that fails.
    fn with_line<T>(&mut self, act: impl FnOnce(&mut Person) -> Result<T, Error>) -> Result<T, Gone> {
        let outcome = self.line.as_mut().map(act);
        outcome.and_then(Result::ok).ok_or_else(|| {
            self.line = None;
            Gone
        })
    }

    /// Receives until an event came after which something holds. Fails when that takes too long.
    fn hear_until(&mut self, holds: impl Fn(&Self, &str) -> bool) -> Result<(), Gone> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let event = self.hear()?;
            if holds(self, &event) {
                return Ok(());
            }
        }
        panic!("what {} waits for did not come", self.name);
    }

    /// Receives one message, and returns the name of its event.
    fn hear(&mut self) -> Result<String, Gone> {
        let message = self.with_line(Person::try_next)?;
        match message {
            Message::Close(frame) => {
                self.closed = frame.map(|frame| frame.code.into());
                return Err(Gone);
            }
            Message::Pong(_) => return Ok("pong".to_owned()),
            _ => {}
        }
        let event = self.line.as_mut().and_then(|line| line.take(message));
        Ok(event.map_or_else(String::new, |(event, data)| {
            self.show(&event, &data);
            event
        }))
    }

    fn show(&mut self, event: &str, data: &Value) {
        let numbered = |post: &Value| {
            (post["n"].as_u64().expect("a number"), post["text"].as_str().expect("a text").to_owned())
        };
        match event {
            "existing_users" => {
                self.id = data["you"].as_str().map(str::to_owned);
                self.posts = data["log"].as_array().expect("a log").iter().map(numbered).collect();
            }
            "data" => {
                let (n, text) = numbered(data);
                let before = self.posts.insert(n, text.clone());
                assert!(before.is_none_or(|before| before == text), "two posts have number {n}");
                self.pending.retain(|(reference, _)| data["ref"] != reference.as_str());
            }
            _ => {}
        }
    }
}
