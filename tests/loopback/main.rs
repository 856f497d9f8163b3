//! Real servers and real clients over loopback: each test has a server of its own on a free port.

#[path = "../support/mod.rs"]
mod support;

mod barrier;
mod link;
mod server;
mod test_store;

mod access;
mod author;
mod bad_input;
mod boxes;
mod broken_connections;
mod crowd;
mod encrypted;
mod first_host;
mod frames;
mod host_store;
mod hosts;
mod http;
mod hubs;
mod joining;
mod limits;
mod liveness;
mod log;
mod metrics;
mod metrics_guide;
mod pace;
mod page;
mod passphrase;
mod posting;
mod queue;
mod renaming;
mod rooms;
mod seats;
mod sessions;
mod shutdown;
mod slow_clients;
mod socketio;
mod splices;
mod store;
mod store_faults;
mod wall;
