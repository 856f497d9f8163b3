//! Which seats of away users give way to newcomers, and which stay. People who take seats only to keep them from others
//! lose them to the others; people who were there and whose connections broke do not. The time is the test's own.

use crate::pipe::{Frame, Pipe};
use crate::store::{loaded, sent_post};
use crate::world::new_client;
use crossbeam_channel::unbounded;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Address, Answer, ClientId, Encoding, Event, FromClient, Hub, Load, MIN_STAY, Name, NewClient,
    Now, Numbered, Record, Requests, Session, Shard, TextChange,
};
use typewall::{HostOptions, Limits, RoomName};

/// Longer than the tests let pass.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Nobody is pinged: a ping would come after a hundredth of this.
const NO_PINGS: Duration = Duration::from_secs(1 << 30);

const LIMITS: Limits = Limits { grace: GRACE, ping_every: NO_PINGS, ..Limits::DEFAULT };

/// A lesson, or any other long stay.
const LESSON: Duration = Duration::from_secs(600);

/// A hub and its time.
struct Place {
    hub: Hub<Pipe>,
    limits: Limits,
    now: Now,
    last_client: u64,
}

/// Somebody with a seat, or who asked for one.
struct Person {
    client: ClientId,
    pipe: Pipe,
    session: Session,
}

impl Person {
    fn id(&self) -> Option<String> {
        self.pipe.page().you
    }

    fn errors(&self) -> Vec<String> {
        self.pipe.page().errors
    }

    fn close_code(&self) -> Option<u16> {
        self.pipe.frames().into_iter().find_map(|frame| match frame {
            Frame::Close(code) => Some(code),
            Frame::Event(..) | Frame::Ping | Frame::Pong => None,
        })
    }
}

impl Place {
    fn new(limits: Limits) -> Self {
        Self::with(limits, Shard::single())
    }

    fn with(limits: Limits, shard: Shard) -> Self {
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        Self { hub: Hub::new(limits, None, HostOptions::default(), None, shard), limits, now, last_client: 0 }
    }

    /// Joins from one address.
    fn join(&mut self, room: &str) -> Person {
        self.join_as(room, 1, Session::random())
    }

    /// Joins from an address with a session.
    fn join_as(&mut self, room: &str, address: u8, session: Session) -> Person {
        self.last_client += 1;
        let (client, pipe) = (ClientId(self.last_client), Pipe::default());
        pipe.0.borrow_mut().space = usize::MAX;
        let address = Address::of(Ipv4Addr::new(192, 0, 2, address).into());
        let room = RoomName::from_query(&format!("room={room}")).unwrap();
        let new = NewClient { address, ..new_client(client, room, Encoding::PlainWhole, &pipe) };
        self.hub.handle(Event::Connected(new), self.now);
        let action = Action::Join { name: Name::parse("Ada", 40).unwrap(), session };
        self.act(client, action);
        Person { client, pipe, session }
    }

    fn act(&mut self, client: ClientId, action: Action) {
        self.hub.handle(Event::from_client(client, FromClient::Acted(action)), self.now);
        self.hub.write(self.now);
    }

    fn write(&mut self, person: &Person) {
        self.act(person.client, Action::Write(TextChange::Whole("x".into())));
    }

    /// The connection of a user breaks.
    fn vanish(&mut self, person: &Person) {
        self.hub.handle(Event::from_client(person.client, FromClient::Closed { goodbye: false }), self.now);
        self.hub.write(self.now);
    }

    /// Joins, writes so that the seat is kept, and breaks the connection.
    fn join_and_vanish(&mut self, room: &str) -> Person {
        let attacker = self.join(room);
        self.write(&attacker);
        self.vanish(&attacker);
        attacker
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant += time;
        self.hub.write(self.now);
    }

    /// Whether a user who is away gets their seat again.
    fn finds_seat(&mut self, room: &str, person: &Person) -> bool {
        let before = person.id().expect("a seat");
        self.join_as(room, 1, person.session).id() == Some(before)
    }
}

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
    place.act(cem.client, action);
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
    let ((loads, loading), (writes, writing)) = (unbounded(), unbounded());
    let mut place = Place::new(Limits { max_rooms: 3, ..LIMITS });
    place.hub = Hub::new(
        place.limits,
        None,
        HostOptions::default(),
        Some(Requests { loads, writes }),
        Shard::single(),
    );
    let join = |place: &mut Place, room: &str| {
        let person = place.join(room);
        for Load { room, .. } in loading.try_iter() {
            place.hub.handle(loaded(room, Vec::new()), place.now);
        }
        place.hub.write(place.now);
        person
    };
    let people = ["a", "b"].map(|room| join(&mut place, room));
    place.pass(LESSON);
    let author = join(&mut place, "short");
    place.act(author.client, Action::Post { text: "x".to_owned(), reference: None });
    people.iter().chain([&author]).for_each(|person| place.vanish(person));
    assert!(join(&mut place, "new").id().is_some(), "a room that can be forgotten made way");
    let Record { room, post, .. } = sent_post(&writing);
    let outcome = Ok(Numbered::New(post.clone().numbered(1)));
    place.hub.handle(Event::Stored(Box::new(Answer::Recorded { room, post, outcome })), place.now);
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
