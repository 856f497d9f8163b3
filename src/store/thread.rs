//! The store: the thread that has posts written to the [`database`](crate::store::database), and reads them from it.
//!
//! Architecture invariant: the hub never waits for the disk. This thread takes what is to be posted,
//! many posts in one commit, and answers with events; nobody is told of a post before it is committed.

use crate::base::clock::Now;
use crate::base::ids::RoomId;
use crate::base::ids::UserId;
use crate::protocol::events::Post;
use crate::room::history::{Draft, Entry};
use crate::room::names::RoomName;
use crate::store::database::Database;
use crate::store::error::{OpenError, Trouble};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::collections::{HashSet, VecDeque};
use std::mem;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Requests that are taken at once, and posts in one commit: bounds how long the first of them waits for the
/// last.
const MAX_COMMIT: usize = 256;

/// How long to wait before the next try while another program holds the file. Each try waits a little as well.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// How often posts that are too old are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// When that is tried again after it failed.
const SWEEP_AGAIN: Duration = Duration::from_secs(60);

/// Posts that are dropped at once, so that those who post do not wait for a year's to go.
const MAX_SWEPT: usize = 1000;

/// A day, in milliseconds.
const DAY: u64 = 24 * 3600 * 1000;

/// Where posts are stored, and how long they are kept.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file; it is made if it is not there.
    pub file: PathBuf,
    /// After how many days a post is dropped; never where it is `None`.
    pub keep_days: Option<u32>,
    /// How long a post waits for another program that holds the file, before its author is told that it cannot be
    /// stored.
    pub lock_patience: Duration,
}

impl StoreOptions {
    /// A store in that file, which keeps posts for ever. Other programs may hold it for two seconds, which is less
    /// than a server that stops waits for its last posts.
    pub fn new(file: PathBuf) -> Self {
        Self { file, keep_days: None, lock_patience: Duration::from_secs(2) }
    }
}

/// What the hub asks of the store.
#[derive(Debug)]
pub enum Request {
    /// A room has been entered: its last posts are wanted.
    Load {
        /// Who asks.
        room: RoomId,
        /// What it is called.
        name: RoomName,
        /// How many posts.
        count: usize,
    },
    /// A post is to be stored.
    Record {
        /// Where it was posted.
        room: RoomId,
        /// What that is called.
        name: RoomName,
        /// The post.
        draft: Draft,
    },
}

/// What the store answers.
#[derive(Debug)]
pub enum Answer {
    /// The last posts of a room, the oldest first.
    Loaded {
        /// Who asked.
        room: RoomId,
        /// The posts; none where they could not be read.
        log: Vec<Post>,
    },
    /// What became of a draft.
    Recorded {
        /// Where it was posted.
        room: RoomId,
        /// Who posted it.
        author: UserId,
        /// Their name for it.
        reference: Option<String>,
        /// `None` where it could not be stored.
        entry: Option<Entry>,
    },
    /// Posts from before this time were dropped, in milliseconds since 1970.
    Dropped(u64),
}

/// The hub's end of the store.
#[derive(Debug)]
pub struct Store {
    /// Where to ask. The thread ends when this is dropped and all is stored.
    pub requests: Sender<Request>,
    /// The thread.
    pub thread: JoinHandle<()>,
}

/// Opens the store and starts its thread, which goes by `clock` and hands its answers to `answer`, which says
/// whether anybody hears them.
pub fn start(
    options: &StoreOptions,
    clock: impl Fn() -> Now + Send + 'static,
    answer: impl FnMut(Answer) -> bool + Send + 'static,
) -> Result<Store, OpenError> {
    let (requests, queue) = unbounded();
    let writer = Writer {
        database: Database::open(&options.file)?,
        keep_days: options.keep_days,
        sweep_at: clock().instant,
        clock,
        lock_patience: options.lock_patience,
        locked_since: None,
        waiting: VecDeque::new(),
        troubled: false,
        answer,
    };
    let thread = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(&queue))?;
    Ok(Store { requests, thread })
}

struct Writer<C, A> {
    database: Database,
    keep_days: Option<u32>,
    clock: C,
    sweep_at: Instant,
    lock_patience: Duration,
    /// Since when nothing could be done because another program holds the file.
    locked_since: Option<Instant>,
    /// What is still to be done, in the order in which it was asked.
    waiting: VecDeque<Request>,
    /// The last commit failed, which was logged.
    troubled: bool,
    answer: A,
}

/// A draft, where it was posted, and what that is called.
type Posted = (RoomId, RoomName, Draft);

