//! The end of the real binary in the middle of posting, by `kill -9` and by SIGTERM: what anybody was told of is
//! there afterwards, once, and those who come back lose nothing.

use serde_json::{Value, json};
use socket2::SockRef;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};
use typewall::room::session::Session;

const ROUNDS: usize = 10;
const CLIENTS: usize = 50;

/// Posts that are told of before the server is ended, in each round: by then many more are under way.
const TOLD_BEFORE: usize = 200;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client was told: a post's number and text.
type Told = (u64, String);

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(store: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_typewall"))
            .args(["--listen", "127.0.0.1:0", "--log-length", "10000", "--store"])
            .arg(store)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("Typewall is at http://").expect(&line).to_owned();
        Self { process, address }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap(); // SIGKILL
        self.process.wait().unwrap();
    }

    fn terminate(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    fn connect(&self) -> WebSocket<TcpStream> {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        tungstenite::client(format!("ws://{}/ws?room=r", self.address), socket).unwrap().0
    }

    /// The room as a viewer is shown it.
    fn snapshot(&self) -> Value {
        let mut socket = self.connect();
        send(&mut socket, "watch", json!({})).unwrap();
        receive(&mut socket, "a snapshot", |message| {
            event(&message).filter(|(event, _)| event == "existing_users").map(|(_, data)| data)
        })
    }

    /// The whole log.
    fn log(&self) -> BTreeMap<u64, String> {
        self.snapshot()["log"].as_array().unwrap().iter().map(numbered).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(socket: &mut WebSocket<TcpStream>, event: &str, data: Value) -> tungstenite::Result<()> {
    socket.send(Message::text(json!([event, data]).to_string()))
}

/// Receives until what is wanted comes.
fn receive<T>(socket: &mut WebSocket<TcpStream>, what: &str, wanted: impl Fn(Message) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(found) = wanted(socket.read().expect(what)) {
            return found;
        }
    }
    panic!("{what} did not come");
}

/// A post that somebody is told of.
fn told_of(message: &Message) -> Option<Told> {
    event(message).filter(|(event, _)| event == "data").map(|(_, data)| numbered(&data))
}

fn event(message: &Message) -> Option<(String, Value)> {
    match message {
        Message::Text(json) => Some(serde_json::from_str(json).expect("an event")),
        _ => None,
    }
}

fn numbered(post: &Value) -> Told {
    (post["n"].as_u64().unwrap(), post["text"].as_str().unwrap().to_owned())
}

/// What a page keeps while servers come and go.
struct Page {
    name: String,
    session: String,
    /// What stands in its box.
    text: String,
    /// The number of its first post that is not back, which is its ref.
    next: usize,
}

impl Page {
    fn new(n: usize) -> Self {
        let (name, session) = (format!("client {n}"), Session::random().to_hex());
        Self { name, session, text: String::new(), next: 0 }
    }

    fn pages() -> Vec<Self> {
        (0..CLIENTS).map(Self::new).collect()
    }

    /// Joins or comes back, and sends its text; returns when the server has that.
    fn come(&self, server: &Server) -> WebSocket<TcpStream> {
        let mut socket = server.connect();
        send(&mut socket, "got_a_new_user", json!({"name": self.name, "session": self.session})).unwrap();
        send(&mut socket, "updated_text", json!({"text": self.text})).unwrap();
        socket.send(Message::Ping("all".into())).unwrap();
        receive(&mut socket, "a pong", |message| message.is_pong().then_some(()));
        socket
    }

    fn post(&self) -> String {
        format!("{} post {}", self.name, self.next)
    }

    /// Writes and posts, and tells of every post it hears of, until the server is gone. Returns the code with
    /// which it was closed, if it was.
    fn post_until_the_end(&mut self, mut socket: WebSocket<TcpStream>, told: &Sender<Told>) -> Option<u16> {
        let mut posted = None;
        loop {
            if posted != Some(self.next) {
                posted = Some(self.next);
                self.text = format!("{} before post {}", self.name, self.next);
                let post = json!({"text": self.post(), "ref": self.next.to_string()});
                // Where this fails, what was told before is still to be read.
                let _ = send(&mut socket, "updated_text", json!({"text": self.text}));
                let _ = send(&mut socket, "message", post);
            }
            let message = socket.read().ok()?;
            if let Message::Close(frame) = message {
                return frame.map(|frame| frame.code.into());
            }
            if let Some((n, text)) = told_of(&message) {
                self.next += usize::from(text == self.post());
                told.send((n, text)).unwrap();
            }
        }
    }
}

/// Posts without a gap, each text once, with all that anybody was told of among them.
fn check(log: &BTreeMap<u64, String>, told: &BTreeMap<u64, String>) {
    for (n, text) in told {
        assert_eq!(log.get(n), Some(text), "post {n} was told of");
    }
    assert!(log.keys().copied().eq(1..=log.len() as u64), "the numbers have no gap");
    let texts: BTreeSet<&String> = log.values().collect();
    assert_eq!(texts.len(), log.len(), "no text is there twice, though what was not answered came again");
}

/// Has all pages post until enough was told of, ends the server as asked, and returns with what they were closed.
fn post_and_end(
    pages: &mut [Page],
    sockets: Vec<WebSocket<TcpStream>>,
    told: &mut BTreeMap<u64, String>,
    end: impl FnOnce(),
) -> Vec<Option<u16>> {
    let mut note = |(n, text): Told| {
        let before = told.insert(n, text.clone());
        assert!(before.is_none_or(|before| before == text), "two posts have number {n}");
    };
    let (tell, heard): (_, Receiver<Told>) = mpsc::channel();
    thread::scope(|scope| {
        let posting: Vec<_> = pages
            .iter_mut()
            .zip(sockets)
            .map(|(page, socket)| {
                let tell = tell.clone();
                scope.spawn(move || page.post_until_the_end(socket, &tell))
            })
            .collect();
        drop(tell);
        for _ in 0..TOLD_BEFORE {
            note(heard.recv_timeout(PATIENCE).expect("a post"));
        }
        end();
        heard.iter().for_each(note);
        posting.into_iter().map(|page| page.join().unwrap()).collect()
    })
}

#[test]
fn what_anybody_was_told_of_survives_a_kill_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.sqlite");
    let (mut told, mut pages) = (BTreeMap::new(), Page::pages());
    for _ in 0..ROUNDS {
        let mut server = Server::start(&store);
        check(&server.log(), &told);
        let sockets: Vec<_> = pages.iter().map(|page| page.come(&server)).collect();
        let users = server.snapshot()["users"].take();
        let texts: BTreeMap<&str, &str> = users
            .as_object()
            .unwrap()
            .values()
            .map(|user| (user["name"].as_str().unwrap(), user["text"].as_str().unwrap()))
            .collect();
        let expected: BTreeMap<&str, &str> =
            pages.iter().map(|page| (page.name.as_str(), page.text.as_str())).collect();
        assert_eq!(texts, expected, "everyone is back, with their text");
        post_and_end(&mut pages, sockets, &mut told, || server.kill());
    }
    check(&Server::start(&store).log(), &told);
}

