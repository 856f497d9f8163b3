//! Which seats of away users give way to newcomers, and which stay. People who take seats only to keep them from others
//! lose them to the others; people who were there and whose connections broke do not. The time is the test's own.

use crate::place::{GRACE, LIMITS, Person, Place};
use std::time::Duration;
use typewall::internals::{Action, MIN_STAY, Name, Session, Shard};
use typewall::{HostMode, Limits};

/// A lesson, or any other long stay.
const LESSON: Duration = Duration::from_secs(600);

#[test]
fn whoever_joins_and_is_gone_at_once_keeps_neither_a_seat_nor_a_room() {
    let mut place = Place::new(Limits { max_rooms: 2, max_users: 2, ..LIMITS });
    for n in 0..10 {
        let attacker = place.join(&format!("room-{n}"));
        assert!(attacker.id().is_some(), "the rooms of the others are gone");
        place.vanish(&attacker);
    }
    let ada = place.join("room-0");
    for _ in 0..10 {
        let attacker = place.join("room-0");
        assert!(attacker.id().is_some(), "the seats of the others are gone");
        place.vanish(&attacker);
    }
    place.pass(MIN_STAY);
    place.vanish(&ada);
    assert!(place.finds_seat("room-0", &ada), "she stayed");
}

#[test]
fn a_full_server_takes_the_seat_with_the_shortest_stay() {
    let mut place = Place::new(Limits { max_clients: 3, ..LIMITS });
    let (ada, bob) = (place.join("r"), place.join("s"));
    place.pass(LESSON);
    [&ada, &bob].into_iter().for_each(|person| place.vanish(person));
    for n in 0..10 {
        place.join_and_vanish(&format!("room-{n}"));
        place.pass(Duration::from_millis(100));
    }
    assert!(place.finds_seat("r", &ada), "the others have been away for less time, and stayed for less");
    assert!(place.finds_seat("s", &bob));
}

#[test]
fn of_a_full_room_newcomers_get_all_but_a_quarter_of_the_seats() {
    let mut place = Place::new(Limits { max_users: 8, ..LIMITS });
    let pupils: Vec<Person> = (0..8)
        .map(|_| {
            place.pass(LESSON);
            place.join("r")
        })
        .collect();
    place.pass(LESSON);
    pupils.iter().for_each(|pupil| place.vanish(pupil));
    place.pass(LESSON);
    let newcomers: Vec<Person> = (0..8).map(|_| place.join("r")).collect();
    let (seated, refused) = newcomers.split_at(6);
    assert!(seated.iter().all(|newcomer| newcomer.id().is_some()));
    assert!(refused.iter().all(|newcomer| newcomer.errors() == ["room_full"]));
    assert!(pupils[..2].iter().all(|pupil| place.finds_seat("r", pupil)), "those who were there longest");
}

#[test]
fn without_newcomers_a_whole_class_may_be_away() {
    let mut place = Place::new(Limits { max_users: 30, max_clients: 30, max_rooms: 1, ..LIMITS });
    let pupils: Vec<Person> = (0..30).map(|_| place.join("r")).collect();
    place.pass(LESSON);
    pupils.iter().for_each(|pupil| place.vanish(pupil));
    place.pass(GRACE - MIN_STAY);
    assert!(pupils.iter().all(|pupil| place.finds_seat("r", pupil)));
}

#[test]
fn a_user_who_asks_for_another_seat_evicts_nobody() {
    let mut place = Place::new(Limits { max_users: 3, ..LIMITS });
    let [ada, bob, cem] = [(); 3].map(|()| place.join("r"));
    place.pass(LESSON);
    [&ada, &bob].into_iter().for_each(|person| place.vanish(person));
    let action = Action::Join { name: Name::parse("Cem", 40).unwrap(), session: Session::random() };
    place.act(&cem, action);
    assert_eq!(cem.errors(), ["already_joined"]);
    assert!(place.finds_seat("r", &ada) && place.finds_seat("r", &bob));
}

#[test]
fn a_full_room_without_away_users_to_spare_is_full() {
    let mut place = Place::new(Limits { max_users: 4, ..LIMITS });
    let people = [(); 4].map(|()| place.join("r"));
    place.pass(LESSON);
    place.vanish(&people[0]);
    assert_eq!(place.join("r").errors(), ["room_full"], "one of four may be away");
    assert!(place.finds_seat("r", &people[0]));
}

