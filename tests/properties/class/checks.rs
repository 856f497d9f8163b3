//! What has to hold in a class.

use super::Class;
use crate::pipe::Frame;
use crate::support::page::Page;

/// Why an action of somebody who is no host is refused.
const REFUSALS: [&str; 3] = ["removed", "locked", "frozen"];

impl Class {
    /// Nobody but hosts has received a part of a text that was never public, except of their own.
    pub(super) fn check_secrets(&self) {
        for (reader, person) in self.world.people.iter().enumerate() {
            let line = person.line.as_ref().filter(|line| !self.hosts.contains(&line.client));
            line.into_iter().for_each(|line| self.check_bytes(reader, &line.pipe.0.borrow().bytes));
        }
    }

    fn check_bytes(&self, reader: usize, bytes: &[u8]) {
        let received = String::from_utf8_lossy(bytes);
        let secrets =
            self.texts.iter().filter(|(text, writer)| **writer != reader && !self.public.contains(*text));
        for (text, writer) in secrets {
            let part = (0..=text.len() - 6).map(|at| &text[at..at + 6]).find(|part| received.contains(part));
            assert_eq!(part, None, "person {reader} got a part of {text}, which person {writer} wrote");
        }
    }

    /// While texts are hidden, hosts see everything. Every other page knows who has written, and shows no text of
    /// others.
    pub(crate) fn check_hidden(&self) {
        for (reader, person) in self.world.people.iter().enumerate().filter(|_| self.state.hidden) {
            let Some(line) = &person.line else { continue };
            let page = line.pipe.page();
            match page.room {
                None => {}
                Some(_) if self.hosts.contains(&line.client) => self.world.check_users(reader, 0, &page),
                Some(_) => self.check_wrote(reader, &page),
            }
        }
    }

    fn check_wrote(&self, reader: usize, page: &Page) {
        let seats = self.world.people.iter().map(|person| person.seats[0].as_ref()).enumerate();
        let others = seats.filter(|(writer, _)| *writer != reader || page.you.is_none());
        let wrote = others.filter(|(_, seat)| seat.is_some_and(|seat| !seat.text.is_empty())).count();
        assert_eq!(page.wrote.len(), wrote, "{page:?}");
        let is_own = |id: &String| page.you.as_ref() == Some(id);
        assert!(page.users.iter().all(|(id, user)| is_own(id) || user.text.is_empty()), "{page:?}");
    }

    /// Everybody was refused what only hosts may do, and nothing else; and all agree on what hosts have set.
    pub(crate) fn check_rules(&self) {
        for line in self.world.people.iter().filter_map(|person| person.line.as_ref()) {
            let page = line.pipe.page();
            let refused: Vec<&str> =
                page.errors.iter().map(String::as_str).filter(|code| REFUSALS.contains(code)).collect();
            assert_eq!(refused, *self.refused.get(&line.client).unwrap_or(&Vec::new()), "{page:?}");
            if page.room.is_some() {
                let state = (page.state.locked, page.state.hidden, page.state.frozen);
                assert_eq!(state, (self.state.locked, self.state.hidden, self.state.frozen), "{page:?}");
            }
        }
        for pipe in &self.closed {
            assert_eq!(pipe.frames().last(), Some(&Frame::Close(4004)), "who is removed is closed");
        }
    }
}
