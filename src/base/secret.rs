//! The secrets of a server: its passphrase and its host key. Only hashes are kept, and compared in constant time.

use crate::base::token::TokenKey;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// Maximum size of a file with a secret, in bytes: enough for a long sentence. A larger file was named by mistake.
const MAX_FILE_SIZE: u64 = 1024;

/// The SHA-256 of a secret. The secret itself is not kept.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

/// Why a secret cannot be read from a file.
#[derive(Debug)]
pub enum SecretFileError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// The file does not exist and cannot be created.
    NotCreated(io::Error),
    /// The file is empty.
    Empty,
    /// The file has more than one line; nobody could type the second.
    MultipleLines,
    /// The file is larger than [`MAX_FILE_SIZE`].
    TooLong,
    /// The file is not UTF-8.
    NotUtf8,
}

impl SecretHash {
    /// Hashes a secret. Composed and decomposed accents give the same hash.
    pub fn new(text: &str) -> Self {
        let composed: String = text.nfc().collect();
        Self(Sha256::digest(composed).into())
    }

    /// A new key for tokens of clients that have given this secret.
    pub(crate) fn token_key(&self) -> TokenKey {
        TokenKey::random(&self.0)
    }

    /// Reads a secret from a file, without the trailing line break.
    pub fn read(file: &Path) -> Result<Self, SecretFileError> {
        read_line(file).map(|line| Self::new(&line))
    }
}

/// The only line of a file, without its line break.
pub fn read_line(file: &Path) -> Result<String, SecretFileError> {
    let mut bytes = Vec::new();
    let file = File::open(file).map_err(SecretFileError::Unreadable)?;
    file.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes).map_err(SecretFileError::Unreadable)?;
    if bytes.len() as u64 > MAX_FILE_SIZE {
        return Err(SecretFileError::TooLong);
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretFileError::NotUtf8)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    match text.strip_suffix('\r').unwrap_or(text) {
        "" => Err(SecretFileError::Empty),
        text if text.contains('\n') => Err(SecretFileError::MultipleLines),
        text => Ok(text.to_owned()),
    }
}

/// Compares in constant time.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(other.0).map(|(one, other)| one ^ other);
        differing.fold(0, |all, bits| all | bits) == 0
    }
}

impl Eq for SecretHash {}

/// Hides the hash, so that no log shows it.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A clause about the file, such as "it is empty".
impl fmt::Display for SecretFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) | Self::NotCreated(error) => write!(f, "{error}"),
            Self::Empty => write!(f, "it is empty"),
            Self::MultipleLines => write!(f, "it has more than one line"),
            Self::TooLong => write!(f, "it has more than {MAX_FILE_SIZE} bytes"),
            Self::NotUtf8 => write!(f, "it is not UTF-8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_holds_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            SecretHash::read(file.path())
        };
        for bytes in ["caf\u{e9} no\u{eb}l", "caf\u{e9} no\u{eb}l\n", "cafe\u{301} noe\u{308}l\r\n"] {
            assert_eq!(read(bytes.as_bytes()).unwrap(), SecretHash::new("caf\u{e9} no\u{eb}l"), "{bytes:?}");
        }
        assert_ne!(read(b" horse").unwrap(), SecretHash::new("horse"));
        assert!(matches!(read(b""), Err(SecretFileError::Empty)));
        assert!(matches!(read(b"\n"), Err(SecretFileError::Empty)));
        assert!(matches!(read(b"one\ntwo\n"), Err(SecretFileError::MultipleLines)));
        assert!(read(&[b'x'; 1024]).is_ok());
        assert!(matches!(read(&[b'x'; 1025]), Err(SecretFileError::TooLong)));
        assert!(matches!(read(b"\xFF"), Err(SecretFileError::NotUtf8)));
        let missing = SecretHash::read(Path::new("/nowhere"));
        assert!(matches!(missing, Err(SecretFileError::Unreadable(_))));
    }

    #[test]
    fn every_bit_of_a_hash_counts_for_itself() {
        let hash = [7; 32];
        for (first, second) in [(0, 0), (0, 1), (3, 31), (31, 31)] {
            let mut other = hash;
            // The same bit in two bytes, or one bit.
            for byte in [first, second] {
                other[byte] = hash[byte] ^ 0x10;
            }
            assert_ne!(SecretHash(hash), SecretHash(other), "{first} {second}");
        }
        assert_eq!(SecretHash(hash), SecretHash(hash));
    }

    #[test]
    fn debug_output_shows_nothing() {
        assert_eq!(format!("{:?}", SecretHash::new("horse")), "SecretHash(…)");
    }
}
