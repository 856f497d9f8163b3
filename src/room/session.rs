//! Sessions: the secret with which a user takes their own seat again, and the marks by which their posts are
//! told apart.

use sha2::{Digest, Sha256};
use std::fmt;

/// Characters of a post's `ref`, which its page makes up.
pub const MAX_REF: usize = 64;

/// 128 random bits, 32 hexadecimal digits on the wire. Known to the server and to one page; never shown to
/// others, and never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Session(u128);

impl Session {
    /// A new secret.
    pub fn random() -> Self {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).expect("a system that runs this has random numbers");
        Self(u128::from_le_bytes(bits))
    }

    /// Reads what a client sent; `None` where it is no session of this server's making.
    pub fn parse(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        u128::from_str_radix(hex, 16).ok().filter(|_| is_hex).map(Self)
    }

    /// As it stands on the wire.
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// What tells a post from all others, by its author's secret and the author's `ref` for it. The secret
    /// cannot be had back from it, so that it may be stored.
    pub fn mark(self, reference: &str) -> Mark {
        let mut hash = Sha256::new_with_prefix(self.0.to_le_bytes());
        hash.update(reference);
        let mut mark = [0; 16];
        mark.copy_from_slice(&hash.finalize()[..16]);
        Mark(mark)
    }
}

/// Shows nothing, so that no log can.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(…)")
    }
}

/// Names one post of one user for good: the same again is the same post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark(pub [u8; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_over_the_wire_and_back() {
        let session = Session::random();
        assert_eq!(Session::parse(&session.to_hex()), Some(session));
        assert_eq!(Session::parse(&"0".repeat(32)), Some(Session(0)));
        for bad in
            ["", "0", &"0".repeat(33), &("+".to_owned() + &"0".repeat(31)), &"g".repeat(32), &"é".repeat(16)]
        {
            assert_eq!(Session::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn is_another_each_time_and_hides() {
        assert_ne!(Session::random(), Session::random());
        assert_eq!(format!("{:?}", Session(77)), "Session(…)");
    }

    #[test]
    fn marks_differ_by_session_and_ref() {
        let (one, other) = (Session(1), Session(2));
        assert_eq!(one.mark("a"), one.mark("a"));
        assert_ne!(one.mark("a"), one.mark("b"));
        assert_ne!(one.mark("a"), other.mark("a"));
    }
}
