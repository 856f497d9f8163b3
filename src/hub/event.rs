//! Events: everything that readers, the store and HTTP requests send to a hub.

use crate::base::address::Address;
use crate::base::ids::{AckId, ClientId, UserId};
use crate::base::memory::Charge;
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::base::window::Slot;
use crate::cluster::link::LinkEvent;
use crate::hub::attempts::Refusal;
use crate::hub::counters::{Counters, INVALID};
use crate::hub::health::Health;
use crate::hub::post_request::PostRequest;
use crate::hub::report::Report;
use crate::hub::wall_part::WallPart;
use crate::protocol::encoding::Encoding;
use crate::protocol::error::EventError;
use crate::protocol::usage::EventKind;
use crate::room::action::Action;
use crate::room::post::Post;
use crate::room::room_name::RoomName;
use crate::room::text::TextChange;
use crate::store::request::Answer;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

/// Everything that a hub reacts to.
///
/// Architecture invariant: this list is closed. Beside events, only deadlines make a hub do anything.
#[derive(Debug)]
pub enum Event<T> {
    /// A WebSocket is open.
    Connected(NewClient<T>),
    /// A client's reader tells what its client has done.
    FromClient(QueuedEvent),
    /// A client goes on over another transport: it has polled, or has upgraded to a WebSocket. What waits goes there.
    NewTransport {
        /// The client.
        client: ClientId,
        /// The transport.
        transport: T,
    },
    /// An HTTP request posts to a room.
    PostRequest {
        /// The connection that it comes over.
        connection: ClientId,
        /// The request.
        request: Box<PostRequest>,
    },
    /// The store answers.
    Stored(Box<Answer>),
    /// The link to the other nodes tells something.
    Link(Box<LinkEvent>),
    /// An HTTP request gives a passphrase.
    PassphraseCheck {
        /// Where the request comes from.
        address: Address,
        /// The passphrase to check.
        passphrase: SecretHash,
        /// The token of a client that was let in before.
        token: Option<Token>,
        /// Where the answer goes, perhaps only after others' attempts.
        reply_to: Sender<Result<(), Refusal>>,
    },
    /// An HTTP request asks for the log of a room that is kept in memory.
    HistoryRequest {
        /// The room.
        room: RoomName,
        /// Where the posts go.
        reply_to: Sender<Vec<Arc<Post>>>,
    },
    /// An HTTP request asks for a part of a room's wall.
    WallRequest {
        /// The room.
        room: RoomName,
        /// It has proved the host key.
        is_host: bool,
        /// Only boxes of users who joined after this one.
        after: Option<UserId>,
        /// Where the part goes. It is dropped if the room is still to be loaded.
        reply_to: Sender<WallPart>,
    },
    /// An HTTP request gives the host key.
    HostKeyCheck {
        /// Where the request comes from.
        address: Address,
        /// The key to check.
        key: SecretHash,
        /// Where the answer goes, perhaps only after others' attempts.
        reply_to: Sender<Result<(), Refusal>>,
    },
    /// An HTTP request asks whether the hub is healthy.
    HealthCheck {
        /// Where the answer goes.
        reply_to: Sender<Health>,
    },
    /// An HTTP request asks for the numbers of the hub.
    MetricsRequest {
        /// Where they go.
        reply_to: Sender<Box<Report>>,
    },
    /// The server is to stop.
    Stop,
}

impl<T> Event<T> {
    /// Something that a client has done, and that takes no place in its window.
    pub fn from_client(client: ClientId, event: FromClient) -> Self {
        Self::FromClient(QueuedEvent::new(client, event))
    }
}

/// Something that a client has done, until the hub has handled it.
#[derive(Debug)]
pub struct QueuedEvent {
    /// The client.
    pub client: ClientId,
    /// What it has done.
    pub event: FromClient,
    /// The place of this event in the client's window, free once the event is handled.
    pub slot: Slot,
    /// The memory that it takes until then, if it is large.
    pub charge: Option<Box<Charge>>,
    /// The acknowledgement that the client asks for.
    pub ack: Option<AckId>,
}

/// How the answer to an event names the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    /// The `ref` of the event, if it was a post with one.
    pub reference: Option<String>,
    /// The acknowledgement that the client asks for.
    pub ack: Option<AckId>,
}

impl From<Option<AckId>> for ReplyTo {
    fn from(ack: Option<AckId>) -> Self {
        Self { reference: None, ack }
    }
}

