//! Lines that are posted one after the other. One post at a time is on its way, so their order never changes, and each has
//! a `ref`, so that the server posts it once even if it is sent again.

use crate::remote::lines::Lines;
use crate::remote::live::Permission;
use crate::remote::messages::{Refusal, ServerMessage, Snapshot};
use crate::remote::retries::give_up_at;
use crate::remote::terminal::Terminal;
use std::time::{Duration, Instant};

/// Lines that wait. When there are as many, the input is not read.
const MAX_WAITING: usize = 1_000;

/// Time before a post that the server could not store is sent again.
const RETRY: Duration = Duration::from_secs(2);

/// A line on its way to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub reference: String,
    pub text: String,
}

/// What is to be posted.
#[derive(Debug)]
pub(crate) struct Posting {
    terminal: Terminal,
    lines: Lines,
    /// When the input ended.
    ended_at: Option<Instant>,
    current: Option<Line>,
    /// Whether the current line was sent on this connection and not answered yet.
    is_sent: bool,
    not_before: Instant,
    /// Since when, and why, the server does not store the current line.
    not_stored: Option<(Instant, String)>,
    /// For how long to try to have a line stored, if that is limited.
    limit: Option<Duration>,
    permission: Permission,
    /// Lines taken so far, which numbers them.
    count: u64,
    refused: Refused,
}

/// Lines that the server did not take.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub count: usize,
    /// Why, of the last one.
    pub message: String,
}

impl Posting {
    /// Nothing to post yet, in a room with this snapshot. A line that the server cannot store is given up after the
    /// limit, if there is one.
    pub(crate) fn new(snapshot: &Snapshot, limit: Option<Duration>, now: Instant) -> Self {
        Self {
            terminal: Terminal::default(),
            lines: Lines::new(snapshot.limits.text.max(1)),
            ended_at: None,
            current: None,
            is_sent: false,
            not_before: now,
            not_stored: None,
            limit,
            permission: Permission::of_snapshot(snapshot),
            count: 0,
            refused: Refused::default(),
        }
    }

    /// The connection is back.
    pub(crate) fn welcome(&mut self, snapshot: &Snapshot) {
        self.permission = Permission::of_snapshot(snapshot);
        self.is_sent = false;
    }

    /// Whether there is a place for more lines.
    pub(crate) fn wants_input(&self) -> bool {
        self.ended_at.is_none() && self.lines.len() < MAX_WAITING
    }

