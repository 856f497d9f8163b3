//! Many that stop reading in a busy room: the others lose nothing, and memory grows by no more than is promised.

use crate::{PATIENCE, Running};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};
use tungstenite::Message;
use typewall::delivery::outbox::MAX_BACKLOG;

/// Clients in the room, of whom so many stop reading, and so many others write.
const CROWD: usize = if cfg!(feature = "soak") { 1_000 } else { 60 };
const STALLED: usize = CROWD / 10;
const WRITERS: usize = CROWD / 20;

/// Updates a second, and for how many seconds those who stop do not read. Half of them then go on.
const RATE: u32 = 400;
const STALL: u32 = if cfg!(feature = "soak") { 20 } else { 2 };

/// Of so many updates one is a post.
const POST_EVERY: usize = 10;

/// Characters of an update, which are as many bytes: those of one stall are more than any socket's buffers hold.
const UPDATE: usize = if cfg!(feature = "soak") { 300 } else { 2_000 };

/// Characters of each post at the end, of which there are more than wait for anybody.
const LAST_POST: usize = 9_000;
const LAST_POSTS: usize = 200;

/// Bytes that one who does not read may cost of its own: the list of what waits for it.
const OWN_BYTES: u64 = 64 * 1024;

/// Bytes that may wait for all who do not read, who share them, and what the program needs to write them once.
const SHARED_BYTES: u64 = 4 * MAX_BACKLOG as u64;

/// One client, and what it has seen.
struct Client {
    socket: TcpStream,
    unread: Vec<u8>,
    /// Posts, in order and without a gap.
    posts: usize,
    /// The number of each writer's latest text.
    texts: [usize; WRITERS],
    /// How many texts that were.
    updates: usize,
    /// The code it was closed with.
    closed: Option<u16>,
}

impl Client {
    fn enter(running: &Running, first: &str) -> Self {
        let mut websocket = running.open();
        websocket.send(Message::text(first)).unwrap();
        crate::receive(&mut websocket, "existing_users");
        let socket = websocket.get_ref().try_clone().unwrap();
        Self { socket, unread: Vec::new(), posts: 0, texts: [0; WRITERS], updates: 0, closed: None }
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let len = u16::try_from(payload.len()).expect("a small frame");
        let mut frame = vec![0x80 | opcode];
        match len {
            ..=125 => frame.push(0x80 | len as u8),
            _ => frame.extend([&[0x80 | 126][..], &len.to_be_bytes()].concat()),
        }
        frame.extend([0; 4]); // a mask that hides nothing
        frame.extend(payload);
        self.socket.write_all(&frame).expect("the server reads");
    }

    fn write(&mut self, writer: usize, number: usize) {
        self.texts[writer] = number; // which the author is not sent
        let text = format!("{writer} {number} {}", "x".repeat(UPDATE));
        self.send(1, format!(r#"["updated_text",{{"text":"{text}"}}]"#).as_bytes());
    }

    fn post(&mut self, len: usize) {
        self.send(1, format!(r#"["message",{{"text":"{}"}}]"#, "x".repeat(len)).as_bytes());
    }

    /// Says that it lives, so that it is not taken for one whose network is gone.
    fn pong(&mut self) {
        self.send(10, b"");
    }

    /// Takes what has come.
    fn read(&mut self, buffer: &mut [u8]) {
        match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((0, _)) => assert!(self.closed.is_some(), "the connection ends without a close frame"),
            Ok((len, _)) => {
                self.unread.extend_from_slice(&buffer[..len]);
                let mut unread = std::mem::take(&mut self.unread);
                let mut rest = &unread[..];
                while let Some((opcode, payload, behind)) = split_frame(rest) {
                    self.take(opcode, payload);
                    rest = behind;
                }
                let taken = unread.len() - rest.len();
                unread.drain(..taken);
                self.unread = unread;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, opcode: u8, payload: &[u8]) {
        if opcode == 9 {
            self.pong();
        } else if opcode == 8 {
            self.closed = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        } else if let Some(post) = payload.strip_prefix(br#"["data",{"n":"#) {
            self.posts += 1;
            assert_eq!(leading_number(post), self.posts, "a post is missing");
        } else if payload.starts_with(br#"["text_update""#) {
            let field = br#""text":""#;
            let at = payload.windows(field.len()).position(|bytes| bytes == field).expect("a text");
            let text = &payload[at + field.len()..];
            let space = text.iter().position(|byte| *byte == b' ').expect("a writer and a number");
            let (latest, number) =
                (&mut self.texts[leading_number(text)], leading_number(&text[space + 1..]));
            assert!(*latest < number, "an old text comes after a new one");
            *latest = number;
            self.updates += 1;
        }
    }
}

fn leading_number(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |n, byte| n * 10 + usize::from(byte - b'0'))
}

/// Takes a whole frame of the server's: its opcode, its payload, and what is behind it.
fn split_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, len], rest) = bytes.split_first_chunk()?;
    let (len, rest) = match len {
        126 => rest.split_first_chunk().map(|(len, rest)| (usize::from(u16::from_be_bytes(*len)), rest))?,
        127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len) as usize, rest))?,
        len => (usize::from(len), rest),
    };
    let (payload, behind) = rest.split_at_checked(len)?;
    Some((first & 0x0F, payload, behind))
}

