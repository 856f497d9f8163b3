//! Decoders of everything that comes from outside. No input makes one panic, and a decoded value is the encoded one.

use proptest::prelude::*;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use typewall::internals::{
    ClientEvent, HeadError, LogRequest, MAX_HEAD, MAX_HEADERS, Name, Session, SetRoom, TextChange, parse_head,
};
use typewall::{Access, Host, Origin, RoomName};

/// Text made of pieces that a decoder looks for, and of random characters.
fn hostile(known: &'static str) -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        3 => prop::sample::select(known.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[ -~]{0,8}",
    ];
    prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat())
}

/// What the decoder of events looks for.
const EVENT_PIECES: &str = concat!(
    r#"[ ] { } " : , \ \ud800 [[ 1e999 -0 null true 7 "watch" "updated_text" "text" "message" "ref" "unlock" "#,
    r#""host" "key" "token" "set_room" "locked" "prompt" "spotlight" "remove_user" "clear_box" "make_host" "id" "#,
    r#""remove_post" "n""#
);

/// The seeds of the fuzz target.
const EVENTS: [&str; 12] = [
    include_str!("../../fuzz/corpus/event/clear_all"),
    include_str!("../../fuzz/corpus/event/clear_box"),
    include_str!("../../fuzz/corpus/event/end_spotlight"),
    include_str!("../../fuzz/corpus/event/host"),
    include_str!("../../fuzz/corpus/event/join"),
    include_str!("../../fuzz/corpus/event/make_host"),
    include_str!("../../fuzz/corpus/event/post"),
    include_str!("../../fuzz/corpus/event/remove_post"),
    include_str!("../../fuzz/corpus/event/remove_user"),
    include_str!("../../fuzz/corpus/event/set_room"),
    include_str!("../../fuzz/corpus/event/splice"),
    include_str!("../../fuzz/corpus/event/unlock"),
];

/// An event in which some characters are replaced by what the decoder looks for.
fn changed_event() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = EVENT_PIECES.split(' ').collect();
    let change = (any::<prop::sample::Index>(), prop::sample::select(pieces), 0..3_usize);
    let changes = prop::collection::vec(change, 0..3);
    (prop::sample::select(EVENTS.to_vec()), changes).prop_map(|(event, changes)| {
        let mut characters: Vec<char> = event.chars().collect();
        for (at, piece, cut) in changes {
            let at = at.index(characters.len());
            let end = characters.len().min(at + cut);
            characters.splice(at..end, piece.chars());
        }
        characters.into_iter().collect()
    })
}

/// The bytes of a request. Some of them are wrong.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let wrong = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let rest = prop::collection::vec(any::<u8>(), 0..8);
    ("[A-Z]{1,7}", "[!-~]{1,20}", headers(), wrong, rest).prop_map(|(method, path, headers, wrong, rest)| {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut bytes = format!("{method} /{path} HTTP/1.1\r\n{lines}\r\n").into_bytes();
        bytes.extend(rest);
        wrong.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
        bytes
    })
}

