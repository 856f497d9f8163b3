//! The people of the simulation, and what their pages show in the end.

use super::*;

impl Sim {
    pub(super) fn connect(&mut self, n: usize) {
        if self.people[n].line.is_some() {
            return;
        }
        let Some(node) = self.living() else { return self.later(500, Happening::Connect(n)) };
        self.last_client += 1;
        let (client, pipe) = (ClientId(self.last_client), Pipe::default());
        pipe.0.borrow_mut().space = usize::MAX;
        let room = RoomName::from_query("room=physics").expect("a name");
        let encoding = if n.is_multiple_of(2) { Encoding::PLAIN_WHOLE } else { Encoding::PLAIN_SPLICED };
        self.tell(node, Event::Connected(new_client(client, room, encoding, &pipe)));
        let Person { session, name, text, pending, .. } = &self.people[n];
        let mut actions =
            vec![Action::Join { name: Name::parse(name, 40).expect("a name"), session: *session }];
        if !text.is_empty() {
            actions.push(Action::Write(TextChange::Whole(text.clone().into())));
        }
        let post = |(reference, text): &(String, String)| Action::Post {
            text: text.clone(),
            reference: Some(reference.clone()),
        };
        actions.extend(pending.iter().map(post));
        for action in actions {
            self.tell(node, Event::from_client(client, FromClient::Acted(action)));
        }
        self.people[n].failed = 0;
        self.people[n].line = Some(Line { node, client, pipe, page: Page::of_cluster() });
    }

    /// A person writes, posts, or sees that the connection is gone.
    pub(super) fn act(&mut self, n: usize) {
        self.look(n);
        let Some(Line { node, client, .. }) = &self.people[n].line else { return };
        let (node, client) = (*node, *client);
        if self.nodes[node].suspended_until > self.now {
            return;
        }
        let action = match self.random(10) {
            0..7 => {
                let text = format!("{n} writes at {}", self.now);
                self.people[n].text.clone_from(&text);
                Action::Write(TextChange::Whole(text.into()))
            }
            _ => {
                let person = &mut self.people[n];
                person.posts += 1;
                let (reference, text) = (person.posts.to_string(), format!("post {} of {n}", person.posts));
                person.pending.push((reference.clone(), text.clone()));
                Action::Post { text, reference: Some(reference) }
            }
        };
        self.tell(node, Event::from_client(client, FromClient::Acted(action)));
    }

    /// A page takes in what it got: confirmed posts, and whether the connection was closed.
    pub(super) fn look(&mut self, n: usize) {
        let Person { line, pending, failed, .. } = &mut self.people[n];
        let Some(Line { node, client, pipe, page }) = line else { return };
        let (node, client) = (*node, *client);
        let mut is_closed = pipe.0.borrow().shut.is_some() || self.nodes[node].is_dead;
        for frame in pipe.take_frames() {
            match frame {
                Frame::Event(event, data) => page.apply(&event, &data),
                frame => is_closed |= matches!(frame, Frame::Close(_)),
            }
        }
        pending.retain(|(reference, _)| !page.references.contains(reference));
        let refused = page.errors.iter().filter(|code| *code == "not_stored").count();
        if refused > *failed {
            *failed = refused;
            for (reference, text) in pending.clone() {
                let post = Action::Post { text, reference: Some(reference) };
                self.tell(node, Event::from_client(client, FromClient::Acted(post)));
            }
        }
        if is_closed {
            self.people[n].line = None;
            self.later(0, Happening::Notice(node, client.0));
            let pause = [50, 500, 2_000][self.random(3) as usize];
            self.later(pause, Happening::Connect(n));
        }
    }

    pub(crate) fn check(&mut self) {
        (0..PEOPLE).for_each(|n| self.look(n));
        let line = |n: usize| self.people[n].line.as_ref().unwrap_or_else(|| panic!("{n} is nowhere"));
        let pages: Vec<&Page> = (0..PEOPLE).map(|n| &line(n).page).collect();
        for (n, page) in pages.iter().enumerate() {
            let you = page.you.clone().unwrap_or_else(|| panic!("{n} has no seat"));
            assert_eq!(page.users.len(), PEOPLE, "{n} sees {:?}", page.users);
            assert!(!page.is_alone, "{n} is alone");
            assert!(page.users.values().all(|user| !user.away), "{n} sees {:?}", page.users);
            for (other, shown) in pages.iter().enumerate().filter(|(other, _)| *other != n) {
                let seen = &shown.users[&you];
                assert_eq!(seen.text, self.people[n].text, "the text of {n} as {other} sees it");
            }
            assert_eq!(self.people[n].pending, [], "posts of {n}");
            assert_eq!(page.names(), pages[0].names());
            let numbers: Vec<u64> = page.log.iter().filter_map(|post| post["n"].as_u64()).collect();
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{n} sees {numbers:?}");
            assert_eq!(page.posts(), pages[0].posts());
        }
        let posted: usize = self.people.iter().map(|person| person.posts).sum();
        assert_eq!(pages[0].log.len(), posted);
        let texts: BTreeSet<&str> = pages[0].posts().into_iter().collect();
        assert_eq!(texts.len(), posted, "no post is there twice");
    }
}
