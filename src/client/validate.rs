//! What a client may send: decoded, checked for form and length, and turned into an event for the hub.

use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::base::secret::SecretHash;
use crate::base::token::Token;
use crate::hub::event::FromClient;
use crate::protocol::client_event::{ClientEvent, SetRoom};
use crate::protocol::error::EventError;
use crate::room::action::Action;
use crate::room::error::RoomError;
use crate::room::names::Name;
use crate::room::session::{MAX_REFERENCE, Session};
use crate::room::splice::Splice;
use crate::room::state::{MAX_PROMPT, StateChange};
use crate::room::text::TextChange;
use std::borrow::Cow;
use std::char::REPLACEMENT_CHARACTER;

/// Bytes of JSON for one character at most: outside the Basic Multilingual Plane it is two escapes, `\ud83d\ude00`.
const MAX_JSON_BYTES: usize = 12;

/// Bytes of an event beside its text: brackets, names of fields, white space.
const EVENT_OVERHEAD: usize = 1024;

/// Bytes of the longest message that these limits allow.
pub(crate) fn max_message_size(limits: &Limits) -> usize {
    limits.max_text.max(limits.max_name).max(MAX_PROMPT) * MAX_JSON_BYTES + EVENT_OVERHEAD
}

/// What the hub is told for the content of a text frame of the plain wire. It is told of an error too, so that the
/// client gets its answers in the order of its events.
pub(crate) fn event(json: &str, limits: &Limits) -> FromClient {
    checked(ClientEvent::decode(json), limits)
}

/// The same for the arguments of an `emit` of Socket.IO.
pub(crate) fn arguments(json: &str, limits: &Limits) -> FromClient {
    checked(ClientEvent::decode_arguments(json), limits)
}

fn checked(decoded: Result<ClientEvent<'_>, EventError>, limits: &Limits) -> FromClient {
    let mut reference = None;
    let checked = decoded.and_then(|event| {
        reference = event.reference().filter(|name| check_reference(name).is_ok()).map(str::to_owned);
        check(event, limits)
    });
    checked.unwrap_or_else(|error| FromClient::Rejected { error, reference })
}

/// What a client does that introduces itself. A malformed session is treated like one that is not known.
pub(crate) fn join(name: &str, session: Option<&str>, max_name: usize) -> Result<Action, EventError> {
    let name = Name::parse(name, max_name)?;
    Ok(Action::Join { name, session: session.and_then(Session::parse).unwrap_or_else(Session::random) })
}

/// Parses a token. A malformed one is ignored, like one that is not valid.
fn parse_token(token: Option<Cow<'_, str>>) -> Option<Token> {
    token.and_then(|hex| Token::parse(&hex))
}

fn check(event: ClientEvent<'_>, limits: &Limits) -> Result<FromClient, EventError> {
    let action = match event {
        ClientEvent::Unlock { passphrase, token } => {
            return Ok(FromClient::Unlock {
                passphrase: SecretHash::new(&passphrase),
                token: parse_token(token),
            });
        }
        ClientEvent::GotANewUser { name, session } => join(&name, session.as_deref(), limits.max_name)?,
        ClientEvent::Watch => Action::Watch,
        ClientEvent::Resync => Action::Resync,
        ClientEvent::UpdatedText(change) => Action::Write(check_change(change, limits)?),
        ClientEvent::ChangeName { name } => Action::Rename(Name::parse(&name, limits.max_name)?),
        ClientEvent::Ping => return Ok(FromClient::Ping),
        ClientEvent::Host { key, token } => {
            return Ok(FromClient::Host { key: SecretHash::new(&key), token: parse_token(token) });
        }
        ClientEvent::SetRoom(change) => Action::SetRoom(check_state(change)?),
        ClientEvent::RemoveUser { id } => Action::RemoveUser(user(&id)?),
        ClientEvent::ClearBox { id } => Action::Clear(id.map(|id| user(&id)).transpose()?),
        ClientEvent::MakeHost { id } => Action::MakeHost(user(&id)?),
        ClientEvent::RemovePost { n } => Action::RemovePost(n),
        ClientEvent::Message { text, reference } => {
            reference.as_deref().map(check_reference).transpose()?;
            Action::Post { text: check_post(text, limits)?, reference: reference.map(Cow::into_owned) }
        }
    };
    Ok(FromClient::Acted(action))
}

/// The user with this id on the wire.
fn user(id: &str) -> Result<UserId, EventError> {
    let is_canonical = |n: &u64| n.to_string() == id; // "+1" and "01" are not the id "1"
    id.parse().ok().filter(is_canonical).map(UserId).ok_or_else(|| RoomError::UnknownUser.into())
}

#[inline(never)] // its frame would be on the stack for every event
fn check_state(change: SetRoom<'_>) -> Result<StateChange, EventError> {
    let SetRoom { locked, hidden, frozen, prompt, spotlight } = change;
    let spotlight = spotlight.map(|id| id.map(|id| user(&id)).transpose()).transpose()?;
    Ok(StateChange { locked, hidden, frozen, prompt: prompt.map(check_prompt).transpose()?, spotlight })
}

fn check_prompt(prompt: Cow<'_, str>) -> Result<String, EventError> {
    let prompt = prompt.trim();
    if prompt.chars().count() > MAX_PROMPT {
        return Err(EventError::PromptTooLong(MAX_PROMPT));
    }
    Ok(printable(Cow::Borrowed(prompt)))
}

