//! The events that a client sends. The client's reader decodes them and checks their form; the rules of the room decide
//! which facts follow.

use crate::protocol::error::EventError;
use crate::protocol::usage::EventKind;
use crate::room::splice::Splice;
use crate::room::text::TextChange;
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::iter;
use std::marker::PhantomData;

/// An event from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientEvent<'a> {
    /// Gives the passphrase. Sent before anything else if the server requires one; without effect otherwise.
    Unlock {
        /// The passphrase as typed.
        passphrase: Cow<'a, str>,
        /// The token from an earlier `unlocked`, with which the client is let in at once.
        token: Option<Cow<'a, str>>,
    },
    /// Asks for a seat. Sent once, by a viewer who wants to write.
    GotANewUser {
        /// The name as typed. The server cleans it and may add a number.
        name: Cow<'a, str>,
        /// The secret of an earlier seat, to take that seat again.
        session: Option<Cow<'a, str>>,
    },
    /// Asks for the state of the room. Sent by a viewer, any number of times.
    Watch,
    /// Asks for the state of the room again. Sent by a client that got a splice that does not fit.
    Resync,
    /// Changes the text of the sender's box. Sent by a user at every change.
    UpdatedText(TextChange<'a>),
    /// Posts a text to the room's log. Sent by a user.
    Message {
        /// The text.
        text: Cow<'a, str>,
        /// The author's `ref` for the post. A second post with the same `ref` is not posted.
        reference: Option<Cow<'a, str>>,
    },
    /// Changes the user's name. Sent by a user.
    ChangeName {
        /// The new name as typed.
        name: Cow<'a, str>,
    },
    /// Asks for a `pong`. Sent by a page that has received nothing for a while.
    Ping,
    /// Gives the host key. Sent by a user or viewer who is to run the room.
    Host {
        /// The key.
        key: Cow<'a, str>,
        /// The token from an earlier `hosting`, with which the key is not checked again.
        token: Option<Cow<'a, str>>,
    },
    /// Changes the state of the room. Sent by a host.
    SetRoom(SetRoom<'a>),
    /// Removes a user. Sent by a host.
    RemoveUser {
        /// The user's id on the wire.
        id: Cow<'a, str>,
    },
    /// Empties a user's box. Sent by a host.
    ClearBox {
        /// The user's id on the wire; `None` for all boxes.
        id: Option<Cow<'a, str>>,
    },
    /// Makes a user a host. Sent by a host.
    MakeHost {
        /// The user's id on the wire.
        id: Cow<'a, str>,
    },
    /// Removes a post. Sent by a host, or by its author.
    RemovePost {
        /// Its number.
        n: u64,
    },
}

/// The data of `set_room`. What is missing stays as it is.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct SetRoom<'a> {
    /// Nobody gets a new seat.
    pub locked: Option<bool>,
    /// Only hosts see the texts of others.
    pub hidden: Option<bool>,
    /// Only hosts write and post.
    pub frozen: Option<bool>,
    /// The question above the wall.
    #[serde(borrow, default)]
    pub prompt: Option<Cow<'a, str>>,
    /// The id of the user whose box is shown large; null for nobody.
    #[serde(borrow, default, deserialize_with = "present")]
    pub spotlight: Option<Option<Cow<'a, str>>>,
}

/// Tells null from a field that is missing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'a> ClientEvent<'a> {
    /// Decodes the content of a text frame of the plain wire.
    pub fn decode(json: &'a str) -> Result<Self, EventError> {
        Self::decode_form(json, Form::Plain)
    }

    /// Decodes the arguments of an `emit` of Socket.IO: data that is missing counts as `{}`, a string as `{"text":
    /// string}` if the event has a text, and further arguments are ignored.
    pub fn decode_arguments(json: &'a str) -> Result<Self, EventError> {
        Self::decode_form(json, Form::Arguments)
    }

    fn decode_form(json: &'a str, form: Form) -> Result<Self, EventError> {
        let mut kind = None;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let event = deserializer.deserialize_seq(EventVisitor { form, kind: &mut kind });
        event.and_then(|event| deserializer.end().map(|()| event)).map_err(|_| {
            // Decoding stops at the first error. What follows may still not be JSON.
            match serde_json::from_str::<IgnoredAny>(json) {
                Ok(IgnoredAny) => kind.map_or(EventError::UnknownEvent, EventError::WrongType),
                Err(_) => EventError::NotJson,
            }
        })
    }

    /// The author's `ref`, if the event is a post that has one.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Message { reference, .. } => reference.as_deref(),
            _ => None,
        }
    }
}

/// How strictly an event is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `["event", data]`, where the data is an object.
    Plain,
    /// The arguments of an `emit`.
    Arguments,
}

/// Reads `["event", data]` in one pass. The name determines the type of the data.
struct EventVisitor<'k> {
    form: Form,
    /// Set as soon as the name is known, for the error message.
    kind: &'k mut Option<EventKind>,
}

