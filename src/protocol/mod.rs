//! The wire: events, errors and snapshots as JSON.

pub mod error;
pub mod events;