    /// Takes input.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        self.terminal.read(bytes, &mut self.lines);
    }

    /// The input has ended.
    pub(crate) fn end(&mut self, now: Instant) {
        self.lines.finish();
        self.ended_at = Some(now);
    }

    /// The line to send now, if any.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Line> {
        if self.current.is_none() {
            self.not_stored = None;
            let text = self.lines.next()?;
            self.count += 1;
            self.current = Some(Line { reference: self.count.to_string(), text });
        }
        let is_due = !self.is_sent && now >= self.not_before && self.permission.may_write();
        self.current.clone().filter(|_| is_due)
    }

    /// It was sent.
    pub(crate) fn sent(&mut self) {
        self.is_sent = true;
    }

    /// When something may be due that is not now.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let due = [Some(self.not_before), self.gives_up_at()].into_iter().flatten().filter(|at| *at > now);
        due.min().filter(|_| !self.is_sent)
    }

    /// Why the lines are not posted, if the server has not stored one for as long as it may take. Not while it may be
    /// about to say that it has.
    pub(crate) fn given_up(&self, now: Instant) -> Option<&str> {
        let is_over = !self.is_sent && self.gives_up_at().is_some_and(|end| now >= end);
        self.not_stored.as_ref().filter(|_| is_over).map(|(_, why)| &**why)
    }

    fn gives_up_at(&self) -> Option<Instant> {
        let (since, _) = self.not_stored.as_ref().filter(|_| self.current.is_some())?;
        give_up_at(self.limit, *since, self.ended_at)
    }

    /// The server has said something. Returns what the person who started the command should know.
    pub(crate) fn take(&mut self, message: &ServerMessage, now: Instant) -> Option<String> {
        match message {
            ServerMessage::State(state) => self.permission.update(state),
            ServerMessage::Post { reference: Some(reference), .. } if self.is_current(reference) => {
                (self.current, self.is_sent) = (None, false);
            }
            ServerMessage::Error(refusal)
                if refusal.reference.as_deref().is_some_and(|reference| self.is_current(reference)) =>
            {
                return self.refuse(refusal, now);
            }
            _ => {}
        }
        None
    }

    fn is_current(&self, reference: &str) -> bool {
        self.current.as_ref().is_some_and(|line| line.reference == reference)
    }

    fn refuse(&mut self, refusal: &Refusal, now: Instant) -> Option<String> {
        self.is_sent = false;
        match refusal.code.as_str() {
            "frozen" => {
                self.permission.withdraw();
                self.not_stored = None;
                Some(format!("{} The next line waits.", refusal.message))
            }
            "not_stored" | "memory_full" => {
                self.not_before = now + RETRY;
                let since = self.not_stored.take().map_or(now, |(since, _)| since);
                self.not_stored = Some((since, refusal.message.clone()));
                Some(format!("{} The next line waits.", refusal.message))
            }
            // Nothing in it can be seen.
            "post_empty" => {
                self.current = None;
                None
            }
            _ => {
                self.current = None;
                self.refused.count += 1;
                self.refused.message.clone_from(&refusal.message);
                Some(format!("A line was not posted: {}", refusal.message))
            }
        }
    }

    /// Whether all of the input is posted.
    pub(crate) fn is_done(&self) -> bool {
        self.ended_at.is_some() && self.waiting() == 0
    }

    /// Lines that are not posted yet.
    pub(crate) fn waiting(&self) -> usize {
        self.lines.len() + usize::from(self.current.is_some())
    }

    /// Lines that will never be posted.
    pub(crate) fn refused(&self) -> &Refused {
        &self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use crate::remote::messages::{State, TextLimits};
    use crate::room::post::Post;

    fn snapshot(frozen: bool) -> Snapshot {
        let state = State { frozen, hosts: vec![] };
        Snapshot { you: Some("1".to_owned()), state, limits: TextLimits { text: 100 }, ..Snapshot::default() }
    }

    fn posting(input: &str, now: Instant) -> Posting {
        let mut posting = Posting::new(&snapshot(false), None, now);
        posting.read(input.as_bytes());
        posting
    }

    fn posted(reference: &str) -> ServerMessage {
        let post = Post { n: 1, id: UserId(1), name: "build".to_owned(), text: "text".to_owned(), at: 0 };
        ServerMessage::Post { post, reference: Some(reference.to_owned()) }
    }

    fn refused(reference: &str, code: &str) -> ServerMessage {
        let (code, message) = (code.to_owned(), "No.".to_owned());
        ServerMessage::Error(Refusal { code, message, reference: Some(reference.to_owned()), wait: None })
    }

    /// Sends the next line, and returns its `ref` and text.
    fn send(posting: &mut Posting, now: Instant) -> Option<(String, String)> {
        let line = posting.next(now)?;
        posting.sent();
        Some((line.reference, line.text))
    }

    fn line(reference: &str, text: &str) -> Option<(String, String)> {
        Some((reference.to_owned(), text.to_owned()))
    }

    #[test]
    fn one_line_at_a_time_is_on_its_way() {
        let now = Instant::now();
        let mut posting = posting("one\ntwo\n", now);
        assert_eq!(send(&mut posting, now), line("1", "one"));
        assert_eq!(posting.next(now), None);
        posting.take(&posted("0"), now);
        assert_eq!(posting.next(now), None, "another one");
        posting.take(&posted("1"), now);
        assert_eq!(send(&mut posting, now), line("2", "two"));
        posting.end(now);
        assert!(!posting.is_done());
        posting.take(&posted("2"), now);
        assert!(posting.is_done());
    }

    #[test]
    fn after_a_reconnect_the_same_line_is_sent_with_the_same_ref() {
        let now = Instant::now();
        let mut posting = posting("one\n", now);
        assert_eq!(send(&mut posting, now), line("1", "one"));
        posting.welcome(&snapshot(false));
        assert_eq!(send(&mut posting, now), line("1", "one"));
    }

    #[test]
    fn a_line_that_cannot_be_posted_now_waits_before_the_others() {
        let now = Instant::now();
        let mut posting = posting("one\ntwo\n", now);
        send(&mut posting, now);
        assert!(posting.take(&refused("1", "not_stored"), now).is_some());
        assert_eq!((posting.next(now), posting.deadline(now)), (None, Some(now + RETRY)));
        assert_eq!(send(&mut posting, now + RETRY), line("1", "one"));
        posting.take(&refused("1", "frozen"), now);
        assert_eq!(posting.next(now + RETRY), None);
        posting.take(&ServerMessage::State(State::default()), now);
        assert_eq!(send(&mut posting, now + RETRY), line("1", "one"));
    }

    #[test]
    fn a_line_that_is_not_stored_is_given_up_after_the_limit() {
        let now = Instant::now();
        let mut posting = Posting::new(&snapshot(false), Some(3 * RETRY / 2), now);
        posting.read(b"one\ntwo\n");
        for at in [now, now + RETRY] {
            send(&mut posting, at);
            assert_eq!(posting.given_up(at + 2 * RETRY), None, "it may be stored");
            posting.take(&refused("1", "not_stored"), at);
        }
        let end = now + 3 * RETRY / 2;
        assert_eq!((posting.given_up(end), posting.deadline(now + RETRY)), (Some("No."), Some(end)));
        send(&mut posting, now + 2 * RETRY);
        let later = now + 2 * RETRY;
        posting.take(&posted("1"), later);
        assert_eq!(send(&mut posting, later), line("2", "two"));
        posting.take(&refused("2", "not_stored"), later);
        assert_eq!(posting.given_up(later), None, "another line");
        posting.take(&refused("2", "frozen"), later);
        assert_eq!(posting.given_up(later + 2 * RETRY), None, "a frozen room is no failure");
    }

    #[test]
    fn without_a_limit_a_line_is_given_up_only_after_the_input() {
        let now = Instant::now();
        let day = now + Duration::from_secs(86_400);
        let mut posting = posting("one\n", now);
        send(&mut posting, now);
        posting.take(&refused("1", "not_stored"), now);
        assert_eq!((posting.given_up(day), posting.deadline(now)), (None, Some(now + RETRY)));
        posting.end(day);
        assert_eq!(posting.given_up(day), None);
        let end = posting.deadline(day).expect("an end");
        assert_eq!(posting.given_up(end), Some("No."));
    }

    #[test]
    fn a_line_that_can_never_be_posted_is_counted_and_left_out() {
        let now = Instant::now();
        let mut posting = posting("one\ntwo\n\u{200B}\n", now);
        send(&mut posting, now);
        assert_eq!(posting.take(&refused("1", "text_too_long"), now).unwrap(), "A line was not posted: No.");
        assert_eq!(*posting.refused(), Refused { count: 1, message: "No.".to_owned() });
        assert_eq!(send(&mut posting, now), line("2", "two"));
        posting.take(&posted("2"), now);
        assert_eq!(send(&mut posting, now), line("3", "\u{200B}"));
        assert_eq!(posting.take(&refused("3", "post_empty"), now), None);
        posting.end(now);
        assert!(posting.is_done() && posting.refused().count == 1);
    }

    #[test]
    fn input_waits_when_lines_do() {
        let now = Instant::now();
        let mut posting = posting(&"line\n".repeat(MAX_WAITING - 1), now);
        assert!(posting.wants_input());
        posting.read(b"line\n");
        assert!(!posting.wants_input() && posting.waiting() == MAX_WAITING);
        send(&mut posting, now);
        assert!(posting.wants_input());
    }
}
