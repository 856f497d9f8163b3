//! Sessions: the secrets with which users take their own seats again, and the keys that identify a post that is sent
//! twice.

use crate::base::random;
use crate::room::names::{self, Name};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Maximum length of a post's `ref`, in characters.
pub(crate) const MAX_REFERENCE: usize = 64;

/// 128 random bits, 32 hexadecimal digits on the wire. Only the server and one page know them. They are never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session([u8; 16]);

impl Session {
    /// A new secret.
    pub fn random() -> Self {
        let mut bits = [0; 16];
        random::fill(&mut bits);
        Self(bits)
    }

    /// Parses what a client sent; `None` if it is not 32 hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u128::from_str_radix(hex, 16).ok().filter(|_| is_hex)?;
        Some(Self(number.to_le_bytes()))
    }

    /// The session as it is sent: 32 hexadecimal digits.
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_le_bytes(self.0))
    }

    /// A key of the session. The session cannot be derived from it, so the store may keep it.
    pub fn key(self) -> SessionKey {
        SessionKey(first_half(Sha256::new_with_prefix(self.0)))
    }
}

/// Hides the secret, so that no log shows it.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

/// Identifies a post of one user. A second post with the same key is the same post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdempotencyKey(#[serde(with = "hex")] pub [u8; 16]);

/// What the keys of posts without a session begin with. A `ref` is UTF-8, so it cannot contain the last byte, and no
/// session that a client may choose leads to the same key.
const WITHOUT_SESSION: &[u8] = b"a post under a name\xFF";

impl IdempotencyKey {
    /// The key of the post under this name with this `ref`, by somebody without a session. A key counts in one room
    /// only, so the name of the room is not in it.
    pub(super) fn of_name(name: &Name, reference: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(WITHOUT_SESSION);
        hash.update(names::key(name.as_str()));
        hash.update([0xFF]); // where the name ends
        hash.update(reference);
        Self(first_half(hash))
    }
}

/// The first half of a hash, which is enough to tell keys apart.
fn first_half(hash: Sha256) -> [u8; 16] {
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

/// Identifies a session without being the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionKey(#[serde(with = "hex")] [u8; 16]);

impl SessionKey {
    /// The key of this session's post with this `ref`.
    pub fn idempotency_key(self, reference: &str) -> IdempotencyKey {
        let mut hash = Sha256::new_with_prefix(self.0);
        hash.update(reference);
        IdempotencyKey(first_half(hash))
    }
}

/// Keys as 32 hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(key: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_le_bytes(*key)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let digits = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&digits, 16);
        number.map(u128::to_le_bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_survives_the_wire() {
        let session = Session::random();
        assert_eq!(Session::parse(&session.to_hex()), Some(session));
        assert_eq!(Session::parse(&"0".repeat(32)), Some(Session([0; 16])));
        for bad in
            ["", "0", &"0".repeat(33), &("+".to_owned() + &"0".repeat(31)), &"g".repeat(32), &"é".repeat(16)]
        {
            assert_eq!(Session::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn sessions_differ_and_debug_output_shows_nothing() {
        assert_ne!(Session::random(), Session::random());
        assert_eq!(format!("{:?}", Session([77; 16])), "Session(…)");
    }

    #[test]
    fn keys_without_a_session_differ_by_name_and_reference_but_not_by_case() {
        let key =
            |name: &str, reference: &str| IdempotencyKey::of_name(&Name::parse(name, 40).unwrap(), reference);
        assert_eq!(key("Deploy", "a"), key("deploy", "a"));
        assert_ne!(key("deploy", "a"), key("deploy", "b"));
        assert_ne!(key("deploy", "a"), key("build", "a"));
        assert_ne!(key("deploy", "a"), key("deploya", ""));
    }

    #[test]
    fn no_session_has_the_key_of_a_post_without_one() {
        let hashed = [WITHOUT_SESSION, b"deploy\xFFa"].concat();
        let (session, reference) = hashed.split_at(16);
        assert!(std::str::from_utf8(reference).is_err(), "no ref");
        // If it could be a `ref`, the keys would be equal.
        let hash = Sha256::new_with_prefix(session).chain_update(reference);
        let of_name = IdempotencyKey::of_name(&Name::parse("deploy", 40).unwrap(), "a");
        assert_eq!(IdempotencyKey(first_half(hash)), of_name);
    }

    #[test]
    fn keys_differ_by_session_and_reference() {
        let [one, other] = [1, 2].map(|n| Session([n; 16]).key());
        assert_eq!(one.idempotency_key("a"), one.idempotency_key("a"));
        assert_ne!(one.idempotency_key("a"), one.idempotency_key("b"));
        assert_ne!(one.idempotency_key("a"), other.idempotency_key("a"));
    }
}
