//! Socket.IO clients: what they are told that others are not, acknowledgements, guests, pings, and how they are closed.

use crate::pipe::{Frame, Pipe};
use crate::place::{LIMITS, Person, Place};
use crate::store::sent_post;
use crate::world::new_client;
use proptest::prelude::*;
use serde_json::Value;
use std::time::{Duration, Instant};
use typewall::internals::{
    AckId, Action, Answer, ClientId, Encoding, Event, EventError, FromClient, Hub, MAX_STALL, Name,
    NewClient, NotStored, Now, QueuedEvent, Session, Shard, StateChange, StorePost, TextChange, UserId,
};
use typewall::{HostMode, HostOptions, Limits, RoomName, SecretHash};

/// Enters a room as a Socket.IO client that asks for nothing.
fn enter(place: &mut Place, room: &str) -> Person {
    place.enter_encoded(room, 1, Session::random(), Encoding::SOCKET_IO)
}

/// Enters a room as a Socket.IO client, and asks for a seat.
fn join(place: &mut Place, room: &str, name: &str) -> Person {
    let person = enter(place, room);
    place.act(&person, join_as(name, person.session));
    person
}

fn join_as(name: &str, session: Session) -> Action {
    Action::Join { name: Name::parse(name, 40).unwrap(), session }
}

fn post(text: &str) -> Action {
    Action::Post { text: text.to_owned(), reference: None }
}

/// Hands the hub an event, which has its effect with the next write.
fn send(place: &mut Place, person: &Person, event: FromClient, ack: Option<u64>) {
    let event = QueuedEvent { ack: ack.map(AckId), ..QueuedEvent::new(person.client, event) };
    place.hub.handle(Event::FromClient(event), place.now);
}

/// A `message` of a client that has sent no `got_a_new_user`.
fn post_as_guest(place: &mut Place, person: &Person, text: &str, ack: Option<u64>) {
    send(place, person, FromClient::SeatGuest, None);
    send(place, person, FromClient::Acted(post(text)), ack);
    place.hub.write(place.now);
}

fn forget(people: &[&Person]) {
    people.iter().for_each(|person| person.pipe.0.borrow_mut().bytes.clear());
}

/// The names of the events and acknowledgements that a client was sent. Of data, what it says; of errors, their codes.
/// How many viewers there are is told at times that do not matter here.
fn told(person: &Person) -> Vec<String> {
    let short = |packet: String| match packet.strip_prefix("42") {
        Some(json) => {
            let (event, data): (String, Value) = serde_json::from_str(json).expect("an event");
            let detail = ["text", "code"].into_iter().find_map(|field| Some(data.get(field)?.clone()));
            match detail.filter(|_| ["data", "error"].contains(&event.as_str())) {
                Some(Value::String(detail)) => format!("{event}: {detail}"),
                _ => event,
            }
        }
        None => packet,
    };
    person.pipe.packets().into_iter().map(short).filter(|packet| packet != "viewers").collect()
}

