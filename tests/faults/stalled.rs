//! Many clients stop reading in a busy room. The others lose nothing, and memory stays within its bound.

use crate::process::start_for;
use crate::support::TIMEOUT;
use crate::support::frame::{
    CLOSE, CONTINUATION, FIN, Fragments, PING, PONG, TEXT, close_code, first_frame, frame, handshake, text,
};
use crate::support::http::Response;
use crate::support::page::Page;
use crate::support::program::{Program, server};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::{Duration, Instant};
use typewall::Limits;

/// Clients in the room; how many of them stop reading, and how many others write.
const CROWD: usize = if cfg!(feature = "soak") { 1_000 } else { 60 };
const STALLED: usize = CROWD / 10;
const WRITERS: usize = CROWD / 20;

/// Updates a second, and for how many seconds the stalled clients do not read. Then half of them read again.
const RATE: u32 = 400;
const STALL: u32 = if cfg!(feature = "soak") { 20 } else { 2 };

/// One in this many updates is a post.
const POST_EVERY: usize = 10;

/// Bytes of an update: those of one stall are more than any socket's buffers hold.
const UPDATE: usize = if cfg!(feature = "soak") { 300 } else { 2_000 };

/// Bytes of each post at the end, and how many: more than may wait for a client.
const LAST_POST: usize = 9_000;
const LAST_POSTS: usize = 150;

/// Bytes that each stalled client may take: the list of its pending output.
const OWN_BYTES: u64 = 64 * 1024;

/// Bytes that may wait for all stalled clients, which share them, and what the program needs to write them once.
const SHARED_BYTES: u64 = 4 * Limits::DEFAULT.max_backlog as u64;

/// Events by their JSON: most clients receive the same, and to decode it once for each would be too slow.
type Decoded = HashMap<Vec<u8>, Rc<(String, Value)>>;

/// One client of many that one thread reads.
struct Reader {
    socket: TcpStream,
    /// Bytes of a frame that is not whole yet.
    partial: Vec<u8>,
    fragments: Fragments,
    page: Page,
    /// How many texts and posts came.
    delivered: usize,
    /// The code it was closed with.
    closed: Option<u16>,
}

impl Reader {
    /// A client that has sent its first event.
    fn enter(program: &Program, event: &str) -> Self {
        let mut socket = program.dial();
        socket.write_all(&[handshake("/ws?room=r"), text(event)].concat()).unwrap();
        assert_eq!(Response::read_head(&mut socket).status, 101);
        let mut reader = Self {
            socket,
            partial: Vec::new(),
            fragments: Fragments::default(),
            page: Page::default(),
            delivered: 0,
            closed: None,
        };
        read_until_all(std::slice::from_mut(&mut reader), |reader| reader.page.room.is_some(), "a snapshot");
        reader
    }

    fn send(&mut self, frame: &[u8]) {
        self.socket.write_all(frame).expect("the server reads");
    }

