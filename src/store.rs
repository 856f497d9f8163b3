//! The store: the thread that has posts written to the [`database`](crate::database), and reads them from it.
//!
//! Architecture invariant: the hub never waits for the disk. This thread takes what is to be posted,
//! many posts in one commit, and answers with events; nobody is told of a post before it is committed.

use crate::clients::RoomId;
use crate::database::{Database, OpenError};
use crate::log::{Draft, Entry};
use crate::names::RoomName;
use crate::protocol::{Post, UserId};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Posts in one commit: bounds how long the first of them waits for the last.
const MAX_COMMIT: usize = 256;

/// How often posts that are too old are dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// Where posts are stored, and how long they are kept.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file; it is made if it is not there.
    pub file: PathBuf,
    /// After how many days a post is dropped; never where it is `None`.
    pub keep_days: Option<u32>,
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
}

/// The hub's end of the store.
#[derive(Debug)]
pub struct Store {
    /// Where to ask. The thread ends when this is dropped and all is stored.
    pub requests: Sender<Request>,
    /// The thread.
    pub thread: JoinHandle<()>,
}

/// Opens the store and starts its thread, which hands answers to `answer` until that returns false.
pub fn start(
    options: &StoreOptions,
    answer: impl FnMut(Answer) -> bool + Send + 'static,
) -> Result<Store, OpenError> {
    let database = Database::open(&options.file)?;
    let (requests, queue) = unbounded();
    let writer = Writer { database, keep_days: options.keep_days, troubled: false, answer };
    let thread = thread::Builder::new().name("store".to_owned()).spawn(move || writer.run(&queue));
    let thread = thread.map_err(|error: io::Error| {
        OpenError::Other(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    })?;
    Ok(Store { requests, thread })
}

struct Writer<A> {
    database: Database,
    keep_days: Option<u32>,
    /// The last commit failed, which was logged.
    troubled: bool,
    answer: A,
}

impl<A: FnMut(Answer) -> bool> Writer<A> {
    fn run(mut self, queue: &Receiver<Request>) {
        self.sweep();
        loop {
            match queue.recv_timeout(SWEEP_EVERY) {
                Ok(first) => self.serve(first, queue),
                Err(RecvTimeoutError::Timeout) => self.sweep(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Takes a request and those that wait: drafts together, each room to be loaded after those before it.
    fn serve(&mut self, first: Request, queue: &Receiver<Request>) {
        let mut drafts = Vec::new();
        let waiting = queue.try_iter().take(MAX_COMMIT - 1);
        for request in std::iter::once(first).chain(waiting) {
            match request {
                Request::Record { room, name, draft } => drafts.push((room, name, draft)),
                Request::Load { room, name, count } => {
                    self.record(std::mem::take(&mut drafts));
                    let log = self.load(&name, count);
                    (self.answer)(Answer::Loaded { room, log });
                }
            }
        }
        self.record(drafts);
    }

    fn load(&self, name: &RoomName, count: usize) -> Vec<Post> {
        self.database.last_posts(name, count).unwrap_or_else(|error| {
            log::error!("a room's log cannot be read: {error}");
            Vec::new()
        })
    }

    /// Commits drafts, all or none, and answers.
    fn record(&mut self, drafts: Vec<(RoomId, RoomName, Draft)>) {
        if drafts.is_empty() {
            return;
        }
        let entries = self.database.record(drafts.iter().map(|(_, name, draft)| (name, draft)));
        if let Err(error) = &entries
            && !self.troubled
        {
            log::error!("posts are refused until this is over: {error}");
        }
        self.troubled = entries.is_err();
        let mut entries = entries.unwrap_or_default().into_iter();
        for (room, _, draft) in drafts {
            let reference = draft.reference.map(|(reference, _)| reference);
            let answer = Answer::Recorded { room, author: draft.id, reference, entry: entries.next() };
            (self.answer)(answer);
        }
    }

    /// Drops posts that are too old. Their numbers are not used again.
    fn sweep(&mut self) {
        let Some(days) = self.keep_days else { return };
        let kept = Duration::from_secs(u64::from(days) * 24 * 3600);
        let oldest = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(kept);
        let oldest = u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX);
        match self.database.drop_before(oldest) {
            Ok(dropped) => log::debug!("{dropped} posts were older than {days} days"),
            Err(error) => log::error!("old posts cannot be dropped: {error}"),
        }
    }
}
