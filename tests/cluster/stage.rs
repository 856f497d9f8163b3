//! A room on two servers, or on one, in which a script is played, and what everybody receives meanwhile.

use crate::cluster::{KEY, get, post_as};
use crate::support::TIMEOUT;
use crate::support::client::{code, dial};
use crate::support::program::Program;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// How clients of the script are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Plain,
    SocketIo,
}

/// A connection, and what has come over it since the last step.
struct Wire {
    socket: WebSocket<TcpStream>,
    carrier: Carrier,
    /// The emits that asked for an acknowledgement.
    asked: usize,
    came: Vec<Value>,
    /// The pings since then.
    pings: usize,
    is_closed: bool,
}

impl Wire {
    fn open(address: SocketAddr, carrier: Carrier) -> Self {
        let path = match carrier {
            Carrier::Plain => "ws?room=r",
            Carrier::SocketIo => "socket.io/?EIO=4&transport=websocket&room=r",
        };
        let request = format!("ws://localhost/{path}").into_client_request().unwrap();
        let (socket, _) = tungstenite::client(request, dial(address)).expect("a handshake");
        let mut wire = Self { socket, carrier, asked: 0, came: Vec::new(), pings: 0, is_closed: false };
        if carrier == Carrier::SocketIo {
            wire.send_text("40".to_owned());
            wire.until("a connection", |packet| packet[0] == "connected");
            wire.came.clear();
        }
        wire
    }

    fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).expect("the server reads");
    }

    fn send(&mut self, event: &str, data: &Value) {
        self.pings += usize::from(event == "ping");
        match self.carrier {
            Carrier::Plain => self.send_text(json!([event, data]).to_string()),
            Carrier::SocketIo => {
                self.asked += 1;
                self.send_text(format!("42{}{}", self.asked, json!([event, data])));
            }
        }
    }

    /// Receives until this holds for what came last, or the connection is closed.
    fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !self.is_closed {
            assert!(Instant::now() < deadline, "timed out: {what}; there came {:?}", self.came);
            let message =
                self.socket.read().unwrap_or_else(|error| panic!("{what}: {error}; {:?}", self.came));
            let text = match message {
                Message::Text(text) => text,
                Message::Close(frame) => {
                    self.is_closed = true;
                    self.came.push(json!(["closed", code(frame)]));
                    return;
                }
                _ => continue,
            };
            let Some(packet) = self.packet(&text) else { continue };
            let is_last = holds(&packet);
            self.came.push(packet);
            if is_last {
                return;
            }
        }
    }

    /// Receives what the hub has sent once it has handled what was sent to it.
    fn catch_up(&mut self) {
        let prefix = if self.carrier == Carrier::SocketIo { "42" } else { "" };
        self.send_text(format!("{prefix}[\"ping\",{{}}]"));
        let pongs = |wire: &Self| wire.came.iter().filter(|packet| packet[0] == "pong").count();
        while pongs(self) <= self.pings && !self.is_closed {
            self.until("a pong", |packet| packet[0] == "pong");
        }
        self.came.pop_if(|packet| packet[0] == "pong");
    }

    /// What a frame says; `None` for a ping, which is answered.
    fn packet(&mut self, text: &str) -> Option<Value> {
        if self.carrier == Carrier::Plain {
            return Some(serde_json::from_str(text).expect("JSON"));
        }
        if text == "2" {
            self.send_text("3".to_owned());
            return None;
        }
        let at = text.find(['[', '{']).unwrap_or(text.len());
        let (kind, data) = text.split_at(at);
        let data = serde_json::from_str(data).unwrap_or(Value::Null);
        match kind {
            "0" => None,
            "40" => Some(json!(["connected"])),
            "42" => Some(data),
            _ => Some(json!([kind, data])),
        }
    }
}

/// What came, by the number of the step and to whom.
pub(crate) type Transcript = BTreeMap<(usize, String), Vec<String>>;

/// A room in which the script is played.
pub(crate) struct Stage<'a> {
    /// The server of those who act.
    here: &'a Program,
    pub carrier: Carrier,
    people: BTreeMap<&'static str, Wire>,
    names: BTreeMap<String, String>,
    barriers: usize,
    /// The numbers of posts that are no barriers.
    pub posts: Vec<u64>,
    /// What was done, in order.
    pub steps: Vec<String>,
    pub transcript: Transcript,
}

