//! `kill -9` of the real binary in the middle of posting: what anybody was told of is there afterwards, once.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

const ROUNDS: usize = 10;
const CLIENTS: usize = 50;

/// Posts that are told of before the server is killed, in each round: by then many more are under way.
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

    fn join(&self, session: &str) -> WebSocket<TcpStream> {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let (mut client, _) =
            tungstenite::client(format!("ws://{}/ws?room=r", self.address), socket).unwrap();
        let join = json!(["got_a_new_user", {"name": "Ada", "session": session}]);
        client.send(Message::text(join.to_string())).unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has been killed already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn session(client: usize) -> String {
    format!("{client:032x}")
}

/// Posts one text after the other, each under its own ref, and tells of every post it hears of, until the
/// server is gone. Returns the first that was not answered, which is to be posted again.
fn post_until_killed(
    mut socket: WebSocket<TcpStream>,
    client: usize,
    first: usize,
    told: &Sender<Told>,
) -> usize {
    for n in first.. {
        let text = format!("client {client} post {n}");
        let post = json!(["message", {"text": text, "ref": n.to_string()}]);
        if socket.send(Message::text(post.to_string())).is_err() {
            return n;
        }
        loop {
            let Ok(message) = socket.read() else { return n };
            let Message::Text(json) = message else { continue };
            let (event, data): (String, Value) = serde_json::from_str(&json).unwrap();
            if event == "data" {
                let heard = data["text"].as_str().unwrap().to_owned();
                let is_mine = heard == text;
                told.send((data["n"].as_u64().unwrap(), heard)).unwrap();
                if is_mine {
                    break;
                }
            }
        }
    }
    unreachable!("the numbers do not end")
}

/// The whole log as who joins gets it.
fn log(server: &Server) -> BTreeMap<u64, String> {
    let mut socket = server.join(&session(usize::MAX));
    loop {
        let Message::Text(json) = socket.read().expect("a snapshot") else { continue };
        let (event, data): (String, Value) = serde_json::from_str(&json).unwrap();
        if event == "existing_users" {
            let posts = data["log"].as_array().unwrap().iter();
            return posts
                .map(|post| (post["n"].as_u64().unwrap(), post["text"].as_str().unwrap().to_owned()))
                .collect();
        }
    }
}

#[test]
fn what_anybody_was_told_of_survives_a_kill_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wall.sqlite");
    let mut told: HashMap<u64, String> = HashMap::new();
    let mut next = vec![0; CLIENTS];
    for _ in 0..ROUNDS {
        let mut server = Server::start(&store);
        let (tell, heard) = mpsc::channel();
        next = thread::scope(|scope| {
            let posting = next.iter().enumerate().map(|(client, &first)| {
                let (socket, tell) = (server.join(&session(client)), tell.clone());
                scope.spawn(move || post_until_killed(socket, client, first, &tell))
            });
            let posting: Vec<_> = posting.collect();
            let mut numbers: Vec<u64> = Vec::new();
            let mut note = |(n, text): Told| {
                numbers.push(n);
                let before = told.insert(n, text.clone());
                assert!(before.is_none_or(|before| before == text), "two posts have number {n}");
            };
            for _ in 0..TOLD_BEFORE {
                note(heard.recv_timeout(PATIENCE).expect("a post"));
            }
            server.kill();
            let next = posting.into_iter().map(|client| client.join().unwrap()).collect();
            drop(tell);
            heard.iter().for_each(note);
            next
        });
    }
    let log = log(&Server::start(&store));
    for (n, text) in &told {
        assert_eq!(log.get(n), Some(text), "post {n} was told of");
    }
    assert!(log.keys().copied().eq(1..=log.len() as u64), "the numbers have no gap");
    let mut texts: Vec<&String> = log.values().collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(
        texts.len(),
        log.len(),
        "no text is there twice, though all that were not answered came again"
    );
}
