//! Small types that everything may use: ids, time, limits, counters.

pub mod address;
pub mod clock;
pub mod counter;
pub mod ids;
pub mod limits;
pub mod passphrase;
pub mod permits;
