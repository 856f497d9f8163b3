//! The thread that loads histories. It has its own database connection, so that no room waits for the posts of another
//! room.

use crate::base::clock::Now;
use crate::store::database::Reader;
use crate::store::error::{OpenError, StoreError};
use crate::store::options::StoreOptions;
use crate::store::request::{Answer, Load};
use crossbeam_channel::Receiver;

/// Loads histories one after the other.
pub(crate) struct Loader<C, A> {
    reader: Reader,
    options: StoreOptions,
    clock: C,
    answer: A,
}

impl<C: Fn() -> Now, A: Fn(Answer) -> bool> Loader<C, A> {
    /// A loader that reads with `reader`.
    pub(crate) fn new(reader: Reader, options: StoreOptions, clock: C, answer: A) -> Result<Self, OpenError> {
        reader.use_short_timeout()?;
        Ok(Self { reader, options, clock, answer })
    }

    /// Answers requests until all senders are gone, or nobody receives the answers.
    pub(crate) fn run(self, queue: &Receiver<Load>) {
        for Load { room, name, count } in queue {
            let start = (self.clock)();
            let posts = loop {
                match self.reader.last_posts(&name, count, self.options.keeps_from(start)) {
                    Ok(posts) => break posts,
                    // Each attempt waits for the other program by itself.
                    Err(StoreError::Locked)
                        if (self.clock)().instant - start.instant < self.options.lock_timeout => {}
                    Err(error) => {
                        log::error!("a room opens without its history: {error}");
                        break Vec::new();
                    }
                }
            };
            if !(self.answer)(Answer::Loaded { room, posts }) {
                return;
            }
        }
    }
}
