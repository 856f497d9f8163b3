//! HTTP: request heads, routes and responses.

pub(crate) mod access;
pub(crate) mod auth;
pub(crate) mod connection;
mod hub_query;
pub(crate) mod invite;
pub(crate) mod log_route;
mod negotiation;
pub(crate) mod origin;
pub(crate) mod page;
pub(crate) mod qr;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod socketio;
pub(crate) mod upgrade;
