//! The thread that loads rooms: their last posts, and their records. It has its own database connection, so that
//! no room waits for the posts of another room.

use crate::base::clock::Now;
use crate::base::warning::Warning;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::state::RoomRecord;
use crate::store::error::{OpenError, StoreError};
use crate::store::options::StoreOptions;
use crate::store::reader::Reader;
use crate::store::request::{Answer, Load};
use crossbeam_channel::Receiver;

/// Loads rooms one after the other.
pub(crate) struct Loader<C, A> {
    reader: Reader,
    options: StoreOptions,
    clock: C,
    answer: A,
    /// That a room cannot be opened, or only without its posts. Pages try again, so this may happen often.
    warning: Warning,
}

impl<C: Fn() -> Now, A: Fn(Answer) -> bool> Loader<C, A> {
    /// A loader that reads with `reader`.
    pub(crate) fn new(reader: Reader, options: StoreOptions, clock: C, answer: A) -> Result<Self, OpenError> {
        reader.use_short_timeout()?;
        Ok(Self { reader, options, clock, answer, warning: Warning::default() })
    }

    /// Answers requests until all senders are gone. Once a hub is gone the server is stopping: the others still get
    /// their answers, but no lock of another program is waited for.
    pub(crate) fn run(mut self, queue: &Receiver<Load>) {
        let mut is_stopping = false;
        for Load { room, name, count, epoch } in queue {
            let start = (self.clock)();
            let (record, posts) = loop {
                match self.read(&name, count, self.options.keeps_from(start)) {
                    Ok(loaded) => break loaded,
                    // Each attempt waits for the other program by itself.
                    Err(StoreError::Locked)
                        if !is_stopping
                            && (self.clock)().instant - start.instant < self.options.lock_timeout => {}
                    Err(error) => {
                        self.warn(|| format!("a room cannot be opened: {error}"));
                        break (None, Vec::new());
                    }
                }
            };
            is_stopping |= !(self.answer)(Answer::Loaded { room, epoch, record, posts });
        }
    }

    fn warn(&mut self, text: impl FnOnce() -> String) {
        self.warning.log((self.clock)().instant, text);
    }

    fn read(
        &mut self,
        name: &RoomName,
        count: usize,
        not_before: u64,
    ) -> Result<(Option<RoomRecord>, Vec<Post>), StoreError> {
        let record = self.reader.record(name)?;
        let posts = match self.reader.last_posts(name, count, not_before) {
            Err(error) if !matches!(error, StoreError::Locked) => {
                self.warn(|| format!("a room opens without its history: {error}"));
                Vec::new()
            }
            posts => posts?,
        };
        Ok((Some(record), posts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RoomId;
    use crate::store::database::Database;
    use crossbeam_channel::unbounded;
    use std::cell::Cell;

    #[test]
    fn a_hub_that_is_gone_does_not_keep_histories_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("wall.sqlite"));
        let _database = Database::open(&options.file).unwrap();
        let reader = Reader::open(&options.file).unwrap();
        let ((loads, queue), (answer, answers)) = (unbounded(), unbounded());
        for room in [RoomId(1), RoomId(2)] {
            let name = RoomName::parse("r").unwrap();
            loads.send(Load { room, name, count: 1, epoch: None }).unwrap();
        }
        drop(loads);
        let is_of_second_hub = |loaded: &Answer| matches!(loaded, Answer::Loaded { room: RoomId(2), .. });
        let reply = |loaded| is_of_second_hub(&loaded) && answer.send(loaded).is_ok();
        Loader::new(reader, options, Now::read, reply).unwrap().run(&queue);
        assert!(answers.try_recv().is_ok());
    }

    #[test]
    fn a_room_that_stays_locked_is_answered_without_a_record_and_not_as_one_that_remembers_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("wall.sqlite"));
        drop(Database::open(&options.file).unwrap());
        // With this journal, a program that writes locks out those that read.
        let other = rusqlite::Connection::open(&options.file).unwrap();
        other.pragma_update(None, "journal_mode", "DELETE").unwrap();
        let reader = Reader::open(&options.file).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let ((loads, queue), (answer, answers)) = (unbounded(), unbounded());
        let name = RoomName::parse("r").unwrap();
        loads.send(Load { room: RoomId(1), name, count: 1, epoch: None }).unwrap();
        drop(loads);
        // Half of the time for which it tries passes between two looks at the clock.
        let (now, passed) = (Now::read(), Cell::new(0));
        let half = options.lock_timeout / 2;
        let clock = move || {
            passed.set(passed.get() + 1);
            Now { instant: now.instant + half * passed.get(), ..now }
        };
        Loader::new(reader, options, clock, |loaded| answer.send(loaded).is_ok()).unwrap().run(&queue);
        let loaded = answers.try_recv().unwrap();
        assert!(
            matches!(&loaded, Answer::Loaded { record: None, posts, .. } if posts.is_empty()),
            "{loaded:?}"
        );
    }
}
