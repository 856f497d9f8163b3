//! What a client's Socket.IO packets mean once it has entered a room: events for the hub.

use crate::base::ids::AckId;
use crate::base::limits::Limits;
use crate::client::outlet::{End, Outlet, Telling};
use crate::client::socketio::application::Message;
use crate::client::socketio::mailbox::PROTOCOL_ERROR;
use crate::client::socketio::output::text_frame;
use crate::client::validate;
use crate::hub::event::FromClient;
use crate::protocol::error::EventError;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::packet::{Content, MAIN_NAMESPACE, SocketPacket};
use crate::room::action::Action;

/// The data of the error for a namespace that does not exist: all but `/`.
pub(crate) const INVALID_NAMESPACE: &str = r#"{"message":"Invalid namespace"}"#;

/// Attachments that a packet may announce. Each is discarded when it comes.
const MAX_ATTACHMENTS: usize = 16;

/// Decodes the messages of one client, which is in a room.
#[derive(Debug)]
pub(crate) struct EventDecoder {
    limits: Limits,
    /// The client has said its name. One that has not gets a seat with its first `message`.
    has_introduced_itself: bool,
    /// Attachments that follow the last packet.
    attachments: usize,
}

impl EventDecoder {
    /// The decoder for a client that has sent nothing.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, has_introduced_itself: false, attachments: 0 }
    }

    /// The client has introduced itself when it entered the room.
    pub(crate) fn note_introduction(&mut self) {
        self.has_introduced_itself = true;
    }

    /// What the hub is to be told of a message.
    pub(crate) fn decode(
        &mut self,
        message: Message<'_>,
        outlet: &mut Outlet,
    ) -> Result<Option<Telling>, End> {
        let text = match (message, self.attachments.checked_sub(1)) {
            (Message::Text(text), None) => text,
            (Message::Binary(_), Some(left)) => {
                self.attachments = left;
                return Ok(None);
            }
            (Message::Text(_), Some(_)) | (Message::Binary(_), None) => return Err(PROTOCOL_ERROR),
        };
        let SocketPacket { namespace, content } = SocketPacket::decode(text).map_err(|_| PROTOCOL_ERROR)?;
        match content {
            Content::Connect(_) if namespace != MAIN_NAMESPACE => {
                Ok(Some(FromClient::Frames(text_frame(&invalid_namespace(namespace))).into()))
            }
            _ if namespace != MAIN_NAMESPACE => Err(PROTOCOL_ERROR),
            Content::Event { ack, json } => self.event(json, ack.map(AckId)).map(Some),
            Content::BinaryEvent { attachments, ack, .. } if attachments <= MAX_ATTACHMENTS => {
                self.attachments = attachments;
                let rejected = FromClient::Rejected { error: EventError::Binary, reference: None };
                Ok(Some(Telling { ack: ack.map(AckId), ..rejected.into() }))
            }
            Content::BinaryAck { attachments, .. } if attachments <= MAX_ATTACHMENTS => {
                self.attachments = attachments;
                Ok(None)
            }
            Content::Ack { .. } => Ok(None),
            Content::Disconnect => {
                outlet.note_goodbye();
                Err(None)
            }
            // A client whose `auth` is asked again after a reconnection may answer twice.
            Content::Connect(_) => Ok(None),
            Content::ConnectError(_) | Content::BinaryEvent { .. } | Content::BinaryAck { .. } => {
                Err(PROTOCOL_ERROR)
            }
        }
    }

    /// An event. One that is not JSON, or has not even a name, ends the connection.
    fn event(&mut self, json: &str, ack: Option<AckId>) -> Result<Telling, End> {
        let event = validate::arguments(json, &self.limits);
        if matches!(event, FromClient::Rejected { error: EventError::NotJson, .. }) || is_empty(json) {
            return Err(PROTOCOL_ERROR);
        }
        self.has_introduced_itself |= matches!(event, FromClient::Acted(Action::Join { .. }));
        let is_post = matches!(event, FromClient::Acted(Action::Post { .. }));
        Ok(Telling { event, ack, as_guest: is_post && !self.has_introduced_itself })
    }
}

/// Whether a JSON array has no element.
fn is_empty(array: &str) -> bool {
    array.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(']'))
}

