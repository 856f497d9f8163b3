//! The options of a node: where Redis is, and how long it keeps posts.
//!
//! Architecture invariant: nothing here shows the user or the password of the URL, neither `Debug` nor an error.

use redis::io::tcp::TcpSettings;
use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, cmd,
};
use std::fmt;
use std::str::FromStr;

/// What the names of keys and channels begin with.
const DEFAULT_PREFIX: &str = "typewall:";

/// The most characters of a prefix, which is a part of every key.
const MAX_PREFIX: usize = 64;

/// The schemes of URLs. Valkey speaks the same protocol.
const SCHEMES: [&str; 4] = ["redis://", "rediss://", "valkey://", "valkeys://"];

/// Where Redis is, and how to log in.
#[derive(Clone)]
pub struct RedisUrl {
    /// Without the login, because the crate does not say why one fails.
    connection: ConnectionInfo,
    login: RedisConnectionInfo,
    is_encrypted: bool,
}

/// A text is not the URL of a Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidRedisUrl;

impl fmt::Display for InvalidRedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected redis:// or rediss://, perhaps a user and a password, a host, perhaps a port and the number of a \
             database, such as redis://:PASSWORD@redis.example:6379/0",
        )
    }
}

impl RedisUrl {
    /// Whether a text is meant as such a URL, and not as the name of a file.
    pub fn is_meant(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// How to connect.
    pub(crate) fn connection(&self) -> ConnectionInfo {
        self.connection.clone()
    }

    /// The number of the database.
    pub(crate) fn database(&self) -> i64 {
        self.login.db()
    }

    /// The commands to send first. There is always one, and its answer shows whether Redis accepts the connection.
    pub(crate) fn login(&self) -> Vec<Cmd> {
        let authenticate = self.login.password().map(|password| {
            let mut command = cmd("AUTH");
            command.arg(self.login.username()).arg(password);
            command
        });
        let select = cmd("SELECT").arg(self.database()).take();
        authenticate.into_iter().chain([select]).collect()
    }

    /// Whether the connection uses TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The user, if the URL has one.
    pub(crate) fn user(&self) -> Option<&str> {
        self.login.username()
    }
}

impl FromStr for RedisUrl {
    type Err = InvalidRedisUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRedisUrl> {
        if !Self::is_meant(text) {
            return Err(InvalidRedisUrl);
        }
        let info = text.into_connection_info().map_err(|_| InvalidRedisUrl)?;
        let is_encrypted = match info.addr() {
            ConnectionAddr::TcpTls { insecure: false, .. } => true,
            ConnectionAddr::Tcp(..) => false,
            // Whoever could intercept the connection would see the password.
            _ => return Err(InvalidRedisUrl),
        };
        // Messages and responses do not mix on a connection of the older protocol.
        let settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2);
        let settings = settings.set_skip_set_lib_name();
        let login = info.redis_settings().clone();
        let tcp = TcpSettings::default().set_nodelay(true);
        let connection = info.set_redis_settings(settings).set_tcp_settings(tcp);
        Ok(Self { connection, login, is_encrypted })
    }
}

/// The URL without the user and the password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}/{}", self.connection.addr(), self.database())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// What the names of a cluster's keys and channels begin with, so that several clusters can share a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for KeyPrefix {
    fn default() -> Self {
        Self(DEFAULT_PREFIX.to_owned())
    }
}

impl FromStr for KeyPrefix {
    type Err = String;

    /// A prefix has none of the characters that have a meaning in a pattern of keys.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ":.-_/".contains(c);
        match text.len() <= MAX_PREFIX && text.chars().all(is_plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("expected at most {MAX_PREFIX} ASCII letters, digits and : . - _ /")),
        }
    }
}

/// The Redis that connects a node to the others and keeps the posts.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Where it is.
    pub url: RedisUrl,
    /// What names of keys and channels begin with.
    pub prefix: KeyPrefix,
    /// After how many days a post is deleted; `None` keeps all.
    pub keep_days: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_neither_user_nor_password() {
        let url: RedisUrl = "rediss://ada:s%20cret@redis.example:6390/3".parse().unwrap();
        let commands: Vec<Vec<u8>> = url.login().iter().map(Cmd::get_packed_command).collect();
        assert_eq!(
            commands.concat(),
            b"*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$6\r\ns cret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
        );
        assert_eq!(url.to_string(), "rediss://redis.example:6390/3");
        let options = RedisOptions { url, prefix: KeyPrefix::default(), keep_days: None };
        let shown = format!("{options:?}");
        assert!(shown.contains("redis.example"), "{shown}");
        assert!(!shown.contains("ada") && !shown.contains("cret"), "{shown}");
    }

    #[test]
    fn other_urls_are_refused_without_being_repeated() {
        for bad in [
            "",
            "redis://",
            "http://:secret@host",
            "redis://:secret@host/x",
            "redis://:secret@host:99999",
            "rediss://:secret@host/#insecure",
            "unix:/run/redis.sock",
            "redis+unix:///run/redis.sock",
            "/var/lib/wall.sqlite",
        ] {
            let error = bad.parse::<RedisUrl>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{bad}: {error}");
        }
        for good in
            ["redis://localhost", "redis://[::1]:6390", "redis://u:p@h/15", "valkey://h", "rediss://h"]
        {
            assert!(good.parse::<RedisUrl>().is_ok(), "{good}");
        }
    }

    #[test]
    fn a_prefix_has_no_characters_of_patterns() {
        for good in ["", "typewall:", "a/b.c-d_e:1"] {
            assert!(good.parse::<KeyPrefix>().is_ok(), "{good}");
        }
        for bad in ["*", "a?", "[a]", "\\", "a b", "é", &"x".repeat(MAX_PREFIX + 1)] {
            assert!(bad.parse::<KeyPrefix>().is_err(), "{bad}");
        }
    }
}
