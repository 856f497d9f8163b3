//! Real servers and real clients over loopback: each test has a server of its own on a free port.

mod access;
mod author;
mod bad_input;
mod boxes;
mod claims;
mod crowd;
mod drops;
mod frames;
mod gate;
mod http;
mod hubs;
mod joining;
mod limits;
mod log;
mod page;
mod passphrase;
mod person;
mod proxy;
mod queue;
mod rooms;
mod seats;
#[path = "../common/shown_user.rs"]
mod shown_user;
mod silent;
mod slow;
mod splices;
mod stopping;
mod store;
mod trouble;
