//! The people of the simulation.

use super::line::Told;
use super::*;

/// How long a page waits before it sends posts again that were not stored, in milliseconds.
const RETRY: u64 = 1_000;

impl Person {
    pub(super) fn new(n: usize) -> Self {
        Self {
            session: Session::random(),
            name: ["Ada", "Bob"][n % 2],
            text: String::new(),
            line: None,
            replaced: Vec::new(),
            cleared: 0,
            pending: Vec::new(),
            posts: 0,
            ids: BTreeSet::new(),
            awaits_thaw: false,
            retry_at: None,
        }
    }

    fn join(&self) -> FromClient {
        let name = Name::parse(self.name, 40).expect("a name");
        FromClient::Acted(Action::Join { name, session: self.session })
    }

    /// The text, and the posts that were not confirmed.
    fn all(&self) -> Vec<FromClient> {
        let post = |(reference, text): &(String, String)| Action::Post {
            text: text.clone(),
            reference: Some(reference.clone()),
        };
        let text = Action::Write(TextChange::Whole(self.text.clone().into()));
        let all = [text].into_iter().chain(self.pending.iter().map(post));
        all.map(FromClient::Acted).collect()
    }
}

impl Sim {
    /// Opens a connection to a node.
    pub(super) fn open(&mut self, n: usize) -> Option<Line> {
        let node = self.living()?;
        self.last_client += 1;
        let client = ClientId(self.last_client);
        let encoding = [Encoding::SOCKET_IO, Encoding::PLAIN_WHOLE, Encoding::PLAIN_SPLICED][n % 3];
        let (event, pipe) = connected(client, encoding);
        self.tell(node, event);
        let mut line = Line::new(node, client, pipe, Page::of_cluster(), self.now);
        line.page.may_lose_posts = self.forgets() || self.faults.contains(&Fault::Sweep);
        line.is_socketio = encoding == Encoding::SOCKET_IO;
        Some(line)
    }

    pub(super) fn connect(&mut self, n: usize) {
        if self.people[n].line.is_some() {
            return;
        }
        let line = self.open(n);
        if line.is_none() {
            return self.later(500, Happening::Connect(n));
        }
        self.people[n].line = line;
        (self.people[n].awaits_thaw, self.people[n].retry_at) = (false, None);
        self.hosts.turned_away.remove(&n);
        match n < PEOPLE {
            true => self.send(n, self.people[n].join()),
            false => self.send(n, FromClient::Acted(Action::Watch)),
        }
        if n == 0 {
            self.send(n, FromClient::Host { key: SecretHash::new(KEY), token: None });
        }
    }

    /// A person's page sends something.
    pub(super) fn send(&mut self, n: usize, event: FromClient) {
        let Some(line) = &mut self.people[n].line else { return };
        let (node, event) = (line.node, line.event(event));
        self.deliver(node, Event::FromClient(event));
    }

    fn send_all(&mut self, n: usize) {
        (self.people[n].awaits_thaw, self.people[n].retry_at) = (false, None);
        self.people[n].all().into_iter().for_each(|event| self.send(n, event));
    }

    /// Whether somebody's page lets them write and post.
    fn may_write(&self, n: usize) -> bool {
        let line = self.people[n].line.as_ref().filter(|line| line.is_seated);
        line.is_some_and(|line| !line.page.state.frozen || line.page.is_host())
    }

    /// A person writes or posts.
    pub(super) fn act(&mut self, n: usize) {
        self.look(n);
        if !self.may_write(n) {
            return;
        }
        let action = match self.random(20) {
            choice @ 0..13 => self.write_text(n, choice < 4),
            13 => Action::Rename(Name::parse(["Ada", "Cem", "李"][n % 3], 40).expect("a name")),
            14 => Action::Resync,
            _ => {
                let person = &mut self.people[n];
                person.posts += 1;
                let (reference, text) = (person.posts.to_string(), format!("post {} of {n}", person.posts));
                person.pending.push((reference.clone(), text.clone()));
                self.posted.insert(text.clone());
                Action::Post { text, reference: Some(reference) }
            }
        };
        self.send(n, FromClient::Acted(action));
    }