/// Reads whatever comes to any of these until that time.
fn read_until(clients: &mut [Client], until: Instant) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let ready: Vec<usize> = {
            let fd = |client| PollFd::new(client, PollFlags::IN);
            let mut fds: Vec<_> = clients.iter().map(|client| fd(&client.socket)).collect();
            poll(&mut fds, Some(&Timespec::try_from(left).unwrap())).expect("it polls");
            (0..fds.len()).filter(|&n| !fds[n].revents().is_empty()).collect()
        };
        ready.into_iter().for_each(|n| clients[n].read(&mut buffer));
        if left.is_zero() {
            return;
        }
    }
}

/// Reads until it is so for all of these.
fn read_until_all(clients: &mut [Client], is_so: impl Fn(&Client) -> bool, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !clients.iter().all(&is_so) {
        assert!(Instant::now() < deadline, "{what}");
        read_until(clients, Instant::now() + Duration::from_millis(1));
    }
}

/// The room: who writes stands first among those who read.
struct Crowd {
    running: Running,
    reading: Vec<Client>,
    updates: usize,
    posts: usize,
    most_memory: u64,
}

impl Crowd {
    /// A second of updates.
    fn bustle(&mut self) {
        let start = Instant::now();
        for n in 1..=RATE {
            let writer = self.updates % WRITERS;
            self.updates += 1;
            if self.updates.is_multiple_of(POST_EVERY) {
                self.posts += 1;
                self.reading[writer].post(UPDATE);
            } else {
                self.reading[writer].write(writer, self.updates);
            }
            read_until(&mut self.reading, start + Duration::from_secs(1) * n / RATE);
        }
        self.weigh();
    }

    /// Notes the most memory that the program has had.
    fn weigh(&mut self) {
        self.most_memory = self.most_memory.max(self.running.memory("VmRSS"));
    }

    /// Whether somebody has all there is to have: each post, and the latest text of everybody else.
    fn has_all(&self) -> impl Fn(&Client) -> bool + use<> {
        let mut last = [0; WRITERS];
        (1..=self.updates)
            .filter(|n| !n.is_multiple_of(POST_EVERY))
            .for_each(|n| last[(n - 1) % WRITERS] = n);
        let posts = self.posts;
        move |client| client.posts == posts && client.texts == last
    }
}

#[test]
fn many_stop_reading_and_the_others_lose_nothing() {
    let running = Running::start_for(CROWD, Command::new(env!("CARGO_BIN_EXE_typewall")));
    let writer = |n| Client::enter(&running, &format!(r#"["got_a_new_user",{{"name":"writer {n}"}}]"#));
    let viewer = |_| Client::enter(&running, r#"["watch",{}]"#);
    let reading = (0..WRITERS).map(writer).chain((WRITERS..CROWD - STALLED).map(viewer)).collect();
    let mut stalled: Vec<Client> = (0..STALLED).map(viewer).collect();
    let mut crowd = Crowd { running, reading, updates: 0, posts: 0, most_memory: 0 };
    // All read for as long as it takes the program to have the memory that it needs for this.
    for _ in 0..STALL.div_ceil(4) {
        crowd.bustle();
        read_until(&mut stalled, Instant::now());
    }
    let before = crowd.running.memory("VmRSS");
    for _ in 0..STALL {
        crowd.bustle();
        stalled.iter_mut().for_each(Client::pong);
    }
    let mut back = stalled.split_off(STALLED / 2);
    read_until_all(&mut back, crowd.has_all(), "those who read again have all");
    crowd.reading.append(&mut back);
    for _ in 0..LAST_POSTS {
        crowd.posts += 1;
        crowd.reading[0].post(LAST_POST);
        // In step with those who read, so that only those who do not are slow.
        let posts = crowd.posts;
        read_until_all(&mut crowd.reading, |client| client.posts == posts, "those who read have the post");
        crowd.weigh();
    }
    let has_all = crowd.has_all();
    read_until_all(&mut crowd.reading, &has_all, "those who read have all");
    read_until_all(&mut stalled, |client| client.closed.is_some(), "those who do not are closed");
    assert!(stalled.iter().all(|client| client.closed == Some(4002) && client.posts < crowd.posts));
    assert!(crowd.reading.iter().all(|client| client.closed.is_none()));
    let growth = crowd.most_memory.saturating_sub(before);
    assert!(growth < SHARED_BYTES + OWN_BYTES * STALLED as u64, "{growth} bytes more than {before}");
    #[expect(clippy::print_stdout, reason = "figures to be read with --nocapture")]
    {
        let got: usize = crowd.reading.iter().map(|client| client.updates + client.posts).sum();
        let sent = crowd.reading.len() * (crowd.updates + LAST_POSTS);
        println!(
            "of {sent} deliveries {got} were not overtaken; {before} bytes, and {growth} more for {STALLED}"
        );
    }
}
