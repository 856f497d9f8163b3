//! The program as people start it: what it prints, which options and files it refuses, how it ends.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod commands;
mod extremes;
mod hosts;
mod listening;
mod metrics;
mod options;
mod qr;
mod randomness;
mod remote;
mod secrets;
mod serving;
mod signals;
mod store;
mod terminal;
mod tls;