impl<C: Fn() -> Now, A: FnMut(Answer) -> bool> Writer<C, A> {
    fn run(mut self, queue: &Receiver<Request>) {
        loop {
            match queue.recv_deadline(self.due()) {
                Ok(request) => {
                    self.waiting.push_back(request);
                    self.waiting.extend(queue.try_iter().take(MAX_COMMIT - 1));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.sweep();
            self.work(self.lock_patience);
        }
        // The server stops, and has waited for this already.
        self.work(Duration::ZERO);
    }

    fn due(&self) -> Instant {
        let retry = (!self.waiting.is_empty()).then(|| Instant::now() + RETRY_PAUSE);
        retry.map_or(self.sweep_at, |retry| retry.min(self.sweep_at))
    }

    /// Does all that waits, or as much as another program allows that holds the file. Once it has held it for
    /// `patience`, what waits is refused.
    fn work(&mut self, patience: Duration) {
        let is_patient = self.locked_since.is_none_or(|since| since.elapsed() < patience);
        loop {
            self.load_rooms(is_patient);
            let drafts = self.take_drafts();
            if drafts.is_empty() {
                break;
            }
            match self.database.record(drafts.iter().map(|(_, name, draft)| (name, draft))) {
                Err(Trouble::Locked) if is_patient => {
                    let requests =
                        drafts.into_iter().map(|(room, name, draft)| Request::Record { room, name, draft });
                    requests.rev().for_each(|request| self.waiting.push_front(request));
                    break;
                }
                outcome => {
                    self.locked_since = None;
                    self.answer_drafts(drafts, outcome);
                }
            }
        }
        self.locked_since =
            (!self.waiting.is_empty()).then(|| self.locked_since.unwrap_or_else(Instant::now));
    }

    /// Loads the rooms that wait for it, except for those that posts are under way to: a room is loaded with
    /// all that was posted before it was asked for. No other room waits for a post.
    fn load_rooms(&mut self, is_patient: bool) {
        let mut posted_to: HashSet<String> = HashSet::new();
        for request in mem::take(&mut self.waiting) {
            match &request {
                Request::Record { name, .. } => {
                    posted_to.insert(name.key().to_owned());
                }
                Request::Load { room, name, count } if !posted_to.contains(name.key()) => {
                    match self.database.last_posts(name, *count) {
                        Err(Trouble::Locked) if is_patient => {}
                        outcome => {
                            self.answer_load(*room, outcome);
                            continue;
                        }
                    }
                }
                Request::Load { .. } => {}
            }
            self.waiting.push_back(request);
        }
    }

    fn answer_load(&mut self, room: RoomId, outcome: Result<Vec<Post>, Trouble>) {
        let log = outcome.unwrap_or_else(|trouble| {
            log::error!("a room opens without its log: {trouble}");
            Vec::new()
        });
        (self.answer)(Answer::Loaded { room, log });
    }

    /// Takes the drafts that wait before all else, as many as are committed at once.
    fn take_drafts(&mut self) -> Vec<Posted> {
        let mut drafts = Vec::new();
        while drafts.len() < MAX_COMMIT {
            match self.waiting.pop_front() {
                Some(Request::Record { room, name, draft }) => drafts.push((room, name, draft)),
                Some(load) => {
                    self.waiting.push_front(load);
                    break;
                }
                None => break,
            }
        }
        drafts
    }

    fn answer_drafts(&mut self, drafts: Vec<Posted>, outcome: Result<Vec<Entry>, Trouble>) {
        match &outcome {
            Err(trouble) if !self.troubled => log::error!("posts are refused until this is over: {trouble}"),
            Ok(_) if self.troubled => log::info!("posts are stored again"),
            _ => {}
        }
        self.troubled = outcome.is_err();
        let mut entries = outcome.unwrap_or_default().into_iter();
        for (room, _, draft) in drafts {
            let reference = draft.reference.map(|(reference, _)| reference);
            let answer = Answer::Recorded { room, author: draft.id, reference, entry: entries.next() };
            (self.answer)(answer);
        }
    }

    /// Drops posts that are too old: some of them, and then it is soon due again, so that others come between.
    fn sweep(&mut self) {
        let now = (self.clock)();
        if now.instant < self.sweep_at {
            return;
        }
        self.sweep_at = now.instant + SWEEP_EVERY;
        let Some(days) = self.keep_days else { return };
        let before = now.unix_millis.saturating_sub(u64::from(days) * DAY);
        self.sweep_at = now.instant
            + match self.database.drop_before(before, MAX_SWEPT) {
                Ok(MAX_SWEPT) => Duration::ZERO,
                Ok(_) => {
                    (self.answer)(Answer::Dropped(before));
                    // Where somebody reads, the next time will do.
                    let _ = self.database.empty_journal();
                    SWEEP_EVERY
                }
                Err(trouble) => {
                    log::error!("old posts cannot be dropped: {trouble}");
                    SWEEP_AGAIN
                }
            };
    }
}
