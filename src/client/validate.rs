//! What a client may send: decoded, checked for form and length, and turned into an event for the hub.

use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::passphrase::Passphrase;
use crate::hub::event::Event;
use crate::protocol::client_event::ClientEvent;
use crate::protocol::error::EventError;
use crate::room::action::Action;
use crate::room::names::Name;
use crate::room::session::{MAX_REFERENCE, Session};
use crate::room::text::TextChange;
use std::borrow::Cow;

/// Bytes of JSON for one character at most: outside the Basic Multilingual Plane it is two escapes, `\ud83d\ude00`.
const MAX_JSON_BYTES: usize = 12;

/// Bytes of an event beside its text: brackets, names of fields, white space.
const EVENT_OVERHEAD: usize = 1024;

/// Bytes of the longest message that these limits allow.
pub(crate) fn max_message_size(limits: &Limits) -> usize {
    limits.max_text.max(limits.max_name) * MAX_JSON_BYTES + EVENT_OVERHEAD
}

/// The hub's event for the content of a text frame. An error becomes an event too, so that the client gets its answers
/// in the order of its events.
pub(crate) fn event<T>(client: ClientId, json: &str, limits: &Limits) -> Event<T> {
    let mut reference = None;
    let checked = ClientEvent::decode(json).and_then(|event| {
        reference = event.reference().filter(|name| check_reference(name).is_ok()).map(str::to_owned);
        check(client, event, limits)
    });
    checked.unwrap_or_else(|error| Event::Rejected { client, error, reference })
}

fn check<T>(client: ClientId, event: ClientEvent<'_>, limits: &Limits) -> Result<Event<T>, EventError> {
    let action = match event {
        ClientEvent::Unlock { passphrase } => {
            return Ok(Event::Unlock { client, passphrase: Passphrase::new(&passphrase) });
        }
        ClientEvent::GotANewUser { name, session } => {
            let name = Name::parse(&name, limits.max_name)?;
            // A malformed session is treated like one that is not known.
            let session = session.and_then(|hex| Session::parse(&hex)).unwrap_or_else(Session::random);
            Action::Join { name, session }
        }
        ClientEvent::Watch => Action::Watch,
        ClientEvent::Resync => Action::Resync,
        ClientEvent::UpdatedText(change) => Action::Write(check_change(change, limits)?),
        ClientEvent::Message { text, reference } => {
            reference.as_deref().map(check_reference).transpose()?;
            Action::Post { text: check_post(text, limits)?, reference: reference.map(Cow::into_owned) }
        }
    };
    Ok(Event::Acted { client, action })
}

/// Checks the length of the text after a change. Only the room can tell whether a splice fits its text.
fn check_change(change: TextChange<'_>, limits: &Limits) -> Result<TextChange<'static>, EventError> {
    match change {
        TextChange::Whole(text) => Ok(TextChange::Whole(Cow::Owned(check_text(text, limits)?))),
        TextChange::Splice(splice) if splice.length > limits.max_text => {
            Err(EventError::TextTooLong(limits.max_text))
        }
        TextChange::Splice(splice) => Ok(TextChange::Splice(splice.into_owned())),
    }
}

fn check_text(text: Cow<'_, str>, limits: &Limits) -> Result<String, EventError> {
    // A text with no more bytes than allowed characters need not be counted.
    if text.len() > limits.max_text && text.chars().count() > limits.max_text {
        return Err(EventError::TextTooLong(limits.max_text));
    }
    Ok(text.into_owned())
}

fn check_post(text: Cow<'_, str>, limits: &Limits) -> Result<String, EventError> {
    if text.trim().is_empty() {
        return Err(EventError::PostEmpty);
    }
    check_text(text, limits)
}

fn check_reference(reference: &str) -> Result<(), EventError> {
    match reference.chars().count() {
        1..=MAX_REFERENCE => Ok(()),
        _ => Err(EventError::BadReference(MAX_REFERENCE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_text: 5, ..Limits::DEFAULT };

    fn checked(json: &str) -> Event<()> {
        event(ClientId(1), json, &LIMITS)
    }

    fn written(json: &str) -> String {
        match checked(json) {
            Event::Acted { action: Action::Write(TextChange::Whole(text)), .. } => text.into_owned(),
            other => panic!("{json} became {other:?}"),
        }
    }

    #[test]
    fn events_are_checked_before_the_hub_sees_them() {
        let code = |json: &str| match checked(json) {
            Event::Rejected { error, .. } => error.code(),
            other => panic!("{json} became {other:?}"),
        };
        assert_eq!(written(r#"["updated_text",{"text":"😀😀😀😀😀"}]"#), "😀".repeat(5));
        assert_eq!(code(r#"["updated_text",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(code(r#"["updated_text",{"at":0,"cut":0,"put":"1","length":6}]"#), "text_too_long");
        assert_eq!(code(r#"["message",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(code(r#"["message",{"text":" \n"}]"#), "post_empty");
        assert_eq!(code(r#"["got_a_new_user",{"name":" "}]"#), "name_empty");
    }

    #[test]
    fn the_longest_text_fits_a_message_however_it_is_escaped() {
        let json = format!(r#"["updated_text",{{"text":"{}"}}]"#, r"\ud83d\ude00".repeat(LIMITS.max_text));
        assert!(json.len() <= max_message_size(&LIMITS));
        assert_eq!(written(&json), "😀".repeat(5));
    }
}