/// Headers that the server reads.
const KNOWN_HEADERS: [&str; 6] =
    ["Host", "Origin", "Authorization", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"];

/// The names and values of headers.
fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        2 => prop::sample::select(KNOWN_HEADERS.to_vec()).prop_map(str::to_owned),
        1 => "[A-Za-z-]{1,10}",
    ];
    let value = hostile("http:// https:// wall.example :80 : , [::1] 127.0.0.1 null Basic OmE= @ /")
        .prop_map(|value| value.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned());
    prop::collection::vec((name, value), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_request_or_an_error(bytes in request()) {
        match parse_head(&bytes) {
            Ok(Some((len, head))) => {
                prop_assert!(len <= bytes.len());
                // What follows the head makes no difference.
                let (same, again) = parse_head(&bytes[..len]).unwrap().unwrap();
                prop_assert_eq!((same, again.uri(), again.headers()), (len, head.uri(), head.headers()));
                for cut in 0..len {
                    prop_assert!(matches!(parse_head(&bytes[..cut]), Ok(None)), "cut at {}", cut);
                }
            }
            Ok(None) | Err(HeadError::Malformed | HeadError::TooLarge) => {}
            Err(error) => prop_assert!(false, "{:?}", error),
        }
    }

    #[test]
    fn a_request_is_parsed_as_it_was_written(headers in headers(), trusts_proxy: bool) {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let text = format!("GET /a?b HTTP/1.1\r\n{lines}\r\n");
        prop_assume!(text.len() <= MAX_HEAD && headers.len() <= MAX_HEADERS);
        let (len, head) = parse_head(text.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(len, text.len());
        prop_assert_eq!(head.headers().len(), headers.len());
        for (name, value) in &headers {
            let values = head.headers().get_all(name).iter();
            prop_assert!(values.into_iter().any(|given| given.as_bytes() == value.as_bytes()), "{}", name);
        }
        let access = Access { trusts_proxy, ..Access::default() };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let hosts = headers.iter().filter(|(name, _)| name == "Host").count();
        let checked = access.check(&head, (peer, 80).into());
        prop_assert!(hosts == 1 || checked.is_err());
        access.client_address(&head, peer);
        if let Some(value) = head.headers().get("Authorization").and_then(|value| value.to_str().ok()) {
            typewall::internals::from_authorization(value);
        }
    }

    #[test]
    fn an_origin_parses_from_its_own_text(text in hostile("http:// https:// wall.example 80 :443 : [::1] / @ ?")) {
        if let Ok(origin) = text.parse::<Origin>() {
            prop_assert_eq!(origin.to_string().parse(), Ok(origin));
        }
        if let Some(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&host.to_string()), Some(host));
        }
    }

    #[test]
    fn any_text_is_an_event_or_an_error(
        text in prop_oneof![hostile(EVENT_PIECES), changed_event()]
    ) {
        match ClientEvent::decode(&text) {
            Ok(event) => prop_assert!(text.trim_start().starts_with('['), "{:?}", event),
            Err(error) => prop_assert!(error.to_string().ends_with('.') && !error.code().is_empty()),
        }
    }

    #[test]
    fn every_event_of_the_plain_wire_means_the_same_as_arguments_of_socket_io(
        text in prop_oneof![hostile(EVENT_PIECES), changed_event()],
        string: String,
    ) {
        let (plain, arguments) = (ClientEvent::decode(&text), ClientEvent::decode_arguments(&text));
        prop_assert!(plain.is_err() || plain == arguments, "{:?} and {:?}", plain, arguments);
        let json = json!(["message", string, 1]).to_string();
        let message = ClientEvent::Message { text: string.into(), reference: None };
        prop_assert_eq!(ClientEvent::decode_arguments(&json), Ok(message));
    }

    #[test]
    fn an_event_is_decoded_as_it_was_encoded(text: String, reference: Option<String>, more in ".{0,5}") {
        let json = json!(["updated_text", { "text": text, "x": [more] }]).to_string();
        let taken = ClientEvent::decode(&json);
        prop_assert_eq!(taken, Ok(ClientEvent::UpdatedText(TextChange::Whole(text.as_str().into()))));
        let json = json!(["message", { "ref": reference, "text": text }]).to_string();
        let reference = reference.as_deref().map(Into::into);
        prop_assert_eq!(ClientEvent::decode(&json), Ok(ClientEvent::Message { text: text.into(), reference }));
    }

    #[test]
    fn an_event_of_a_host_is_decoded_as_it_was_encoded(
        key: String,
        id: Option<String>,
        n: u64,
        flags: [Option<bool>; 3],
        prompt: Option<String>,
        spotlight: Option<Option<String>>,
    ) {
        let [locked, hidden, frozen] = flags;
        let mut data = json!({ "locked": locked, "hidden": hidden, "frozen": frozen, "prompt": prompt });
        if let Some(spotlight) = &spotlight {
            data["spotlight"] = json!(spotlight);
        }
        let spotlight = spotlight.as_ref().map(|id| id.as_deref().map(Into::into));
        let prompt = prompt.as_deref().map(Into::into);
        let set_room = ClientEvent::SetRoom(SetRoom { locked, hidden, frozen, prompt, spotlight });
        let clear = id.as_ref().map_or(json!({}), |id| json!({ "id": id }));
        for (event, data, decoded) in [
            ("set_room", data, set_room),
            (
                "host",
                json!({ "key": key, "token": id }),
                ClientEvent::Host { key: key.as_str().into(), token: id.as_deref().map(Into::into) },
            ),
            ("remove_user", json!({ "id": key }), ClientEvent::RemoveUser { id: key.as_str().into() }),
            ("change_name", json!({ "name": key }), ClientEvent::ChangeName { name: key.as_str().into() }),
            ("ping", json!({}), ClientEvent::Ping),
            ("make_host", json!({ "id": key }), ClientEvent::MakeHost { id: key.as_str().into() }),
            ("clear_box", clear, ClientEvent::ClearBox { id: id.as_deref().map(Into::into) }),
            ("remove_post", json!({ "n": n }), ClientEvent::RemovePost { n }),
        ] {
            let json = json!([event, data]).to_string();
            prop_assert_eq!(ClientEvent::decode(&json), Ok(decoded));
        }
    }

    #[test]
    fn a_name_is_clean_and_parses_to_itself(
        typed in hostile("e \u{301} \u{323} \u{200B} \u{200D} \u{FE0F} \u{A0} \u{1100} \u{1161} \u{212B}"),
        max in 10_usize..200,
    ) {
        if let Ok(name) = Name::parse(&typed, max) {
            let shown = name.as_str();
            prop_assert!((1..=max).contains(&shown.chars().count()), "{:?}", shown);
            prop_assert!(!shown.chars().any(char::is_control) && shown.trim() == shown, "{:?}", shown);
            prop_assert_eq!(Name::parse(shown, max), Ok(name.clone()));
        }
    }

    #[test]
    fn a_room_name_parses_to_itself(query in hostile("room= & = %20 %FF %C3%A9 + physics ０ ß %E2%80%AE")) {
        if let Ok(room) = RoomName::from_query(&query) {
            let again = RoomName::parse(room.as_str());
            prop_assert_eq!(again.as_ref().map(RoomName::as_str), Ok(room.as_str()));
            prop_assert_eq!(again.as_ref().map(RoomName::key), Ok(room.key()));
        }
    }

    #[test]
    fn any_query_is_answered(query in hostile("room= & = format= md json after= 17 -1 %20 %FF 99999999999999999999")) {
        if let Err(answer) = LogRequest::from_query(&query) {
            let mut bytes = Vec::new();
            answer.write(&mut bytes, false, true).unwrap();
            prop_assert!(bytes.starts_with(b"HTTP/1.1 400 "));
        }
    }

    #[test]
    fn a_session_parses_from_its_own_text(text in "[0-9a-fA-F+-]{0,33}") {
        if let Some(session) = Session::parse(&text) {
            prop_assert_eq!(session.to_hex(), text.to_lowercase());
        }
    }
}
