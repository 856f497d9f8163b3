//! One client: reading and checking what it sends.

pub mod reader;
