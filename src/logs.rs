//! `typewall log`: prints logs from a store's file, or from Redis.

use crate::cli::storage::parse_url;
use crate::printed;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock};
use std::path::Path;
use typewall::{
    Format, KeyPrefix, LogWriter, Reader, RedisLog, RedisOptions, RedisUrl, RoomName, StoredRoom, write_rooms,
};

/// Prints the log of a room, or a list of all rooms, from the file or the Redis with this name.
pub(crate) fn print(
    name: &OsStr,
    prefix: &KeyPrefix,
    room: Option<&str>,
    format: &str,
    after: u64,
) -> Result<(), String> {
    let room = room.map(|room| RoomName::parse(room).map_err(|error| error.to_string())).transpose()?;
    let format = Format::from_name(format).ok_or("The format of a log must be txt, json or md.")?;
    let mut store = Store::open(name, prefix)?;
    match room {
        Some(room) => store.print_log(&room, format, after),
        None => store.print_rooms(),
    }
}

enum Store {
    File(Reader),
    Redis(Box<RedisLog>),
}

/// A store, and how messages name it.
struct NamedStore {
    store: Store,
    name: String,
}

impl Store {
    fn open(name: &OsStr, prefix: &KeyPrefix) -> Result<NamedStore, String> {
        match name.to_str().filter(|name| RedisUrl::is_meant(name)) {
            Some(url) => {
                let options = RedisOptions { url: parse_url(url)?, prefix: prefix.clone(), keep_days: None };
                let name = options.url.to_string();
                let log = RedisLog::open(&options).map_err(|error| read_error(&name, &error))?;
                Ok(NamedStore { store: Self::Redis(log.into()), name })
            }
            None => {
                let file = Path::new(name);
                let name = file.display().to_string();
                let reader = Reader::open(file).map_err(|error| read_error(&name, &error))?;
                reader.check().map_err(|error| read_error(&name, &error))?;
                Ok(NamedStore { store: Self::File(reader), name })
            }
        }
    }
}

impl NamedStore {
    fn print_rooms(&mut self) -> Result<(), String> {
        let rooms: Vec<StoredRoom> = match &mut self.store {
            Store::File(reader) => reader.rooms().map_err(|error| read_error(&self.name, &error))?,
            Store::Redis(redis) => redis.rooms().map_err(|error| read_error(&self.name, &error))?,
        };
        if rooms.is_empty() {
            return Err("Nothing has been posted in any room.".to_owned());
        }
        printed(write_rooms(to_output(), &rooms))
    }

    fn print_log(&mut self, room: &RoomName, format: Format, after: u64) -> Result<(), String> {
        let has_room = match &mut self.store {
            Store::File(reader) => reader.has_room(room).map_err(|error| read_error(&self.name, &error))?,
            Store::Redis(redis) => redis.has_room(room).map_err(|error| read_error(&self.name, &error))?,
        };
        if !has_room {
            return Err(format!("Nothing has been posted in the room {}.", room.as_str()));
        }
        let mut log = LogWriter::new(to_output(), format);
        let posts = match &mut self.store {
            Store::File(reader) => reader.read(room, after, |post| log.post(&post)),
            Store::Redis(redis) => redis.read(room, after, |post| log.post(&post)),
        };
        printed(posts.and_then(|()| log.end()))
    }
}

fn to_output() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

fn read_error(name: &str, error: &impl Display) -> String {
    format!("Cannot read {name}: {error}.")
}
