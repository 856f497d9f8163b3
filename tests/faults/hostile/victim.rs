//! One victim: what it is sent, and how long that took.

use crate::support::TIMEOUT;
use crate::support::client::set_timeouts;
use crate::support::frame::{
    CLOSE, CONTINUATION, FIN, Fragments, PING, PONG, TEXT, close_code, first_frame, frame, handshake, text,
};
use crate::support::http::Response;
use crate::support::page::User;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of one read, and of a throttled victim's receive buffer.
pub(crate) const BUFFER: usize = 64 * 1024;

/// Waiting times, by group.
pub(crate) type Waits = BTreeMap<&'static str, Vec<Duration>>;

/// One victim.
pub(crate) struct Victim {
    pub socket: TcpStream,
    pub room: &'static str,
    /// The victims with which its figures are counted.
    group: &'static str,
    /// Bytes that it reads a second, if that is limited; and when it may read again.
    rate: Option<u32>,
    pub reads_at: Instant,
    /// Bytes of a frame that is not whole yet.
    partial: Vec<u8>,
    fragments: Fragments,
    /// By the writers' ids: their boxes, and how many of their texts have arrived.
    pub boxes: HashMap<String, (User, usize)>,
    /// The number of the last post.
    pub posts: u64,
    pub closed: Option<u16>,
}

/// A victim who types.
pub(crate) struct Writer {
    /// Its index among the victims.
    pub victim: usize,
    pub room: &'static str,
    pub id: String,
    /// When each of its texts was sent.
    pub sent: Vec<Instant>,
}

impl Victim {
    /// Enters a room, as a user if it has a name, and waits for the snapshot. Returns its id, if it is a user.
    pub(crate) fn enter(
        address: SocketAddr,
        room: &'static str,
        group: &'static str,
        name: Option<&str>,
        rate: Option<u32>,
    ) -> (Self, Option<String>) {
        let event = match name {
            Some(name) => format!(r#"["got_a_new_user",{{"name":"{name}"}}]"#),
            None => r#"["watch",{}]"#.to_owned(),
        };
        let mut socket = dial(address, rate);
        let request = [handshake(&format!("/ws?room={room}&splice=1")), text(event)].concat();
        socket.write_all(&request).expect("it is read");
        assert_eq!(Response::read_head(&mut socket).status, 101);
        let mut victim = Self {
            socket,
            room,
            group,
            rate,
            reads_at: Instant::now(),
            partial: Vec::new(),
            fragments: Fragments::default(),
            boxes: HashMap::new(),
            posts: 0,
            closed: None,
        };
        let id = victim.read_snapshot();
        (victim, id)
    }

    /// Reads up to its first snapshot, and returns its id.
    fn read_snapshot(&mut self) -> Option<String> {
        let deadline = Instant::now() + 3 * TIMEOUT;
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = self.socket.read(&mut buffer).expect("a snapshot");
            assert!(read > 0, "closed with {:?} instead of a snapshot", self.closed);
            assert!(Instant::now() < deadline, "no snapshot in time");
            let mut events = self.take(&buffer[..read]).into_iter();
            let Some(event) = events.find(|event| event.starts_with(br#"["existing_users""#)) else {
                continue;
            };
            let (_, snapshot): (String, Value) = serde_json::from_slice(&event).expect("an event");
            let id = self.begin_with(&snapshot);
            events.for_each(|event| self.apply(&event, &[], &mut Waits::new(), Instant::now()));
            return id;
        }
    }

    fn begin_with(&mut self, snapshot: &Value) -> Option<String> {
        for (id, user) in
            snapshot["users"].as_object().into_iter().flatten().filter(|(_, user)| is_writer(&user["name"]))
        {
            let user = User { name: String::new(), mark: 0, text: string(&user["text"]), away: false };
            self.boxes.insert(id.clone(), (user, 0));
        }
        let last = snapshot["log"].as_array().and_then(|log| log.last());
        self.posts = last.and_then(|post| post["n"].as_u64()).unwrap_or(0);
        snapshot["you"].as_str().map(str::to_owned)
    }

    pub(crate) fn send(&mut self, frame: &[u8]) {
        self.socket.write_all(frame).expect("the server reads");
    }

    /// Reads what has come, at most one buffer.
    pub(crate) fn read(&mut self, buffer: &mut [u8], writers: &[Writer], waits: &mut Waits, now: Instant) {
        let read = match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((_, read)) if read > 0 => read,
            Err(Errno::WOULDBLOCK) => return,
            Ok(_) | Err(_) => {
                self.closed.get_or_insert(1006); // RFC 6455, section 7.4.1
                return;
            }
        };
        if let Some(rate) = self.rate {
            self.reads_at = now + Duration::from_secs_f64(read as f64 / f64::from(rate));
        }
        for event in self.take(&buffer[..read]) {
            self.apply(&event, writers, waits, now);
        }
    }

