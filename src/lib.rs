//! Typewall: a wall of live text boxes in one binary.
//!
//! Blocking threads and channels: a thread for each connection reads, a hub thread owns its rooms and writes. To be
//! read in this order:
//!
//! - [`limits`], [`clock`]: what can be set, and what time it is
//! - [`splice`]: how one text becomes another
//! - [`protocol`]: what goes over the wire
//! - [`refusal`]: why what a client sent is not taken
//! - [`names`]: names of users and rooms
//! - [`session`]: the secret that a seat is taken with again
//! - [`log`]: a room's posts, numbered, each once
//! - [`room`]: the rules of a room, pure
//! - [`batch`]: what a room sends at once, encoded once
//! - [`boxes`]: the texts of a room, and what of them was sent when
//! - [`outbox`]: writing to one client, fast or slow
//! - [`table`], [`pings`], [`clients`]: all clients, and what is written to them when
//! - [`seats`]: how many seats there are in all rooms
//! - [`passphrase`]: who is let into any room
//! - [`event`], [`hub`]: all that may happen, and the loop that owns it all
//! - [`database`], [`trouble`]: the file with the posts, and what can be the matter with it
//! - [`store`]: the thread that has it
//! - [`hubs`]: several hubs, and which room is on which
//! - [`client`]: reading from one client
//! - [`request`], [`page`]: the little HTTP that is needed
//! - [`origin`], [`access`]: which web pages may ask
//! - [`invite`]: links and QR codes for others
//! - [`export`], [`download`]: a log as a file, and over HTTP
//! - [`connection`]: one connection's requests, and where they lead
//! - [`places`], [`capacity`]: how many connections there may be
//! - [`server`]: accepting connections

pub mod access;
pub mod batch;
pub mod boxes;
pub mod capacity;
pub mod client;
pub mod clients;
pub mod clock;
pub mod connection;
pub mod database;
pub mod download;
pub mod event;
pub mod export;
pub mod hub;
pub mod hubs;
pub mod invite;
pub mod limits;
pub mod log;
pub mod names;
pub mod origin;
pub mod outbox;
pub mod page;
pub mod passphrase;
pub mod pings;
pub mod places;
pub mod protocol;
pub mod refusal;
pub mod request;
pub mod room;
pub mod seats;
pub mod server;
pub mod session;
pub mod splice;
pub mod store;
pub mod table;
pub mod trouble;

pub use access::Access;
pub use limits::Limits;
pub use server::Server;
pub use store::StoreOptions;