impl<'a> Stage<'a> {
    /// Olga is on one server, and all others on another, which may be the same.
    /// The first of the two servers owns the room.
    pub(crate) fn open(here: &'a Program, there: &Program, is_owner: bool, carrier: Carrier) -> Self {
        let open = |server: &Program, name: &str, n: u8| {
            let mut wire = Wire::open(server.address, Carrier::Plain);
            wire.send("got_a_new_user", &json!({"name": name, "session": session(n)}));
            wire.until("a seat", |event| event[0] == "existing_users");
            wire
        };
        let first = is_owner.then(|| open(here, "Owner", 2));
        let olga = open(there, "Olga", 0);
        let mut mark = open(here, "Mark", 1);
        mark.send("host", &json!({ "key": KEY }));
        mark.until("the host", |event| event[0] == "room_state");
        let people = [("olga", olga), ("mark", mark)].into();
        let names = BTreeMap::new();
        let mut stage = Self {
            here,
            carrier,
            people,
            names,
            barriers: 0,
            posts: Vec::new(),
            steps: Vec::new(),
            transcript: Transcript::new(),
        };
        stage.end_step("start");
        match first {
            Some(first) => {
                stage.people.insert("first", first);
                stage.end("first", true, "disconnect_user");
            }
            None => stage.end_step("nobody goes"),
        }
        stage.steps.clear();
        stage.transcript.clear();
        stage
    }

    /// Somebody connects.
    pub(crate) fn enter(&mut self, who: &'static str) {
        self.people.insert(who, Wire::open(self.here.address, self.carrier));
        self.end_step(&format!("{who} enters"));
    }

    /// Somebody sends an event.
    pub(crate) fn send(&mut self, who: &'static str, event: &str, data: Value) {
        let sent = self.with_ids(&data);
        self.people.get_mut(who).expect("somebody").send(event, &sent);
        self.people.get_mut(who).expect("somebody").catch_up();
        let poster = if who == "olga" { who } else { "mark" };
        self.end_step_of(poster, &format!("{who}: {event} {data}"));
    }

    /// Somebody sends several events at once. Of several states, others may be told only the last one, and what the
    /// owner answers comes after what the mirror answers. Therefore only the answers are compared, in any order, and
    /// then what a snapshot shows.
    pub(crate) fn send_all(&mut self, who: &'static str, events: &[(&str, Value)]) {
        for (event, data) in events {
            let data = self.with_ids(data);
            self.people.get_mut(who).expect("somebody").send(event, &data);
        }
        self.people.get_mut(who).expect("somebody").catch_up();
        self.end_step(&format!("{who}: {} and more at once", events[0].0));
        let is_state = |line: &String| {
            ["text_update", "room_state", "existing_users"].iter().any(|event| line.contains(event))
        };
        for lines in self.transcript.range_mut((self.steps.len(), String::new())..).map(|(_, lines)| lines) {
            lines.retain(|line| !is_state(line));
            lines.sort_unstable();
        }
        self.send(who, "resync", json!({}));
        self.send("olga", "resync", json!({}));
    }

    /// Somebody sends a frame that is no event.
    pub(crate) fn send_raw(&mut self, who: &'static str, text: &str) {
        let prefix = if self.carrier == Carrier::SocketIo { "42" } else { "" };
        self.people.get_mut(who).expect("somebody").send_text(format!("{prefix}{text}"));
        self.people.get_mut(who).expect("somebody").catch_up();
        self.end_step(&format!("{who}: {text}"));
    }

    /// Somebody's connection ends, which Olga is told by this event.
    pub(crate) fn end(&mut self, who: &'static str, goodbye: bool, event: &str) {
        let mut wire = self.people.remove(who).expect("somebody");
        match goodbye {
            true => {
                let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                wire.socket.close(Some(frame)).expect("the server reads");
                wire.until("the close frame", |_| false);
            }
            false => wire.socket.get_ref().shutdown(Shutdown::Both).unwrap(),
        }
        let told = |packet: &Value| packet[0] == event;
        self.people.get_mut("olga").expect("Olga").until(event, told);
        self.end_step(&format!("{who} goes, goodbye: {goodbye}"));
    }

    /// Somebody who is not there posts.
    pub(crate) fn post(&mut self, name: &str, key: &str, text: &str) {
        let response = post_as(self.here, "r", name, key, text);
        let answer = response.text().to_owned();
        self.end_step(&format!("{name} posts {text:?}"));
        let number = self.posts.last().map_or(String::new(), |n| format!(":{n}}}"));
        let answer = format!("{} {}", response.status, answer.trim().replace(&number, ":the last}"));
        self.transcript.insert((self.steps.len(), "http".to_owned()), vec![answer]);
    }

    /// What a file says that is not about barriers.
    pub(crate) fn get(&mut self, path: &str) {
        let (status, body) = get(self.here, path);
        let mut content: Value = serde_json::from_str(&body).expect("JSON");
        if let Some(posts) = content.as_array_mut() {
            posts.retain(|post| !is_barrier(post));
        }
        self.steps.push(path.to_owned());
        let lines = vec![status.to_string(), self.normal(&content).to_string()];
        self.transcript.insert((self.steps.len(), "http".to_owned()), lines);
    }

