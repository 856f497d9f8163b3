//! Events: everything that readers, the store and HTTP requests send to a hub.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::protocol::encoding::Encoding;
use crate::protocol::error::EventError;
use crate::room::action::Action;
use crate::room::names::RoomName;
use crate::room::post::Post;
use crate::store::request::Answer;
use crossbeam_channel::Sender;
use std::iter::Sum;
use std::sync::Arc;
use tungstenite::protocol::frame::coding::CloseCode;

/// Everything that a hub reacts to.
///
/// Architecture invariant: this list is closed. Beside events, only deadlines make a hub do anything.
#[derive(Debug)]
pub enum Event<T> {
    /// A WebSocket is open.
    Connected(NewClient<T>),
    /// A client gives the passphrase.
    Unlock {
        /// The client.
        client: ClientId,
        /// What it gave.
        passphrase: Passphrase,
    },
    /// A client acts in its room.
    Acted {
        /// The client.
        client: ClientId,
        /// What it does, checked.
        action: Action,
    },
    /// A reader has rejected an event of its client. The error goes through the hub, so that the client gets its
    /// answers in the order of its events.
    Rejected {
        /// The client.
        client: ClientId,
        /// Why.
        error: EventError,
        /// The `ref` of the event, if it was a post with one.
        reference: Option<String>,
    },
    /// The reader's WebSocket answers a ping or a close frame.
    ControlFrames {
        /// The client.
        client: ClientId,
        /// Whole frames.
        frames: Vec<u8>,
    },
    /// A client broke the WebSocket protocol and is to be closed.
    ProtocolError {
        /// The client.
        client: ClientId,
        /// The code of the close frame.
        code: CloseCode,
        /// The reason in the close frame.
        reason: &'static str,
    },
    /// A client has sent nothing for [`max_silence`](crate::base::limits::Limits::max_silence). Only the hub knows
    /// whether the client is busy reading.
    ReadTimeout {
        /// The client.
        client: ClientId,
    },
    /// A client's reader has ended. Nothing more comes from it.
    Closed {
        /// The client.
        client: ClientId,
        /// It closed with code 1000.
        goodbye: bool,
    },
    /// The store answers.
    Stored(Answer),
    /// An HTTP request gives a passphrase.
    PassphraseCheck {
        /// Where the request comes from.
        address: Address,
        /// What it gave.
        passphrase: Passphrase,
        /// Where the answer goes.
        reply_to: Sender<Result<(), EventError>>,
    },
    /// An HTTP request asks for the log of a room that is kept in memory.
    HistoryRequest {
        /// The room.
        room: RoomName,
        /// Where the posts go.
        reply_to: Sender<Vec<Arc<Post>>>,
    },
    /// An HTTP request asks whether the hub is healthy.
    HealthCheck {
        /// Where the answer goes.
        reply_to: Sender<Health>,
    },
    /// The server is to stop.
    Stop,
}

/// A client whose WebSocket is open.
#[derive(Debug)]
pub struct NewClient<T> {
    /// Identifies the client in all events that follow.
    pub id: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// The room that it requests.
    pub room: RoomName,
    /// The encoding that it asked for.
    pub encoding: Encoding,
    /// The connection to write to.
    pub transport: T,
    /// The response to its handshake, which only the hub may write.
    pub handshake: Vec<u8>,
}

/// The health of a hub.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    /// WebSocket connections.
    pub clients: usize,
    /// Open rooms.
    pub rooms: usize,
}

impl Sum for Health {
    fn sum<I: Iterator<Item = Self>>(hubs: I) -> Self {
        hubs.fold(Self::default(), |sum, hub| Self {
            clients: sum.clients + hub.clients,
            rooms: sum.rooms + hub.rooms,
        })
    }
}
