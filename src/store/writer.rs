//! The thread that writes: posts, and changes to stored data. It writes many in one commit, and confirms each only
//! after it is committed.

#[cfg(test)]
mod tests;

use crate::base::clock::Now;
use crate::room::post::{NotStored, Numbered};
use crate::store::commits::Commits;
use crate::store::database::Database;
use crate::store::error::StoreError;
use crate::store::options::StoreOptions;
use crate::store::request::{Answer, Change, Erase, Save, StorePost, Write};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum number of posts in one commit. It limits how long the first of them waits for the last.
const MAX_COMMIT: usize = 256;

/// Maximum number of changes in one commit.
const MAX_CHANGES: usize = 256;

/// Size of the texts after which a commit ends, in bytes. The last post may exceed it. It limits how far the
/// write-ahead log grows at once.
const MAX_COMMIT_SIZE: usize = 4 * 1024 * 1024;

/// Pause between two attempts while another program has locked the file. Each attempt also waits by itself.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Pause before a checkpoint that another program has blocked is tried again. Until then, erased texts may still be in
/// the write-ahead log.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// How often old posts are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// Pause before old posts are removed again after an error.
const SWEEP_RETRY: Duration = Duration::from_secs(60);

/// Maximum number of posts removed at once, so that new posts do not wait until the posts of a year are removed.
const MAX_SWEPT: usize = 1000;

/// Size of the texts after which a removal ends, in bytes. The last post may exceed it. As with [`MAX_COMMIT_SIZE`], it
/// limits how far the write-ahead log grows at once: removed texts are overwritten, which takes as much of it as new
/// ones.
const MAX_SWEPT_SIZE: usize = 4 * 1024 * 1024;

/// How far the wall clock may be ahead of what the last sweep and the monotonic clock say. Beyond that, it may have
/// been set wrongly, by years after a start without a battery for example, and all posts would be deleted.
const MAX_CLOCK_JUMP: Duration = Duration::from_secs(24 * 3600);

/// Shortest time between two warnings that the store is full. Then some posts still fit and others do not.
const FULL_WARN_INTERVAL: Duration = Duration::from_secs(3600);

/// Stores posts and changes, and removes old posts.
pub(crate) struct Writer<C, A> {
    database: Database,
    options: StoreOptions,
    clock: C,
    answer: A,
    sweep_at: Instant,
    /// The time of the last sweep. Before the first one, the time of the newest post counts as the wall clock's.
    last_sweep: Now,
    /// When another program was first seen to lock the file, if it still does.
    locked_since: Option<Instant>,
    /// Posts to be stored, in the order in which they came.
    waiting: VecDeque<StorePost>,
    /// Changes to be made, in the order in which they came.
    changes: VecDeque<Change>,
    /// When to try to remove erased texts from the write-ahead log, if some may be in it.
    checkpoint_at: Option<Instant>,
    /// True if the last commit failed, which was logged.
    is_failing: bool,
    /// When the last warning was logged that the store is full.
    warned_full: Option<Instant>,
    commits: Arc<Commits>,
}

impl<C: Fn() -> Now, A: Fn(Answer) -> bool> Writer<C, A> {
    /// A writer for this database.
    pub(crate) fn new(database: Database, options: StoreOptions, clock: C, answer: A) -> Self {
        let now = clock();
        let newest = database.newest_post().ok().flatten();
        Self {
            database,
            options,
            sweep_at: now.instant,
            last_sweep: Now { unix_millis: newest.unwrap_or(now.unix_millis), ..now },
            clock,
            answer,
            locked_since: None,
            waiting: VecDeque::new(),
            changes: VecDeque::new(),
            checkpoint_at: None,
            is_failing: false,
            warned_full: None,
            commits: Arc::default(),
        }
    }

    /// What it counts.
    pub(crate) fn commits(&self) -> Arc<Commits> {
        Arc::clone(&self.commits)
    }

