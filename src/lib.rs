//! Typewall: a wall of live text boxes in one binary.

pub mod base;
pub mod client;
pub mod delivery;
pub mod http;
pub mod hub;
pub mod protocol;
pub mod room;
pub mod server;
pub mod store;

pub use base::limits::Limits;
pub use http::access::Access;
pub use server::Server;
pub use store::options::StoreOptions;