/// A client that takes next to nothing of what it is sent, and never answers a close frame.
fn stuck(server: &Server) -> WebSocket<TcpStream> {
    let mut socket = server.connect();
    SockRef::from(socket.get_ref()).set_recv_buffer_size(4096).unwrap();
    send(&mut socket, "watch", json!({})).unwrap();
    socket
}

#[test]
fn a_server_that_stops_has_told_of_all_it_stored_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.sqlite");
    let (mut told, mut pages) = (BTreeMap::new(), Page::pages());
    let mut server = Server::start(&store);
    let mut first = pages[0].come(&server);
    for n in 0..40 {
        // More than the buffers between the server and a client take.
        send(&mut first, "message", json!({"text": format!("{n} {}", "x".repeat(9_900))})).unwrap();
    }
    while told.len() < 40 {
        told.extend([receive(&mut first, "a post", |message| told_of(&message))]);
    }
    let mut idle = server.connect();
    let _stuck: Vec<_> = (0..5).map(|_| stuck(&server)).collect();
    let sockets = pages.iter().map(|page| page.come(&server)).collect();
    let codes = post_and_end(&mut pages, sockets, &mut told, || server.terminate());
    assert_eq!(codes, [Some(1001); CLIENTS], "everyone is told");
    let code = receive(&mut idle, "a close frame", |message| match message {
        Message::Close(frame) => Some(frame.map(|frame| u16::from(frame.code))),
        _ => None,
    });
    assert_eq!(code, Some(1001), "also who has not read for long");
    assert_eq!(end(&mut server), Some(0), "whatever clients do");
    let server = Server::start(&store);
    assert_eq!(server.log(), told, "nothing is stored that nobody was told of");
    for page in &pages {
        let mut socket = page.come(&server);
        send(&mut socket, "message", json!({"text": page.post(), "ref": page.next.to_string()})).unwrap();
        let post = page.post();
        receive(&mut socket, "the post", |message| told_of(&message).filter(|(_, text)| *text == post));
    }
    let log = server.log();
    check(&log, &told);
    for page in &pages {
        let posts = (0..=page.next).map(|n| format!("{} post {n}", page.name));
        let prefix = format!("{} post ", page.name);
        assert!(
            posts.eq(log.values().filter(|text| text.starts_with(&prefix)).cloned()),
            "all, and in order"
        );
    }
}

/// Waits for the end of a server; its status.
fn end(server: &mut Server) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = server.process.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "it does not end");
        thread::yield_now();
    }
}
