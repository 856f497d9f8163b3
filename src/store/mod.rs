//! The store: posts in an SQLite file.

pub mod database;
pub mod error;
pub mod export;
pub mod thread;
