//! The program ends in the middle of posting, by SIGKILL and by SIGTERM. Afterwards the store has every post that any
//! client was sent, once, and clients that come back lose nothing.

use crate::support::TIMEOUT;
use crate::support::client::{Client, code};
use crate::support::page::numbered;
use crate::support::program::{Program, server};
use nix::sys::signal::Signal;
use serde_json::json;
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;
use tungstenite::Message;
use typewall::internals::Session;

const ROUNDS: usize = 10;
const CLIENTS: usize = 50;

/// Posts that clients receive in each round before the program ends. By then many more are under way.
const TOLD_BEFORE: usize = 200;

/// A post that a client was sent: its number and its text.
type Told = (u64, String);

fn start(store: &Path) -> Program {
    Program::start(server().args(["--log-length", "10000", "--store"]).arg(store))
}

/// The whole log of the room.
fn log(program: &Program) -> BTreeMap<u64, String> {
    program.watch("r").page.log.iter().map(numbered).collect()
}

/// An author who comes back to every new run of the program.
struct Author {
    name: String,
    session: String,
    /// What is in the box.
    text: String,
    /// The number of the first post that is not confirmed, which is its ref.
    next: usize,
}

impl Author {
    fn new(n: usize) -> Self {
        let (name, session) = (format!("client {n}"), Session::random().to_hex());
        Self { name, session, text: String::new(), next: 0 }
    }

    fn all() -> Vec<Self> {
        (0..CLIENTS).map(Self::new).collect()
    }

    /// Joins or comes back, and sends the text; returns when the server has it.
    fn enter(&self, program: &Program) -> Client {
        let mut client = Client::connect(program.address, "r");
        client.rejoin(&self.name, &self.session);
        client.write(&self.text);
        client.catch_up();
        client
    }

    fn post(&self) -> String {
        format!("{} post {}", self.name, self.next)
    }

    /// Writes and posts until the program has ended, and passes on every post that it receives. Returns the code of the
    /// close frame, if one came.
    fn post_until_the_end(&mut self, mut client: Client, told: &Sender<Told>) -> Option<u16> {
        let (mut posted, mut deadline) = (None, Instant::now() + TIMEOUT);
        loop {
            assert!(Instant::now() < deadline, "neither a post nor the end came to {}", self.name);
            if posted != Some(self.next) {
                posted = Some(self.next);
                self.text = format!("{} before post {}", self.name, self.next);
                let post = json!({"text": self.post(), "ref": self.next.to_string()});
                // If this fails, posts that came before are still to be read.
                let _ = client.try_send("updated_text", json!({"text": self.text}));
                let _ = client.try_send("message", post);
            }
            let message = client.try_next().ok()?;
            if let Message::Close(frame) = message {
                return Some(code(frame));
            }
            if let Some((event, data)) = client.take(message)
                && event == "data"
            {
                deadline = Instant::now() + TIMEOUT;
                let (n, text) = numbered(&data);
                self.next += usize::from(text == self.post());
                told.send((n, text)).unwrap();
            }
        }
    }
}

/// The log has no gap, has each text once, and has every post that any client was sent.
fn check(log: &BTreeMap<u64, String>, told: &BTreeMap<u64, String>) {
    for (n, text) in told {
        assert_eq!(log.get(n), Some(text), "somebody was told of post {n}");
    }
    assert!(log.keys().copied().eq(1..=log.len() as u64), "the numbers have no gap");
    let texts: BTreeSet<&String> = log.values().collect();
    assert_eq!(texts.len(), log.len(), "no text is there twice, although posts were sent again");
}

/// Lets all authors post, ends the program after enough posts, and returns the codes with which they were closed.
fn post_and_end(
    authors: &mut [Author],
    clients: Vec<Client>,
    told: &mut BTreeMap<u64, String>,
    end: impl FnOnce(),
) -> Vec<Option<u16>> {
    let mut note = |(n, text): Told| {
        let before = told.insert(n, text.clone());
        assert!(before.is_none_or(|before| before == text), "two posts have number {n}");
    };
    let (tell, posts): (_, Receiver<Told>) = mpsc::channel();
    thread::scope(|scope| {
        let posting: Vec<_> = authors
            .iter_mut()
            .zip(clients)
            .map(|(author, client)| {
                let tell = tell.clone();
                scope.spawn(move || author.post_until_the_end(client, &tell))
            })
            .collect();
        drop(tell);
        for _ in 0..TOLD_BEFORE {
            note(posts.recv_timeout(TIMEOUT).expect("a post"));
        }
        end();
        posts.iter().for_each(note);
        posting.into_iter().map(|author| author.join().unwrap()).collect()
    })
}

#[test]
fn after_a_kill_every_post_that_anyone_was_told_of_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.sqlite");
    let (mut told, mut authors) = (BTreeMap::new(), Author::all());
    for _ in 0..ROUNDS {
        let program = start(&store);
        check(&log(&program), &told);
        let clients = authors.iter().map(|author| author.enter(&program)).collect();
        let page = program.watch("r").page;
        let texts: BTreeMap<&str, &str> =
            page.users.values().map(|user| (user.name.as_str(), user.text.as_str())).collect();
        let expected: BTreeMap<&str, &str> =
            authors.iter().map(|author| (author.name.as_str(), author.text.as_str())).collect();
        assert_eq!(texts, expected, "everyone is back, with their text");
        post_and_end(&mut authors, clients, &mut told, || drop(program.kill()));
    }
    check(&log(&start(&store)), &told);
}

/// A client that reads next to nothing, and never answers a close frame.
fn stuck(program: &Program) -> Client {
    let mut client = Client::connect(program.address, "r");
    SockRef::from(client.socket.get_ref()).set_recv_buffer_size(4096).unwrap();
    client.send("watch", json!({}));
    client
}

/// Each author posts once more; then all posts of each are there, in order.
fn post_again_and_check(authors: &[Author], program: &Program, told: &BTreeMap<u64, String>) {
    for author in authors {
        author.enter(program).try_post(&author.next.to_string(), &author.post()).expect("the store takes it");
    }
    let log = log(program);
    check(&log, told);
    for author in authors {
        let posts = (0..=author.next).map(|n| format!("{} post {n}", author.name));
        let prefix = format!("{} post ", author.name);
        assert!(
            posts.eq(log.values().filter(|text| text.starts_with(&prefix)).cloned()),
            "all, and in order"
        );
    }
}

#[test]
fn a_stop_tells_authors_of_every_stored_post_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.sqlite");
    let (mut told, mut authors) = (BTreeMap::new(), Author::all());
    let program = start(&store);
    let mut first = authors[0].enter(&program);
    for n in 0..40 {
        // Together more than the buffers between the program and a client hold.
        first.post(&format!("{n} {}", "x".repeat(9_900)));
    }
    first.until("all posts", |page| page.log.len() == 40);
    told.extend(first.page.log.iter().map(numbered));
    let idle = program.watch("r");
    let _stuck: Vec<_> = (0..5).map(|_| stuck(&program)).collect();
    let clients = authors.iter().map(|author| author.enter(&program)).collect();
    let codes = post_and_end(&mut authors, clients, &mut told, || program.signal(Signal::SIGTERM));
    assert_eq!(codes, [Some(1001); CLIENTS], "everyone is told");
    assert_eq!(idle.closed(), 1001, "also a client that has not read for long");
    assert_eq!(program.ended().0, Some(0), "whatever clients do");
    let program = start(&store);
    assert_eq!(log(&program), told, "every stored post was told of");
    post_again_and_check(&authors, &program, &told);
}