#[test]
fn only_clients_that_have_never_asked_for_a_seat_get_notices() {
    let mut place = Place::new(LIMITS);
    let (page, chat) = (place.join("r"), enter(&mut place, "r"));
    let tutorial = join(&mut place, "r", "Bob");
    forget(&[&page, &chat, &tutorial]);
    let cem = join(&mut place, "r", "Cem");
    place.leave(&cem);
    assert_eq!(told(&chat), ["new_user", "data: Cem joined.", "disconnect_user", "data: Cem left."]);
    assert_eq!(told(&tutorial), ["new_user", "disconnect_user"]);
    let names: Vec<String> = page.pipe.frames().iter().map(|frame| frame.name().to_owned()).collect();
    assert_eq!(names, ["new_user", "disconnect_user"]);
    let notice = chat.pipe.packets().into_iter().find(|packet| packet.contains("notice")).unwrap();
    let id = cem.pipe.packets().iter().find_map(|packet| {
        let (_, data): (Value, Value) = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
        data["you"].as_str().map(str::to_owned)
    });
    let id = id.expect("an id");
    let json = format!(r#"42["data",{{"notice":"joined","id":"{id}","name":"Cem","text":"Cem joined."}}]"#);
    assert_eq!(notice, json);
}

/// The batch that is not sent yet is included, because the events that notices repeat are in it as well.
#[test]
fn whoever_asks_for_a_seat_gets_no_notice_from_that_batch_on_even_if_there_is_no_seat() {
    let mut place = Place::new(Limits { max_users: 2, ..LIMITS });
    let [chat, late] = [(); 2].map(|()| enter(&mut place, "r"));
    place.hub.write(place.now);
    forget(&[&chat, &late]);
    let page = place.enter("r", 1, Session::random());
    send(&mut place, &page, FromClient::Acted(join_as("Ada", page.session)), None);
    send(&mut place, &chat, FromClient::Acted(join_as("Bob", chat.session)), None);
    place.hub.write(place.now);
    assert_eq!(told(&chat), ["new_user", "new_user", "existing_users"]);
    assert_eq!(told(&late), ["new_user", "data: Ada joined.", "new_user", "data: Bob joined."]);
    forget(&[&chat, &late]);
    place.act(&late, join_as("Cem", late.session));
    assert_eq!(told(&late), ["error: room_full"]);
    place.leave(&page);
    assert_eq!(told(&late), ["error: room_full", "disconnect_user"]);
    assert_eq!(told(&chat), ["disconnect_user"]);
}

#[test]
fn acknowledgements_follow_effects_in_order_and_replace_errors() {
    let mut place = Place::new(LIMITS);
    let (ada, bob) = (join(&mut place, "r", "Ada"), join(&mut place, "r", "Bob"));
    forget(&[&ada, &bob]);
    let rejected = |error| FromClient::Rejected { error, reference: Some("ref".to_owned()) };
    let write = Action::Write(TextChange::Whole("typed".into()));
    for (event, ack) in [
        (FromClient::Acted(post("posted")), 0),
        (rejected(EventError::PostEmpty), 1),
        (FromClient::Acted(write), 2),
        (FromClient::Acted(Action::Watch), 3),
        (FromClient::Ping, u64::MAX),
        (FromClient::Acted(Action::Rename(Name::parse("Eve", 40).unwrap())), 5),
    ] {
        send(&mut place, &ada, event, Some(ack));
    }
    send(&mut place, &ada, rejected(EventError::NotJson), None);
    place.hub.write(place.now);
    let mut told_ada = told(&ada);
    for (at, code) in [(2, "post_empty"), (4, "already_joined")] {
        let error: Value = serde_json::from_str(&told_ada[at][3..]).unwrap();
        assert_eq!(error[0]["code"], code);
        assert_eq!(error.as_array().map(Vec::len), Some(1));
        told_ada[at].truncate(3);
    }
    let last = format!("43{}[{{}}]", u64::MAX);
    let expected = ["data: posted", "430[{}]", "431", "432[{}]", "433", "pong", &last, "user_renamed"];
    assert_eq!(told_ada[..8], expected);
    assert_eq!(told_ada[8..], ["435[{}]", "error: not_json"]);
    assert_eq!(told(&bob), ["data: posted", "user_renamed", "text_update"]);
}

#[test]
fn a_post_is_acknowledged_once_the_store_has_it_and_later_events_before() {
    let mut place = Place::stored(LIMITS, HostMode::Key);
    let ada = enter(&mut place, "r");
    place.load_all();
    place.act(&ada, join_as("Ada", ada.session));
    forget(&[&ada]);
    send(&mut place, &ada, FromClient::Acted(post("kept")), Some(1));
    send(&mut place, &ada, FromClient::Acted(post("lost")), Some(2));
    send(&mut place, &ada, FromClient::Ping, Some(3));
    place.hub.write(place.now);
    assert_eq!(told(&ada), ["pong", "433[{}]"]);
    forget(&[&ada]);
    place.store_post(1);
    assert_eq!(told(&ada), ["data: kept", "431[{}]"]);
    forget(&[&ada]);
    let StorePost { room, post, by, .. } = sent_post(&place.store.as_ref().unwrap().writes);
    place.answer(Answer::PostStored { room, post, by, outcome: Err(NotStored::Full) });
    let told = told(&ada);
    assert_eq!(told.len(), 1, "no error besides: {told:?}");
    assert!(told[0].starts_with(r#"432[{"code":"not_stored","message":"#), "{told:?}");
}

#[test]
fn whoever_posts_without_having_asked_for_a_seat_gets_one_as_a_guest() {
    let mut place = Place::new(LIMITS);
    let page = place.join("r");
    let [one, two] = [(); 2].map(|()| enter(&mut place, "r"));
    place.hub.write(place.now);
    forget(&[&one, &two]);
    post_as_guest(&mut place, &one, "first", Some(1));
    assert_eq!(
        told(&one),
        ["new_user", "data: first", "431[{}]", "existing_users"],
        "not that it has joined"
    );
    assert_eq!(told(&two), ["new_user", "data: Guest joined.", "data: first"]);
    forget(&[&one, &two]);
    post_as_guest(&mut place, &two, "second", None);
    post_as_guest(&mut place, &one, "third", None);
    assert_eq!(told(&one), ["new_user", "data: Guest 2 joined.", "data: second", "data: third"]);
    assert_eq!(told(&two), ["new_user", "data: second", "existing_users", "data: third"]);
    assert_eq!(page.pipe.page().names(), ["Ada", "Guest", "Guest 2"]);
    assert_eq!(page.pipe.page().posts(), ["first", "second", "third"]);
    forget(&[&one]);
    place.leave(&two);
    assert_eq!(told(&one), ["disconnect_user", "data: Guest 2 left."], "a guest keeps its notices");
}

#[test]
fn a_guest_without_a_seat_is_told_once_why() {
    let mut place = Place::stored(Limits { max_users: 1, ..LIMITS }, HostMode::Key);
    let host = place.host("r");
    let chat = enter(&mut place, "r");
    let lock = |locked| Action::SetRoom(StateChange { locked: Some(locked), ..StateChange::default() });
    place.act(&host, lock(true));
    place.save_all();
    forget(&[&chat]);
    post_as_guest(&mut place, &chat, "locked out", None);
    assert_eq!(told(&chat), ["error: locked"]);
    place.act(&host, lock(false));
    place.save_all();
    let ada = join(&mut place, "r", "Ada");
    forget(&[&chat]);
    post_as_guest(&mut place, &chat, "no seat", Some(1));
    post_as_guest(&mut place, &chat, "no seat", None);
    let told_chat = told(&chat);
    assert!(told_chat[0].starts_with(r#"431[{"code":"room_full""#), "{told_chat:?}");
    assert_eq!(told_chat[1..], ["error: room_full"]);
    place.leave(&ada);
    forget(&[&chat]);
    place.act(&chat, post("without a seat"));
    assert_eq!(told(&chat), ["error: not_joined"], "it could have one");
}

#[test]
fn what_a_guest_sends_while_its_room_is_loaded_waits_in_order() {
    let mut place = Place::stored(LIMITS, HostMode::Key);
    let chat = enter(&mut place, "r");
    post_as_guest(&mut place, &chat, "early", Some(1));
    assert_eq!(told(&chat), Vec::<String>::new());
    place.load_all();
    assert_eq!(told(&chat), ["new_user", "existing_users"]);
    forget(&[&chat]);
    place.store_post(1);
    assert_eq!(told(&chat), ["data: early", "431[{}]"]);
}

#[test]
fn a_client_is_told_why_it_is_closed_before_the_close_frame() {
    let mut place = Place::stored(LIMITS, HostMode::Key);
    let host = place.host("r");
    let (ada, bob, cem) =
        (join(&mut place, "r", "Ada"), join(&mut place, "r", "Bob"), join(&mut place, "r", "Cem"));
    let id = bob.pipe.packets().iter().find_map(|packet| {
        let (_, data): (Value, Value) = serde_json::from_str(packet.strip_prefix("42")?).ok()?;
        data["you"].as_str().and_then(|id| id.parse().ok())
    });
    forget(&[&ada, &bob, &cem]);
    let again = enter(&mut place, "r");
    place.act(&again, join_as("Ada", ada.session));
    place.act(&host, Action::RemoveUser(UserId(id.expect("an id"))));
    assert_eq!(told(&ada), ["closed", "41", "close 4001"]);
    assert_eq!(ada.pipe.packets()[0], r#"42["closed",{"code":4001,"reason":"seat_taken"}]"#);
    assert_eq!(told(&bob)[told(&bob).len() - 3..], ["closed", "41", "close 4004"]);
    place.save_all();
    place.hub.handle(Event::Stop, place.now);
    place.hub.write(place.now);
    assert_eq!(told(&cem)[told(&cem).len() - 2..], ["closed", "close 1001"], "it is to come back");
    assert_eq!(host.pipe.frames().last(), Some(&Frame::Close(1001)));
}

#[test]
fn a_client_whose_seat_a_later_connection_has_gets_its_acknowledgement_before_it_is_closed() {
    let mut place = Place::new(LIMITS);
    let (early, late) = (enter(&mut place, "r"), join(&mut place, "r", "Ada"));
    forget(&[&early]);
    send(&mut place, &early, FromClient::Acted(join_as("Ada", late.session)), Some(7));
    place.hub.write(place.now);
    let told_early = told(&early);
    assert!(told_early[0].starts_with(r#"437[{"code":"seat_taken","#), "{told_early:?}");
    assert_eq!(told_early[1..], ["closed", "41", "close 4001"]);
}

#[test]
fn a_slow_client_is_told_why_it_is_closed_after_what_it_is_owed_is_discarded() {
    for begun in [0, 1, 20] {
        let mut place = Place::new(LIMITS);
        let (ada, bob) = (join(&mut place, "r", "Ada"), join(&mut place, "r", "Bob"));
        forget(&[&bob]);
        bob.pipe.0.borrow_mut().space = begun;
        place.act(&ada, post("the first bytes of this are sent"));
        place.act(&ada, post("nothing of this"));
        place.pass(MAX_STALL);
        bob.pipe.0.borrow_mut().space = usize::MAX;
        place.pass(Duration::from_secs(1));
        let first: &[&str] = if begun == 0 { &[] } else { &["data: the first bytes of this are sent"] };
        assert_eq!(told(&bob), [first, &["closed", "close 4002"]].concat(), "{begun}");
    }
}

#[test]
fn a_client_that_was_admitted_is_not_asked_for_the_passphrase() {
    let now = Now { instant: Instant::now(), unix_millis: 0 };
    let passphrase = Some(SecretHash::new("right"));
    let mut hub: Hub<Pipe> = Hub::new(LIMITS, passphrase, HostOptions::default(), None, Shard::single());
    let pipes = [true, false].map(|admitted| {
        let (client, pipe) = (ClientId(1 + u64::from(admitted)), Pipe::default());
        pipe.0.borrow_mut().space = usize::MAX;
        let room = RoomName::from_query("").unwrap();
        let new = new_client(client, room, Encoding::SOCKET_IO, &pipe);
        hub.handle(Event::Connected(NewClient { admitted, ..new }), now);
        hub.handle(Event::from_client(client, FromClient::Acted(Action::Watch)), now);
        hub.write(now);
        pipe
    });
    let [admitted, other] = pipes.map(|pipe| pipe.packets());
    assert!(admitted[0].starts_with(r#"42["unlocked",{"token":""#), "{admitted:?}");
    assert!(admitted[1].starts_with(r#"42["existing_users","#), "{admitted:?}");
    assert!(other[0].contains("passphrase_needed") && other.len() == 1, "{other:?}");
}

/// A step while a Socket.IO client gets the snapshot of a large room, or waits for more.
#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Post,
    Resync,
    /// Its session sends a packet.
    Packet,
    /// The socket accepts this many more bytes.
    Read(usize),
    /// This many milliseconds pass. Each client is pinged once in 100.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_usize).prop_map(Step::Write),
        2 => Just(Step::Post),
        1 => Just(Step::Resync),
        2 => Just(Step::Packet),
        6 => (0..40_000_usize).prop_map(Step::Read),
        6 => (0..200_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing stands between the parts of a snapshot, and nothing is lost or doubled.
    #[test]
    fn every_packet_is_whole_however_slowly_a_client_reads(
        steps in prop::collection::vec(step(), 1..80),
        is_taken in any::<bool>(),
    ) {
        let mut place = Place::new(Limits { ping_every: Duration::from_millis(100), ..LIMITS });
        let people = [(); 3].map(|()| place.join("r"));
        let large = |n: usize| Action::Write(TextChange::Whole(format!("{n}").repeat(10_000).into()));
        (0..3).for_each(|n| place.act(&people[n], large(n)));
        let slow = enter(&mut place, "r");
        slow.pipe.0.borrow_mut().space = 0;
        place.act(&slow, join_as("slow", slow.session));
        let (mut posts, mut packets) = (0, 0);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Write(person) => place.act(&people[person], large(n)),
                Step::Post => {
                    posts += 1;
                    place.act(&people[0], post(&format!("post {posts}")));
                }
                Step::Resync => place.act(&slow, Action::Resync),
                Step::Packet => {
                    packets += 1;
                    let packet = [&[0x81, 10][..], b"44/custom,"].concat();
                    send(&mut place, &slow, FromClient::Frames(packet), None);
                    place.hub.write(place.now);
                }
                Step::Read(bytes) => {
                    let mut line = slow.pipe.0.borrow_mut();
                    line.space = line.space.saturating_add(bytes);
                }
                Step::Pass(millis) => place.pass(Duration::from_millis(millis)),
            }
            slow.pipe.packets();
        }
        if is_taken {
            let again = enter(&mut place, "r");
            place.act(&again, join_as("slow", slow.session));
        }
        slow.pipe.0.borrow_mut().space = usize::MAX;
        (0..10).for_each(|_| place.pass(Duration::from_millis(100)));
        let packets_sent = slow.pipe.packets();
        if is_taken {
            prop_assert_eq!(packets_sent.last().map(String::as_str), Some("close 4001"));
        } else {
            let told = told(&slow);
            let posted = told.iter().filter_map(|packet| packet.strip_prefix("data: post "));
            let posted: Vec<usize> = posted.map(|n| n.parse().unwrap()).collect();
            prop_assert_eq!(posted, (1..=posts).collect::<Vec<usize>>());
            prop_assert_eq!(told.iter().filter(|packet| *packet == "44/custom,").count(), packets);
            prop_assert!(told.iter().any(|packet| packet == "existing_users"));
            prop_assert!(told.iter().any(|packet| packet == "2"));
        }
    }
}
