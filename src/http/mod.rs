//! HTTP: request heads, routes and responses.

pub(crate) mod access;
pub(crate) mod auth;
mod body;
pub(crate) mod connection;
mod cors;
pub(crate) mod download;
pub(crate) mod exchange;
mod exposition;
mod hub_query;
pub(crate) mod invite;
pub(crate) mod log_route;
pub(crate) mod metrics;
mod negotiation;
pub(crate) mod origin;
pub(crate) mod page;
mod post_route;
pub(crate) mod qr;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod responses;
pub(crate) mod routes;
pub(crate) mod socketio;
pub(crate) mod upgrade;
mod wall_route;
mod wall_writer;
