//! What a client's Socket.IO packets mean once it has entered a room: events for the hub.

use crate::base::ids::AckId;
use crate::base::limits::Limits;
use crate::client::outlet::End;
use crate::client::outlet::{Outlet, Telling, Tellings};
use crate::client::socketio::application::Message;
use crate::client::socketio::mailbox::PROTOCOL_ERROR;
use crate::client::socketio::output::text_frame;
use crate::client::validate;
use crate::hub::event::FromClient;
use crate::protocol::error::EventError;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::packet::{Content, MAIN_NAMESPACE, SocketPacket};
use crate::room::action::Action;
use smallvec::smallvec;

/// The data of the error for a namespace that does not exist: all but `/`.
pub(crate) const INVALID_NAMESPACE: &str = r#"{"message":"Invalid namespace"}"#;

/// Attachments that a packet may announce. Each is discarded when it comes.
const MAX_ATTACHMENTS: usize = 16;

/// Decodes the messages of one client, which is in a room.
#[derive(Debug)]
pub(crate) struct EventDecoder {
    limits: Limits,
    /// The client has sent `got_a_new_user`. One that has not gets a seat with its first `message`.
    has_introduced_itself: bool,
    /// Attachments that follow the last packet.
    attachments: usize,
}

impl EventDecoder {
    /// The decoder for a client that has sent nothing.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, has_introduced_itself: false, attachments: 0 }
    }

    /// What the hub is to be told of a message.
    pub(crate) fn decode(&mut self, message: Message<'_>, outlet: &mut Outlet) -> Result<Tellings, End> {
        let text = match (message, self.attachments.checked_sub(1)) {
            (Message::Text(text), None) => text,
            (Message::Binary(_), Some(left)) => {
                self.attachments = left;
                return Ok(Tellings::new());
            }
            (Message::Text(_), Some(_)) | (Message::Binary(_), None) => return Err(PROTOCOL_ERROR),
        };
        let SocketPacket { namespace, content } = SocketPacket::decode(text).map_err(|_| PROTOCOL_ERROR)?;
        match content {
            Content::Connect(_) if namespace != MAIN_NAMESPACE => {
                Ok(smallvec![FromClient::Frames(text_frame(&invalid_namespace(namespace))).into()])
            }
            _ if namespace != MAIN_NAMESPACE => Err(PROTOCOL_ERROR),
            Content::Event { ack, json } => Ok(self.event(json, ack.map(AckId))),
            Content::BinaryEvent { attachments, ack, .. } if attachments <= MAX_ATTACHMENTS => {
                self.attachments = attachments;
                let rejected = FromClient::Rejected { error: EventError::Binary, reference: None };
                Ok(smallvec![Telling { event: rejected, ack: ack.map(AckId) }])
            }
            Content::BinaryAck { attachments, .. } if attachments <= MAX_ATTACHMENTS => {
                self.attachments = attachments;
                Ok(Tellings::new())
            }
            Content::Ack { .. } => Ok(Tellings::new()),
            Content::Disconnect => {
                outlet.note_goodbye();
                Err(None)
            }
            Content::Connect(_)
            | Content::ConnectError(_)
            | Content::BinaryEvent { .. }
            | Content::BinaryAck { .. } => Err(PROTOCOL_ERROR),
        }
    }

    fn event(&mut self, json: &str, ack: Option<AckId>) -> Tellings {
        let event = validate::arguments(json, &self.limits);
        let mut tellings = Tellings::new();
        match event {
            FromClient::Acted(Action::Join { .. }) => self.has_introduced_itself = true,
            FromClient::Acted(Action::Post { .. }) if !self.has_introduced_itself => {
                tellings.push(FromClient::SeatGuest.into());
            }
            _ => {}
        }
        tellings.push(Telling { event, ack });
        tellings
    }
}

/// The answer to a client that enters a namespace that does not exist.
pub(crate) fn invalid_namespace(namespace: &str) -> EnginePacket<'static> {
    let mut packet = String::new();
    SocketPacket { namespace, content: Content::ConnectError(INVALID_NAMESPACE) }.encode(&mut packet);
    EnginePacket::Message(packet.into())
}
