//! The rooms in a store, as a list for people.

use crate::store::export::{time, visible};
use std::io::{self, Write};

/// A room with posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoom {
    /// Its name, in the form in which names are compared: in lower case.
    pub name: String,
    /// How many posts it has, removed ones included.
    pub posts: u64,
    /// When the last of them was posted, in milliseconds since 1970.
    pub last_at: u64,
}

/// Writes a line for each room, below a heading. The name is last, because it may have spaces and any width.
pub fn write_rooms(mut to: impl Write, rooms: &[StoredRoom]) -> io::Result<()> {
    writeln!(to, "{:>8}  {:<20}  room", "posts", "last post")?;
    for StoredRoom { name, posts, last_at } in rooms {
        writeln!(to, "{posts:>8}  {:<20}  {}", time(*last_at), visible(name))?;
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_a_line() {
        let room =
            |name: &str, posts| StoredRoom { name: name.to_owned(), posts, last_at: 1_792_000_000_000 };
        let mut list = Vec::new();
        write_rooms(&mut list, &[room("physics 2", 12), room("a\u{1B}", 1)]).unwrap();
        let expected = "   posts  last post             room\n      12  2026-10-14T17:46:40Z  physics 2\n       1  2026-10-14T17:46:40Z  a\u{FFFD}\n";
        assert_eq!(String::from_utf8(list).unwrap(), expected);
    }
}
