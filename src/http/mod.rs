//! HTTP: request heads, routes and responses.

pub mod access;
pub mod auth;
pub mod connection;
pub mod deadline_stream;
mod hub_query;
pub mod invite;
pub mod log_route;
pub mod origin;
pub mod request;
pub mod response;
pub mod routes;
pub mod upgrade;
