//! Events: all that the hub hears of, from readers, the store and those who ask.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::hub::registry::Arrival;
use crate::protocol::error::Refusal;
use crate::protocol::events::Post;
use crate::room::names::RoomName;
use crate::room::rules::Action;
use crate::store::thread as store;
use crossbeam_channel::Sender;
use std::iter::Sum;
use std::sync::Arc;
use tungstenite::protocol::frame::coding::CloseCode;

/// Every reason for which the hub does anything.
///
/// Architecture invariant: this list is closed.
#[derive(Debug)]
pub enum Event<S> {
    /// A WebSocket is open.
    Connected {
        /// Names the client in all events that follow.
        client: ClientId,
        /// Where it wants to be.
        room: RoomName,
        /// What it comes with.
        arrival: Arrival<S>,
    },
    /// A client did something.
    Acted {
        /// Which one.
        client: ClientId,
        /// What, checked.
        action: Action,
    },
    /// The reader's WebSocket answers a ping or a close frame.
    Answered {
        /// To which client.
        client: ClientId,
        /// Whole frames.
        frames: Vec<u8>,
    },
    /// A client broke the protocol and is to be closed.
    Violated {
        /// Which one.
        client: ClientId,
        /// The code of the close frame.
        code: CloseCode,
        /// The sentence in the close frame.
        reason: &'static str,
    },
    /// A client has given no sign of life for as long as it may; whether it is only slow to be written to, the
    /// hub knows.
    Silent {
        /// Which one.
        client: ClientId,
    },
    /// A client's reader has ended, and nothing more comes from it.
    Closed {
        /// Which one.
        client: ClientId,
        /// It said goodbye, by closing with code 1000.
        goodbye: bool,
    },
    /// The store answers.
    Stored(store::Answer),
    /// Somebody gives a passphrase with a request over HTTP.
    Knocked {
        /// Where they come from.
        address: Address,
        /// What they gave.
        passphrase: Passphrase,
        /// Where the answer goes.
        asker: Sender<Result<(), Refusal>>,
    },
    /// Somebody asks for the log that is kept in memory of a room.
    LogAsked {
        /// Which room.
        room: RoomName,
        /// Where the posts go.
        asker: Sender<Vec<Arc<Post>>>,
    },
    /// Somebody asks whether the hub is well.
    Examined(Sender<Health>),
    /// The server is to stop.
    Stopped,
}

/// How the hub is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    /// WebSocket connections, users and viewers.
    pub clients: usize,
    /// Rooms that somebody is in or may come back to.
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
