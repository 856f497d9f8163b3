//! Hosts: whatever people do, nothing of a text that was written while texts are hidden reaches anybody but hosts
//! before it is revealed, and after that all pages show the same.

use crate::support::page::Page;
use crate::world::{KEY, PEOPLE, Step, World, steps};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use typewall::Passphrase;
use typewall::internals::{Action, ClientId, Event, FromClient, StateChange, UserId};

#[derive(Debug, Clone)]
enum HostStep {
    /// What everyone may do. Texts are replaced by ones that are never the same.
    Common(Step),
    /// Proves the host key.
    Key { person: usize },
    /// A host makes somebody a host.
    Make { person: usize },
    /// A host hides texts, or reveals them.
    Hide { hidden: bool },
    /// A host clears a box, or all.
    Clear { person: Option<usize> },
}

fn host_steps() -> impl Strategy<Value = Vec<HostStep>> {
    let person = || 0..PEOPLE;
    let extra = prop_oneof![
        2 => person().prop_map(|person| HostStep::Key { person }),
        1 => person().prop_map(|person| HostStep::Make { person }),
        5 => any::<bool>().prop_map(|hidden| HostStep::Hide { hidden }),
        1 => prop::option::of(person()).prop_map(|person| HostStep::Clear { person }),
    ];
    let extra = prop::collection::vec(prop::option::weighted(0.3, extra), 200);
    (steps(), extra).prop_map(|(steps, extra)| {
        let both = |(step, extra): (Step, Option<HostStep>)| [Some(HostStep::Common(step)), extra];
        steps.into_iter().zip(extra).flat_map(both).flatten().collect()
    })
}

/// A text of twelve letters that has no four letters in a row in common with others, except by rare accident.
fn unique(n: u64) -> String {
    let mut bits = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let letter = |_| {
        bits ^= bits >> 29;
        bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        char::from(b'a' + (bits >> 40) as u8 % 26)
    };
    (0..12).map(letter).collect()
}

/// The world, and what is known of it.
struct Class {
    world: World,
    hidden: bool,
    /// Clients that were hosts at some time.
    hosts: HashSet<ClientId>,
    /// People who were made hosts and have not lost the seat.
    made: HashSet<usize>,
    /// Every text, and who wrote it.
    texts: HashMap<String, usize>,
    /// Texts that everyone was allowed to see at some time.
    public: HashSet<String>,
}

impl Class {
    fn new() -> Self {
        let (hosts, made, texts, public) = Default::default();
        Self { world: World::new(PEOPLE), hidden: false, hosts, made, texts, public }
    }

    fn client(&self, person: usize) -> Option<ClientId> {
        self.world.people[person].line.as_ref().map(|line| line.client)
    }

    /// Somebody in the room who is a host.
    fn host(&self) -> Option<usize> {
        (0..PEOPLE).find(|person| self.client(*person).is_some_and(|client| self.hosts.contains(&client)))
    }

    fn new_text(&mut self, person: usize) -> String {
        let text = unique(self.texts.len() as u64);
        self.texts.insert(text.clone(), person);
        text
    }

    fn take(&mut self, step: HostStep) {
        match step {
            HostStep::Common(Step::Write { person, text }) => {
                let text = if text.is_empty() { text } else { self.new_text(person) };
                self.world.write(person, &text);
            }
            HostStep::Common(Step::Splice { person, text }) => {
                let text = if text.is_empty() { text } else { self.new_text(person) };
                self.world.splice(person, &text);
            }
            HostStep::Common(Step::Enter { person, .. }) => {
                self.world.take(Step::Enter { person, room: 0 });
            }
            HostStep::Common(Step::Cut { millis }) => self.cut(millis),
            HostStep::Common(step) => self.world.take(step),
            HostStep::Key { person } => self.give_key(person),
            HostStep::Make { person } => self.make_host(person),
            HostStep::Hide { hidden } => self.hide(hidden),
            HostStep::Clear { person } => self.clear(person),
        }
        self.follow_seats();
    }

