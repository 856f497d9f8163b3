//! Names of rooms: how long they may be, and when two mean the same room.

use crate::room::names::{clean, key};
use std::fmt;

/// The room of a URL that names no room.
const LOBBY: &str = "lobby";

/// Maximum length of a room's name, in characters: enough for a phrase, and short enough for a link.
const MAX_ROOM_NAME: usize = 64;

/// A room's name. Two names with equal keys mean the same room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomName {
    shown: String,
    key: String,
}

impl RoomName {
    /// Reads the room's name from a URL's query (`room=physics`). A query without one means the lobby.
    pub fn from_query(query: &str) -> Result<Self, RoomNameTooLong> {
        let typed = form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == "room");
        Self::parse(&typed.map(|(_, name)| name).unwrap_or_default())
    }

    /// Cleans what somebody typed. A name without visible characters means the lobby.
    pub fn parse(typed: &str) -> Result<Self, RoomNameTooLong> {
        let mut shown = clean(typed);
        if shown.is_empty() {
            shown.push_str(LOBBY);
        }
        if shown.chars().count() > MAX_ROOM_NAME {
            return Err(RoomNameTooLong);
        }
        let key = key(&shown);
        Ok(Self { shown, key })
    }

    /// The name as it was typed, cleaned.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The key: equal for names that differ only in case, width or invisible characters.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// A room's name is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomNameTooLong;

impl fmt::Display for RoomNameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A room name can have at most {MAX_ROOM_NAME} characters.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_the_room() {
        let room = |query: &str| RoomName::from_query(query).map(|room| room.shown);
        assert_eq!(room("room=physics").unwrap(), "physics");
        assert_eq!(room("a=b&room=Caf%C3%A9+2&room=x").unwrap(), "Café 2");
        for none in ["", "room=", "room=%20", "rooms=x"] {
            assert_eq!(room(none).unwrap(), LOBBY, "{none:?}");
        }
        assert!(room(&format!("room={}", "界".repeat(64))).is_ok());
        assert_eq!(room(&format!("room={}", "x".repeat(65))), Err(RoomNameTooLong));
        assert_eq!(RoomName::from_query("room=Physics").unwrap().key(), "physics");
        assert_eq!(RoomName::parse("e\u{200B}\u{301}").unwrap().as_str(), "é");
    }
}