#[test]
fn rooms_with_away_users_only_make_way_for_a_new_room() {
    let mut place = Place::new(Limits { max_rooms: 8, ..LIMITS });
    let (ada, bob) = (place.join("long"), place.join("longer"));
    place.pass(LESSON);
    place.vanish(&ada);
    place.pass(LESSON);
    place.vanish(&bob);
    // Somebody who stayed only shortly was in Bob's room as well; the longest stay counts.
    place.join_and_vanish("longer");
    let attackers: Vec<Person> = (0..20).map(|n| place.join_and_vanish(&format!("room-{n}"))).collect();
    let newcomers: Vec<Person> = (0..6).map(|n| place.join(&format!("new-{n}"))).collect();
    assert!(attackers.iter().chain(&newcomers).all(|person| person.id().is_some()), "a room was displaced");
    assert_eq!(place.join("one too many").close_code(), Some(1013), "a quarter is kept");
    assert!(place.finds_seat("long", &ada) && place.finds_seat("longer", &bob));
}

#[test]
fn each_hub_keeps_its_part_of_the_rooms_with_away_users_only() {
    let [shard, _] = Shard::split(2).try_into().unwrap();
    let mut place = Place::with(Limits { max_rooms: 16, ..LIMITS }, shard);
    for n in 0..16 {
        place.join_and_vanish(&format!("room-{n}"));
    }
    let got = (0..16).filter(|n| place.join(&format!("new-{n}")).id().is_some()).count();
    assert_eq!(got, 14, "half of a quarter is kept");
}

#[test]
fn a_room_that_somebody_watches_does_not_make_way() {
    let mut place = Place::new(Limits { max_rooms: 4, ..LIMITS });
    let rooms = ["a", "b", "c", "d"];
    let authors = rooms.map(|room| place.join_and_vanish(room));
    let [_b, _c] = ["b", "c"].map(|room| place.join(room));
    assert!(place.join("e").id().is_some(), "two of four rooms have away users only");
    let [a, _, _, d] = rooms.map(|room| place.join(room).close_code());
    assert_eq!((a, d), (Some(1013), None), "the one that was opened first made way");
    assert!(["b", "c", "d"].into_iter().zip(&authors[1..]).all(|(room, ada)| place.finds_seat(room, ada)));
}

#[test]
fn a_room_with_a_post_under_way_makes_way_only_afterwards() {
    let mut place = Place::stored(Limits { max_rooms: 3, ..LIMITS }, HostMode::Key);
    let join = |place: &mut Place, room: &str| place.join_loaded(room, Session::random());
    let people = ["a", "b"].map(|room| join(&mut place, room));
    place.pass(LESSON);
    let author = join(&mut place, "short");
    place.act(&author, Action::Post { text: "x".to_owned(), reference: None });
    people.iter().chain([&author]).for_each(|person| place.vanish(person));
    assert!(join(&mut place, "new").id().is_some(), "a room that can be forgotten made way");
    place.store_post(1);
    assert!(join(&mut place, "newer").id().is_some(), "the post is stored, so its room makes way");
    assert!(place.finds_seat("b", &people[1]));
}

#[test]
fn a_new_seat_costs_its_address_the_away_seat_with_the_shortest_stay() {
    let mut place = Place::new(Limits { max_per_address: Some(3), ..LIMITS });
    let ada = place.join("r");
    place.pass(LESSON);
    let bob = place.join("r");
    let elsewhere = place.join_as("r", 2, Session::random());
    place.pass(LESSON);
    [&ada, &bob, &elsewhere].into_iter().for_each(|person| place.vanish(person));
    let attackers = [(); 10].map(|()| place.join_and_vanish("r"));
    assert!(!place.finds_seat("r", &attackers[8]), "the others displaced each other");
    assert!(place.finds_seat("r", &ada) && place.finds_seat("r", &bob));
    assert_eq!(place.join_as("r", 2, elsewhere.session).id(), elsewhere.id(), "another address");
}

#[test]
fn an_address_that_takes_seats_again_loses_none() {
    let mut place = Place::new(Limits { max_per_address: Some(2), ..LIMITS });
    let [bob, ada] = [(); 2].map(|()| {
        place.pass(LESSON);
        place.join("r")
    });
    let cem = place.join_as("r", 2, Session::random());
    place.pass(LESSON);
    [&bob, &cem].into_iter().for_each(|person| place.vanish(person));
    // Her connection broke, and the server has not noticed yet.
    let again = place.join_as("r", 1, ada.session);
    assert_eq!(again.id(), ada.id());
    place.vanish(&again);
    // He comes back from another address, which has more seats now than it may take.
    assert_eq!(place.join_as("r", 1, cem.session).id(), cem.id());
    assert!(place.finds_seat("r", &ada));
}
