//! The server's host options.

use crate::base::secret::SecretHash;
use crate::hub::secret_check::SecretCheck;
use crate::room::state::HostMode;

/// The mode, and the key if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostOptions {
    /// Who can become a host.
    pub mode: HostMode,
    /// The host key. Without one, nobody can prove it.
    pub key: Option<SecretHash>,
}

impl HostOptions {
    /// The check for host keys; `None` if nobody can prove one.
    pub(crate) fn key_check(&self) -> Option<SecretCheck> {
        self.key.filter(|_| self.mode != HostMode::None).map(SecretCheck::new)
    }
}
