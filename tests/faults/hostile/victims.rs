//! Victims: clients in several rooms that type, and read what the others type. They note how long each text takes to
//! reach each of the others in its room.

use super::victim::{BUFFER, Victim, Waits, Writer};
use crate::support::TIMEOUT;
use crate::support::frame::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::mem;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time between two texts, by all writers in turn.
const PACE: Duration = Duration::from_millis(10);

/// All victims.
pub(crate) struct Victims {
    victims: Vec<Victim>,
    writers: Vec<Writer>,
    /// Texts of all writers.
    texts: usize,
    /// Waiting times since the figures were last taken, by group.
    waits: Waits,
    /// How long a new victim took to join.
    joined: Option<Duration>,
    buffer: Vec<u8>,
}

impl Victims {
    /// Nobody yet.
    pub(crate) fn none() -> Self {
        Self {
            victims: Vec::new(),
            writers: Vec::new(),
            texts: 0,
            waits: Waits::new(),
            joined: None,
            buffer: vec![0; BUFFER],
        }
    }

    /// Some who type in a room, and as many who only read there.
    pub(crate) fn and_typing(mut self, address: SocketAddr, room: &'static str, count: usize) -> Self {
        for n in 0..count {
            let (writer, id) = Victim::enter(address, room, room, Some(&format!("victim {n}")), None);
            let victim = self.victims.len();
            self.victims.push(writer);
            self.writers.push(Writer { victim, room, id: id.expect("an id"), sent: Vec::new() });
        }
        self.and_reading(address, room, room, count, None)
    }

    /// Some more who read, and at most at this rate.
    pub(crate) fn and_reading(
        mut self,
        address: SocketAddr,
        room: &'static str,
        group: &'static str,
        count: usize,
        rate: Option<u32>,
    ) -> Self {
        self.victims.extend((0..count).map(|_| Victim::enter(address, room, group, None, rate).0));
        self
    }