/// Checks the length of the text after a change. Only the room can tell whether a splice fits its text.
fn check_change(change: TextChange<'_>, limits: &Limits) -> Result<TextChange<'static>, EventError> {
    match change {
        TextChange::Whole(text) => Ok(TextChange::Whole(Cow::Owned(check_text(text, limits)?))),
        TextChange::Splice(splice) if splice.length > limits.max_text => {
            Err(EventError::TextTooLong(limits.max_text))
        }
        TextChange::Splice(Splice { at, cut, put, length }) => {
            Ok(TextChange::Splice(Splice { at, cut, put: Cow::Owned(printable(put)), length }))
        }
    }
}

fn check_text(text: Cow<'_, str>, limits: &Limits) -> Result<String, EventError> {
    // A text with no more bytes than allowed characters need not be counted.
    if text.len() > limits.max_text && text.chars().count() > limits.max_text {
        return Err(EventError::TextTooLong(limits.max_text));
    }
    Ok(printable(text))
}

/// Replaces control characters other than tabs and line breaks. As JSON they would take six times as much space, and
/// nobody sees them. Each becomes one character, so that the positions in splices stay right.
fn printable(text: Cow<'_, str>) -> String {
    let is_control = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    match text.bytes().any(is_control) {
        true => text
            .chars()
            .map(|c| if u8::try_from(c).is_ok_and(is_control) { REPLACEMENT_CHARACTER } else { c })
            .collect(),
        false => text.into_owned(),
    }
}

/// Checks the text of a post.
pub(crate) fn check_post(text: Cow<'_, str>, limits: &Limits) -> Result<String, EventError> {
    if text.trim().is_empty() {
        return Err(EventError::PostEmpty);
    }
    check_text(text, limits)
}

/// Checks the `ref` of a post.
pub(crate) fn check_reference(reference: &str) -> Result<(), EventError> {
    match reference.chars().count() {
        1..=MAX_REFERENCE => Ok(()),
        _ => Err(EventError::BadReference(MAX_REFERENCE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_text: 5, ..Limits::DEFAULT };

    fn of_event(json: &str) -> FromClient {
        event(json, &LIMITS)
    }

    fn written(json: &str) -> String {
        match of_event(json) {
            FromClient::Acted(Action::Write(TextChange::Whole(text))) => text.into_owned(),
            other => panic!("{json} became {other:?}"),
        }
    }

    #[test]
    fn events_are_checked_before_the_hub_sees_them() {
        let code = |json: &str| match of_event(json) {
            FromClient::Rejected { error, .. } => error.code(),
            other => panic!("{json} became {other:?}"),
        };
        assert_eq!(written(r#"["updated_text",{"text":"😀😀😀😀😀"}]"#), "😀".repeat(5));
        assert_eq!(code(r#"["updated_text",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(code(r#"["updated_text",{"at":0,"cut":0,"put":"1","length":6}]"#), "text_too_long");
        assert_eq!(code(r#"["message",{"text":"123456"}]"#), "text_too_long");
        assert_eq!(code(r#"["message",{"text":" \n"}]"#), "post_empty");
        assert_eq!(code(r#"["got_a_new_user",{"name":" "}]"#), "name_empty");
        assert_eq!(code(r#"["change_name",{"name":"\u200b"}]"#), "name_empty");
        assert_eq!(code(&format!(r#"["change_name",{{"name":"{}"}}]"#, "x".repeat(41))), "name_too_long");
    }

    #[test]
    fn arguments_of_socket_io_are_checked_like_events() {
        let code = |json: &str| match arguments(json, &LIMITS) {
            FromClient::Rejected { error, .. } => error.code(),
            other => panic!("{json} became {other:?}"),
        };
        assert_eq!(code(r#"["updated_text","123456"]"#), "text_too_long");
        assert_eq!(code(r#"["message","123456"]"#), "text_too_long");
        assert_eq!(code(r#"["message"," \n"]"#), "post_empty");
        match arguments(r#"["message","a\u0001"]"#, &LIMITS) {
            FromClient::Acted(Action::Post { text, reference: None }) => assert_eq!(text, "a\u{FFFD}"),
            other => panic!("{other:?}"),
        }
        match of_event(r#"["message","12345"]"#) {
            FromClient::Rejected { error, .. } => assert_eq!(error.code(), "wrong_type"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn control_characters_other_than_tabs_and_line_breaks_are_replaced() {
        let text = r"a\u0001\n\t\r";
        assert_eq!(written(&format!(r#"["updated_text",{{"text":"{text}"}}]"#)), "a\u{FFFD}\n\t\r");
        match of_event(r#"["updated_text",{"at":0,"cut":0,"put":"\b\u007f","length":2}]"#) {
            FromClient::Acted(Action::Write(TextChange::Splice(splice))) => {
                assert_eq!(splice.put, "\u{FFFD}\u{7F}");
            }
            other => panic!("{other:?}"),
        }
        match of_event(r#"["message",{"text":"\u0000"}]"#) {
            FromClient::Acted(Action::Post { text, .. }) => assert_eq!(text, "\u{FFFD}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_longest_text_fits_a_message_however_it_is_escaped() {
        let json = format!(r#"["updated_text",{{"text":"{}"}}]"#, r"\ud83d\ude00".repeat(LIMITS.max_text));
        assert!(json.len() <= max_message_size(&LIMITS));
        assert_eq!(written(&json), "😀".repeat(5));
    }
    #[test]
    fn the_longest_prompt_fits_a_message_however_short_texts_have_to_be() {
        let json = format!(r#"["set_room",{{"prompt":"{}"}}]"#, r"\ud83d\ude00".repeat(MAX_PROMPT));
        assert!(json.len() <= max_message_size(&Limits { max_text: 1, max_name: 1, ..LIMITS }));
        match of_event(&json) {
            FromClient::Acted(Action::SetRoom(StateChange { prompt: Some(prompt), .. })) => {
                assert_eq!(prompt, "😀".repeat(MAX_PROMPT));
            }
            other => panic!("{other:?}"),
        }
    }
}
