//! A box that shows a text: what to send to the server, and when. Only the newest text is ever sent, and never one before
//! the server has handled the last, so a slow network gets fewer texts and not later ones.

use crate::remote::messages::{Refusal, ServerMessage, Snapshot, State};
use crate::remote::screen::last_chars;
use std::time::{Duration, Instant};

/// Time between two texts: as fast as anyone can follow.
const INTERVAL: Duration = Duration::from_millis(100);

/// Time before a text that was refused is sent again.
const RETRY: Duration = Duration::from_secs(2);

/// Whether a user may write in a room.
#[derive(Debug, Default)]
pub(crate) struct Permission {
    you: String,
    has_key: bool,
    may_write: bool,
}

impl Permission {
    /// What the snapshot for this user says.
    pub(crate) fn of_snapshot(snapshot: &Snapshot) -> Self {
        let you = snapshot.you.clone().unwrap_or_default();
        let mut permission = Self { you, has_key: snapshot.host, may_write: false };
        permission.update(&snapshot.state);
        permission
    }

    /// The state of the room has changed.
    pub(crate) fn update(&mut self, state: &State) {
        self.may_write = !state.frozen || self.has_key || state.hosts.contains(&self.you);
    }

    /// The server has refused to let this user write.
    pub(crate) fn withdraw(&mut self) {
        self.may_write = false;
    }

    pub(crate) fn may_write(&self) -> bool {
        self.may_write
    }
}

/// A box.
#[derive(Debug)]
pub(crate) struct Live {
    text: String,
    /// Whether the server was sent the text.
    is_told: bool,
    /// The ping behind the last text, until it is answered.
    awaits: Option<u64>,
    /// When the next text may be sent.
    not_before: Instant,
    permission: Permission,
    /// When a host last emptied the box, in milliseconds since 1970. `None` before the first snapshot.
    cleared: Option<u64>,
    max_chars: usize,
    /// Why the last text was refused.
    refusal: Option<String>,
}

/// The box was emptied by a host, so what was printed before is not to show again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Emptied;

