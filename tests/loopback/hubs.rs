//! Rooms on several hubs: each is wholly on one, and what is counted is counted together.

use crate::http::get;
use crate::person::{Person, TestServer};
use typewall::Limits;

/// More rooms than hubs, so that every hub has some, whatever names hash to.
const ROOMS: usize = 24;

fn join_all(server: &TestServer, name: &str) -> Vec<Person> {
    (0..ROOMS).map(|room| server.join(&format!("room {room}").replace(' ', "%20"), name)).collect()
}

#[test]
fn each_room_is_wholly_on_one() {
    let server = TestServer::start();
    let mut adas = join_all(&server, "Ada");
    let mut bobs = join_all(&server, "Bob");
    for (n, (ada, bob)) in adas.iter_mut().zip(&mut bobs).enumerate() {
        ada.write(&format!("text {n}"));
        bob.sees("Ada", &format!("text {n}"));
        bob.post(&format!("post {n}"));
        ada.until("the post", |ada| !ada.log.is_empty());
        assert_eq!((ada.names(), ada.posts()), (vec!["Ada", "Bob"], vec![format!("post {n}").as_str()]));
    }
}

#[test]
fn health_is_that_of_all() {
    let server = TestServer::start();
    let people = join_all(&server, "Ada");
    assert!(
        get(&server, "/healthz").text().contains(&format!(r#""clients":{},"rooms":{ROOMS}"#, people.len()))
    );
}

#[test]
fn clients_and_rooms_are_counted_together() {
    let limits = Limits { max_clients: ROOMS, max_rooms: ROOMS - 1, ..Limits::DEFAULT };
    let server = TestServer::with(limits);
    let mut people: Vec<Person> = (1..ROOMS).map(|room| server.join(&room.to_string(), "Ada")).collect();
    assert_eq!(server.connect("another").closed(), 1013, "a room too many");
    people.push(server.join("1", "Bob"));
    for room in 1..ROOMS {
        assert_eq!(server.connect(&room.to_string()).closed(), 1013, "a client too many");
    }
    people.iter_mut().for_each(Person::catch_up);
}

#[test]
fn all_are_stopped() {
    let server = TestServer::start();
    let people = join_all(&server, "Ada");
    server.stopper.stop();
    people.into_iter().for_each(|person| assert_eq!(person.closed(), 1001));
    server.wait();
}