    /// The events whose last bytes these are. Answers pings.
    fn take(&mut self, read: &[u8]) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        let mut bytes = mem::take(&mut self.partial);
        bytes.extend_from_slice(read);
        let mut rest = &bytes[..];
        while let Some((first, payload, length)) = first_frame(rest) {
            rest = &rest[length..];
            match first {
                _ if first & !FIN == CONTINUATION || first == TEXT => {
                    events.extend(self.fragments.add(first, payload).map(|(_, payload)| payload));
                }
                _ if first == FIN | TEXT => events.push(payload.to_vec()),
                _ if first == FIN | PING => self.send(&frame(FIN | PONG, payload)),
                _ if first == FIN | CLOSE => self.closed = Some(close_code(payload)),
                _ => panic!("a frame that begins with {first:#x}"),
            }
        }
        let begins = bytes.len() - rest.len();
        bytes.drain(..begins);
        self.partial = bytes;
        events
    }

    fn apply(&mut self, event: &[u8], writers: &[Writer], waits: &mut Waits, now: Instant) {
        if let Some(rest) = event.strip_prefix(br#"["data",{"n":"#) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            let n = digits.fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
            assert_eq!(n, self.posts + 1, "a post out of order");
            self.posts = n;
        } else if event.starts_with(br#"["new_user""#) {
            let (_, data): (String, Value) = serde_json::from_slice(event).expect("an event");
            if is_writer(&data["new_user_name"]) {
                let user = User { name: String::new(), mark: 0, text: String::new(), away: false };
                self.boxes.entry(string(&data["id"])).or_insert((user, 0));
            }
        } else if let Some(rest) = event.strip_prefix(br#"["text_update",{"id":""#) {
            let id = rest.split(|&byte| byte == b'"').next().and_then(|id| std::str::from_utf8(id).ok());
            self.apply_text(id.expect("an id"), event, writers, waits, now);
        } else {
            assert!(!event.starts_with(br#"["error""#), "{}", String::from_utf8_lossy(event));
        }
    }

    /// Notes how long the texts of another victim took that it has got with this event, or that it has skipped.
    fn apply_text(&mut self, id: &str, event: &[u8], writers: &[Writer], waits: &mut Waits, now: Instant) {
        let Some((user, seen)) = self.boxes.get_mut(id) else { return };
        let (_, data): (String, Value) = serde_json::from_slice(event).expect("an event");
        user.change(&data);
        let number = user.text.strip_prefix("number ").and_then(|number| number.parse().ok()).unwrap_or(0);
        let writer = writers.iter().find(|writer| writer.room == self.room && writer.id == id);
        if let Some(writer) = writer.filter(|_| number > *seen) {
            let waited = writer.sent[*seen..number].iter().map(|&sent| now.duration_since(sent));
            waits.entry(self.group).or_default().extend(waited);
            *seen = number;
        }
    }
}

fn string(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// Whether a user is one of the victims.
fn is_writer(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.starts_with("victim"))
}

/// A connection. If it is throttled, the system holds little that is not read yet.
fn dial(address: SocketAddr, rate: Option<u32>) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    if rate.is_some() {
        socket.set_recv_buffer_size(BUFFER).expect("a small buffer");
    }
    socket.connect(&address.into()).expect("a connection");
    let socket = TcpStream::from(socket);
    set_timeouts(&socket);
    socket
}
