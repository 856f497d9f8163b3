//! Small types that everything may use: ids, time, limits, counters.

pub(crate) mod address;
pub(crate) mod address_rates;
pub(crate) mod address_slots;
pub(crate) mod clock;
pub(crate) mod counter;
pub(crate) mod hash_slots;
pub(crate) mod histogram;
pub(crate) mod host_key;
pub(crate) mod ids;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod permits;
pub(crate) mod random;
pub(crate) mod rate_limit;
pub(crate) mod secret;
pub(crate) mod shared_rate_limit;
pub(crate) mod tally;
pub(crate) mod token;
pub(crate) mod warning;
pub(crate) mod window;