/// The answer to a client that enters a namespace that does not exist.
pub(crate) fn invalid_namespace(namespace: &str) -> EnginePacket<'static> {
    let mut packet = String::new();
    SocketPacket { namespace, content: Content::ConnectError(INVALID_NAMESPACE) }.encode(&mut packet);
    EnginePacket::Message(packet.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::ClientId;
    use crate::client::teller::{Membership, Teller};
    use crossbeam_channel::bounded;

    /// What becomes of these messages, one after the other: for each, what the hub is told with the acknowledgement.
    fn decode(messages: &[Message<'_>]) -> Vec<Result<String, End>> {
        let teller = Teller::new(Membership::new(ClientId(1), bounded(1).0), &Limits::DEFAULT);
        let (mut decoder, mut outlet) = (EventDecoder::new(Limits::DEFAULT), Outlet::Hub(teller));
        let told = |Telling { event, ack, as_guest }| format!("{event:?} {ack:?} {as_guest}");
        let mut decode = |message| {
            decoder.decode(message, &mut outlet).map(|telling| telling.map(told).unwrap_or_default())
        };
        messages.iter().map(|message| decode(*message)).collect()
    }

    fn decode_texts(texts: &[&str]) -> Vec<Result<String, End>> {
        decode(&texts.iter().map(|text| Message::Text(text)).collect::<Vec<_>>())
    }

    #[test]
    fn a_client_that_has_not_introduced_itself_is_seated_before_it_posts() {
        let told = decode_texts(&[
            r#"2["message","a"]"#,
            r#"2["got_a_new_user",{"name":"A"}]"#,
            r#"27["message","b"]"#,
        ]);
        let told: Vec<String> = told.into_iter().map(Result::unwrap).collect();
        assert!(told[0].starts_with("Acted(Post") && told[0].ends_with("None true"), "{told:?}");
        assert!(told[1].starts_with("Acted(Join"), "{told:?}");
        assert!(told[2].starts_with("Acted(Post") && told[2].ends_with("Some(AckId(7)) false"), "{told:?}");
    }

    #[test]
    fn binary_events_are_rejected_with_their_attachments_and_others_go_on() {
        let binary = Message::Binary(b"x");
        let event = Message::Text(r#"52-7["message",{"_placeholder":true,"num":0}]"#);
        let told = decode(&[event, binary, binary, Message::Text(r#"2["ping"]"#), binary]);
        assert!(told[0].as_ref().unwrap().starts_with("Rejected { error: Binary"), "{told:?}");
        assert_eq!(told[1..4], [Ok(String::new()), Ok(String::new()), Ok("Ping None false".to_owned())]);
        assert_eq!(told[4], Err(PROTOCOL_ERROR), "nobody has announced it");
        assert_eq!(decode(&[event, Message::Text(r#"2["ping"]"#)])[1], Err(PROTOCOL_ERROR));
        for (attachments, is_ok) in [(MAX_ATTACHMENTS, true), (MAX_ATTACHMENTS + 1, false)] {
            assert_eq!(decode_texts(&[&format!("5{attachments}-[]")])[0].is_ok(), is_ok, "{attachments}");
        }
    }

    #[test]
    fn an_event_that_is_no_array_with_a_name_ends_the_connection() {
        for text in ["2", "2{}", "2[]", "2[ ]", "27[]", "2[", "2[\"ping\"", "2[\"ping\"]]", "2[ping]"] {
            assert_eq!(decode_texts(&[text]), [Err(PROTOCOL_ERROR)], "{text}");
        }
        for text in ["2[1]", "2[[]]", "2[\"other\",[]]"] {
            let told = decode_texts(&[text]);
            assert!(told[0].as_ref().unwrap().starts_with("Rejected { error: UnknownEvent"), "{told:?}");
        }
    }

    #[test]
    fn other_namespaces_do_not_exist() {
        let told = decode_texts(&["0/other,", "2/other,[\"ping\"]", "4{}", "x"]);
        assert!(told[0].as_ref().unwrap().starts_with("Frames"), "{told:?}");
        assert!(told[1..].iter().all(|told| *told == Err(PROTOCOL_ERROR)), "{told:?}");
        let EnginePacket::Message(text) = invalid_namespace("/other") else { panic!("no message") };
        assert_eq!(text, r#"4/other,{"message":"Invalid namespace"}"#);
    }

    #[test]
    fn a_client_that_has_entered_may_enter_again_without_effect() {
        assert_eq!(decode_texts(&["0", r#"0{"room":"other"}"#]), [Ok(String::new()), Ok(String::new())]);
    }

    #[test]
    fn a_client_that_disconnects_says_goodbye() {
        assert_eq!(decode_texts(&["1"]), [Err(None)]);
        assert_eq!(decode_texts(&["31[]"]), [Ok(String::new())], "nobody has asked for an acknowledgement");
    }
}
