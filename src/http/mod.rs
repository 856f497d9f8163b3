//! HTTP: request heads, routes and responses.

pub mod access;
pub mod auth;
pub mod connection;
pub mod invite;
pub mod log_route;
pub mod negotiation;
pub mod origin;
pub mod page;
pub mod request;
pub mod response;