    /// Who has lost a seat is no host any more, and an empty room is forgotten.
    fn follow_seats(&mut self) {
        let people = &self.world.people;
        self.made.retain(|person| people[*person].seats[0].is_some());
        let lines = people.iter().enumerate().filter_map(|(n, person)| Some((n, person.line.as_ref()?)));
        for (person, line) in lines.filter(|(_, line)| line.joined) {
            // The user of a host is a host, also from another connection.
            if self.made.contains(&person) || self.hosts.contains(&line.client) {
                self.hosts.insert(line.client);
                self.made.insert(person);
            }
        }
        if people.iter().all(|person| person.line.is_none() && person.seats[0].is_none()) {
            self.hidden = false;
        }
    }

    fn give_key(&mut self, person: usize) {
        let Some(client) = self.client(person) else { return };
        let key = Passphrase::new(KEY);
        self.world
            .hub
            .handle(Event::from_client(client, FromClient::Host { key, token: None }), self.world.now);
        self.hosts.insert(client);
    }

    fn make_host(&mut self, person: usize) {
        let Some(host) = self.host() else { return };
        let Some(line) = self.world.people[person].line.as_ref().filter(|line| line.joined) else { return };
        let Some(you) = line.pipe.page().you else { return };
        let client = line.client;
        self.world.act(host, Action::MakeHost(UserId(you.parse().unwrap())));
        self.hosts.insert(client);
        self.made.insert(person);
    }

    fn hide(&mut self, hidden: bool) {
        let Some(host) = self.host() else { return };
        let change = StateChange { hidden: Some(hidden), ..StateChange::default() };
        self.world.act(host, Action::SetRoom(change));
        self.hidden = hidden;
    }

    fn clear(&mut self, person: Option<usize>) {
        let Some(host) = self.host() else { return };
        match person {
            None => {
                self.world.act(host, Action::Clear(None));
                self.world
                    .people
                    .iter_mut()
                    .filter_map(|person| person.seats[0].as_mut())
                    .for_each(|seat| seat.text.clear());
            }
            Some(person) => {
                let Some(you) = self.world.people[person].line.as_ref().and_then(|line| line.pipe.page().you)
                else {
                    return;
                };
                self.world.act(host, Action::Clear(Some(UserId(you.parse().unwrap()))));
                self.world.people[person].seats[0].as_mut().expect("a seat").text.clear();
            }
        }
    }

    fn cut(&mut self, millis: u64) {
        if !self.hidden {
            let seats = self.world.people.iter().filter_map(|person| person.seats[0].as_ref());
            self.public.extend(seats.map(|seat| seat.text.clone()));
        }
        self.world.cut(Duration::from_millis(millis));
        self.check_secrets();
    }

    /// Nobody but hosts has received a part of a text that was never public, except of their own.
    fn check_secrets(&self) {
        for (reader, person) in self.world.people.iter().enumerate() {
            let Some(line) = person.line.as_ref().filter(|line| !self.hosts.contains(&line.client)) else {
                continue;
            };
            let received = String::from_utf8_lossy(&line.pipe.0.borrow().bytes).into_owned();
            let secrets =
                self.texts.iter().filter(|(text, writer)| **writer != reader && !self.public.contains(*text));
            for (text, writer) in secrets {
                let part =
                    (0..=text.len() - 6).map(|at| &text[at..at + 6]).find(|part| received.contains(part));
                assert_eq!(part, None, "person {reader} got a part of {text}, which person {writer} wrote");
            }
        }
    }

    /// Hosts see everything. Every other page knows who has written, and shows no text of others.
    fn check_hidden(&self) {
        for (reader, person) in self.world.people.iter().enumerate() {
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
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hidden_texts_reach_only_hosts_until_they_are_revealed(steps in host_steps()) {
        let mut class = Class::new();
        for step in steps {
            class.take(step);
        }
        if class.hidden {
            class.world.settle();
            class.check_secrets();
            class.check_hidden();
        }
        // Somebody may have to come in as a host.
        if class.host().is_none() {
            class.take(HostStep::Common(Step::Enter { person: 0, room: 0 }));
            class.take(HostStep::Key { person: 0 });
        }
        class.take(HostStep::Hide { hidden: false });
        class.world.settle();
        class.world.check();
    }
}

#[test]
fn unique_texts_have_no_part_in_common() {
    let parts = |n| (0..=6).map(move |at| unique(n)[at..at + 6].to_owned());
    let all: Vec<String> = (0..500).flat_map(parts).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
}