    /// Writes until all senders are gone. Returns the database, which is still open.
    pub(crate) fn run(mut self, queue: &Receiver<Write>) -> Database {
        loop {
            match queue.recv_timeout(self.pause()) {
                Ok(write) => {
                    self.take(write);
                    queue.try_iter().for_each(|write| self.take(write));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.sweep();
            self.store(self.options.lock_timeout);
        }
        // The server has stopped. It has waited for the lock long enough.
        self.store(Duration::ZERO);
        self.database
    }

    fn take(&mut self, write: Write) {
        match write {
            Write::Post(record) => self.waiting.push_back(record),
            Write::Change(change) => self.changes.push_back(change),
            Write::Restore(_) => {} // a file that this process has locked loses nothing
        }
    }

    /// How long to wait for the next request.
    fn pause(&self) -> Duration {
        let due = self.checkpoint_at.map_or(self.sweep_at, |at| at.min(self.sweep_at));
        let pause = due.saturating_duration_since(self.now());
        let is_idle = self.waiting.is_empty() && self.changes.is_empty();
        if is_idle { pause } else { pause.min(RETRY_PAUSE) }
    }

    fn now(&self) -> Instant {
        (self.clock)().instant
    }

    /// Writes all that waits. Rejects it if another program has locked the file for `timeout`.
    fn store(&mut self, timeout: Duration) {
        let now = self.now();
        let may_wait = self.locked_since.is_none_or(|since| now - since < timeout);
        while !self.waiting.is_empty() {
            let (count, begun) = (self.commit_len(), self.now());
            match self.database.store_posts(self.waiting.range(..count)) {
                Err(StoreError::Locked) if may_wait => {
                    self.locked_since.get_or_insert(now);
                    return;
                }
                outcome => {
                    self.note(&outcome, begun);
                    self.answer(count, outcome);
                }
            }
        }
        if self.store_changes(may_wait, now) {
            self.locked_since = None;
            self.checkpoint(now);
        }
    }

    /// Makes all waiting changes. Returns false if they wait for another program that has locked the file.
    fn store_changes(&mut self, may_wait: bool, now: Instant) -> bool {
        let (mut at_once, mut alone) = (MAX_CHANGES, 0);
        while !self.changes.is_empty() {
            let (count, begun) = (self.changes.len().min(at_once), self.now());
            match self.database.change(self.changes.range(..count), MAX_COMMIT_SIZE) {
                Err(StoreError::Locked) if may_wait => {
                    self.locked_since.get_or_insert(now);
                    return false;
                }
                // One that does not fit must not keep the others from being made, such as removals.
                Err(StoreError::Full | StoreError::Sqlite(_)) if count > 1 => (at_once, alone) = (1, count),
                outcome => {
                    self.note(&outcome, begun);
                    let count = outcome.as_ref().map_or(count, Vec::len);
                    self.answer_changes(count, outcome, now);
                    alone = alone.saturating_sub(count);
                    at_once = if alone > 0 { 1 } else { MAX_CHANGES };
                }
            }
        }
        true
    }

    /// Answers for the first changes.
    fn answer_changes(&mut self, count: usize, outcome: Result<Vec<bool>, StoreError>, now: Instant) {
        let erases = |change: &Change| matches!(change, Change::Erase(_));
        if outcome.is_ok() && self.changes.range(..count).any(erases) {
            self.checkpoint_at.get_or_insert(now);
            self.checkpoint(now); // before the answers
        }
        let reason = reason(&outcome);
        let mut found = outcome.unwrap_or_default().into_iter();
        for change in self.changes.drain(..count) {
            let found = found.next();
            (self.answer)(match change {
                Change::Save(Save { room, .. }) => Answer::Saved { room, is_kept: found.is_some() },
                Change::Erase(Erase { room, n, by, .. }) => {
                    Answer::Erased { room, n, by, outcome: found.ok_or(reason) }
                }
            });
        }
    }

    /// Removes erased texts from the write-ahead log, if that is due. A program that reads the file blocks it.
    fn checkpoint(&mut self, now: Instant) {
        if self.checkpoint_at.is_some_and(|at| at <= now) {
            self.checkpoint_at = self.database.checkpoint().is_err().then(|| now + CHECKPOINT_PAUSE);
        }
    }

    /// How many of the waiting posts to store in the next commit.
    fn commit_len(&self) -> usize {
        let mut size = 0;
        let is_before_limit = |record: &&StorePost| {
            let is_before_limit = size < MAX_COMMIT_SIZE;
            size += record.post.text.len();
            is_before_limit
        };
        self.waiting.iter().take(MAX_COMMIT).take_while(is_before_limit).count()
    }

    /// Answers for the posts of a commit.
    fn answer(&mut self, count: usize, outcome: Result<Vec<Numbered>, StoreError>) {
        let reason = reason(&outcome);
        let mut numbered = outcome.unwrap_or_default().into_iter();
        for StorePost { room, post, by, .. } in self.waiting.drain(..count) {
            let outcome = numbered.next().ok_or(reason);
            (self.answer)(Answer::PostStored { room, post, by, outcome });
        }
    }

    /// Counts a commit that began then, and logs what has changed.
    fn note<T>(&mut self, outcome: &Result<T, StoreError>, begun: Instant) {
        let now = self.now();
        self.commits.note(now.saturating_duration_since(begun), outcome.is_ok());
        self.log_change(outcome, now);
    }

    /// Logs when commits begin to fail, and when they succeed again.
    fn log_change<T>(&mut self, outcome: &Result<T, StoreError>, now: Instant) {
        if let Err(error @ StoreError::Full) = outcome {
            if self.warned_full.is_none_or(|at| now - at >= FULL_WARN_INTERVAL) {
                log::warn!("the store is full, and what does not fit is rejected: {error}");
                self.warned_full = Some(now);
            }
            return;
        }
        match outcome {
            Err(error) if !self.is_failing => log::error!("nothing can be stored: {error}"),
            Ok(_) if self.is_failing => log::info!("the store works again"),
            _ => {}
        }
        self.is_failing = outcome.is_err();
    }

    /// Deletes some of the posts and rooms from before these times. Returns whether there may be more.
    fn delete_before(&mut self, posts_before: u64, rooms_before: u64) -> Result<bool, StoreError> {
        self.database.delete_before(posts_before, MAX_SWEPT, MAX_SWEPT_SIZE)?;
        let rooms = self.database.delete_rooms_before(rooms_before, MAX_SWEPT)?;
        Ok(rooms == MAX_SWEPT || self.database.has_posts_before(posts_before)?)
    }

    /// Removes some of the old posts, if that is due. If there are more, it is due again at once, after new posts are
    /// stored.
    fn sweep(&mut self) {
        let now = (self.clock)();
        if now.instant < self.sweep_at {
            return;
        }
        self.sweep_at = now.instant
            + match self.options.keep_days {
                None => SWEEP_INTERVAL,
                Some(_) if self.clock_has_jumped(now) => SWEEP_INTERVAL,
                Some(_) => self.remove_old(now),
            };
        self.last_sweep = now;
    }

    /// Whether the wall clock has jumped ahead since the last sweep. If it is right, the next sweep finds it steady.
    fn clock_has_jumped(&self, now: Now) -> bool {
        let passed = now.instant.saturating_duration_since(self.last_sweep.instant) + MAX_CLOCK_JUMP;
        let latest = u128::from(self.last_sweep.unix_millis) + passed.as_millis();
        let has_jumped = u128::from(now.unix_millis) > latest;
        if has_jumped {
            log::warn!(
                "the clock is more than a day later than expected, or the last post is old; \
                 posts past --keep are deleted in an hour, unless the clock is set back"
            );
        }
        has_jumped
    }

    /// Removes some of the old posts, and of the rooms that were not used for long. Returns the pause before the next
    /// attempt.
    fn remove_old(&mut self, now: Now) -> Duration {
        let before = self.options.keeps_from(now);
        match self.delete_before(before, self.options.keeps_rooms_from(now)) {
            Ok(true) => Duration::ZERO,
            Ok(false) => {
                (self.answer)(Answer::Trimmed { before });
                // If another program reads and blocks it, the next sweep makes the checkpoint.
                let _ = self.database.checkpoint();
                SWEEP_INTERVAL
            }
            Err(error) => {
                log::error!("old posts cannot be removed: {error}");
                SWEEP_RETRY
            }
        }
    }
}

/// Why something was not written.
fn reason<T>(outcome: &Result<T, StoreError>) -> NotStored {
    match outcome {
        Err(StoreError::Full) => NotStored::Full,
        _ => NotStored::Unavailable,
    }
}
