//! Who can be a host, as the server was told.

use crate::base::passphrase::Passphrase;
use crate::hub::secret_check::SecretCheck;
use crate::room::state::HostMode;

/// Who can be a host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostOptions {
    /// Whether somebody becomes a host, and how.
    pub mode: HostMode,
    /// The host key. Without one, nobody can prove it.
    pub key: Option<Passphrase>,
}

impl HostOptions {
    /// Checks attempts at the key, if it is of any use.
    pub(crate) fn key_check(&self) -> Option<SecretCheck> {
        self.key.filter(|_| self.mode != HostMode::None).map(SecretCheck::new)
    }
}
