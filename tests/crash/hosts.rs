//! The program ends by SIGKILL while hosts change their rooms and remove people. Afterwards every room is as somebody
//! was told that it is, or as its host was just setting it, before anybody is let in.

use crate::support::TIMEOUT;
use crate::support::client::Client;
use crate::support::page::{Page, State};
use crate::support::program::{Program, server};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread;
use typewall::internals::Session;

const ROUNDS: usize = 8;
const ROOMS: usize = 4;

/// Changes that hosts are told of in the first round before the program ends, and how many more in each round after
/// that. No host makes so many that the server slows it down.
const TOLD_BEFORE: usize = 7;

/// People in each room who may be removed in a round.
const REMOVABLE: usize = 3;

fn start(folder: &Path) -> Program {
    let [store, key] = ["wall.sqlite", "host-key"].map(|name| folder.join(name));
    Program::start(server().arg("--store").arg(store).arg("--host-key-file").arg(key))
}

/// A room, and what its host and its people know of it through all runs of the program.
struct Lesson {
    room: String,
    /// The state that the host was told last.
    told: State,
    /// The state that the host has set since then.
    set: Option<State>,
    /// How many changes were made.
    changes: usize,
    /// The sessions of two who come back after each crash.
    pupils: [String; 2],
    /// The sessions of people whose removal is certain, because the host was told of a later change.
    removed: Vec<String>,
}

/// Receives events until the page is as wanted. Nothing that comes contains this text.
fn until_without(client: &mut Client, text: &str, mut holds: impl FnMut(&Page) -> bool) {
    client.receive_until("a user who has written", |client, message| {
        assert!(!message.to_string().contains(text), "{message} was sent to somebody who is no host");
        client.take(message);
        holds(&client.page).then_some(())
    });
}

impl Lesson {
    fn new(n: usize) -> Self {
        let pupils = [(); 2].map(|()| Session::random().to_hex());
        let (told, removed) = Default::default();
        Self { room: format!("room-{n}"), told, set: None, changes: 0, pupils, removed }
    }

    /// The room is as it was, for everybody who comes first.
    fn check(&mut self, program: &Program) {
        let mut viewer = program.watch(&self.room);
        let found = viewer.page.state.clone();
        let expected = [Some(&self.told), self.set.as_ref()];
        assert!(
            expected.contains(&Some(&found)),
            "{found:?} and not {expected:?} after change {}",
            self.changes
        );
        (self.told, self.set) = (found, None);
        for session in &self.removed {
            assert_eq!(self.refusal(program, session).as_deref(), Some("removed"));
        }
        if self.told.locked {
            let stranger = format!("{:032x}", self.changes);
            assert_eq!(self.refusal(program, &stranger).as_deref(), Some("locked"));
        }
        let [mut ada, mut bob] = self.come_back(program);
        let text = format!("an answer after {} changes", self.changes);
        ada.write(&text);
        if self.told.frozen {
            assert_eq!(ada.next_error(), "frozen");
        } else if self.told.hidden {
            let id = ada.page.you.clone().expect("an id");
            for client in [&mut bob, &mut viewer] {
                until_without(client, &text, |page| page.wrote.contains(&id));
            }
        } else {
            bob.sees("Ada", &text);
        }
    }

    /// The pupils have their seats again, also if the room is locked.
    fn come_back(&self, program: &Program) -> [Client; 2] {
        [0, 1].map(|n| {
            let mut client = Client::connect(program.address, &self.room);
            client.rejoin(["Ada", "Bob"][n], &self.pupils[n]);
            client
        })
    }

    /// Why somebody with this session gets no seat, if that is so.
    fn refusal(&self, program: &Program, session: &str) -> Option<String> {
        let mut client = Client::connect(program.address, &self.room);
        client.send("got_a_new_user", json!({ "name": "Eve", "session": session }));
        client.until("an answer", |page| page.you.is_some() || !page.errors.is_empty());
        client.page.errors.pop()
    }

    /// The host comes in and opens the room to people, who come in. The pupils stay until the program ends.
    fn open(&mut self, program: &Program, key: &str) -> (Client, Vec<Client>, [Client; 2]) {
        let mut host = program.watch(&self.room);
        host.send("host", json!({ "key": key }));
        host.until("hosting", |page| page.hosting);
        host.send("set_room", json!({"locked": false, "frozen": false}));
        self.told = State { locked: false, frozen: false, ..self.told.clone() };
        host.until("an open room", |page| page.state == self.told);
        let people = (0..REMOVABLE).map(|_| program.join(&self.room, "Eve")).collect();
        (host, people, self.come_back(program))
    }

    /// The host changes the room, and removes somebody now and then, until the program has ended. Tells each change
    /// that the host is told of.
    fn run(&mut self, mut host: Client, mut people: Vec<Client>, tell: &Sender<()>) {
        let mut leaving = Vec::new();
        loop {
            self.changes += 1;
            let n = self.changes;
            if n.is_multiple_of(3)
                && let Some(person) = people.pop()
            {
                let _ = host.try_send("remove_user", json!({ "id": person.page.you }));
                leaving.push(person); // whoever ends the connection first has no seat to be removed from
            }
            let [locked, hidden, frozen] = [2, 3, 5].map(|divisor| n % divisor == 1);
            let state = State { locked, hidden, frozen, prompt: format!("question {n}"), spotlight: None };
            self.set = Some(state.clone());
            let change =
                json!({"locked": locked, "hidden": hidden, "frozen": frozen, "prompt": state.prompt});
            if host.try_send("set_room", change).is_err() {
                return;
            }
            while host.page.state != state {
                let Ok(message) = host.try_next() else { return };
                host.take(message);
            }
            (self.told, self.set) = (state, None);
            self.removed.extend(leaving.drain(..).filter_map(|person: Client| person.page.session));
            tell.send(()).unwrap();
        }
    }
}

/// Lets all hosts run their rooms, and kills the program after so many changes that they were told of.
fn run_and_kill(lessons: &mut [Lesson], program: Program, key: &str, told_before: usize) {
    let rooms: Vec<_> = lessons.iter_mut().map(|lesson| lesson.open(&program, key)).collect();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for (lesson, (host, people, pupils)) in lessons.iter_mut().zip(rooms) {
            let tell = tell.clone();
            scope.spawn(move || {
                lesson.run(host, people, &tell);
                drop(pupils);
            });
        }
        drop(tell);
        for _ in 0..told_before {
            told.recv_timeout(TIMEOUT).expect("a change");
        }
        drop(program.kill());
    });
}

#[test]
fn after_a_kill_rooms_are_as_hosts_were_told_and_who_was_removed_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut lessons: Vec<Lesson> = (0..ROOMS).map(Lesson::new).collect();
    for round in 0..ROUNDS {
        let program = start(folder.path());
        let key = fs::read_to_string(folder.path().join("host-key")).unwrap();
        lessons.iter_mut().for_each(|lesson| lesson.check(&program));
        run_and_kill(&mut lessons, program, key.trim_end(), TOLD_BEFORE * (1 + round));
    }
    let program = start(folder.path());
    lessons.iter_mut().for_each(|lesson| lesson.check(&program));
    assert!(lessons.iter().any(|lesson| !lesson.removed.is_empty()), "somebody was removed");
}
