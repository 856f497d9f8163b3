//! The store: posts in an SQLite file. Unposted text never gets here.
//!
//! Architecture invariant: the hub never waits for the disk. One thread commits posts, another one loads histories, and
//! both answer with events.

pub mod database;
pub mod error;
pub mod export;
pub mod loader;
pub mod request;
pub mod writer;

use crate::base::clock::Now;
use crossbeam_channel::unbounded;
use database::{Database, Reader};
use error::OpenError;
use loader::Loader;
use request::{Answer, Requests};
use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use writer::Writer;

/// Where posts are stored, and for how long.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The file. It is created if it does not exist.
    pub file: PathBuf,
    /// After how many days a post is removed; `None` keeps all.
    pub keep_days: Option<u32>,
    /// How long a post waits while another program locks the file, before its author is told that it cannot be stored.
    pub lock_timeout: Duration,
}

impl StoreOptions {
    /// A store in this file that keeps all posts. Other programs may lock it for two seconds, which is less than a server
    /// that stops waits for its last posts.
    pub fn new(file: PathBuf) -> Self {
        Self { file, keep_days: None, lock_timeout: Duration::from_secs(2) }
    }

    /// Posts from before this time are too old, in milliseconds since 1970.
    fn keeps_from(&self, now: Now) -> u64 {
        const DAY: u64 = 24 * 3600 * 1000;
        self.keep_days.map_or(0, |days| now.unix_millis.saturating_sub(u64::from(days) * DAY))
    }
}

/// A running store.
#[derive(Debug)]
pub struct Store {
    /// Where requests go. The threads end when all clones are dropped and every request is answered.
    pub requests: Requests,
    /// The threads.
    pub threads: [JoinHandle<()>; 2],
}

/// Opens the store and starts its threads. They pass their answers to `answer`, which returns false once nobody is left to
/// receive them.
pub fn start(
    options: &StoreOptions,
    clock: impl Fn() -> Now + Clone + Send + 'static,
    answer: impl Fn(Answer) -> bool + Clone + Send + 'static,
) -> Result<Store, OpenError> {
    let (records, record_queue) = unbounded();
    let (loads, load_queue) = unbounded();
    // First the writer, which creates the file.
    let writer = Writer::new(Database::open(&options.file)?, options.clone(), clock.clone(), answer.clone());
    let loader = Loader::new(Reader::open(&options.file)?, options.clone(), clock, answer)?;
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name(name.to_owned()).spawn(run)
    };
    let threads = [
        spawn("store writer", Box::new(move || writer.run(&record_queue)))?,
        spawn("store loader", Box::new(move || loader.run(&load_queue)))?,
    ];
    Ok(Store { requests: Requests { loads, records }, threads })
}
