//! The store: posts, and the records of rooms, in an SQLite file. It never gets what is in a box.
//!
//! Architecture invariant: the hub never waits for the disk. One thread writes, another thread loads rooms,
//! and both answer with events.

pub(crate) mod commits;
pub(crate) mod database;
pub(crate) mod error;
pub(crate) mod export;
pub(crate) mod files;
pub(crate) mod loader;
pub(crate) mod options;
pub(crate) mod reader;
pub(crate) mod request;
pub(crate) mod room_list;
pub(crate) mod schema;
pub(crate) mod writer;

use crate::base::clock::Now;
use crate::store::commits::Commits;
use crate::store::database::Database;
use crate::store::error::OpenError;
use crate::store::loader::Loader;
use crate::store::options::StoreOptions;
use crate::store::reader::Reader;
use crate::store::request::{Answer, Requests};
use crate::store::writer::Writer;
use crossbeam_channel::{bounded, unbounded};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A running store.
#[derive(Debug)]
pub struct Store {
    /// Where requests go. The threads end when all clones are dropped and every request is answered.
    pub requests: Requests,
    /// The threads.
    pub threads: [JoinHandle<()>; 2],
    /// What the writer counts.
    pub commits: Arc<Commits>,
}

/// Opens the store and starts its threads. They pass their answers to `answer`, which returns false if nobody receives
/// them any more.
pub fn start(
    options: &StoreOptions,
    clock: impl Fn() -> Now + Clone + Send + 'static,
    answer: impl Fn(Answer) -> bool + Clone + Send + 'static,
) -> Result<Store, OpenError> {
    let (writes, write_queue) = unbounded();
    let (loads, load_queue) = unbounded();
    // The writer comes first, because it creates the file.
    let database = Database::open(&options.file)?;
    database.limit_size(options.max_size)?;
    let writer = Writer::new(database, options.clone(), clock.clone(), answer.clone());
    let commits = writer.commits();
    let loader = Loader::new(Reader::open(&options.file)?, options.clone(), clock, answer)?;
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name(name.to_owned()).spawn(run)
    };
    let (loading, loader_ended) = bounded::<Infallible>(0);
    let load = move || {
        let _loading = loading; // dropped last, also after a panic
        loader.run(&load_queue);
    };
    let write = move || {
        let database = writer.run(&write_queue);
        // SQLite moves the write-ahead log into the file when the last connection closes it. Of two that close at the
        // same time neither may be the last, so the writer waits until the loader has closed its own.
        let _ = loader_ended.recv();
        drop(database);
    };
    let threads = [spawn("store writer", Box::new(write))?, spawn("store loader", Box::new(load))?];
    Ok(Store { requests: Requests { loads, writes }, threads, commits })
}