    fn write_text(&mut self, n: usize, as_splice: bool) -> Action {
        let text = format!("{n} writes at {}", self.now);
        self.note_secret(n, &text);
        let before = std::mem::replace(&mut self.people[n].text, text.clone());
        let (before, after): (Text, Text) = (before.into(), text.clone().into());
        Action::Write(match as_splice {
            true => TextChange::Splice(before.splice_to(&after).into_owned()),
            false => TextChange::Whole(text.into()),
        })
    }

    /// A page takes in what it got.
    pub(super) fn look(&mut self, n: usize) {
        self.look_at_replaced(n);
        let Some(mut line) = self.people[n].line.take() else { return };
        let told = line.read();
        self.check_shown(&told, &line);
        let (node, client, is_dead) = (line.node, line.client, self.nodes[line.node].is_dead);
        self.hosts.erased_posts.extend(&told.erased);
        let person = &mut self.people[n];
        person.ids.extend(line.page.you.clone());
        person.pending.retain(|(reference, _)| !line.page.references.contains(reference));
        person.line = Some(line);
        if is_dead || told.closed.is_some() {
            person.line = None;
            self.later(0, Happening::Notice(node, client.0));
            assert_ne!(told.closed, Some(4001), "the last connection of {n}, {}, is replaced", client.0);
            if told.closed == Some(4004) {
                self.on_removed(n);
            }
            let pause = [50, 500, 2_000][self.random(3) as usize];
            return self.later(pause, Happening::Connect(n));
        }
        self.react(n, &told);
    }

    /// Does what the page does about what it was told.
    fn react(&mut self, n: usize, told: &Told) {
        let has = |code: &str| told.codes.iter().any(|told| told == code);
        if has("removed") {
            return self.on_removed(n);
        }
        let Some(Line { page, is_seated, .. }) = &self.people[n].line else { return };
        let (has_seat, is_locked, cleared) = (*is_seated, page.state.locked, page.cleared);
        assert!(!has("already_joined"), "{n} has joined already");
        // Somebody whose seat is gone may come back to a room that is locked.
        let is_turned_away = has("locked") || self.hosts.turned_away.contains(&n);
        assert!(!has("not_joined") || !has_seat || is_turned_away, "{n} has joined, but may do nothing");
        let person = &mut self.people[n];
        let is_cleared = has_seat && std::mem::replace(&mut person.cleared, cleared) < cleared;
        if is_cleared {
            person.text.clear();
        }
        person.awaits_thaw |= has("frozen");
        if has("not_stored") {
            person.retry_at.get_or_insert(self.now + RETRY);
        }
        if let Some(line) = person.line.as_mut().filter(|_| told.is_seated) {
            line.sent_before = person.pending.iter().map(|(reference, _)| reference.clone()).collect();
        }
        let is_due = person.retry_at.is_some_and(|at| at <= self.now);
        let thaws = person.awaits_thaw && self.may_write(n);
        if told.is_seated || is_due || has("out_of_step") || thaws {
            self.send_all(n);
        } else if is_cleared {
            self.send(n, FromClient::Acted(Action::Write(TextChange::Whole(String::new().into()))));
        }
        if has("locked") {
            self.hosts.turned_away.insert(n);
            self.people[n].line.iter_mut().for_each(|line| line.is_seated = false);
            self.send(n, FromClient::Acted(Action::Watch));
        } else if !is_locked && self.hosts.turned_away.remove(&n) {
            self.send(n, self.people[n].join());
        }
    }

    fn look_at_replaced(&mut self, n: usize) {
        for mut line in std::mem::take(&mut self.people[n].replaced) {
            let told = line.read();
            self.check_shown(&told, &line);
            match (told.closed, self.nodes[line.node].is_dead) {
                (None, false) => self.people[n].replaced.push(line),
                (_, is_dead) => {
                    assert!(is_dead || told.closed != Some(4004) || self.was_removed(n), "{n} was removed");
                    self.later(0, Happening::Notice(line.node, line.client.0));
                }
            }
        }
    }
}
