//! The address of a room, as people copy it from a browser: where its WebSocket is.

use std::fmt;
use tungstenite::http::Uri;

/// The room of an address that names none.
const DEFAULT_ROOM: &str = "lobby";

/// The name of the WebSocket beside the page.
const SOCKET: &str = "ws";

/// Where a room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether the connection is encrypted.
    pub(crate) is_secure: bool,
    /// A name or an IP address; one of IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The host and the port as they are in the URL.
    pub(crate) authority: String,
    /// The path of the page, up to its last slash.
    folder: String,
    /// The room, as a query.
    query: String,
}

/// The text is not the address of a room.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidAddress;

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected the address of a room, such as http://192.168.1.20:8080/?room=physics")
    }
}

impl std::error::Error for InvalidAddress {}

impl Address {
    /// Parses the URL of a room's page, or of its WebSocket. Without a scheme, `http` is meant, as in a browser.
    /// Parameters other than `room` are for the page, and a fragment never leaves a browser.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.split('#').next().unwrap_or_default();
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let (before, query) = text.split_once('?').unwrap_or((&text, ""));
        let uri: Uri = before.parse().map_err(|_| InvalidAddress)?;
        let is_secure = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(InvalidAddress),
        };
        let authority = uri.authority().ok_or(InvalidAddress)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // What follows the host is a port, which the parser of URLs leaves out if it is no number.
        let has_rest = !authority.as_str().ends_with(authority.host());
        if host.is_empty() || authority.as_str().contains('@') || has_rest != authority.port().is_some() {
            return Err(InvalidAddress);
        }
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let (authority, folder) = (authority.to_string(), folder(uri.path()));
        Ok(Self { is_secure, host, port, authority, folder, query: room_query(query) })
    }
}

impl Address {
    /// Whether connections are encrypted.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The URL of the WebSocket.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        let Self { authority, folder, query, .. } = self;
        format!("{scheme}://{authority}{folder}{SOCKET}?{query}")
    }

    /// The path and the query of the room's log, from a number on.
    pub(crate) fn log_target(&self, after: u64) -> String {
        let Self { folder, query, .. } = self;
        format!("{folder}log?{query}&format=json&after={after}")
    }
}

/// The folder of a page with this path.
fn folder(page: &str) -> String {
    let (folder, file) = page.rsplit_once('/').unwrap_or(("", ""));
    match file {
        "" | SOCKET | "index.html" => format!("{folder}/"),
        // Typewall's page has no name of its own, so this is the folder that a proxy serves it under.
        file => format!("{folder}/{file}/"),
    }
}

fn room_query(query: &str) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let room = pairs.into_iter().find(|(name, _)| name == "room").map(|(_, room)| room.into_owned());
    let room = room.filter(|room| !room.is_empty()).unwrap_or_else(|| DEFAULT_ROOM.to_owned());
    form_urlencoded::Serializer::new(String::new()).append_pair("room", &room).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_page() {
        for (text, url, host, port) in [
            ("http://wall:8080/?room=physics", "ws://wall:8080/ws?room=physics", "wall", 8080),
            ("http://wall:8080", "ws://wall:8080/ws?room=lobby", "wall", 8080),
            ("wall:8080?room=x", "ws://wall:8080/ws?room=x", "wall", 8080),
            ("https://wall.example/", "wss://wall.example/ws?room=lobby", "wall.example", 443),
            ("http://h/wall/?room=x&view=captions", "ws://h/wall/ws?room=x", "h", 80),
            ("http://h/wall?room=x", "ws://h/wall/ws?room=x", "h", 80),
            ("http://h/wall/index.html", "ws://h/wall/ws?room=lobby", "h", 80),
            ("ws://h/wall/ws?room=x", "ws://h/wall/ws?room=x", "h", 80),
            ("wss://h/ws", "wss://h/ws?room=lobby", "h", 443),
            ("http://h/?room=B%C3%BCro 2#host=secret", "ws://h/ws?room=B%C3%BCro+2", "h", 80),
            ("http://h/?room=Büro", "ws://h/ws?room=B%C3%BCro", "h", 80),
            ("http://h/?room=", "ws://h/ws?room=lobby", "h", 80),
            ("http://[fd00::2]:81/", "ws://[fd00::2]:81/ws?room=lobby", "fd00::2", 81),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((&*address.url(), &*address.host, address.port), (url, host, port), "{text}");
            assert_eq!(address.is_secure, url.starts_with("wss"));
        }
    }

    #[test]
    fn the_log_is_beside_the_page() {
        let address = Address::parse("https://h:1/wall?room=B%C3%BCro").unwrap();
        assert_eq!(address.authority, "h:1");
        assert_eq!(address.log_target(7), "/wall/log?room=B%C3%BCro&format=json&after=7");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "http://", "ftp://h/", "http://h:port/", "http://h:/", "http://user@h/", "/path", "a b"]
        {
            assert_eq!(Address::parse(text), Err(InvalidAddress), "{text}");
        }
    }
}
