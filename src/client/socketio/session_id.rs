//! The ids of sessions.

use crate::base::random;
use data_encoding::BASE64URL_NOPAD;
use std::fmt::{self, Write};

/// Random bytes of an id, enough that nobody guesses one.
const ID_LENGTH: usize = 15;

/// Characters of an id in Base64.
const TEXT_LENGTH: usize = 20;

/// The id of a session, `sid` on the wire. Whoever knows it can send and receive in the client's place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; ID_LENGTH]);

impl SessionId {
    /// A new id.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; ID_LENGTH];
        random::fill(&mut bytes);
        Self(bytes)
    }

    /// Parses what a client sent; `None` if it is not an id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_LENGTH];
        let is_complete = BASE64URL_NOPAD.decode_len(text.len()) == Ok(ID_LENGTH);
        (is_complete && BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).is_ok())
            .then_some(Self(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LENGTH];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        text.iter().try_for_each(|byte| f.write_char((*byte).into()))
    }
}

/// Hides the id, so that no log shows it.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_twenty_characters_and_only_those_are_one() {
        let id = SessionId::random();
        let text = id.to_string();
        assert_eq!((text.len(), SessionId::parse(&text)), (20, Some(id)));
        assert!(SessionId::random() != id);
        for bad in ["", "x", &text[1..], &format!("{text}x"), "????????????????????"] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}
