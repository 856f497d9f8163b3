//! What writing and reading the store's file have in common: its tables, its version, the check that a file is a store,
//! and how long to wait for other programs.

use crate::base::ids::UserId;
use crate::room::post::Post;
use crate::store::error::OpenError;
use rusqlite::{Connection, Transaction};
use std::time::Duration;

/// SQLite's application id of a Typewall store: "TYPW".
const APPLICATION_ID: i64 = 0x5459_5057;

/// The version of the schema. Version 1 had no `last_at`, version 2 no `state`.
const SCHEMA_VERSION: i64 = 3;

/// `last_n` is the number of the room's last post, even if that was deleted. `last_at` is when the room was last posted
/// to or saved. `state` is its record, a [`RoomRecord`](crate::room::state::RoomRecord) as JSON. `n` is the number of a
/// post in its room. A removed post has an empty `text`. `mark` is its
/// [`IdempotencyKey`](crate::room::session::IdempotencyKey). `user` is the author's id on the wire.
const SCHEMA: &str = "
    CREATE TABLE room (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        last_n INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        state TEXT
    );
    CREATE INDEX room_last_at ON room (last_at);
    CREATE TABLE post (
        room INTEGER NOT NULL REFERENCES room,
        n INTEGER NOT NULL,
        user INTEGER NOT NULL,
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        at INTEGER NOT NULL,
        mark BLOB,
        PRIMARY KEY (room, n)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX post_mark ON post (room, mark) WHERE mark IS NOT NULL;
    CREATE INDEX post_at ON post (at);
";

/// What turns a store of each older version into one of the next. In version 2, a room whose last post was deleted
/// counts as used just now.
const MIGRATIONS: [&str; 2] = [
    "
    ALTER TABLE room ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
    UPDATE room SET last_at = coalesce(
        (SELECT at FROM post WHERE post.room = room.id AND n = last_n),
        unixepoch() * 1000
    );
    CREATE INDEX room_last_at ON room (last_at);
",
    "ALTER TABLE room ADD COLUMN state TEXT",
];

/// How long opening waits for another program that has locked the file, a backup for example.
pub(crate) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one attempt to read or write waits for another program that has locked the file. The caller decides how
/// often to retry, and can do other work in between.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_millis(50);

/// Largest file that is checked for damage when it is opened, in bytes. The check takes a third of a second, or a few
/// seconds on a slow disk; for a gigabyte it would take minutes. In a larger file damage is found when it is read.
const MAX_CHECKED_SIZE: u64 = 64 * 1024 * 1024;

/// Creates the tables in an empty file.
pub(crate) fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// Brings an older store to this version.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let done = usize::try_from(version(transaction)? - 1).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Checks that a file is a store that this version can use, and not damaged as far as that can be seen quickly.
pub(crate) fn check(connection: &Connection) -> Result<(), OpenError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != APPLICATION_ID {
        return Err(OpenError::NotAStore);
    }
    let room = match version(connection)? {
        ..=1 => "SELECT id, key, last_n FROM room",
        2 => "SELECT id, key, last_n, last_at FROM room",
        SCHEMA_VERSION => "SELECT id, key, last_n, last_at, state FROM room",
        _ => return Err(OpenError::NewerVersion),
    };
    // Fails if a table or a column is missing, which means damage.
    for query in [room, "SELECT room, n, user, name, text, at, mark FROM post"] {
        connection.prepare(query).map_err(|error| OpenError::Damaged(error.to_string()))?;
    }
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_CHECKED_SIZE) {
        return Ok(());
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(OpenError::Damaged(found)) }
}

/// A post from the columns `n, user, name, text, at`.
pub(crate) fn post(row: &rusqlite::Row<'_>) -> rusqlite::Result<Post> {
    let [n, id, at] = [0, 1, 4].map(|column| row.get::<_, u64>(column));
    Ok(Post { n: n?, id: UserId(id?), name: row.get(2)?, text: row.get(3)?, at: at? })
}