    fn write(&mut self, number: usize) {
        let content = format!("{number} {}", "x".repeat(UPDATE));
        self.send(&text(format!(r#"["updated_text",{{"text":"{content}"}}]"#)));
    }

    fn post(&mut self, length: usize) {
        self.send(&text(format!(r#"["message",{{"text":"{}"}}]"#, "x".repeat(length))));
    }

    /// Gives a sign of life, so that it is not closed as silent.
    fn pong(&mut self) {
        self.send(&frame(FIN | PONG, b""));
    }

    /// Reads and applies what has come.
    fn read(&mut self, buffer: &mut [u8], decoded: &mut Decoded) {
        match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => assert!(self.closed.is_some(), "the connection ends without a close frame"),
            Ok((length, _)) => {
                self.partial.extend_from_slice(&buffer[..length]);
                let bytes = std::mem::take(&mut self.partial);
                let mut rest = &bytes[..];
                while let Some((first, payload, length)) = first_frame(rest) {
                    self.take(first, payload, decoded);
                    rest = &rest[length..];
                }
                self.partial = rest.to_vec();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, first: u8, payload: &[u8], decoded: &mut Decoded) {
        if first == TEXT || first & !FIN == CONTINUATION {
            if let Some((kind, payload)) = self.fragments.add(first, payload) {
                self.take(FIN | kind, &payload, decoded);
            }
            return;
        }
        match first ^ FIN {
            TEXT => {
                let event = decoded.get(payload).cloned().unwrap_or_else(|| {
                    let event = Rc::new(serde_json::from_slice(payload).expect("an event"));
                    decoded.insert(payload.to_vec(), Rc::clone(&event));
                    event
                });
                self.apply(&event.0, &event.1);
            }
            PING => self.pong(),
            CLOSE => self.closed = Some(close_code(payload)),
            _ => panic!("a frame that begins with {first:#x}"),
        }
    }

    fn apply(&mut self, event: &str, data: &Value) {
        let id = data["id"].as_str().unwrap_or_default();
        let before = self.number_of(id);
        self.page.apply(event, data);
        self.page.log.clear(); // the logs of a thousand clients would take gigabytes
        self.delivered += usize::from(event == "text_update" || event == "data");
        assert!(event != "text_update" || before < self.number_of(id), "an old text after a new one");
    }

    /// The number that the text of a user begins with; 0 if there is none.
    fn number_of(&self, id: &str) -> usize {
        let number = |text: &str| text.split(' ').next().and_then(|number| number.parse().ok());
        self.page.users.get(id).and_then(|user| number(&user.text)).unwrap_or(0)
    }

    /// Whether all posts up to that number came.
    fn has_posts(&self, count: usize) -> bool {
        self.page.received.iter().copied().eq(1..=count as u64)
    }
}

/// Reads what any of these clients receives until that time.
fn read_until(clients: &mut [Reader], until: Instant) {
    let (mut buffer, mut decoded) = (vec![0; 64 * 1024], Decoded::new());
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let ready: Vec<usize> = {
            let fd = |client| PollFd::new(client, PollFlags::IN);
            let mut fds: Vec<_> = clients.iter().map(|client| fd(&client.socket)).collect();
            poll(&mut fds, Some(&Timespec::try_from(left).unwrap())).expect("it polls");
            (0..fds.len()).filter(|&n| !fds[n].revents().is_empty()).collect()
        };
        ready.into_iter().for_each(|n| clients[n].read(&mut buffer, &mut decoded));
        if left.is_zero() {
            return;
        }
    }
}

/// Reads until a condition holds for all of these clients.
fn read_until_all(clients: &mut [Reader], holds: impl Fn(&Reader) -> bool, what: &str) {
    let deadline = Instant::now() + TIMEOUT;
    while !clients.iter().all(&holds) {
        assert!(Instant::now() < deadline, "{what}");
        read_until(clients, Instant::now() + Duration::from_millis(1));
    }
}

/// The room. Its writers are the first clients in `reading`.
struct Crowd {
    program: Program,
    reading: Vec<Reader>,
    updates: usize,
    posts: usize,
    most_memory: u64,
}

impl Crowd {
    /// Sends a second of updates.
    fn update_for_a_second(&mut self) {
        let start = Instant::now();
        for n in 1..=RATE {
            let writer = self.updates % WRITERS;
            self.updates += 1;
            if self.updates.is_multiple_of(POST_EVERY) {
                self.posts += 1;
                self.reading[writer].post(UPDATE);
            } else {
                self.reading[writer].write(self.updates);
            }
            read_until(&mut self.reading, start + Duration::from_secs(1) * n / RATE);
        }
        self.measure_memory();
    }

    /// Notes the most memory that the program has had.
    fn measure_memory(&mut self) {
        self.most_memory = self.most_memory.max(self.program.memory("VmRSS"));
    }

    /// Sends more posts than may wait for a client, in step with those that read, so that only the others are slow. The
    /// room's budget makes them wait, so the others give signs of life.
    fn post_at_the_end(&mut self, stalled: &mut [Reader]) {
        for _ in 0..LAST_POSTS {
            self.posts += 1;
            self.reading[0].post(LAST_POST);
            stalled.iter_mut().for_each(Reader::pong);
            let posts = self.posts as u64;
            let has_post = |client: &Reader| client.page.received.last() == Some(&posts);
            read_until_all(&mut self.reading, has_post, "the post for the clients that read");
            self.measure_memory();
        }
    }

    /// Whether a client has each post, and the latest text of every other user.
    fn has_all(&self) -> impl Fn(&Reader) -> bool + use<> {
        let mut last = [0; WRITERS];
        (1..=self.updates)
            .filter(|n| !n.is_multiple_of(POST_EVERY))
            .for_each(|n| last[(n - 1) % WRITERS] = n);
        let ids: Vec<String> = self.reading.iter().filter_map(|client| client.page.you.clone()).collect();
        let posts = self.posts;
        move |client| {
            let has_text = |(id, last): (&String, &usize)| {
                client.page.you.as_ref() == Some(id) || client.number_of(id) == *last
            };
            client.has_posts(posts) && ids.iter().zip(&last).all(has_text)
        }
    }
}

#[test]
fn many_clients_stop_reading_and_the_others_lose_nothing() {
    let mut command = server();
    command.args(["--post-rate", "1000"]);
    let program = start_for(CROWD, command);
    let writer = |n| Reader::enter(&program, &format!(r#"["got_a_new_user",{{"name":"writer {n}"}}]"#));
    let viewer = |_| Reader::enter(&program, r#"["watch",{}]"#);
    let reading = (0..WRITERS).map(writer).chain((WRITERS..CROWD - STALLED).map(viewer)).collect();
    let mut stalled: Vec<Reader> = (0..STALLED).map(viewer).collect();
    let mut crowd = Crowd { program, reading, updates: 0, posts: 0, most_memory: 0 };
    // At first all clients read, until the program has the memory that it needs for that.
    for _ in 0..STALL.div_ceil(4) {
        crowd.update_for_a_second();
        read_until(&mut stalled, Instant::now());
    }
    let before = crowd.program.memory("VmRSS");
    for _ in 0..STALL {
        crowd.update_for_a_second();
        stalled.iter_mut().for_each(Reader::pong);
    }
    let mut back = stalled.split_off(STALLED / 2);
    read_until_all(&mut back, crowd.has_all(), "everything for the clients that read again");
    crowd.reading.append(&mut back);
    crowd.post_at_the_end(&mut stalled);
    let has_all = crowd.has_all();
    read_until_all(&mut crowd.reading, &has_all, "everything for the clients that read");
    read_until_all(&mut stalled, |client| client.closed.is_some(), "the end of the clients that do not");
    for client in &stalled {
        let posts = client.page.received.len();
        assert!(client.closed == Some(4002) && posts < crowd.posts && client.has_posts(posts));
    }
    assert!(crowd.reading.iter().all(|client| client.closed.is_none()));
    let growth = crowd.most_memory.saturating_sub(before);
    assert!(growth < SHARED_BYTES + OWN_BYTES * STALLED as u64, "{growth} bytes more than {before}");
    #[expect(clippy::print_stdout, reason = "figures to be read with --nocapture")]
    {
        let delivered: usize = crowd.reading.iter().map(|client| client.delivered).sum();
        let sent = crowd.reading.len() * (crowd.updates + LAST_POSTS);
        println!(
            "{delivered} of {sent} deliveries, {before} bytes, {growth} more for {STALLED} stalled clients"
        );
    }
}
