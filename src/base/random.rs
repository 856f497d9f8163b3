//! Random bytes from the system, for everything that nobody may guess.

use std::fmt;

/// The system has no source of random bytes, or lets this process use none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomSource(getrandom::Error);

impl fmt::Display for NoRandomSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the system gives it no random numbers, which secrets need ({})", self.0)
    }
}

/// Checks that [`fill`] works. The system keeps a source that has worked once.
pub fn check_random_source() -> Result<(), NoRandomSource> {
    getrandom::fill(&mut [0]).map_err(NoRandomSource)
}

/// Fills a slice with random bytes.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("every command that needs secrets has checked the source");
}

/// A random number.
pub(crate) fn number() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
