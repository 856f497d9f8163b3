//! Several hubs: each room is on one of them, and limits count all of them together.

use crate::server::TestServer;
use crate::support::client::Client;
use typewall::Limits;

/// Far more rooms than hubs, so that every hub has some.
const ROOMS: usize = 24;

fn join_all(server: &TestServer, name: &str) -> Vec<Client> {
    (0..ROOMS).map(|room| server.join(&format!("room {room}").replace(' ', "%20"), name)).collect()
}

#[test]
fn the_clients_of_a_room_meet() {
    let server = TestServer::start();
    let mut adas = join_all(&server, "Ada");
    let mut bobs = join_all(&server, "Bob");
    for (n, (ada, bob)) in adas.iter_mut().zip(&mut bobs).enumerate() {
        ada.write(&format!("text {n}"));
        bob.sees("Ada", &format!("text {n}"));
        bob.post(&format!("post {n}"));
        ada.until("the post", |page| !page.log.is_empty());
        assert_eq!(
            (ada.page.names(), ada.page.posts()),
            (vec!["Ada", "Bob"], vec![format!("post {n}").as_str()])
        );
    }
}

#[test]
fn the_health_check_counts_the_clients_of_all() {
    let server = TestServer::start();
    let clients = join_all(&server, "Ada");
    let counts = format!(r#""clients":{},"rooms":{ROOMS}"#, clients.len());
    assert!(server.get("/healthz").text().contains(&counts));
}

#[test]
fn limits_count_the_clients_and_rooms_of_all() {
    let limits = Limits { max_clients: ROOMS, max_rooms: ROOMS - 1, ..Limits::DEFAULT };
    let server = TestServer::with(limits);
    let mut clients: Vec<Client> = (1..ROOMS).map(|room| server.join(&room.to_string(), "Ada")).collect();
    assert_eq!(server.connect("another").closed(), 1013, "one room too many");
    clients.push(server.join("1", "Bob"));
    for room in 1..ROOMS {
        assert_eq!(server.connect(&room.to_string()).closed(), 1013, "one client too many");
    }
    clients.iter_mut().for_each(Client::catch_up);
}

#[test]
fn the_clients_of_all_are_told_when_the_server_stops() {
    let server = TestServer::start();
    let clients = join_all(&server, "Ada");
    server.stopper.stop();
    clients.into_iter().for_each(|client| assert_eq!(client.closed(), 1001));
    server.wait();
}