impl Live {
    /// An empty box.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            text: String::new(),
            is_told: true,
            awaits: None,
            not_before: now,
            permission: Permission::default(),
            cleared: None,
            max_chars: 0,
            refusal: None,
        }
    }

    /// The box is there, or back.
    pub(crate) fn welcome(&mut self, snapshot: &Snapshot) -> Option<Emptied> {
        self.permission = Permission::of_snapshot(snapshot);
        self.max_chars = snapshot.limits.text;
        self.awaits = None;
        // The server may have an older text.
        self.is_told = self.cleared.is_none();
        let cleared = snapshot.cleared.unwrap_or(0);
        let before = self.cleared.replace(cleared);
        if before.is_some_and(|before| before < cleared) { self.empty() } else { None }
    }

    /// The server has said something.
    pub(crate) fn take(&mut self, message: &ServerMessage, now: Instant) -> Option<Emptied> {
        match message {
            ServerMessage::Cleared { cleared } => {
                self.cleared = Some(*cleared);
                return self.empty();
            }
            ServerMessage::State(state) => self.permission.update(state),
            ServerMessage::Error(Refusal { code, message, .. }) => {
                if code == "frozen" {
                    self.permission.withdraw();
                }
                self.refusal = Some(message.clone());
                self.is_told = false;
                self.not_before = now + RETRY;
            }
            _ => {}
        }
        None
    }

    fn empty(&mut self) -> Option<Emptied> {
        self.text.clear();
        // A text that was sent just before may have arrived after the box was emptied.
        self.is_told = false;
        Some(Emptied)
    }

    /// The ping behind the last text, if it is not known to be answered.
    pub(crate) fn awaits(&self) -> Option<u64> {
        self.awaits
    }

    /// That ping was answered: the server has handled the text.
    pub(crate) fn acknowledge(&mut self) {
        self.awaits = None;
        if self.is_told {
            self.refusal = None;
        }
    }

    /// The box is to show this.
    pub(crate) fn show(&mut self, text: String) {
        self.is_told = self.is_told && self.text == text;
        self.text = text;
    }

    /// Whether a newer text could be sent now.
    pub(crate) fn wants_text(&self, now: Instant) -> bool {
        self.is_done() && now >= self.not_before
    }

    /// The text to send now, if any.
    pub(crate) fn next(&self, now: Instant) -> Option<&str> {
        let is_due = !self.is_told && self.awaits.is_none() && now >= self.not_before;
        (is_due && self.permission.may_write()).then(|| last_chars(&self.text, self.max_chars))
    }

    /// It was sent, and this ping behind it.
    pub(crate) fn sent(&mut self, ping: u64, now: Instant) {
        self.is_told = true;
        self.awaits = Some(ping);
        self.not_before = now + INTERVAL;
    }

    /// When something may be due that is not now.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        (self.awaits.is_none() && self.not_before > now).then_some(self.not_before)
    }

    /// Whether the server shows the text.
    pub(crate) fn is_done(&self) -> bool {
        self.is_told && self.awaits.is_none()
    }

    /// Why the server does not show the text, if it was refused.
    pub(crate) fn refusal(&self) -> Option<&str> {
        let frozen = (!self.permission.may_write()).then_some("The room is frozen: only hosts can write.");
        let refusal = self.refusal.as_deref().or(frozen);
        refusal.filter(|_| !self.is_told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(frozen: bool, cleared: u64) -> Snapshot {
        Snapshot {
            you: Some("1".to_owned()),
            cleared: Some(cleared),
            state: State { frozen, hosts: vec!["2".to_owned()] },
            limits: crate::remote::messages::TextLimits { text: 10 },
            ..Snapshot::default()
        }
    }

    fn live(now: Instant) -> Live {
        let mut live = Live::new(now);
        assert_eq!(live.welcome(&snapshot(false, 5)), None);
        live
    }

    fn error(code: &str) -> ServerMessage {
        let (code, message) = (code.to_owned(), "No.".to_owned());
        ServerMessage::Error(Refusal { code, message, reference: None, wait: None })
    }

    #[test]
    fn the_next_text_waits_for_the_answer_and_for_its_time() {
        let now = Instant::now();
        let mut live = live(now);
        assert!(live.wants_text(now) && live.next(now).is_none());
        live.show("one".to_owned());
        assert_eq!(live.next(now), Some("one"));
        live.sent(7, now);
        assert!(!live.wants_text(now) && !live.is_done() && live.awaits() == Some(7));
        live.acknowledge();
        assert!(live.is_done() && !live.wants_text(now), "too early");
        assert_eq!(live.deadline(now), Some(now + INTERVAL));
        assert!(live.wants_text(now + INTERVAL));
        live.show("one".to_owned());
        assert_eq!(live.next(now + INTERVAL), None, "the same");
        live.show("0123456789x".to_owned());
        assert_eq!(live.next(now + INTERVAL), Some("123456789x"));
    }

    #[test]
    fn after_a_reconnect_the_text_is_sent_again() {
        let now = Instant::now();
        let mut live = live(now);
        live.show("one".to_owned());
        live.sent(7, now);
        assert_eq!(live.welcome(&snapshot(false, 5)), None);
        assert_eq!(live.next(now + INTERVAL), Some("one"));
        assert_eq!(live.welcome(&snapshot(false, 6)), Some(Emptied), "emptied meanwhile");
        assert_eq!(live.next(now + INTERVAL), Some(""));
    }

    #[test]
    fn a_host_empties_the_box() {
        let now = Instant::now();
        let mut live = live(now);
        live.show("one".to_owned());
        live.sent(7, now);
        assert_eq!(live.take(&ServerMessage::Cleared { cleared: 9 }, now), Some(Emptied));
        live.acknowledge();
        assert_eq!(live.next(now + INTERVAL), Some(""));
        assert_eq!(live.welcome(&snapshot(false, 9)), None, "that is known");
    }

    #[test]
    fn in_a_frozen_room_the_text_waits() {
        let now = Instant::now();
        let mut live = live(now);
        live.show("one".to_owned());
        live.sent(7, now);
        live.take(&error("frozen"), now);
        live.acknowledge();
        let later = now + RETRY;
        assert_eq!((live.next(later), live.is_done(), live.refusal()), (None, false, Some("No.")));
        live.take(&ServerMessage::State(State::default()), later);
        assert_eq!(live.next(later), Some("one"));
        live.sent(8, later);
        live.acknowledge();
        assert_eq!((live.refusal(), live.is_done()), (None, true));
        live.take(&ServerMessage::State(State { frozen: true, hosts: vec!["1".to_owned()] }), later);
        live.show("two".to_owned());
        assert_eq!(live.next(later + INTERVAL), Some("two"), "hosts may write");
    }

    #[test]
    fn a_text_that_was_refused_is_tried_again_later() {
        let now = Instant::now();
        let mut live = live(now);
        live.show("one".to_owned());
        live.sent(7, now);
        live.take(&error("memory_full"), now);
        live.acknowledge();
        assert_eq!((live.next(now + INTERVAL), live.next(now + RETRY)), (None, Some("one")));
        assert_eq!(live.deadline(now), Some(now + RETRY));
    }
}
