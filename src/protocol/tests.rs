//! The events of hosts as they are on the wire: literal JSON in both directions.

use super::client_event::{ClientEvent, SetRoom};
use super::error::EventError;
use super::server_event::{ServerEvent, StateView};
use super::snapshot::{Receiver, encode_head, encode_part};
use super::usage::EventKind;
use crate::base::ids::UserId;
use crate::base::limits::Limits;
use crate::base::token::Token;
use crate::room::fact::Fact;
use crate::room::marks::Mark;
use crate::room::names::Name;
use crate::room::splice::Splice;
use crate::room::state::RoomState;
use crate::room::text::TextChange;
use crate::room::view::{View, Visibility};

const UNCHANGED: SetRoom<'_> =
    SetRoom { locked: None, hidden: None, frozen: None, prompt: None, spotlight: None };

/// A user with a text whom hosts have made one of them, in a room with a question.
fn view() -> View {
    let (id, name) = (UserId(7), Name::parse("Ada", 40).unwrap());
    let state = RoomState {
        locked: true,
        hidden: true,
        frozen: false,
        prompt: "Why?".to_owned(),
        spotlight: Some(id),
    };
    let mut view = View::new(10);
    let text = Fact::Text { id, change: TextChange::Whole("a secret".into()) };
    let joined = Fact::Joined { id, name, mark: Some(Mark(5)), cleared: 3 };
    for fact in [joined, text, Fact::HostMade { id }, Fact::StateChanged { state }] {
        view.apply(fact);
    }
    view
}

fn encoded(event: &ServerEvent<'_>) -> String {
    let mut json = Vec::new();
    event.encode(&mut json);
    String::from_utf8(json).unwrap()
}

