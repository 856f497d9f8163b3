//! Where posts and records of rooms go.

use crate::cluster::options::RedisOptions;
use crate::http::log_route::LogStore;
use crate::store::options::StoreOptions;
use std::sync::Arc;

/// Where posts and records of rooms go.
#[derive(Debug, Clone)]
pub enum Storage {
    /// Nowhere: they are only in memory.
    Memory,
    /// Into a file.
    File(StoreOptions),
    /// To Redis, which also connects this server to others with the same rooms.
    Redis(Arc<RedisOptions>),
}

impl From<Option<&StoreOptions>> for Storage {
    fn from(store: Option<&StoreOptions>) -> Self {
        store.map_or(Self::Memory, |store| Self::File(store.clone()))
    }
}

impl Storage {
    /// Where downloads of logs find posts. `None` if the hubs have them.
    pub(super) fn logs(&self) -> Option<LogStore> {
        match self {
            Self::Memory => None,
            Self::File(options) => Some(LogStore::File(options.file.as_path().into())),
            Self::Redis(options) => Some(LogStore::Redis(Arc::clone(options))),
        }
    }
}
