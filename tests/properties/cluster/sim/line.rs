//! A connection of a person, and the page at its other end: what it shows, and whether all that it has asked for was
//! answered once.

use super::*;
use serde_json::Value;

pub(super) struct Line {
    pub node: usize,
    pub client: ClientId,
    pub pipe: Pipe,
    /// When it was made.
    pub since: u64,
    /// What it shows.
    pub page: Page,
    /// It has had a snapshot with a seat.
    pub is_seated: bool,
    pub is_socketio: bool,
    /// The session of somebody who was removed, and comes back with it.
    pub removed: Option<Session>,
    /// It comes to a locked room.
    pub is_turned_away: bool,
    last_ack: u64,
    /// The acknowledgements that it waits for, and what for.
    pub acks: BTreeMap<u64, String>,
    /// How many answers to each post it waits for.
    pub answers: BTreeMap<String, usize>,
    /// Posts that an earlier connection has sent too, whose answers it gets.
    pub sent_before: BTreeSet<String>,
}

/// What a page was told.
#[derive(Default)]
pub(super) struct Told {
    /// The codes of errors.
    pub codes: Vec<String>,
    /// It has a seat since now.
    pub is_seated: bool,
    /// With which code it was closed; 0 without one.
    pub closed: Option<u16>,
    /// The numbers of posts that were removed.
    pub erased: Vec<u64>,
    /// Texts of others that it shows since now.
    pub shown: Vec<String>,
}

impl Line {
    pub(super) fn new(node: usize, client: ClientId, pipe: Pipe, page: Page, since: u64) -> Self {
        let (acks, answers) = (BTreeMap::new(), BTreeMap::new());
        Self {
            node,
            client,
            pipe,
            since,
            page,
            is_seated: false,
            is_socketio: false,
            removed: None,
            is_turned_away: false,
            last_ack: 0,
            acks,
            answers,
            sent_before: BTreeSet::new(),
        }
    }

    /// An event that the page sends.
    pub(super) fn event(&mut self, event: FromClient) -> QueuedEvent {
        let mut queued = QueuedEvent::new(self.client, event);
        if self.is_socketio {
            self.last_ack += 1;
            self.acks.insert(self.last_ack, format!("{:?}", queued.event));
            queued.ack = Some(AckId(self.last_ack));
        } else if let FromClient::Acted(Action::Post { reference: Some(reference), .. }) = &queued.event {
            *self.answers.entry(reference.clone()).or_default() += 1;
        }
        queued
    }

    /// The page takes in what it got.
    pub(super) fn read(&mut self) -> Told {
        let mut told = Told::default();
        if self.is_socketio {
            let packets = self.pipe.packets();
            self.pipe.0.borrow_mut().bytes.clear();
            packets.iter().for_each(|packet| self.read_packet(packet, &mut told));
        } else {
            for frame in self.pipe.take_frames() {
                match frame {
                    Frame::Event(event, data) => self.apply(&event, &data, &mut told),
                    Frame::Close(code) => told.closed = Some(code),
                    _ => {}
                }
            }
        }
        if self.pipe.0.borrow().shut.is_some() {
            told.closed.get_or_insert(0);
        }
        told
    }

    fn read_packet(&mut self, packet: &str, told: &mut Told) {
        if let Some(json) = packet.strip_prefix("42") {
            let (event, data): (String, Value) = serde_json::from_str(json).expect("an event");
            match &*event {
                "closed" => told.closed = data["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
                _ => self.apply(&event, &data, told),
            }
        } else if let Some(ack) = packet.strip_prefix("43") {
            let (id, json) = ack.split_at(ack.find('[').expect("an array"));
            let asked = self.acks.remove(&id.parse().expect("a number"));
            assert!(asked.is_some(), "client {} gets acknowledgement {id} twice: {json}", self.client.0);
            let (data,): (Value,) = serde_json::from_str(json).expect("an acknowledgement");
            told.codes.extend(data["code"].as_str().map(str::to_owned));
        } else if packet.starts_with("close ") {
            told.closed.get_or_insert(0);
        }
    }

    fn apply(&mut self, event: &str, data: &Value, told: &mut Told) {
        if event == "data" && data.get("notice").is_some() {
            return;
        }
        if let Some(reference) = data["ref"].as_str().filter(|_| ["data", "error"].contains(&event)) {
            self.note_answer(reference, event);
        }
        self.page.apply(event, data);
        match event {
            "error" => told.codes.append(&mut self.page.errors),
            "existing_users" => {
                told.is_seated |= self.page.you.is_some() && !self.is_seated;
                self.is_seated |= told.is_seated;
                self.note_shown(None, told);
            }
            "post_removed" => told.erased.extend(data["n"].as_u64()),
            "text_update" => self.note_shown(data["id"].as_str(), told),
            _ => {}
        }
    }

    fn note_answer(&mut self, reference: &str, event: &str) {
        if self.is_socketio {
            return;
        }
        if self.sent_before.contains(reference) {
            self.answers.remove(reference);
            return;
        }
        let left = self.answers.get_mut(reference).filter(|left| **left > 0);
        let left = left
            .unwrap_or_else(|| panic!("client {} gets {event} for post {reference} again", self.client.0));
        *left -= 1;
    }

    /// Notes the text of a user, or of everyone, unless it is shown to a host.
    fn note_shown(&mut self, id: Option<&str>, told: &mut Told) {
        if self.page.is_host() {
            return;
        }
        let is_other = |user: &str| self.page.you.as_deref() != Some(user) && id.is_none_or(|id| id == user);
        let others = self.page.users.iter().filter(|(user, _)| is_other(user));
        told.shown.extend(others.map(|(_, user)| user.text.clone()).filter(|text| !text.is_empty()));
    }

    /// Whether all that was asked for is answered.
    pub(super) fn is_answered(&self) -> bool {
        self.acks.is_empty() && self.answers.values().all(|left| *left == 0)
    }
}