/// What a client has done, in the order in which it has done it.
#[derive(Debug)]
pub enum FromClient {
    /// It gives a passphrase.
    Unlock {
        /// The passphrase to check.
        passphrase: SecretHash,
        /// Its token, if it was let in before.
        token: Option<Token>,
    },
    /// It gives the host key.
    Host {
        /// The key to check.
        key: SecretHash,
        /// Its token, if it has given the key before.
        token: Option<Token>,
    },
    /// It acts in its room. The reader has checked the action.
    Acted(Action),
    /// It is about to post, and has never asked for a seat. It gets one as a guest, unless it has one.
    SeatGuest,
    /// It is no client of the room, but the connection of an HTTP request that posts.
    PostRequest(Box<PostRequest>),
    /// It asks for a `pong`.
    Ping,
    /// It has sent an event that its reader rejected. The error goes through the hub, so that the client gets its
    /// answers in the order of its events.
    Rejected {
        /// Why.
        error: EventError,
        /// The `ref` of the event, if it was a post with one.
        reference: Option<String>,
    },
    /// It posts faster than it may, and its next post has to wait.
    Paced {
        /// How long.
        wait: Duration,
    },
    /// Its reader answers with these whole frames, after all that happened before: control frames with which its
    /// WebSocket answers a ping or a close frame, or text frames. All are of one of these kinds.
    Frames(Vec<u8>),
    /// It broke the WebSocket protocol and is to be closed.
    ProtocolError {
        /// The code of the close frame.
        code: CloseCode,
        /// The reason in the close frame.
        reason: &'static str,
    },
    /// It has sent nothing for [`max_silence`](crate::base::limits::Limits::max_silence). Only the hub knows whether it
    /// is busy reading.
    ReadTimeout,
    /// Its reader has ended. Nothing more comes from it.
    Closed {
        /// It closed with code 1000.
        goodbye: bool,
    },
}

impl FromClient {
    /// The label under which it is counted, unless it was no event of the wire.
    fn label(&self) -> Option<&'static str> {
        let action = match self {
            Self::Unlock { .. } => return Some(EventKind::Unlock.name()),
            Self::Host { .. } => return Some(EventKind::Host.name()),
            Self::Ping => return Some(EventKind::Ping.name()),
            Self::Rejected { .. } => return Some(INVALID),
            Self::Acted(action) => action,
            Self::SeatGuest
            | Self::PostRequest(_)
            | Self::Paced { .. }
            | Self::Frames(_)
            | Self::ProtocolError { .. }
            | Self::ReadTimeout
            | Self::Closed { .. } => return None,
        };
        let kind = match action {
            Action::Join { .. } => EventKind::GotANewUser,
            Action::Watch => EventKind::Watch,
            Action::Resync => EventKind::Resync,
            Action::Write(_) => EventKind::UpdatedText,
            Action::Post { .. } => EventKind::Message,
            Action::Rename(_) => EventKind::ChangeName,
            Action::Host => EventKind::Host,
            Action::SetRoom(_) => EventKind::SetRoom,
            Action::RemoveUser(_) => EventKind::RemoveUser,
            Action::Clear(_) => EventKind::ClearBox,
            Action::MakeHost(_) => EventKind::MakeHost,
            Action::RemovePost(_) => EventKind::RemovePost,
        };
        Some(kind.name())
    }

    /// Bytes of the text that it holds.
    pub(crate) fn text_len(&self) -> usize {
        match self {
            Self::Acted(Action::Write(TextChange::Whole(text))) => text.len(),
            Self::Acted(Action::Write(TextChange::Splice(splice))) => splice.put.len(),
            Self::Acted(Action::Post { text, .. }) => text.len(),
            Self::PostRequest(request) => request.text.len(),
            _ => 0,
        }
    }
}

impl QueuedEvent {
    /// An event that takes no place in its client's window, and that nobody waits for.
    pub fn new(client: ClientId, event: FromClient) -> Self {
        Self { client, event, slot: Slot::default(), charge: None, ack: None }
    }

    /// Whether it waits behind earlier events of its client: not if nothing in the room depends on it. A client that
    /// has gone must not stay because its post waits, and a page's ping needs its answer while a slow store loads the room.
    pub(crate) fn keeps_order(&self) -> bool {
        matches!(
            self.event,
            FromClient::Unlock { .. }
                | FromClient::Host { .. }
                | FromClient::Acted(_)
                | FromClient::SeatGuest
                | FromClient::PostRequest(_)
                | FromClient::Rejected { .. }
        )
    }

    /// Counts it, in a turn that began at `now`.
    pub(crate) fn count(&self, counters: &mut Counters, now: Instant) {
        counters.receive(self.event.label(), self.slot.take_wait(now), self.slot.take_bytes());
    }

    /// Whether it is a post.
    pub(crate) fn is_post(&self) -> bool {
        matches!(self.event, FromClient::Acted(Action::Post { .. }))
    }

    /// Whether it changes the text of a box.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.event, FromClient::Acted(Action::Write(_)))
    }
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
    /// It has given the passphrase already.
    pub admitted: bool,
}