impl<'de> Visitor<'de> for EventVisitor<'_> {
    type Value = ClientEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event and its data")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let Self { form, kind: noted } = self;
        let Str(name) = array.next_element()?.ok_or_else(|| A::Error::custom("no event"))?;
        let kind = EventKind::named(&name).ok_or_else(|| A::Error::custom("unknown event"))?;
        *noted = Some(kind);
        let event = match kind {
            EventKind::Unlock => {
                let Unlock { passphrase, token } = data(&mut array, form)?;
                ClientEvent::Unlock { passphrase, token }
            }
            EventKind::GotANewUser => {
                let GotANewUser { name, session } = data(&mut array, form)?;
                ClientEvent::GotANewUser { name, session }
            }
            EventKind::Watch => data(&mut array, form).map(|Empty {}| ClientEvent::Watch)?,
            EventKind::Resync => data(&mut array, form).map(|Empty {}| ClientEvent::Resync)?,
            EventKind::UpdatedText => {
                ClientEvent::UpdatedText(text_data::<UpdatedText<'_>, A>(&mut array, form)?.change()?)
            }
            EventKind::Message => {
                let Message { text, reference } = text_data(&mut array, form)?;
                ClientEvent::Message { text, reference }
            }
            EventKind::ChangeName => {
                data(&mut array, form).map(|ChangeName { name }| ClientEvent::ChangeName { name })?
            }
            EventKind::Ping => data(&mut array, form).map(|Empty {}| ClientEvent::Ping)?,
            EventKind::Host => {
                let HostKey { key, token } = data(&mut array, form)?;
                ClientEvent::Host { key, token }
            }
            EventKind::SetRoom => ClientEvent::SetRoom(data(&mut array, form)?),
            EventKind::RemoveUser => {
                data(&mut array, form).map(|OfUser { id }| ClientEvent::RemoveUser { id })?
            }
            EventKind::ClearBox => {
                data(&mut array, form).map(|ClearBox { id }| ClientEvent::ClearBox { id })?
            }
            EventKind::MakeHost => {
                data(&mut array, form).map(|OfUser { id }| ClientEvent::MakeHost { id })?
            }
            EventKind::RemovePost => {
                data(&mut array, form).map(|OfPost { n }| ClientEvent::RemovePost { n })?
            }
        };
        end(&mut array, form).map(|()| event)
    }
}

/// Reads what follows the data.
fn end<'de, A: SeqAccess<'de>>(array: &mut A, form: Form) -> Result<(), A::Error> {
    while array.next_element::<IgnoredAny>()?.is_some() {
        if form == Form::Plain {
            return Err(A::Error::custom("more than an event and its data"));
        }
    }
    Ok(())
}

/// The data of an event, which comes next.
#[inline(never)] // otherwise every event would take the stack that reading the largest one takes, in each client's thread
fn data<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(array: &mut A, form: Form) -> Result<T, A::Error> {
    match (array.next_element()?, form) {
        (Some(Object(data)), _) => Ok(data),
        (None, Form::Arguments) => T::deserialize(MapDeserializer::new(iter::empty::<((), ())>())),
        (None, Form::Plain) => Err(A::Error::custom("no data")),
    }
}

/// The data of an event with a text, which comes next.
#[inline(never)]
fn text_data<'de, T: Deserialize<'de> + From<Str<'de>>, A: SeqAccess<'de>>(
    array: &mut A,
    form: Form,
) -> Result<T, A::Error> {
    match form {
        Form::Plain => data(array, form),
        Form::Arguments => {
            array.next_element()?.map(|TextOrObject(data)| data).ok_or_else(|| A::Error::custom("no text"))
        }
    }
}

/// An object. What serde derives would take an array too, and read `["clear_box", []]` as if all boxes were meant.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// An object, or only its text.
struct TextOrObject<T>(T);

impl<'de, T: Deserialize<'de> + From<Str<'de>>> Deserialize<'de> for TextOrObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrObjectVisitor(PhantomData))
    }
}

struct TextOrObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + From<Str<'de>>> Visitor<'de> for TextOrObjectVisitor<T> {
    type Value = TextOrObject<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a string or an object")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(TextOrObject(Str(Cow::Borrowed(text)).into()))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOrObject(Str(Cow::Owned(text.to_owned())).into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(TextOrObject)
    }
}

/// A string, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Empty {}

#[derive(Deserialize)]
struct Unlock<'a> {
    #[serde(borrow)]
    passphrase: Cow<'a, str>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct GotANewUser<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    session: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow, default, rename = "ref")]
    reference: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ChangeName<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Deserialize)]
struct HostKey<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    token: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OfUser<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct ClearBox<'a> {
    /// Null is refused, or a script that knows no id would clear all boxes.
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct OfPost {
    n: u64,
}

/// Either `text` alone, or the four other fields. Not an untagged enum, because serde would copy all of the data first.
#[derive(Deserialize)]
struct UpdatedText<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    at: Option<usize>,
    cut: Option<usize>,
    #[serde(borrow, default)]
    put: Option<Cow<'a, str>>,
    length: Option<usize>,
}

impl<'a> From<Str<'a>> for Message<'a> {
    fn from(Str(text): Str<'a>) -> Self {
        Self { text, reference: None }
    }
}

impl<'a> From<Str<'a>> for UpdatedText<'a> {
    fn from(Str(text): Str<'a>) -> Self {
        Self { text: Some(text), at: None, cut: None, put: None, length: None }
    }
}

impl<'a> UpdatedText<'a> {
    fn change<E: serde::de::Error>(self) -> Result<TextChange<'a>, E> {
        match self {
            Self { text: Some(text), at: None, cut: None, put: None, length: None } => {
                Ok(TextChange::Whole(text))
            }
            Self { text: None, at: Some(at), cut: Some(cut), put: Some(put), length: Some(length) } => {
                Ok(TextChange::Splice(Splice { at, cut, put, length }))
            }
            _ => Err(E::custom("neither a text nor a splice")),
        }
    }
}
