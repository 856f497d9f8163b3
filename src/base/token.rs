//! Tokens: what a client that has given a secret, the passphrase or the host key, shows when it comes back, so that it
//! does not have to wait for the wrong attempts of others.

use crate::base::random;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;
use std::fmt;

/// Bytes of a token that make it differ from all others.
const NONCE_LENGTH: usize = 16;

/// Bytes of a token that only the server could compute: an HMAC-SHA256.
const MAC_LENGTH: usize = 32;

/// Bytes of a token. On the wire, each is two hexadecimal digits.
const TOKEN_LENGTH: usize = NONCE_LENGTH + MAC_LENGTH;

/// Proves that its holder has given the secret to this server since it started. Never logged.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(PartialEq, Eq))] // the server compares with TokenKey::verifies, in constant time
pub struct Token([u8; TOKEN_LENGTH]);

impl Token {
    /// Parses what a client sent; `None` if it is not 96 lower-case hexadecimal digits.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; TOKEN_LENGTH];
        let is_complete = HEXLOWER.decode_len(hex.len()) == Ok(TOKEN_LENGTH);
        (is_complete && HEXLOWER.decode_mut(hex.as_bytes(), &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// The token as it is sent.
    pub fn to_hex(self) -> String {
        HEXLOWER.encode(&self.0)
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

/// Hides the token, so that no log shows it.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The key with which tokens are made and verified.
#[derive(Clone)]
pub(crate) struct TokenKey(Hmac<Sha256>);

impl TokenKey {
    /// A key that nobody else has: random bytes with the hash of the secret, so that no token outlives either.
    pub(crate) fn random(secret_hash: &[u8; 32]) -> Self {
        let mut key = [0; 64];
        let (key_part, hash) = key.split_at_mut(32);
        random::fill(key_part);
        hash.copy_from_slice(secret_hash);
        Self(Hmac::new_from_slice(&key).expect("HMAC takes a key of any length"))
    }

    /// A new token.
    pub(crate) fn issue(&self) -> Token {
        let mut token = [0; TOKEN_LENGTH];
        let (nonce, mac) = token.split_at_mut(NONCE_LENGTH);
        random::fill(nonce);
        mac.copy_from_slice(&self.0.clone().chain_update(&*nonce).finalize().into_bytes());
        Token(token)
    }

    /// Whether a token was made with this key. Compares in constant time.
    pub(crate) fn verifies(&self, token: &Token) -> bool {
        let (nonce, mac) = token.0.split_at(NONCE_LENGTH);
        self.0.clone().chain_update(nonce).verify_slice(mac).is_ok()
    }
}

/// Hides the key, so that no log shows it.
impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_wire_and_is_valid_for_its_key_only() {
        let [key, other] = [(); 2].map(|()| TokenKey::random(&[7; 32]));
        let token = key.issue();
        assert_eq!(Token::parse(&token.to_hex()), Some(token));
        assert!(key.verifies(&token) && !other.verifies(&token), "the secret differs");
        assert_ne!(token, key.issue());
        for bit in 0..8 * TOKEN_LENGTH {
            let mut forged = token;
            forged.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verifies(&forged), "bit {bit}");
        }
    }

    #[test]
    fn what_is_not_96_digits_is_no_token() {
        let digits = |n| "0".repeat(n);
        assert!(Token::parse(&digits(96)).is_some());
        for bad in
            [digits(0), digits(94), digits(95), digits(98), digits(100_000), "g".repeat(96), "é".repeat(48)]
        {
            assert_eq!(Token::parse(&bad), None, "{bad:.10}");
        }
    }

    #[test]
    fn debug_output_shows_nothing() {
        let key = TokenKey::random(&[7; 32]);
        assert_eq!(format!("{:?} {key:?}", key.issue()), "Token(…) TokenKey(…)");
    }
}
