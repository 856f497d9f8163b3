//! What Engine.IO messages mean to an application.

use crate::client::socketio::output::Output;
use crate::hub::event::FromClient;
use crate::hub::shards::SocketEvent;
use crate::room::room_name::RoomName;
use crossbeam_channel::Sender;

/// A message of a client.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// Handles the messages of one client until it joins a room: the rooms do, and the example for conformance tests, in
/// which nobody ever joins.
pub trait Application: Send + 'static {
    /// Handles a message. Answers go to `output`.
    fn receive(&mut self, message: Message<'_>, output: &mut Output) -> Result<Reaction, InvalidMessage>;

    /// Whether the client has introduced itself. One that has not in time is disconnected.
    fn is_connected(&self) -> bool;
}

/// What follows from a message.
#[derive(Debug)]
pub enum Reaction {
    /// Nothing else.
    Stay,
    /// The client joins a room.
    Join(Box<Join>),
}

/// A message that ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidMessage;

/// How a client joins a room.
#[derive(Debug)]
pub struct Join {
    /// The room.
    pub room: RoomName,
    /// The hub of the room.
    pub hub: Sender<SocketEvent>,
    /// The passphrase was checked.
    pub is_admitted: bool,
    /// The host key that the client gives.
    pub host: Option<FromClient>,
    /// The name and session with which it takes a seat.
    pub seat: Option<FromClient>,
}
