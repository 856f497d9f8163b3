//! The host key in plain text, as it is printed and stored in a file.

use crate::base::random;
use crate::base::secret::{SecretFileError, SecretHash, read_line};
use crate::platform::private;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The key that makes its holder a host. It is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(String);

impl HostKey {
    /// A new key: 128 random bits, as 32 hexadecimal digits.
    pub fn random() -> Self {
        let mut bits = [0; 16];
        random::fill(&mut bits);
        Self(format!("{:032x}", u128::from_le_bytes(bits)))
    }

    /// Reads the key that a file keeps. If there is no file, creates one with a new key, which only its owner can read.
    pub fn read_or_create(file: &Path) -> Result<Self, SecretFileError> {
        match private(OpenOptions::new().write(true).create_new(true)).open(file) {
            Ok(mut created) => {
                let key = Self::random();
                match writeln!(created, "{}", key.0) {
                    Ok(()) => Ok(key),
                    Err(error) => {
                        let _ = fs::remove_file(file); // an empty file would keep the next start from creating a key
                        Err(SecretFileError::NotCreated(error))
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => read_line(file).map(Self),
            Err(error) => Err(SecretFileError::NotCreated(error)),
        }
    }

    /// What attempts at the key are compared with.
    pub fn secret(&self) -> SecretHash {
        SecretHash::new(&self.0)
    }

    /// The part of a link that makes whoever opens it a host.
    pub fn fragment(&self) -> String {
        let encoded: String = form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        format!("#host={}", encoded.replace('+', "%20"))
    }
}

/// Hides the key, so that no log shows it.
impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::is_open_to_others;

    #[test]
    fn a_key_is_kept_in_a_file_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("host-key");
        let key = HostKey::read_or_create(&file).unwrap();
        assert!(!is_open_to_others(&file));
        assert_eq!(HostKey::read_or_create(&file).unwrap(), key);
        assert_eq!(key.fragment().len(), "#host=".len() + 32);
        assert_ne!(HostKey::random(), key);
        fs::write(&file, "").unwrap();
        assert!(matches!(HostKey::read_or_create(&file), Err(SecretFileError::Empty)));
    }

    #[test]
    fn a_key_that_somebody_chose_can_be_part_of_a_link() {
        let key = HostKey("grüne Äpfel & #1".to_owned());
        assert_eq!(key.fragment(), "#host=gr%C3%BCne%20%C3%84pfel%20%26%20%231");
        assert_eq!(format!("{key:?}"), "HostKey(…)");
    }
}