    /// Lets them type for some time.
    pub(crate) fn type_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.type_while(|| Instant::now() < end);
    }

    /// Lets them type until a thread has ended.
    pub(crate) fn type_until_done<T>(&mut self, thread: JoinHandle<T>) -> T {
        let deadline = Instant::now() + 3 * TIMEOUT;
        self.type_while(|| !thread.is_finished() && Instant::now() < deadline);
        assert!(thread.is_finished(), "it takes too long");
        thread.join().expect("it does not panic")
    }

    /// Somebody enters the first victim's room, gets its snapshot, and from then on everything that the others write.
    pub(crate) fn join_while_typing(&mut self, address: SocketAddr) {
        let room = self.victims[0].room;
        let begun = Instant::now();
        let entering = move || (Victim::enter(address, room, room, None, None).0, begun.elapsed());
        let (mut victim, joined) = self.type_until_done(thread::spawn(entering));
        for writer in self.writers.iter().filter(|writer| writer.room == room) {
            // Its snapshot holds a text that may have waited before the victim came.
            victim.boxes.entry(writer.id.clone()).and_modify(|(_, seen)| *seen = writer.sent.len());
        }
        self.victims.push(victim);
        self.joined = Some(joined);
    }

    fn type_while(&mut self, goes_on: impl Fn() -> bool) {
        let mut due = Instant::now();
        while goes_on() {
            if due <= Instant::now() {
                self.type_next();
                due = (due + PACE).max(Instant::now());
            }
            self.read(due);
        }
    }

    fn type_next(&mut self) {
        let index = self.texts % self.writers.len();
        self.texts += 1;
        let writer = &mut self.writers[index];
        let victim = &mut self.victims[writer.victim];
        let number = writer.sent.len() + 1;
        writer.sent.push(Instant::now());
        if victim.closed.is_none() {
            victim.send(&text(format!(r#"["updated_text",{{"text":"number {number}"}}]"#)));
        }
    }

    /// Reads until that time.
    fn read(&mut self, until: Instant) {
        loop {
            let now = Instant::now();
            let reading = self.victims.iter().filter(|victim| victim.closed.is_none());
            let next = reading.map(|victim| victim.reads_at).filter(|&at| at > now).min();
            let wait = next.unwrap_or(until).min(until).saturating_duration_since(now);
            for n in self.readable(now, wait) {
                let now = Instant::now();
                self.victims[n].read(&mut self.buffer, &self.writers, &mut self.waits, now);
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// The victims for whom input has come, and who may read it at that time.
    fn readable(&self, now: Instant, wait: Duration) -> Vec<usize> {
        let may_read = |&n: &usize| self.victims[n].closed.is_none() && self.victims[n].reads_at <= now;
        let reading: Vec<usize> = (0..self.victims.len()).filter(may_read).collect();
        let fd = |&n: &usize| PollFd::new(&self.victims[n].socket, PollFlags::IN);
        let mut fds: Vec<PollFd<'_>> = reading.iter().map(fd).collect();
        poll(&mut fds, Some(&Timespec::try_from(wait).expect("a short time"))).expect("it polls");
        let ready = fds.iter().map(|fd| !fd.revents().is_empty());
        reading.into_iter().zip(ready).filter_map(|(n, ready)| ready.then_some(n)).collect()
    }

    /// Reads until every victim has the last text of all writers in its room, and the same posts as the others there.
    /// Fails when that takes too long, unless a victim was closed.
    pub(crate) fn settle(&mut self) {
        let deadline = Instant::now() + 3 * TIMEOUT;
        while !self.has_settled() {
            assert!(Instant::now() < deadline, "{}", self.missing());
            self.read(Instant::now() + Duration::from_millis(5));
        }
    }

    fn has_settled(&self) -> bool {
        self.victims.iter().all(|victim| victim.closed.is_some() || self.has_all(victim))
    }

    fn has_all(&self, victim: &Victim) -> bool {
        let in_room = self.victims.iter().filter(|other| other.room == victim.room);
        let posts = in_room.map(|other| other.posts).max();
        let is_other = |writer: &&Writer| {
            let author = &self.victims[writer.victim];
            writer.room == victim.room && !std::ptr::eq(author, victim)
        };
        let mut others = self.writers.iter().filter(is_other);
        let has_last =
            |writer: &Writer| victim.boxes.get(&writer.id).map_or(0, |(_, seen)| *seen) == writer.sent.len();
        Some(victim.posts) == posts && others.all(has_last)
    }

    fn missing(&self) -> String {
        let lacks = |victim: &&Victim| victim.closed.is_none() && !self.has_all(victim);
        let count = self.victims.iter().filter(lacks).count();
        let posts: Vec<u64> = self.victims.iter().map(|victim| victim.posts).collect();
        format!("{count} of {} victims lack something; their posts are {posts:?}", self.victims.len())
    }

    /// The number of the last post that a victim in that room has got.
    pub(crate) fn posts(&self, room: &str) -> u64 {
        let in_room = self.victims.iter().filter(|victim| victim.room == room);
        in_room.map(|victim| victim.posts).max().unwrap_or(0)
    }

    /// The waiting times since the last call, of each group; and how many victims were closed.
    pub(crate) fn take_figures(&mut self) -> String {
        let mut figures: Vec<String> = Vec::new();
        for (group, mut waits) in mem::take(&mut self.waits) {
            waits.sort_unstable();
            let quantile = |part: usize| {
                let wait = waits[(waits.len() * part / 1000).min(waits.len() - 1)];
                format!("{:.1}", wait.as_secs_f64() * 1e3)
            };
            let quantiles = [500, 900, 990, 1000].map(quantile).join(" / ");
            figures.push(format!("{group} {quantiles} ms (p50 / p90 / p99 / max)"));
        }
        if let Some(joined) = self.joined.take() {
            figures.push(format!("joined after {} ms", joined.as_millis()));
        }
        let closed = self.victims.iter().filter(|victim| victim.closed.is_some()).count();
        figures.push(format!("closed {closed} of {}", self.victims.len()));
        figures.join("; ")
    }

    /// Fails if the server has closed a victim.
    pub(crate) fn are_all_connected(&self, when: &str) {
        let closed = |(n, victim): (usize, &Victim)| Some((n, victim.room, victim.closed?));
        let closed: Vec<_> = self.victims.iter().enumerate().filter_map(closed).collect();
        assert!(closed.is_empty(), "{when}: victims were closed: {closed:?}");
    }
}
