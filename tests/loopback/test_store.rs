//! A store in a folder of its own, which goes with the test.

use crate::server::TestServer;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use typewall::{Limits, StoreOptions};

pub(crate) struct TestStore {
    folder: TempDir,
    pub options: StoreOptions,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let options = StoreOptions::new(folder.path().join("wall.sqlite"));
        Self { folder, options }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of another file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server with this store, whose rooms keep three posts in memory.
    pub(crate) fn serve(&self) -> TestServer {
        TestServer::with_store(Limits { log_length: 3, ..Limits::DEFAULT }, Some(&self.options))
    }

    /// Opens the file as another program.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.options.file).unwrap()
    }

    /// The texts in the file, when no server has it.
    pub(crate) fn texts(&self) -> Vec<String> {
        let connection = self.connect();
        let mut posts = connection.prepare("SELECT text FROM post ORDER BY n").unwrap();
        posts.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}