    /// Ids in place of names that begin with `@`.
    fn with_ids(&self, data: &Value) -> Value {
        let id = |name: &str| {
            let found = self.names.iter().find(|(_, known)| *known == name);
            found.unwrap_or_else(|| panic!("{name} has no id")).0.clone()
        };
        match data {
            Value::String(text) if text.starts_with('@') => json!(id(text)),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.with_ids(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Waits until everybody has received what the step led to, and notes it. Mark's posts go the way of all that the
    /// others ask for, also through the store: what they cause may still be on its way when the first one is posted.
    /// What is sent at the end of a batch comes before the pong.
    fn end_step(&mut self, label: &str) {
        self.end_step_of("mark", label);
    }

    /// The same after something that was done on the server of whoever posts now.
    fn end_step_of(&mut self, poster: &'static str, label: &str) {
        for _ in 0..3 {
            self.barriers += 1;
            let text = format!("barrier {}", self.barriers);
            let poster = self.people.get_mut(poster).expect("somebody");
            poster.send("message", &json!({ "text": text }));
            for wire in self.people.values_mut() {
                wire.until(&format!("{label}: {text}"), |packet| {
                    packet[0] == "data" && packet[1]["text"] == *text
                });
            }
        }
        self.people.values_mut().filter(|wire| !wire.is_closed).for_each(Wire::catch_up);
        self.learn_names();
        let posts = self.people.values().flat_map(|wire| &wire.came);
        let posts = posts.filter(|packet| packet[0] == "data" && !is_barrier(&packet[1]));
        let found = posts.filter_map(|packet| packet[1]["n"].as_u64()).find(|n| !self.posts.contains(n));
        self.posts.extend(found);
        self.steps.push(label.to_owned());
        let mut people = std::mem::take(&mut self.people);
        for (who, wire) in &mut people {
            let came = std::mem::take(&mut wire.came);
            wire.pings = 0;
            let came =
                came.iter().filter(|packet| is_noted(packet)).map(|packet| self.normal(packet).to_string());
            let mut came: Vec<String> = came.collect();
            // Texts that are revealed come in any order.
            came.chunk_by_mut(|a, b| [a, b].iter().all(|line| line.contains("text_update")))
                .for_each(<[String]>::sort);
            if !came.is_empty() {
                self.transcript.insert((self.steps.len(), (*who).to_owned()), came);
            }
        }
        people.retain(|_, wire| !wire.is_closed);
        self.people = people;
    }

    fn learn_names(&mut self) {
        let new_user = |packet: &Value| {
            let (id, name) = (packet[1]["id"].as_str()?, packet[1]["new_user_name"].as_str()?);
            Some((id.to_owned(), format!("@{name}")))
        };
        let all = |packet: &Value| {
            let users = packet[1]["users"].as_object().cloned().unwrap_or_default();
            let name =
                |(id, user): (String, Value)| (id, format!("@{}", user["name"].as_str().unwrap_or("?")));
            users.into_iter().map(name).collect::<Vec<_>>()
        };
        for packet in self.people.values().flat_map(|wire| &wire.came) {
            let found = new_user(packet).into_iter().chain(all(packet));
            for (id, name) in found {
                self.names.entry(id).or_insert(name);
            }
        }
    }

    /// A packet without what differs from run to run: ids, tokens and times.
    fn normal(&self, packet: &Value) -> Value {
        let name = |text: &str| self.names.get(text).cloned();
        match packet {
            Value::String(text) => json!(name(text).unwrap_or(text.clone())),
            Value::Array(items) => items.iter().map(|item| self.normal(item)).collect(),
            Value::Object(fields) => {
                let field = |(key, value): (&String, &Value)| {
                    let value = match (key.as_str(), value) {
                        ("viewers", _) => Value::Null,
                        ("at" | "cleared", Value::Number(at)) => json!(at.as_u64() > Some(1_000_000_000)),
                        ("n", Value::Number(n)) => {
                            json!(self.posts.iter().position(|known| Some(*known) == n.as_u64()))
                        }
                        ("token", Value::String(_)) => json!("a token"),
                        ("session", Value::String(session)) if !session.starts_with("0000") => {
                            json!("a session")
                        }
                        ("id", Value::String(id)) if name(id).is_none() => json!("nobody"),
                        ("log", Value::Array(posts)) => posts
                            .iter()
                            .filter(|post| !is_barrier(post))
                            .map(|post| self.normal(post))
                            .collect(),
                        (_, value) => self.normal(value),
                    };
                    (name(key).unwrap_or(key.clone()), value)
                };
                Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}

/// Whether a packet belongs to the script. How many viewers there are is told once a second.
fn is_noted(packet: &Value) -> bool {
    packet[0] != "viewers" && !(packet[0] == "data" && is_barrier(&packet[1]))
}

fn is_barrier(post: &Value) -> bool {
    post["text"].as_str().is_some_and(|text| text.starts_with("barrier "))
}

/// The session of this number.
pub(crate) fn session(n: u8) -> String {
    format!("{n:032x}")
}
