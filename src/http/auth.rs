//! The passphrase in an HTTP request.

use crate::base::secret::SecretHash;
use data_encoding::BASE64;

/// Takes the password from the value of an `Authorization: Basic` header (RFC 7617). The user name does not matter.
pub fn from_authorization(header: &str) -> Option<SecretHash> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| SecretHash::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_any_user_name_is_the_passphrase() {
        for header in ["Basic OmNvcnJlY3QgaG9yc2U=", "basic bWU6Y29ycmVjdCBob3JzZQ=="] {
            assert_eq!(from_authorization(header), Some(SecretHash::new("correct horse")), "{header}");
        }
        for header in
            ["", "Basic", "Basic !", "Bearer OmNvcnJlY3QgaG9yc2U=", "Basic Y29ycmVjdA==", "Basic Ov8="]
        {
            assert_eq!(from_authorization(header), None, "{header}");
        }
    }
}
