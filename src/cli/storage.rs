//! The options of where posts are stored.

use clap::Args;
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use typewall::{KeyPrefix, RedisOptions, RedisUrl, StartError, Storage, StoreOptions};

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Where posts are stored.
#[derive(Debug, Args)]
pub(crate) struct StorageArguments {
    /// SQLite file for posts and for what hosts set, created if missing [default: keep everything in memory]
    #[arg(long, value_name = "FILE", env = "TYPEWALL_STORE", hide_env_values = true, group = "storage")]
    store: Option<PathBuf>,

    /// Delete stored posts after this many days [default: never]
    #[arg(long, value_name = "DAYS", env = "TYPEWALL_KEEP", hide_env_values = true, requires = "storage")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep: Option<u32>,

    /// Maximum size of the store's file, in MiB; at the limit, posts are rejected and settings are not saved
    #[arg(
        long,
        value_name = "MIB",
        env = "TYPEWALL_STORE_LIMIT",
        hide_env_values = true,
        requires = "store",
        conflicts_with = "redis"
    )]
    #[arg(default_value_t = StoreOptions::MAX_SIZE / MIB, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    store_limit: u64,

    /// Redis or Valkey, instead of a file, for posts and for what hosts set. All servers with the same one serve the same
    /// rooms. rediss:// encrypts the connection
    #[arg(long, value_name = "URL", env = "TYPEWALL_REDIS", hide_env_values = true, group = "storage")]
    #[arg(value_parser = UnparsedUrl::read)]
    redis: Option<UnparsedUrl>,

    /// What the names of all keys and channels in Redis begin with, so that several groups of servers can share it
    #[arg(long, value_name = "PREFIX", env = "TYPEWALL_REDIS_PREFIX", hide_env_values = true)]
    #[arg(default_value_t)]
    redis_prefix: KeyPrefix,
}

/// A URL that is to be parsed. clap would print one that cannot be parsed, with its password.
#[derive(Clone)]
struct UnparsedUrl(String);

impl UnparsedUrl {
    fn read(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for UnparsedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnparsedUrl(…)")
    }
}

/// Parses the URL of a Redis.
pub(crate) fn parse_url(text: &str) -> Result<RedisUrl, String> {
    text.parse().map_err(|error| format!("Cannot use the URL of Redis: {error}."))
}

impl StorageArguments {
    /// Whether there may be other servers with the same rooms.
    pub(crate) fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Where posts are stored.
    pub(crate) fn storage(&self) -> Result<Storage, String> {
        if let Some(UnparsedUrl(url)) = &self.redis {
            let prefix = self.redis_prefix.clone();
            let options = RedisOptions { url: parse_url(url)?, prefix, keep_days: self.keep };
            return Ok(Storage::Redis(options.into()));
        }
        let max_size = self.store_limit * MIB;
        let options = |file| StoreOptions { keep_days: self.keep, max_size, ..StoreOptions::new(file) };
        Ok(self.store.clone().map_or(Storage::Memory, |file| Storage::File(options(file))))
    }
}

/// The message for a server that cannot start.
pub(crate) fn start_error(storage: &Storage, error: &StartError) -> String {
    match (error, storage) {
        (StartError::Store(error), Storage::File(options)) => {
            format!("Cannot store posts in {}: {error}.", options.file.display())
        }
        (StartError::Redis(error), Storage::Redis(options)) => {
            format!("Cannot use {}: {error}.", options.url)
        }
        (error, _) => format!("Cannot start the server: {error}."),
    }
}