#[test]
fn what_hosts_send_is_decoded() {
    for (json, event) in [
        (r#"["change_name",{"name":"Eve"}]"#, ClientEvent::ChangeName { name: "Eve".into() }),
        (r#"["ping",{}]"#, ClientEvent::Ping),
        (r#"["host",{"key":"a key"}]"#, ClientEvent::Host { key: "a key".into(), token: None }),
        (
            r#"["host",{"key":"a key","token":"0a"}]"#,
            ClientEvent::Host { key: "a key".into(), token: Some("0a".into()) },
        ),
        (r#"["host",{"key":"","token":null}]"#, ClientEvent::Host { key: "".into(), token: None }),
        (r#"["remove_user",{"id":"7"}]"#, ClientEvent::RemoveUser { id: "7".into() }),
        (r#"["clear_box",{"id":"7"}]"#, ClientEvent::ClearBox { id: Some("7".into()) }),
        (r#"["clear_box",{}]"#, ClientEvent::ClearBox { id: None }),
        (r#"["make_host",{"id":"7"}]"#, ClientEvent::MakeHost { id: "7".into() }),
        (r#"["remove_post",{"n":7}]"#, ClientEvent::RemovePost { n: 7 }),
    ] {
        assert_eq!(ClientEvent::decode(json), Ok(event), "{json}");
    }
}

#[test]
fn a_change_of_the_state_tells_null_from_what_is_missing() {
    for (data, change) in [
        ("{}", UNCHANGED),
        (
            r#"{"locked":true,"hidden":false,"frozen":true,"prompt":"Why?","spotlight":"7"}"#,
            SetRoom {
                locked: Some(true),
                hidden: Some(false),
                frozen: Some(true),
                prompt: Some("Why?".into()),
                spotlight: Some(Some("7".into())),
            },
        ),
        (r#"{"spotlight":null}"#, SetRoom { spotlight: Some(None), ..UNCHANGED }),
        (r#"{"prompt":null}"#, UNCHANGED),
        (r#"{"prompt":""}"#, SetRoom { prompt: Some("".into()), ..UNCHANGED }),
        (r#"{"locked":null,"hidden":null,"frozen":null}"#, UNCHANGED),
        (r#"{"topic":"a later version"}"#, UNCHANGED),
    ] {
        let json = format!(r#"["set_room",{data}]"#);
        assert_eq!(ClientEvent::decode(&json), Ok(ClientEvent::SetRoom(change)), "{json}");
    }
}

#[test]
fn what_hosts_send_with_wrong_types_is_refused() {
    for (json, kind) in [
        (r#"["change_name",{}]"#, EventKind::ChangeName),
        (r#"["ping",null]"#, EventKind::Ping),
        (r#"["host",{}]"#, EventKind::Host),
        (r#"["host",{"key":7}]"#, EventKind::Host),
        (r#"["host",{"key":"","token":7}]"#, EventKind::Host),
        (r#"["set_room",null]"#, EventKind::SetRoom),
        (r#"["set_room",{"locked":"true"}]"#, EventKind::SetRoom),
        (r#"["set_room",{"spotlight":7}]"#, EventKind::SetRoom),
        (r#"["remove_user",{}]"#, EventKind::RemoveUser),
        (r#"["remove_user",{"id":7}]"#, EventKind::RemoveUser),
        (r#"["clear_box",{"id":7}]"#, EventKind::ClearBox),
        (r#"["clear_box",{"id":null}]"#, EventKind::ClearBox),
        (r#"["clear_box",[]]"#, EventKind::ClearBox),
        (r#"["remove_post",[1]]"#, EventKind::RemovePost),
        (r#"["updated_text",["a"]]"#, EventKind::UpdatedText),
        (r#"["make_host",{"id":null}]"#, EventKind::MakeHost),
        (r#"["remove_post",{"n":"7"}]"#, EventKind::RemovePost),
        (r#"["remove_post",{"n":-1}]"#, EventKind::RemovePost),
    ] {
        assert_eq!(ClientEvent::decode(json), Err(EventError::WrongType(kind)), "{json}");
    }
}

#[test]
fn arguments_of_socket_io_may_be_a_text_or_missing_or_too_many() {
    let message = |text: &'static str| ClientEvent::Message { text: text.into(), reference: None };
    let whole = |text: &'static str| ClientEvent::UpdatedText(TextChange::Whole(text.into()));
    for (json, event) in [
        (r#"["message","hello"]"#, message("hello")),
        (r#"["message","\"\u00e9"]"#, message("\"é")),
        (r#"["message",{"text":"hello"}]"#, message("hello")),
        (r#"["message","",{"text":"ignored"},null]"#, message("")),
        (r#"["message",{"text":"a"},1]"#, message("a")),
        (
            r#"["message",{"text":"a","ref":"b"}]"#,
            ClientEvent::Message { text: "a".into(), reference: Some("b".into()) },
        ),
        (r#"["updated_text","typed"]"#, whole("typed")),
        (r#"["updated_text",{"text":"typed"}]"#, whole("typed")),
        (
            r#"["updated_text",{"at":0,"cut":0,"put":"x","length":1}]"#,
            ClientEvent::UpdatedText(TextChange::Splice(Splice {
                at: 0,
                cut: 0,
                put: "x".into(),
                length: 1,
            })),
        ),
        (r#"["watch"]"#, ClientEvent::Watch),
        (r#"["ping"]"#, ClientEvent::Ping),
        (r#"["ping",{},{},[]]"#, ClientEvent::Ping),
        (r#"["clear_box"]"#, ClientEvent::ClearBox { id: None }),
        (r#"["set_room"]"#, ClientEvent::SetRoom(UNCHANGED)),
    ] {
        assert_eq!(ClientEvent::decode_arguments(json), Ok(event), "{json}");
    }
}

#[test]
fn arguments_of_socket_io_with_wrong_types_are_refused() {
    for (json, error) in [
        (r#"["message"]"#, EventError::WrongType(EventKind::Message)),
        (r#"["message",null]"#, EventError::WrongType(EventKind::Message)),
        (r#"["message",7]"#, EventError::WrongType(EventKind::Message)),
        (r#"["message",["a"]]"#, EventError::WrongType(EventKind::Message)),
        (r#"["updated_text"]"#, EventError::WrongType(EventKind::UpdatedText)),
        (r#"["got_a_new_user"]"#, EventError::WrongType(EventKind::GotANewUser)),
        (r#"["got_a_new_user","Ada"]"#, EventError::WrongType(EventKind::GotANewUser)),
        (r#"["clear_box",[]]"#, EventError::WrongType(EventKind::ClearBox)),
        (r#"["watch",null]"#, EventError::WrongType(EventKind::Watch)),
        ("[]", EventError::UnknownEvent),
        (r#"["toString"]"#, EventError::UnknownEvent),
        (r#"["message","a""#, EventError::NotJson),
        (r#"["message","a"]]"#, EventError::NotJson),
    ] {
        assert_eq!(ClientEvent::decode_arguments(json), Err(error), "{json}");
    }
}

#[test]
fn the_plain_wire_takes_only_an_event_and_an_object() {
    for (json, kind) in [
        (r#"["message","hello"]"#, EventKind::Message),
        (r#"["updated_text","typed"]"#, EventKind::UpdatedText),
        (r#"["watch"]"#, EventKind::Watch),
        (r#"["message",{"text":"a"},1]"#, EventKind::Message),
    ] {
        assert_eq!(ClientEvent::decode(json), Err(EventError::WrongType(kind)), "{json}");
    }
}

#[test]
fn what_rooms_are_told_of_hosts_is_encoded() {
    let view = view();
    let of_fact = |fact: &Fact| encoded(&ServerEvent::of_fact(fact, &view).unwrap());
    let hex = "0a".repeat(48);
    let token = Token::parse(&hex).unwrap();
    let gone = |removed| of_fact(&Fact::Gone { id: UserId(7), removed });
    for (event, json) in [
        (
            encoded(&ServerEvent::RoomState(StateView::of(&view))),
            concat!(
                r#"["room_state",{"locked":true,"hidden":true,"frozen":false,"#,
                r#""prompt":"Why?","spotlight":"7","hosts":["7"]}]"#
            ),
        ),
        (
            encoded(&ServerEvent::RoomState(StateView::of(&View::new(1)))),
            concat!(
                r#"["room_state",{"locked":false,"hidden":false,"frozen":false,"#,
                r#""prompt":"","spotlight":null,"hosts":[]}]"#
            ),
        ),
        (
            encoded(&ServerEvent::UserWrote { id: UserId(7), wrote: true }),
            r#"["user_wrote",{"id":"7","wrote":true}]"#,
        ),
        (encoded(&ServerEvent::TextCleared { cleared: 4 }), r#"["text_cleared",{"cleared":4}]"#),
        (of_fact(&Fact::Cleared { id: None, at: 1 }), r#"["text_cleared",{"cleared":1}]"#),
        (of_fact(&Fact::PostRemoved { n: 9 }), r#"["post_removed",{"n":9}]"#),
        (encoded(&ServerEvent::Hosting { token: None }), r#"["hosting",{}]"#),
        (
            encoded(&ServerEvent::Hosting { token: Some(token) }),
            &format!(r#"["hosting",{{"token":"{hex}"}}]"#),
        ),
        (gone(false), r#"["disconnect_user",{"id":"7","name":"Ada"}]"#),
        (gone(true), r#"["disconnect_user",{"id":"7","name":"Ada","removed":true}]"#),
    ] {
        assert_eq!(event, json);
    }
}

#[test]
fn names_marks_viewers_pongs_and_the_link_are_encoded() {
    let view = view();
    let name = |name: &str| Name::parse(name, 40).unwrap();
    let of_fact = |fact: &Fact| encoded(&ServerEvent::of_fact(fact, &view).unwrap());
    for (event, json) in [
        (
            of_fact(&Fact::Joined { id: UserId(8), name: name("Bob"), mark: Some(Mark(191)), cleared: 0 }),
            r#"["new_user",{"id":"8","mark":191,"new_user_name":"Bob"}]"#,
        ),
        (
            of_fact(&Fact::Joined { id: UserId(8), name: name("Bob"), mark: None, cleared: 0 }),
            r#"["new_user",{"id":"8","new_user_name":"Bob"}]"#,
        ),
        (
            of_fact(&Fact::Renamed { id: UserId(7), name: name("Eve") }),
            r#"["user_renamed",{"id":"7","name":"Eve"}]"#,
        ),
        (encoded(&ServerEvent::Viewers { count: 3 }), r#"["viewers",{"count":3}]"#),
        (encoded(&ServerEvent::Pong {}), r#"["pong",{}]"#),
        (encoded(&ServerEvent::Linked { linked: false }), r#"["linked",{"linked":false}]"#),
        (encoded(&ServerEvent::Linked { linked: true }), r#"["linked",{"linked":true}]"#),
    ] {
        assert_eq!(event, json);
    }
}

#[test]
fn a_snapshot_has_the_state_of_the_room_and_no_text_that_its_receiver_may_not_see() {
    let view = view();
    let encoded = |receiver: &Receiver<'_>, visibility: Visibility| {
        let mut json = Vec::new();
        encode_head(receiver, &mut json);
        assert_eq!(encode_part("r", &view, &Limits::DEFAULT, visibility, None, &mut json), None);
        String::from_utf8(json).unwrap()
    };
    let viewer = Receiver {
        you: None,
        name: None,
        session: None,
        cleared: None,
        host: false,
        linked: false,
        viewers: 2,
    };
    assert_eq!(
        encoded(&viewer, Visibility::Own(None)),
        concat!(
            r#"["existing_users",{"you":null,"name":null,"session":null,"cleared":null,"linked":false,"#,
            r#""viewers":2,"room":"r","#,
            r#""state":{"locked":true,"hidden":true,"frozen":false,"prompt":"Why?","spotlight":"7","hosts":["7"]},"#,
            r#""users":{"7":{"name":"Ada","mark":5,"text":"","away":false,"wrote":true}},"#,
            r#""log":[],"limits":{"text":10000,"name":40}}]"#
        )
    );
    let session = Some("0123456789abcdef".to_owned());
    let host = Receiver {
        you: Some(UserId(7)),
        name: Some("Ada"),
        session,
        cleared: Some(3),
        host: true,
        linked: true,
        viewers: 0,
    };
    assert_eq!(
        encoded(&host, Visibility::All),
        concat!(
            r#"["existing_users",{"you":"7","name":"Ada","session":"0123456789abcdef","cleared":3,"host":true,"viewers":0,"#,
            r#""room":"r","#,
            r#""state":{"locked":true,"hidden":true,"frozen":false,"prompt":"Why?","spotlight":"7","hosts":["7"]},"#,
            r#""users":{"7":{"name":"Ada","mark":5,"text":"a secret","away":false}},"#,
            r#""log":[],"limits":{"text":10000,"name":40}}]"#
        )
    );
}
