//! The answer to `GET invite`.

use serde::Serialize;

/// How other people reach a room.
#[derive(Debug, Serialize)]
pub(crate) struct Invitation {
    /// Links that other machines can open, the likeliest first.
    pub links: Vec<String>,
}
